"""Clients that leave their user alone, or mislead, while the list of models cannot be had."""

import logging
import warnings
from collections.abc import Sequence
from dataclasses import replace

from kimi_conformance.adapters.mutants.filter import ListReader
from kimi_conformance.adapters.mutants.listing import unlogged
from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.protocol import Binding, ModelConfig
from kimi_conformance.adapters.reference import LLMError, OnListFailure, operations
from kimi_conformance.adapters.reference.models import table_configs
from kimi_conformance.http import httpx

__all__ = ["MUTANTS"]


class ShowsNothingOnFailure(Mutant):
    """Returns an empty list, as is the rule for other vendors."""

    breaks = frozenset(
        {
            "AUTH-11",
            "CTX-03",
            "CTX-04",
            "CTX-05",
            "CTX-06",
            "CTX-07",
            "CTX-08",
            "CTX-09",
            "CTX-10",
            "CTX-11",
            "CTX-12",
            "CTX-15",
            "FALLBACK-01",
            "FALLBACK-02",
            "FALLBACK-05",
            "FALLBACK-06",
            "FALLBACK-07",
        }
    )
    on_list_failure = OnListFailure.EMPTY


class FallsBackOnHTTPErrorsOnly(Mutant):
    """Expects the API to fail by status, and in no other way."""

    breaks = frozenset({"CTX-15", "FALLBACK-02"})
    on_list_failure = OnListFailure.RAISE

    async def list_models(self) -> Sequence[ModelConfig]:
        """Raise what is not an HTTP error."""
        try:
            return await super().list_models() or table_configs(self.settings)
        except LLMError as error:
            if error.status is None or httpx.codes.is_success(error.status):
                raise
            warnings.warn(f"Using hardcoded list: {error}", stacklevel=2)
            return table_configs(self.settings)


class FallsBackInSilence(Mutant):
    """Tells nobody that the menu is a table."""

    breaks = frozenset({"FALLBACK-03", "FALLBACK-04"})

    async def list_models(self) -> Sequence[ModelConfig]:
        """Neither warn nor log."""
        with warnings.catch_warnings(), unlogged(operations.logger, _about_the_table):
            warnings.simplefilter("ignore")
            return await super().list_models()


class FallsBackWithoutACause(FallsBackInSilence):
    """Warns, and does not say why."""

    breaks = frozenset({"FALLBACK-04"})

    async def list_models(self) -> Sequence[ModelConfig]:
        """Warn of every listing, without a reason."""
        warnings.warn("Using hardcoded list", stacklevel=2)
        return await super().list_models()


def _about_the_table(record: logging.LogRecord) -> bool:
    return "hardcoded" in record.getMessage()


class ShowsAnEmptyMenu(ListReader):
    """Shows nothing where the API has nothing of Kimi's."""

    breaks = frozenset({"FALLBACK-05"})

    def shown(self, models: Sequence[ModelConfig]) -> Sequence[ModelConfig]:
        """Nothing, where nothing is left."""
        kept = [entry for entry in self.entries or () if _own(str(entry.get("id")))]
        return [] if self.answered and not kept else models

    @property
    def answered(self) -> bool:
        """Whether the API gave a list at all."""
        return self.entries is not None


def _own(id: str) -> bool:
    return id.startswith(("moonshot-", "kimi-"))


class SortsTheTable(ListReader):
    """Shows the table from A to Z."""

    breaks = frozenset({"FALLBACK-06"})

    def shown(self, models: Sequence[ModelConfig]) -> Sequence[ModelConfig]:
        """In order of their ids, while the API is down."""
        return models if self.entries else sorted(models, key=lambda model: model.id)


class TableWithoutEndpoint(ListReader):
    """Leaves out where the models of the table are served."""

    breaks = frozenset({"FALLBACK-07"})

    def shown(self, models: Sequence[ModelConfig]) -> Sequence[ModelConfig]:
        """Without endpoint, while the API is down."""
        return models if self.entries else [replace(model, endpoint=None) for model in models]


class ShowsTheTableOfLastYear(Mutant):
    """Was released for the API of 2025, and still ships the models of that year."""

    edition = "2026-09"
    breaks = frozenset(
        {
            "AUTH-11",
            "CTX-12",
            "CTX-14",
            "CTX-15",
            "CTX-18",
            "ERR-10",
            "FALLBACK-01",
            "FALLBACK-02",
            "FALLBACK-05",
            "FALLBACK-07",
            "FALLBACK-11",
        }
    )

    def __init__(self, binding: Binding) -> None:
        super().__init__(replace(binding, edition="2025-09"))


class AddsTheTable(ListReader):
    """Adds the models of the table to those of the API."""

    breaks = frozenset(
        {
            "FALLBACK-08",
            "FILTER-01",
            "FILTER-02",
            "FILTER-03",
            "FILTER-04",
            "FILTER-05",
            "FILTER-06",
            "FILTER-08",
            "FILTER-09",
            "FILTER-11",
            "PROV-16",
        }
    )

    def shown(self, models: Sequence[ModelConfig]) -> Sequence[ModelConfig]:
        """Both."""
        listed = {model.id for model in models}
        more = table_configs(self.settings)
        return [*models, *(model for model in more if model.id not in listed)]


class RemembersTheTable(ListReader):
    """Does not ask the API again once it has failed."""

    breaks = frozenset({"FALLBACK-10", "OFFLINE-02", "OFFLINE-03"})

    def begin(self) -> None:
        """Nothing is remembered yet."""
        self._failed = False

    def shown(self, models: Sequence[ModelConfig]) -> Sequence[ModelConfig]:
        """The table for good."""
        self._failed = self._failed or self.entries is None
        return table_configs(self.settings) if self._failed else models


class _OtherRule(Mutant):
    """Has a rule of its own for providers that cannot be listed."""

    def instead(self, provider: str) -> Sequence[ModelConfig]:
        """What it shows in their place."""
        raise NotImplementedError

    def begin(self) -> None:
        """Nothing is remembered yet."""
        self._refused = False

    async def incoming(self, response: httpx.Response) -> httpx.Response:
        """Note whether the provider refused."""
        self._refused = response.status_code >= 400
        return response

    async def models_of(self, provider: str) -> Sequence[ModelConfig]:
        """The models, or what it shows in their place."""
        self._refused = False
        models = await super().models_of(provider)
        return self.instead(provider) if self._refused and provider != "kimi" else models


class RaisesForOthers(_OtherRule):
    """Lets a provider that is down take the whole menu with it."""

    breaks = frozenset({"FALLBACK-09"})

    def instead(self, provider: str) -> Sequence[ModelConfig]:
        """An error."""
        raise LLMError(f"Error: {provider} is down")


class ShowsKimisTableForOthers(_OtherRule):
    """Shows Kimi's models under the name of another provider."""

    breaks = frozenset({"FALLBACK-09"})

    def instead(self, provider: str) -> Sequence[ModelConfig]:  # noqa: ARG002
        """Kimi's table."""
        return table_configs(self.settings)


MUTANTS = (
    ShowsNothingOnFailure,
    FallsBackOnHTTPErrorsOnly,
    FallsBackInSilence,
    FallsBackWithoutACause,
    ShowsAnEmptyMenu,
    SortsTheTable,
    TableWithoutEndpoint,
    ShowsTheTableOfLastYear,
    AddsTheTable,
    RemembersTheTable,
    RaisesForOthers,
    ShowsKimisTableForOthers,
)
