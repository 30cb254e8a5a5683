"""The reference client as an adapter: with a name, and everything claimed."""

from collections.abc import Sequence
from functools import partial

from kimi_conformance import __version__
from kimi_conformance.adapters.protocol import CAPABILITIES, Binding, ModelConfig
from kimi_conformance.adapters.reference.client import SyncKimiClient
from kimi_conformance.adapters.reference.platform_client import KimiPlatform
from kimi_conformance.adapters.reference.settings import KimiSettings

__all__ = ["ReferenceAdapter", "open_adapter"]


class ReferenceAdapter(KimiPlatform):
    """Serves every capability there is."""

    name = "reference"
    version = __version__
    capabilities = tuple(CAPABILITIES)

    def list_models_sync(self) -> Sequence[ModelConfig]:
        """The models that a user can choose from; also callable inside a running loop."""
        with SyncKimiClient(self.settings, on_list_failure=self.on_list_failure) as client:
            return client.list_models()

    def list_embedding_models_sync(self) -> Sequence[ModelConfig]:
        """The models that make embeddings: none, as `list_embedding_models` says."""
        return []


def open_adapter(binding: Binding) -> ReferenceAdapter:
    """The reference adapter; what the binding gives goes before its environment.

    Raises:
        InvalidBaseUrlError: The base URL is no http or https URL.
    """
    read_settings = partial(
        KimiSettings.from_environment,
        api_key=binding.api_key,
        base_url=binding.base_url,
        patience_s=binding.patience,
        attempts=binding.attempts,
    )
    return ReferenceAdapter(
        read_settings(binding.environment),
        binding.environment,
        read_settings=read_settings,
        context_cache=binding.context_cache,
        clock=binding.clock,
    )
