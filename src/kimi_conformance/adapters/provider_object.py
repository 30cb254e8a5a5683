"""
A provider as the documents describe it, judged as it stands: `--adapter their.module:KimiProvider`.

The documents give a provider six methods. An object that has some of these needs no adapter
around it: each method shows what it is documented to do, and the checks of just that apply.
Nothing of the object is changed; only the names of what it returns are read as ours.

It is made anew for each check, by the keywords of the documents that its class takes: name,
provider_type, provider_category, and base_url and api_key from the settings. These are what
the check gives, else KIMI_BASE_URL and KIMI_API_KEY of its environment, as documented; what
neither has is not passed.
"""

import inspect
from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from kimi_conformance.adapters.protocol import Adapter, AdapterFactory, Binding, ModelConfig
from kimi_conformance.errors import UsageError

__all__ = ["ProviderAdapter", "is_provider", "provider_factory"]

# What the documents say of each method, as capabilities.
_SHOWN: Mapping[str, Collection[str]] = {
    "list_llm_models_async": ("models", "model_filter", "context_windows", "model_fallback"),
    "list_llm_models": ("models_sync",),
    "list_embedding_models_async": ("embeddings",),
    "list_embedding_models": ("embeddings_sync",),
    "check_api_key": ("key_check",),
    "get_handle": ("handles",),
}
# Our name of what a configuration holds, and the documents' names for it.
_NAMES: Mapping[str, Sequence[str]] = {
    "id": ("model", "embedding_model"),
    "context_window": ("context_window",),
    "handle": ("handle",),
    "endpoint": ("model_endpoint", "embedding_endpoint"),
    "endpoint_type": ("model_endpoint_type", "embedding_endpoint_type"),
    "provider_name": ("provider_name",),
    "provider_category": ("provider_category",),
    "max_tokens": ("max_tokens",),
    "max_reasoning_tokens": ("max_reasoning_tokens",),
    "enable_reasoner": ("enable_reasoner",),
}
_AS_DOCUMENTED = {"name": "kimi", "provider_type": "kimi", "provider_category": "base"}


def is_provider(found: object) -> bool:
    """Whether this is a class of providers, and no factory of adapters."""
    return (
        inspect.isclass(found)
        and not hasattr(found, "capabilities")
        and any(hasattr(found, name) for name in _SHOWN)
    )


def provider_factory(provider: type) -> AdapterFactory:
    """Opens providers of this class as adapters.

    Raises:
        UsageError: It cannot be told where the API is.
    """
    if not _takes(provider, "base_url"):
        raise UsageError(
            f"The provider {provider.__name__} takes no keyword 'base_url', so it cannot be "
            "pointed at the suite. Name a factory instead that takes a Binding and returns it: "
            "--adapter package.module:open_adapter"
        )

    def open_adapter(binding: Binding) -> Adapter:
        return ProviderAdapter(provider(**_keywords(provider, binding)))

    return open_adapter


class ProviderAdapter:
    """Hands each call on to a provider."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self.name = type(provider).__name__
        self.version = _version_of(type(provider))
        self.capabilities = tuple(
            capability
            for method, shown in _SHOWN.items()
            if callable(getattr(provider, method, None))
            for capability in shown
        )

    async def list_models(self) -> Any:
        """The models that a user can choose from."""
        return _models(await self._provider.list_llm_models_async())

    def list_models_sync(self) -> Any:
        """The same for callers that are not asynchronous."""
        return _models(self._provider.list_llm_models())

    async def list_embedding_models(self) -> Any:
        """The models that make embeddings."""
        return _models(await self._provider.list_embedding_models_async())

    def list_embedding_models_sync(self) -> Any:
        """The same for callers that are not asynchronous."""
        return _models(self._provider.list_embedding_models())

    async def check_key(self) -> Any:
        """Whether the API accepts the key; what the provider returns is handed on."""
        return await self._provider.check_api_key()

    def get_handle(self, *arguments: Any, **options: Any) -> Any:
        """The handle of a model."""
        return self._provider.get_handle(*arguments, **options)

    async def aclose(self) -> None:
        """Close the provider if it can be: the documents know no such method."""
        if hasattr(self._provider, "aclose"):
            await self._provider.aclose()


def _keywords(provider: type, binding: Binding) -> dict[str, Any]:
    given = {
        "base_url": _else(binding.base_url, binding.environment.get("KIMI_BASE_URL")),
        "api_key": _else(binding.api_key, binding.environment.get("KIMI_API_KEY")),
    }
    keywords: dict[str, Any] = {
        name: value for name, value in _AS_DOCUMENTED.items() if _takes(provider, name)
    }
    for name, value in given.items():
        parameter = inspect.signature(provider).parameters.get(name)
        required = parameter is not None and parameter.default is inspect.Parameter.empty
        if _takes(provider, name) and (value is not None or required):
            keywords[name] = value
    return keywords


def _else(value: str | None, other: str | None) -> str | None:
    return other if value is None else value


def _takes(provider: type, keyword: str) -> bool:
    parameters = inspect.signature(provider).parameters
    return keyword in parameters or any(
        parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()
    )


def _models(listed: Any) -> Any:
    """Configurations by our names; what is no list is handed on, for the checks to say so."""
    return type(listed)(map(_model, listed)) if type(listed) in {list, tuple} else listed


def _model(config: Any) -> ModelConfig:
    """A configuration by our names.

    Raises:
        AttributeError: It names no model.
    """
    found = {ours: _first(config, theirs) for ours, theirs in _NAMES.items()}
    if found["id"] is None:
        raise AttributeError(f"a {type(config).__name__} in the list has no 'model'")
    return ModelConfig(**found)


def _first(config: Any, names: Sequence[str]) -> Any:
    for name in names:
        value = config.get(name) if isinstance(config, Mapping) else getattr(config, name, None)
        if value is not None:
            return value.value if isinstance(value, Enum) else value
    return None


def _version_of(provider: type) -> str:
    try:
        return version(provider.__module__.partition(".")[0])
    except PackageNotFoundError:  # a file of the user's, in no package
        return "unknown"
