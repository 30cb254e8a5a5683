"""
Which models are Kimi's, and how much they can read.

A window that the API gives goes before that of the table which the client ships; one that is
no positive integer counts as not given, and the other entries are none the worse for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kimi_conformance.adapters.protocol import ModelConfig
from kimi_conformance.adapters.reference.settings import KimiSettings

__all__ = [
    "CATEGORY",
    "DEFAULT_WINDOW",
    "PROVIDER",
    "WindowMismatch",
    "configs_of",
    "get_handle",
    "retirement",
    "supports_structured_output",
    "table_configs",
    "window_mismatches",
]

PROVIDER = "kimi"
CATEGORY = "base"
DEFAULT_WINDOW = 8192  # tokens, of a model that neither the API nor the table tells about
_OWN = ("moonshot-", "kimi-")


@dataclass(frozen=True, slots=True)
class WindowMismatch:
    """A model whose window is another one by the API than by the table, in tokens."""

    id: str
    given: int
    expected: int


def configs_of(entries: Iterable[Any], settings: KimiSettings) -> tuple[ModelConfig, ...]:
    """Kimi's own models among the entries of the API's list, in the order of the list."""
    known = settings.table.windows
    return tuple(
        _config(id, _given_window(entry) or known.get(id, DEFAULT_WINDOW), settings.base_url)
        for id, entry in _own(entries)
    )


def table_configs(settings: KimiSettings) -> tuple[ModelConfig, ...]:
    """The models of the table, for when the API does not tell."""
    windows = settings.table.windows
    return tuple(_config(id, window, settings.base_url) for id, window in windows.items())


def window_mismatches(entries: Iterable[Any], settings: KimiSettings) -> tuple[WindowMismatch, ...]:
    """Where the API and the table disagree; models that only one of them knows are left out."""
    return tuple(
        WindowMismatch(id, given, expected)
        for id, entry in _own(entries)
        if (given := _given_window(entry))
        and (expected := settings.table.windows.get(id))
        and given != expected
    )


def retirement(model: str, settings: KimiSettings) -> str:
    """What a user of a retired model needs to know, or "": the client knows of no retirement."""
    successor = settings.table.successors.get(model)
    return f"The model {model} is retired; use {successor}." if successor else ""


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
