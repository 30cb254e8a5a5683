"""
Which providers of models are set up, by the environment and by users.

    LETTA_DISABLE_<TYPE>_PROVIDER   "true" or "1", in any case, hides a provider
    OPENAI_API_KEY, OPENAI_API_BASE
    ANTHROPIC_API_KEY
    GEMINI_API_KEY, GEMINI_BASE_URL
    OLLAMA_BASE_URL                 no key

A provider is there if it is not switched off and has what it cannot do without; Letta's own
needs nothing and always comes first. Base URLs lose the slash at their end: the documents give
Google's with one and without. The key of a provider stays out of its repr.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from kimi_conformance.adapters.protocol import Provider
from kimi_conformance.adapters.reference.settings import DEFAULT_BASE_URL, KimiSettings

__all__ = [
    "LETTA",
    "OPENAI_BASE_URL",
    "TYPES",
    "MemoryStore",
    "ProviderStore",
    "brought",
    "kimi_provider",
    "providers_from",
]

OPENAI_BASE_URL = "https://api.openai.com/v1"
LETTA = Provider(
    name="letta", type="letta", category="base", base_url="https://inference.letta.com"
)
# Letta native models, appendix 1; its table forgets kimi, which the other documents have.
TYPES = (
    *("letta", "openai", "anthropic", "google_ai", "google_vertex"),
    *("ollama", "lmstudio_openai", "azure", "bedrock", "kimi"),
)
CATEGORIES = ("base", "byok")
_KEYLESS = frozenset({"letta", "ollama", "lmstudio_openai", "bedrock", "google_vertex"})
_REQUIRED = ("name", "provider_type", "provider_category")
_OPTIONAL = (
    *("id", "api_key", "base_url", "access_key"),
    *("region", "api_version", "organization_id", "updated_at"),
)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the environment tells of a provider; None: it has no such variable."""

    type: str
    key: str | None
    base_url: str | None
    default: str | None


_SOURCES = (
    _Source("openai", "OPENAI_API_KEY", "OPENAI_API_BASE", OPENAI_BASE_URL),
    _Source("anthropic", "ANTHROPIC_API_KEY", None, "https://api.anthropic.com/v1"),
    _Source(
        "google_ai",
        "GEMINI_API_KEY",
        "GEMINI_BASE_URL",
        "https://generativelanguage.googleapis.com",
    ),
    _Source("ollama", None, "OLLAMA_BASE_URL", None),
)
_DEFAULTS = {source.type: source.default for source in _SOURCES} | {"kimi": DEFAULT_BASE_URL}


class ProviderStore(Protocol):
    """Where the providers that users bring are kept."""

    def add(self, provider: Provider) -> None:
        """Keep a provider."""
        ...

    def all(self) -> Iterable[Provider]:
        """The kept ones, in the order they came."""
        ...


class MemoryStore:
    """Keeps them as long as the process lives."""

    def __init__(self) -> None:
        self._kept: list[Provider] = []

    def add(self, provider: Provider) -> None:
        """Keep a provider."""
        self._kept.append(provider)

    def all(self) -> Iterable[Provider]:
        """The kept ones, in the order they came."""
        return tuple(self._kept)


def providers_from(environment: Mapping[str, str]) -> tuple[Provider, ...]:
    """The providers that the environment sets up, all but Kimi, Letta's own first."""
    return (LETTA, *_enabled(environment))


def kimi_provider(settings: KimiSettings) -> tuple[Provider, ...]:
    """Kimi, where it has a key and is not switched off."""
    if settings.disabled or settings.api_key is None:
        return ()
    kimi = Provider(
        name="kimi",
        type="kimi",
        category="base",
        api_key=settings.api_key,
        base_url=settings.base_url,
    )
    return (kimi,)


def brought(fields: Mapping[str, Any]) -> Provider:
    """A provider from the fields that the documents give it.

    Raises:
        ValueError: A field is missing or unknown, or its type or category is.
    """
    if missing := [name for name in _REQUIRED if not fields.get(name)]:
        raise ValueError(f"A provider needs {', '.join(missing)}.")
    if unknown := sorted(fields.keys() - {*_REQUIRED, *_OPTIONAL}):
        raise ValueError(
            f"A provider has no {', '.join(unknown)}. It has: {', '.join(_REQUIRED + _OPTIONAL)}."
        )
    type, category = fields["provider_type"], fields["provider_category"]
    for given, known, what in ((type, TYPES, "type"), (category, CATEGORIES, "category")):
        if given not in known:
            raise ValueError(f"Unknown provider {what} '{given}'. Known: {', '.join(known)}.")
    if type not in _KEYLESS and not fields.get("api_key"):
        raise ValueError(f"A provider of type {type} needs api_key.")
    optional = {name: fields.get(name) for name in _OPTIONAL if name != "base_url"}
    base_url = _base_url(fields.get("base_url") or _DEFAULTS.get(type))
    return Provider(
        name=fields["name"], type=type, category=category, base_url=base_url, **optional
    )


def _enabled(environment: Mapping[str, str]) -> Iterable[Provider]:
    for source in _SOURCES:
        key = _value(environment, source.key)
        base_url = _base_url(_value(environment, source.base_url) or source.default)
        switched_off = _value(environment, f"LETTA_DISABLE_{source.type.upper()}_PROVIDER")
        complete = base_url is not None and (source.key is None or key is not None)
        if complete and (switched_off or "").lower() not in {"true", "1"}:
            yield Provider(
                name=source.type,
                type=source.type,
                category="base",
                api_key=key,
                base_url=base_url,
            )


def _value(environment: Mapping[str, str], name: str | None) -> str | None:
    return environment.get(name or "", "").strip() or None


def _base_url(text: str | None) -> str | None:
    return text.strip().rstrip("/") if text else None
