"""Providers as the documents describe them: a sound one, and some that are wrong."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from kimi_conformance.adapters.protocol import ModelConfig
from kimi_conformance.adapters.reference import KimiClient, KimiSettings, LLMError, SyncKimiClient


class ProviderCategory(Enum):
    base = "base"


@dataclass
class LLMConfig:
    """A model as the documents have it."""

    model: str
    model_endpoint_type: str
    model_endpoint: str | None
    context_window: int | None
    handle: str | None
    provider_name: str
    provider_category: ProviderCategory


class KimiProvider:
    """Sound: the reference client behind the documented names."""

    def __init__(
        self,
        name: str,
        provider_type: str,
        provider_category: str,
        api_key: str | None = None,
        base_url: str = "https://api.moonshot.cn/v1",
    ) -> None:
        self.name = name
        self.category = ProviderCategory(provider_category)
        self.settings = KimiSettings.from_environment({}, api_key=api_key, base_url=base_url)
        self.made_of = (name, provider_type, provider_category, api_key, base_url)

    async def list_llm_models_async(self) -> list[LLMConfig]:
        async with KimiClient(self.settings) as client:
            return [self._config(model) for model in await client.list_models()]

    def list_llm_models(self) -> list[LLMConfig]:
        with SyncKimiClient(self.settings) as client:
            return [self._config(model) for model in client.list_models()]

    async def list_embedding_models_async(self) -> list[Any]:
        return []

    def list_embedding_models(self) -> list[Any]:
        return []

    async def check_api_key(self) -> None:
        async with KimiClient(self.settings) as client:
            await client.check_key()

    def get_handle(
        self, model_name: str, is_embedding: bool = False, base_name: str | None = None
    ) -> str:
        return f"{self.name}/{model_name.rpartition('/')[2]}"

    def _config(self, model: ModelConfig) -> LLMConfig:
        return LLMConfig(
            model=model.id,
            model_endpoint_type="kimi",
            model_endpoint=model.endpoint,
            context_window=model.context_window,
            handle=self.get_handle(model.id),
            provider_name=self.name,
            provider_category=self.category,
        )


class AcceptsEveryKey(KimiProvider):
    """Says of a refused key that it is accepted."""

    async def check_api_key(self) -> None:
        try:
            await super().check_api_key()
        except LLMError:
            return


class KeepsThePath(KimiProvider):
    """Makes handles with two slashes."""

    def get_handle(
        self, model_name: str, is_embedding: bool = False, base_name: str | None = None
    ) -> str:
        return f"{self.name}/{model_name}"


class OnlyHandles:
    """Has one of the documented methods."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def get_handle(self, model_name: str, **_: Any) -> str:
        return f"kimi/{model_name}"


class Elsewhere:
    """Cannot be told where the API is."""

    async def check_api_key(self) -> None:
        return


class NoProvider:
    """Has none of the documented methods."""

    def __init__(self, binding: Any) -> None:
        self.binding = binding
