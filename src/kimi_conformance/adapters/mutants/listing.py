"""Clients that ask for the list of models in a wrong way, or misread the answer."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.protocol import ModelConfig
from kimi_conformance.adapters.reference import LLMError, operations
from kimi_conformance.http import httpx

__all__ = ["MUTANTS", "unlogged"]


@contextmanager
def unlogged(logger: logging.Logger, drop: Callable[[logging.LogRecord], bool]) -> Iterator[None]:
    """Keep some records of a logger to oneself."""

    def keep(record: logging.LogRecord) -> bool:
        return not drop(record)

    logger.addFilter(keep)
    try:
        yield
    finally:
        logger.removeFilter(keep)


class ListsBehindTwoSlashes(Mutant):
    """Joins base URL and path carelessly: GET {base_url}//models."""

    breaks = frozenset({"CTX-15", "CTX-17", "LIST-01", "OFFLINE-03", "SENT-005"})

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """Ask at the path with a slash too many."""
        if self.doing == "list_models":
            request.url = request.url.copy_with(
                path=request.url.path.replace("/models", "//models")
            )
        return request


class ListsWithAnotherScheme(Mutant):
    """Sends the key under a scheme of its own."""

    breaks = frozenset({"CTX-15", "CTX-17", "LIST-02", "SENT-003"})

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """Say Token in place of Bearer."""
        if self.doing == "list_models":
            request.headers["Authorization"] = f"Token {self.settings.api_key}"
        return request


class ListsWithoutContentType(Mutant):
    """Names no content type, there being no content."""

    breaks = frozenset({"LIST-03"})

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """Leave the header out."""
        if self.doing == "list_models":
            del request.headers["Content-Type"]
        return request


class FetchesIdsOnly(Mutant):
    """Reduces every entry to its id."""

    breaks = frozenset({"LIST-04"})

    async def fetch_models(self) -> Sequence[Mapping[str, Any]]:
        """Throw the other fields away."""
        return [{"id": entry["id"]} for entry in await super().fetch_models()]


class FetchesNothingEmpty(Mutant):
    """Takes an answer without models for an error."""

    breaks = frozenset({"LIST-04"})

    async def fetch_models(self) -> Sequence[Mapping[str, Any]]:
        """Raise where there is nothing to give."""
        entries = await super().fetch_models()
        if not entries:
            raise KeyError("data")
        return entries


class FetchesErrorsAsNothing(Mutant):
    """Takes an HTTP error for an empty list."""

    breaks = frozenset({"LIST-05", "LIST-07"})

    async def fetch_models(self) -> Sequence[Mapping[str, Any]]:
        """Swallow what the API said."""
        try:
            return await super().fetch_models()
        except LLMError as error:
            if error.status is None or httpx.codes.is_success(error.status):
                raise
            return []


class FetchesWithoutAKey(Mutant):
    """Leaves it to the API to notice that there is no key."""

    breaks = frozenset({"LIST-06"})

    async def fetch_models(self) -> Sequence[Mapping[str, Any]]:
        """Send an empty promise for a key."""
        if self.settings.api_key is None:
            object.__setattr__(self.sound.settings, "api_key", "none")
        return await super().fetch_models()


class FetchesWithRawHTTPErrors(Mutant):
    """Lets the HTTP library's error through."""

    breaks = frozenset({"LIST-07"})

    async def fetch_models(self) -> Sequence[Mapping[str, Any]]:
        """Raise what raise_for_status would."""
        try:
            return await super().fetch_models()
        except LLMError as error:
            if error.message.startswith("HTTP error"):
                raise RuntimeError(error.message) from error
            raise


class FetchesWithRawErrors(Mutant):
    """Lets every error but the HTTP ones through as it came."""

    breaks = frozenset({"LIST-08"})

    async def fetch_models(self) -> Sequence[Mapping[str, Any]]:
        """Raise what the network or the JSON parser raised."""
        try:
            return await super().fetch_models()
        except LLMError as error:
            if error.message.startswith("Error"):
                raise OSError(error.message) from error
            raise


class LogsTheFilteredCount(Mutant):
    """Logs how many models are left, not how many came."""

    breaks = frozenset({"LIST-09"})

    async def list_models(self) -> Sequence[ModelConfig]:
        """Log after filtering."""
        with unlogged(operations.logger, lambda record: record.levelno == logging.INFO):
            models = await super().list_models()
        operations.logger.info("Successfully fetched %d models from API", len(models))
        return models


class ListsTwice(Mutant):
    """Asks again, to be sure."""

    breaks = frozenset({"LIST-10"})

    async def carry(self, request: httpx.Request) -> httpx.Response:
        """Send the request of a listing a second time, and forget the answer."""
        response = await super().carry(request)
        if self.doing == "list_models":
            again = await self.sound.network.handle_async_request(request)
            await again.aclose()
        return response


MUTANTS = (
    ListsBehindTwoSlashes,
    ListsWithAnotherScheme,
    ListsWithoutContentType,
    FetchesIdsOnly,
    FetchesNothingEmpty,
    FetchesErrorsAsNothing,
    FetchesWithoutAKey,
    FetchesWithRawHTTPErrors,
    FetchesWithRawErrors,
    LogsTheFilteredCount,
    ListsTwice,
)
