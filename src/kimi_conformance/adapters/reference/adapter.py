"""The reference client as an adapter: with a name, and everything claimed."""

import sys
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

from kimi_conformance import __version__, suite
from kimi_conformance.adapters.protocol import CAPABILITIES, ApplicationRun, Binding, ModelConfig
from kimi_conformance.adapters.reference.client import SyncKimiClient
from kimi_conformance.adapters.reference.overrides import overridden
from kimi_conformance.adapters.reference.platform_client import KimiPlatform, Reload
from kimi_conformance.adapters.reference.settings import KimiSettings
from kimi_conformance.adapters.reference.table import DOCUMENTED, ModelTable, table_of

__all__ = ["APPLICATION", "ReferenceAdapter", "open_adapter", "settings_reader"]

APPLICATION = Path(__file__).with_name("application.py")


class ReferenceAdapter(KimiPlatform):
    """Serves every capability there is."""

    name = "reference"
    version = __version__
    capabilities = tuple(CAPABILITIES)

    def list_models_sync(self) -> Sequence[ModelConfig]:
        """The models that a user can choose from; also callable inside a running loop."""
        with SyncKimiClient(self.settings, on_list_failure=self.on_list_failure) as client:
            return overridden(client.list_models(), self._overrides.current())

    def list_embedding_models_sync(self) -> Sequence[ModelConfig]:
        """The models that make embeddings: none, as `list_embedding_models` says."""
        return []

    async def run_application(self, prompt: str) -> ApplicationRun:
        """Have the reference application, a program of its own, answer this."""
        return await self.run_python([str(APPLICATION), "--prompt", prompt])

    async def run_python(self, arguments: Sequence[str]) -> ApplicationRun:
        """Run Python with these arguments, told where the API is and with which key."""
        # Most who use this adapter run no program, and pay for its modules nothing.
        from kimi_conformance.adapters.application import environment_of, run_program

        told = Binding(base_url=self.settings.base_url, api_key=self.settings.api_key)
        return await run_program([sys.executable, "-I", "-S", *arguments], environment_of(told))


def open_adapter(binding: Binding) -> ReferenceAdapter:
    """The reference adapter; what the binding gives goes before its environment.

    Raises:
        InvalidBaseUrlError: The base URL is no http or https URL.
        UsageError: There is no such edition.
    """
    read_settings = settings_reader(binding)
    return ReferenceAdapter(
        read_settings(binding.environment),
        binding.environment,
        read_settings=read_settings,
        context_cache=binding.context_cache,
        clock=binding.clock,
    )


def settings_reader(binding: Binding) -> Reload:
    """How the settings come of an environment for a client opened with this binding.

    Raises:
        UsageError: There is no such edition.
    """
    return partial(
        KimiSettings.from_environment,
        api_key=binding.api_key,
        base_url=binding.base_url,
        patience_s=binding.patience,
        attempts=binding.attempts,
        table=DOCUMENTED if binding.edition is None else _shipped_for(binding.edition),
    )


@cache
def _shipped_for(edition: str) -> ModelTable:
    return table_of(suite.find().edition(edition))
