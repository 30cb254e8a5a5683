"""
What somebody needs to know to whom Kimi's models do not show.

One request for the list tells three things at once: whether the key is accepted, whether the
network carries, and which models have come or gone since the client's table was written. Nothing
here sends, and no key is in what it says.
"""

from collections.abc import Collection, Iterable, Sequence

from kimi_conformance.adapters.protocol import ModelConfig
from kimi_conformance.adapters.reference.errors import (
    InvalidKeyError,
    LLMAuthenticationError,
    LLMConnectionError,
    LLMTimeoutError,
    MissingKeyError,
)
from kimi_conformance.adapters.reference.offline import OfflineError

__all__ = ["DISABLE_VARIABLE", "Listed", "diagnosis"]

DISABLE_VARIABLE = "LETTA_DISABLE_KIMI_PROVIDER"
_KEY_ERRORS = (MissingKeyError, InvalidKeyError, LLMAuthenticationError)
_NOTHING_SENT = (MissingKeyError, InvalidKeyError, OfflineError)
_NOT_REACHED = (LLMConnectionError, LLMTimeoutError)

Listed = Sequence[ModelConfig] | Exception | None  # the list, why there is none, or: not asked


def diagnosis(
    flag: str | None, *, has_key: bool, providers: int, known: Collection[str], listed: Listed
) -> str:
    """The lines, for people.

    Args:
        flag: What the disable flag holds, or None: it is not set.
        has_key: Whether there is a key.
        providers: How many Kimi providers are enabled.
        known: The models that the client knows without asking.
        listed: What became of a request for the list.
    """
    return "\n".join(
        (
            f"{DISABLE_VARIABLE}: {'not set' if flag is None else repr(flag[:20])}",
            f"KIMI_API_KEY: {'***' if has_key else 'not set'}",
            f"Kimi providers found: {providers}",
            *_of_the_list(listed, set(known)),
        )
    )


def _of_the_list(listed: Listed, known: set[str]) -> tuple[str, ...]:
    if listed is None:
        return ("API key not checked", "Network: not tried")
    if isinstance(listed, Exception):
        return (_of_the_key(listed), _of_the_network(listed))
    offered = {config.id for config in listed}
    return (
        "API key is valid",
        "Network: the API was reached",
        f"Models that the table does not know: {_names(offered - known)}",
        f"Models that the API does not offer any more: {_names(known - offered)}",
    )


def _of_the_key(error: Exception) -> str:
    return f"API key {'error' if isinstance(error, _KEY_ERRORS) else 'not checked'}: {error}"


def _of_the_network(error: Exception) -> str:
    if isinstance(error, _NOTHING_SENT):
        return "Network: not tried"
    if isinstance(error, _NOT_REACHED):
        return f"Network: the API was not reached: {error}"
    return "Network: the API was reached"


def _names(ids: Iterable[str]) -> str:
    return ", ".join(sorted(ids)) or "none"
