"""
The models of the providers that are not Kimi, as far as the documents describe them.

    letta                      one model, known beforehand
    anthropic                  two models, known beforehand
    openai, lmstudio_openai    GET {base}/models: {"data": […]}, or a bare list
    google_ai                  GET {base}/v1beta/models, then each model by itself
    ollama                     GET {base}/api/tags

The other types are enabled and named, but no document says how their models are listed.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from kimi_conformance.adapters.protocol import ModelConfig, Provider
from kimi_conformance.adapters.reference.effects import Operation, Send
from kimi_conformance.adapters.reference.errors import LLMError
from kimi_conformance.adapters.reference.models import DEFAULT_WINDOW
from kimi_conformance.adapters.reference.providers import OPENAI_BASE_URL
from kimi_conformance.adapters.reference.refusals import reading
from kimi_conformance.http import httpx

__all__ = ["KNOWN_BEFOREHAND", "google_config", "google_models", "listed_models"]

LIST_SILENCE_S = 5.0
LIST_BUDGET_S = 15.0
KNOWN_BEFOREHAND: Mapping[str, Mapping[str, int]] = {  # type: {model: window}
    "letta": {"letta-free": 30000},
    "anthropic": {"claude-3-opus-20240229": 200000, "claude-3-sonnet-20240229": 200000},
}
# The documents name the two tables and not what is in them, so these are ours.
ALLOWED_PREFIXES = ("gpt-4", "gpt-5", "o1", "o3", "o4")
DISALLOWED_KEYWORDS = ("audio", "image", "realtime", "search", "transcribe", "tts")
_PATHS = {"openai": "models", "lmstudio_openai": "models", "ollama": "api/tags"}
_LISTS = {"openai": "data", "lmstudio_openai": "data", "ollama": "models"}
_NAMES = {"openai": "id", "lmstudio_openai": "id", "ollama": "name"}
_GOOGLE_NAME = re.compile(r"models/([A-Za-z0-9._-]+)")


def listed_models(provider: Provider, patience_s: float) -> Operation[tuple[ModelConfig, ...]]:
    """The models of a provider, from what is known beforehand or from one request.

    Raises:
        LLMError: The provider refused, its answer is no list, or nobody has said how it lists.
    """
    type = str(provider.type)
    if type in KNOWN_BEFOREHAND:
        return tuple(_config(provider, *each) for each in KNOWN_BEFOREHAND[type].items())
    if type not in _PATHS:
        raise LLMError(f"Error: it is not documented how models of type {type} are listed")
    body = yield from _ask(provider, _PATHS[type], patience_s)
    names = [
        (name, entry)
        for entry in _entries(body, _LISTS[type])
        if isinstance(name := entry.get(_NAMES[type]), str) and name
    ]
    return tuple(
        _config(provider, name, _window(entry, "context_length"))
        for name, entry in names
        if provider.base_url != OPENAI_BASE_URL or _chats(name)
    )


def google_models(provider: Provider, patience_s: float) -> Operation[Sequence[Mapping[str, Any]]]:
    """The entries of Google's list that can generate content.

    Raises:
        LLMError: Google refused, or its answer is no list.
    """
    body = yield from _ask(provider, "v1beta/models", patience_s)
    return [
        entry
        for entry in _entries(body, "models")
        if "generateContent" in (entry.get("supportedGenerationMethods") or ())
        and _GOOGLE_NAME.fullmatch(str(entry.get("name")))
    ]


def google_config(
    provider: Provider, entry: Mapping[str, Any], patience_s: float
) -> Operation[ModelConfig]:
    """One of those models, its window from what Google says of it alone.

    A model that Google does not tell more about has the window of its entry in the list.
    """
    try:
        said = yield from _ask(provider, f"v1beta/{entry['name']}", patience_s)
    except LLMError:
        said = entry
    told = said if isinstance(said, Mapping) else entry
    name = str(entry["name"]).removeprefix("models/")
    return _config(provider, name, _window(told, "inputTokenLimit"))


def _ask(provider: Provider, path: str, patience_s: float) -> Operation[Any]:
    key = provider.api_key or ""
    if provider.type == "google_ai":
        headers = {"x-goog-api-key": key}
    else:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
    send = Send(
        method="GET",
        url=httpx.URL(f"{provider.base_url}/{path}"),
        headers=headers,
        silence_s=min(LIST_SILENCE_S, patience_s),
        budget_s=LIST_BUDGET_S,
    )
    return reading((yield send), key)


def _entries(body: Any, name: str) -> list[Mapping[str, Any]]:
    """The entries of a list, also where it comes without anything around it."""
    entries = body.get(name) if isinstance(body, Mapping) else body
    if not isinstance(entries, list):
        raise LLMError(f'Error: the answer is no list of models: {{"{name}": […]}} was expected')
    return [entry for entry in entries if isinstance(entry, Mapping)]


def _chats(name: str) -> bool:
    return name.startswith(ALLOWED_PREFIXES) and not any(
        keyword in name for keyword in DISALLOWED_KEYWORDS
    )


def _window(entry: Mapping[str, Any], name: str) -> int:
    given = entry.get(name)
    usable = isinstance(given, int) and not isinstance(given, bool) and given > 0
    return given if usable and given is not None else DEFAULT_WINDOW


def _config(provider: Provider, name: str, window: int) -> ModelConfig:
    return ModelConfig(
        id=name,
        context_window=window,
        handle=f"{provider.name}/{name}",
        endpoint=provider.base_url,
        endpoint_type="openai" if provider.type == "letta" else provider.type,
        provider_name=provider.name,
        provider_category=provider.category,
    )
