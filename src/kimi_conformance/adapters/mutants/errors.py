"""Clients that raise the wrong error, or none of theirs."""

from collections.abc import AsyncIterator
from typing import ClassVar

from kimi_conformance.adapters.mutants.mutant import Mutant, body_of
from kimi_conformance.adapters.protocol import ChatRequest, Chunk, Completion
from kimi_conformance.adapters.reference import (
    LLMAuthenticationError,
    LLMBadRequestError,
    LLMConnectionError,
    LLMContextWindowExceededError,
    LLMError,
    LLMModelRetiredError,
    LLMNotFoundError,
    LLMPermissionDeniedError,
    LLMQuotaError,
    LLMRateLimitError,
    LLMServerError,
    LLMTimeoutError,
)
from kimi_conformance.http import httpx

__all__ = ["MUTANTS"]


class OtherErrors(Mutant):
    """Raises errors of one class where errors of another are due."""

    due: ClassVar[type[LLMError]]
    raised: ClassVar[type[Exception]]

    async def chat(self, request: ChatRequest) -> Completion:
        """The other class."""
        try:
            return await super().chat(request)
        except self.due as error:
            if type(error) is not self.due:
                raise
            raise self.raised(error.message) from error.__cause__


class CallsATimeoutALostConnection(OtherErrors):
    """Looks for the connection error first."""

    breaks = frozenset({"ERR-01"})
    due = LLMTimeoutError
    raised = LLMConnectionError


class CallsARefusedKeyAWrongRequest(OtherErrors):
    """Takes 401 for one 4xx of many."""

    breaks = frozenset({"AUTH-10", "ERR-02", "ERR-08"})
    due = LLMAuthenticationError
    raised = LLMBadRequestError


class CallsARateLimitAFailure(OtherErrors):
    """Takes 429 for the server's fault."""

    breaks = frozenset({"ERR-03", "ERR-07", "ERR-08"})
    due = LLMRateLimitError
    raised = LLMServerError


class CallsARequestThatIsTooLongWrong(OtherErrors):
    """Does not read Moonshot's own words about the window."""

    breaks = frozenset({"ERR-07"})
    due = LLMContextWindowExceededError
    raised = LLMBadRequestError


class CallsAWrongRequestTooLong(OtherErrors):
    """Takes every 400 for a matter of length."""

    breaks = frozenset({"ERR-07", "ERR-08"})
    due = LLMBadRequestError
    raised = LLMContextWindowExceededError


class CallsAQuotaARateLimit(OtherErrors):
    """Goes by the status, so that its user waits for money."""

    breaks = frozenset({"ERR-07"})
    due = LLMQuotaError
    raised = LLMRateLimitError


class CallsAMissingPermissionARefusedKey(OtherErrors):
    """Takes 403 for 401."""

    breaks = frozenset({"ERR-07"})
    due = LLMPermissionDeniedError
    raised = LLMAuthenticationError


class CallsAnUnknownModelAWrongRequest(OtherErrors):
    """Takes 404 for 400."""

    breaks = frozenset({"ERR-07"})
    due = LLMNotFoundError
    raised = LLMBadRequestError


class CallsAFailureOfTheServerAnError(OtherErrors):
    """Has no class for 5xx."""

    breaks = frozenset({"ERR-07", "ERR-08"})
    due = LLMServerError
    raised = LLMError


class CallsALostConnectionAnOSError(OtherErrors):
    """Lets the network's own error through."""

    breaks = frozenset({"ERR-06", "ERR-07"})
    due = LLMConnectionError
    raised = OSError


class RaisesItsOwnForWhatItDoesNotKnow(OtherErrors):
    """Leaves its tree of errors where the table ends."""

    breaks = frozenset({"ERR-06"})
    due = LLMError
    raised = RuntimeError


class LetsEveryErrorThrough(Mutant):
    """Has no tree of errors: what a chat raises is a RuntimeError."""

    breaks = frozenset(
        {"AUTH-10", "ERR-01", "ERR-02", "ERR-03", "ERR-06", "ERR-07", "ERR-08", "OFFLINE-03"}
    )

    async def chat(self, request: ChatRequest) -> Completion:
        """A plain error."""
        try:
            return await super().chat(request)
        except LLMError as error:
            raise RuntimeError(error.message) from error


class TakesAnErrorForAnAnswer(Mutant):
    """Looks at the status alone, and answers with nothing where an error came with 200."""

    breaks = frozenset({"ERR-07"})

    async def incoming(self, response: httpx.Response) -> httpx.Response:
        """An empty completion in its place."""
        if self.doing != "chat" or response.status_code != httpx.codes.OK:
            return response
        response, data = await body_of(response)
        if b'"error"' not in data:
            return response
        empty = {"choices": [{"index": 0, "message": {"role": "assistant", "content": ""}}]}
        return httpx.Response(response.status_code, json=empty)


class QuotesTheKey(Mutant):
    """Says which key it was that failed."""

    breaks = frozenset({"ERR-08"})

    async def chat(self, request: ChatRequest) -> Completion:
        """The key in the text."""
        try:
            return await super().chat(request)
        except LLMError as error:
            error.args = (f"{error.message} (with the key {self.settings.api_key})",)
            raise


class HandsOnWhatItDoesNotKnow(Mutant):
    """Returns an unknown exception as it is."""

    breaks = frozenset({"ERR-04", "ERR-09"})

    def handle_llm_error(self, error: Exception) -> Exception:
        """The same exception."""
        handled = super().handle_llm_error(error)
        return error if str(handled).startswith("Unhandled") else handled


class SaysNothingOfTheUnknown(Mutant):
    """Hides what it does not know."""

    breaks = frozenset({"ERR-04"})

    def handle_llm_error(self, error: Exception) -> Exception:
        """An LLM error without a word of the other."""
        handled = super().handle_llm_error(error)
        unknown = str(handled).startswith("Unhandled")
        return LLMError("Something went wrong") if unknown else handled


class LooksForTheConnectionFirst(Mutant):
    """Never gets as far as the timeout, which is a connection error too."""

    breaks = frozenset({"ERR-05"})

    def handle_llm_error(self, error: Exception) -> Exception:
        """A lost connection for both."""
        handled = super().handle_llm_error(error)
        return LLMConnectionError(str(handled)) if isinstance(error, OSError) else handled


class RaisesInItsHandler(Mutant):
    """Raises what it should return."""

    breaks = frozenset({"ERR-04", "ERR-05", "ERR-09"})

    def handle_llm_error(self, error: Exception) -> Exception:
        """No value at all."""
        raise super().handle_llm_error(error)


class KeepsRetirementsToItself(Mutant):
    """Says of a retired model what the API says: that there is none."""

    breaks = frozenset({"ERR-10"})
    edition = "2026-09"

    async def chat(self, request: ChatRequest) -> Completion:
        """Without the reason."""
        try:
            return await super().chat(request)
        except LLMModelRetiredError as error:
            raise LLMNotFoundError(f"There is no model {request.model}.") from error


class KeepsRetirementsFromStreams(Mutant):
    """Looks at the model of whole answers only."""

    breaks = frozenset({"ERR-10"})
    edition = "2026-09"

    async def stream(self, request: ChatRequest) -> AsyncIterator[Chunk]:
        """Without the reason."""
        try:
            async for chunk in super().stream(request):
                yield chunk
        except LLMModelRetiredError as error:
            raise LLMNotFoundError(f"There is no model {request.model}.") from error


class CallsEveryUnknownModelRetired(Mutant):
    """Sends whoever mistypes a name to another model."""

    breaks = frozenset({"ERR-10"})
    edition = "2026-09"

    async def chat(self, request: ChatRequest) -> Completion:
        """One reason for all."""
        try:
            return await super().chat(request)
        except LLMNotFoundError as error:
            raise LLMNotFoundError(f"{error.message}: retired, use kimi-k2.6") from error


MUTANTS: tuple[type[Mutant], ...] = (
    CallsATimeoutALostConnection,
    CallsARefusedKeyAWrongRequest,
    CallsARateLimitAFailure,
    CallsARequestThatIsTooLongWrong,
    CallsAWrongRequestTooLong,
    CallsAQuotaARateLimit,
    CallsAMissingPermissionARefusedKey,
    CallsAnUnknownModelAWrongRequest,
    CallsAFailureOfTheServerAnError,
    CallsALostConnectionAnOSError,
    RaisesItsOwnForWhatItDoesNotKnow,
    LetsEveryErrorThrough,
    TakesAnErrorForAnAnswer,
    QuotesTheKey,
    HandsOnWhatItDoesNotKnow,
    SaysNothingOfTheUnknown,
    LooksForTheConnectionFirst,
    RaisesInItsHandler,
    KeepsRetirementsToItself,
    KeepsRetirementsFromStreams,
    CallsEveryUnknownModelRetired,
)
