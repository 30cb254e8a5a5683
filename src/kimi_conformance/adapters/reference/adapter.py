"""The reference client as an adapter: with a name, and everything claimed."""

from collections.abc import Sequence

from kimi_conformance import __version__
from kimi_conformance.adapters.protocol import CAPABILITIES, Binding, ModelConfig
from kimi_conformance.adapters.reference.client import KimiClient, SyncKimiClient
from kimi_conformance.adapters.reference.settings import KimiSettings

__all__ = ["ReferenceAdapter", "open_adapter"]


class ReferenceAdapter(KimiClient):
    """Serves every capability there is."""

    name = "reference"
    version = __version__
    capabilities = tuple(CAPABILITIES)

    def list_models_sync(self) -> Sequence[ModelConfig]:
        """The models that a user can choose from; also callable inside a running loop."""
        with SyncKimiClient(self.settings, on_list_failure=self.on_list_failure) as client:
            return client.list_models()


def open_adapter(binding: Binding) -> ReferenceAdapter:
    """The reference adapter; what the binding gives goes before its environment.

    Raises:
        InvalidBaseUrlError: The base URL is no http or https URL.
    """
    settings = KimiSettings.from_environment(
        binding.environment,
        api_key=binding.api_key,
        base_url=binding.base_url,
        patience_s=binding.patience,
    )
    return ReferenceAdapter(settings, context_cache=binding.context_cache)
