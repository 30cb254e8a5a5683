"""
Which models are Kimi's, and how much they can read.

The table is the documented one (troubleshooting 2.1, processing-flow 3.1.2), in its order.
A window that the API gives goes before the table's; one that is no positive integer counts
as not given, and the other entries are none the worse for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kimi_conformance.adapters.protocol import ModelConfig

__all__ = [
    "DEFAULT_WINDOW",
    "DOCUMENTED_WINDOWS",
    "WindowMismatch",
    "configs_of",
    "documented_configs",
    "get_handle",
    "supports_structured_output",
    "window_mismatches",
]

PROVIDER = "kimi"
CATEGORY = "base"
DEFAULT_WINDOW = 8192  # tokens, of a model that neither the API nor the table tells about
DOCUMENTED_WINDOWS: Mapping[str, int] = {
    "moonshot-v1-8k": 8192,
    "moonshot-v1-32k": 32768,
    "moonshot-v1-128k": 131072,
    "kimi-k2-0905-preview": 262144,
    "kimi-k2-0711-preview": 131072,
    "kimi-k2-turbo-preview": 262144,
    "kimi-thinking-preview": 131072,
    "kimi-latest": 131072,
}
_OWN = ("moonshot-", "kimi-")


@dataclass(frozen=True, slots=True)
class WindowMismatch:
    """A model whose window is another one by the API than by the documents, in tokens."""

    id: str
    given: int
    documented: int


def configs_of(entries: Iterable[Any], base_url: str) -> tuple[ModelConfig, ...]:
    """Kimi's own models among the entries of the API's list, in the order of the list."""
    return tuple(
        _config(id, _given_window(entry) or DOCUMENTED_WINDOWS.get(id, DEFAULT_WINDOW), base_url)
        for id, entry in _own(entries)
    )


def documented_configs(base_url: str) -> tuple[ModelConfig, ...]:
    """The models of the documents, for when the API does not tell."""
    return tuple(_config(id, window, base_url) for id, window in DOCUMENTED_WINDOWS.items())


def window_mismatches(entries: Iterable[Any]) -> tuple[WindowMismatch, ...]:
    """Where the API and the documents disagree; models that only one of them knows are left out."""
    return tuple(
        WindowMismatch(id, given, documented)
        for id, entry in _own(entries)
        if (given := _given_window(entry))
        and (documented := DOCUMENTED_WINDOWS.get(id))
        and given != documented
    )


def get_handle(
    model_name: str,
    is_embedding: bool = False,  # noqa: ARG001 - documented, without effect
    base_name: str | None = None,  # noqa: ARG001 - documented, without effect
) -> str:
    """The handle of a model: of a name with slashes only the last segment counts.

    >>> get_handle("kimi-k2-0905-preview")
    'kimi/kimi-k2-0905-preview'
    """
    return f"{PROVIDER}/{model_name.rsplit('/', 1)[-1]}"


def _own(entries: Iterable[Any]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    for entry in entries:
        id = entry.get("id") if isinstance(entry, Mapping) else None
        if isinstance(id, str) and id.startswith(_OWN):
            yield id, entry


def _given_window(entry: Mapping[str, Any]) -> int | None:
    given = entry.get("context_length")
    usable = isinstance(given, int) and not isinstance(given, bool) and given > 0
    return given if usable else None


def _config(id: str, window: int, base_url: str) -> ModelConfig:
    return ModelConfig(
        id=id,
        context_window=window,
        handle=get_handle(id),
        endpoint=base_url,
        endpoint_type="openai",
        provider_name=PROVIDER,
        provider_category=CATEGORY,
    )


def supports_structured_output(model: str | None) -> bool:
    """Whether a model is counted on to keep to a schema: those of K2, and no other.

    Source: Letta processing flow, section 4.3.
    """
    return "k2" in (model or "").lower()
