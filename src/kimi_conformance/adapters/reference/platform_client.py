"""
The client as a platform for agents needs it: more providers, and work that goes on.

`KimiClient` speaks to one API with one key. This one puts around it what the documents
describe of the platform: other providers beside Kimi and those that users bring, a cache of
model configurations, a default model, changed settings without a restart, a switch to another
model, an offline switch, and telemetry of every call.

Long because it is one class, with a method for each thing that the documents say a platform does;
what is more than a few lines of it stands in a module beside.
"""

import asyncio
import contextlib
import copy
import logging
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from kimi_conformance.adapters.protocol import (
    ChatRequest,
    Chunk,
    Clock,
    Completion,
    Event,
    ModelConfig,
    ModelPerformance,
    Provider,
    Tracer,
    UsageTotals,
)
from kimi_conformance.adapters.reference.client import KimiClient
from kimi_conformance.adapters.reference.configs import ConfigCache, limited
from kimi_conformance.adapters.reference.diagnosis import DISABLE_VARIABLE, Listed, diagnosis
from kimi_conformance.adapters.reference.errors import HandleNotFoundError, LLMError
from kimi_conformance.adapters.reference.models import configs_of, table_configs
from kimi_conformance.adapters.reference.offline import Gate
from kimi_conformance.adapters.reference.operations import OnListFailure
from kimi_conformance.adapters.reference.other_models import (
    google_config,
    google_models,
    listed_models,
)
from kimi_conformance.adapters.reference.overrides import overridden, store_of
from kimi_conformance.adapters.reference.providers import (
    MemoryStore,
    ProviderStore,
    brought,
    kimi_provider,
    providers_from,
)
from kimi_conformance.adapters.reference.settings import KimiSettings
from kimi_conformance.adapters.reference.suggestions import suggested
from kimi_conformance.adapters.reference.telemetry import Telemetry
from kimi_conformance.errors import UsageError, nearest
from kimi_conformance.http import httpx
from kimi_conformance.models import (
    API,
    SETTINGS,
    Known,
    ModelFacts,
    Need,
    Overrides,
    told_by_api,
)

__all__ = ["DEFAULT_HANDLE", "KimiPlatform", "Reload"]

logger = logging.getLogger(__name__)

DEFAULT_HANDLE = "letta/letta-free"
_DEFAULT_HANDLE_VARIABLE = "LETTA_DEFAULT_LLM_HANDLE"


class Reload(Protocol):
    """How settings come of an environment."""

    def __call__(self, environment: Mapping[str, str]) -> KimiSettings:
        """The settings.

        Raises:
            InvalidBaseUrlError: The base URL is no http or https URL.
        """
        ...


class KimiPlatform(KimiClient):
    """Asks the Kimi API, and the lists of the other providers; for one event loop.

    Args:
        settings: Where the Kimi API is, and with which key to ask it.
        environment: What else is set up: the other providers, the default model, the file
            of overrides.
        read_settings: How `reload` reads the Kimi settings.
        store: Where providers are kept that users bring.
        on_list_failure: As for `KimiClient`.
        context_cache: As for `KimiClient`.
        transport: What carries the requests, or None: the network.
        clock: As for `KimiClient`.

    Attributes:
        telemetry: What has been told of calls, and what they have used.
        last_list: The last list of models that Kimi's API itself gave, for offline, or None.
    """

    def __init__(
        self,
        settings: KimiSettings,
        environment: Mapping[str, str],
        *,
        read_settings: Reload = KimiSettings.from_environment,
        store: ProviderStore | None = None,
        on_list_failure: OnListFailure = OnListFailure.HARDCODED,
        context_cache: bool | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._gate = Gate(transport)
        super().__init__(
            settings,
            on_list_failure=on_list_failure,
            context_cache=context_cache,
            transport=self._gate,
            clock=clock,
        )
        self._environment = dict(environment)
        self._read_settings = read_settings
        self._store = store or MemoryStore()
        self.telemetry = Telemetry()
        self._overrides = store_of(environment)
        self._configs = ConfigCache(self._configured)
        self._configured_by = Overrides()
        self.last_list: Sequence[ModelConfig] | None = None
        self._current: ModelConfig | None = None

    async def list_models(self) -> Sequence[ModelConfig]:
        """Kimi's models, as their user configured them.

        Offline the last list that the API gave, else the table.
        """
        return overridden(await self._unconfigured(), self._overrides.current())

    async def _unconfigured(self) -> Sequence[ModelConfig]:
        if self._gate.shut and self.last_list is not None and not self.settings.disabled:
            return self.last_list
        listed = await super().list_models()
        if listed and listed != table_configs(self.settings):
            self.last_list = listed
        return listed

    async def list_providers(self, categories: Sequence[str] | None = None) -> Sequence[Provider]:
        """The enabled providers: those of the environment, then those that users brought."""
        base = (*providers_from(self._environment), *kimi_provider(self.settings))
        everybody = (*base, *self._store.all())
        return tuple(each for each in everybody if not categories or each.category in categories)

    async def bring_provider(self, fields: Mapping[str, Any]) -> None:
        """Add a provider that a user brings, by the fields that the documents give it.

        Raises:
            ValueError: A field is missing or unknown, or its type or category is.
        """
        self._store.add(brought(fields))

    async def models_of(self, provider: str) -> Sequence[ModelConfig]:
        """The models of a provider; none, with a warning, where its list cannot be had.

        Raises:
            ValueError: No enabled provider has this name.
        """
        found = await self._provider(provider)
        if (found.type, found.category) == ("kimi", "base"):
            return await self.list_models()
        try:
            return await self._listed(found)
        except (LLMError, ValueError) as error:
            logger.warning("Failed to get model list of %s: %s", provider, error)
            return ()

    async def resolve(self, handle: str) -> ModelConfig:
        """The model that a handle names; the first one, where several do.

        Raises:
            ValueError: The handle names no provider, or one that is not enabled.
            HandleNotFoundError: The provider has no such model.
        """
        provider, slash, name = handle.partition("/")
        if not slash:
            raise ValueError(f"The handle '{handle}' names no provider. Write 'kimi/{handle}'.")
        configs = await self.models_of(provider)
        found = _first(configs, "handle", handle) or _first(configs, "id", name)
        if found is None:
            raise HandleNotFoundError(handle, [str(config.handle) for config in configs])
        return found

    async def config_of(
        self,
        handle: str,
        *,
        context_window_limit: int | None = None,
        max_tokens: int | None = None,
        max_reasoning_tokens: int | None = None,
        enable_reasoner: bool | None = None,
    ) -> ModelConfig:
        """The configuration of a model, looked up once for each set of arguments.

        Callers share the configuration, which nobody can change; those who ask while it is
        being looked up wait for the same lookup.

        Raises:
            ValueError, HandleNotFoundError: As for `resolve`, or the limit exceeds the window.
        """
        overrides = self._overrides.current()
        if overrides != self._configured_by:
            self._configs.clear()
            self._configured_by = overrides
        return await self._configs.get(
            handle=handle,
            context_window_limit=context_window_limit,
            max_tokens=max_tokens,
            max_reasoning_tokens=max_reasoning_tokens,
            enable_reasoner=enable_reasoner,
        )

    async def model_for(
        self, handle: str | None = None, config: ModelConfig | None = None
    ) -> ModelConfig:
        """The model to work with: the one given, else that of the handle, else the default one.

        The default handle is LETTA_DEFAULT_LLM_HANDLE, or Letta's free model.
        """
        if config is not None:
            return config
        default = self._environment.get(_DEFAULT_HANDLE_VARIABLE, "").strip() or DEFAULT_HANDLE
        return await self.config_of(handle or default)

    async def chat(self, request: ChatRequest) -> Completion:
        """A whole answer, told of before and after; raises what `KimiClient.chat` raises."""
        with self.telemetry.call(request, streamed=False) as call:
            completion = await KimiClient.chat(self._where(request), request)
            call.read(completion.body)
            call.received()
        return completion

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """An answer chunk by chunk, told of likewise; raises what `KimiClient.stream` raises."""
        with self.telemetry.call(request, streamed=True) as call:
            asked = KimiClient.stream(self._where(request), request)
            async with contextlib.aclosing(asked) as chunks:
                async for chunk in chunks:
                    call.read(chunk.body)
                    yield chunk
            call.received()

    @property
    def current_model(self) -> ModelConfig | None:
        """The model that `ask` puts questions to, or None: none has been chosen."""
        return self._current

    async def switch_model(self, handle: str) -> ModelConfig:
        """Put questions to another model from now on; those under way go on with the old one.

        The configuration is exchanged in one piece, once it is known; until then, and if it
        cannot be had, all stays as it was.

        Raises:
            ValueError: As for `resolve`, or the model is not served by a Kimi API.
            HandleNotFoundError: The provider has no such model.
        """
        config = await self.config_of(handle)
        await self._settings_for(config)  # a key of Kimi's must not go anywhere else
        self._current = config
        return config

    async def ask(self, messages: Sequence[Mapping[str, Any]]) -> Completion:
        """Put a question to the current model; raises what `KimiClient.chat` raises.

        Raises:
            ValueError: No model has been chosen.
        """
        config = self._current
        if config is None:
            raise ValueError("No model has been chosen. Choose one with switch_model(handle).")
        request = ChatRequest(model=config.id, messages=messages)
        settings = await self._settings_for(config)
        with self.telemetry.call(request, streamed=False) as call:
            completion = await KimiClient.chat(self._with(settings), request)
            call.read(completion.body)
            call.received()
        return completion

    async def configure_model(self, handle: str, settings: Mapping[str, Any]) -> ModelConfig:
        """Say what goes before what the API says of one of Kimi's models; None takes it back.

        It holds at once, and, with a file of overrides, for others and after a restart too.

        Raises:
            HandleNotFoundError: There is no such model.
            ValueError: There is no such setting, it does not take the value, or the file of
                overrides cannot be written; all stays as it was.
        """
        configs = await self._unconfigured()
        config = _first(configs, "handle", handle) or _first(configs, "id", handle)
        if config is None:
            raise HandleNotFoundError(handle, [str(config.handle) for config in configs])
        try:
            overrides = _changed(self._overrides.current(), config, settings)
            self._overrides.keep(overrides)
        except UsageError as error:
            raise ValueError(str(error)) from error
        return overridden((config,), overrides)[0]

    async def suggest_models(
        self, *, context_window: int | None = None, vision: bool = False, reasoning: bool = False
    ) -> Sequence[ModelConfig]:
        """Kimi's models that meet a need, by what the API's list tells of them.

        Raises:
            ValueError, LLMError: As for `fetch_models`.
        """
        entries = await self.fetch_models()
        configs = overridden(configs_of(entries, self.settings), self._overrides.current())
        need = Need(window=context_window, vision=vision, reasoning=reasoning)
        return suggested(configs, told_by_api(entries), need)

    def compare_models(self) -> Sequence[ModelPerformance]:
        """How the calls of each model fared, the quickest model first."""
        return sorted(self.telemetry.performance.values(), key=lambda each: each.mean_s)

    def reload(self, environment: Mapping[str, str]) -> None:
        """Take other settings; calls under way keep theirs, sessions go on with a new cache.

        Raises:
            InvalidBaseUrlError: The base URL is no http or https URL; all stays as it was.
            UsageError: The file of overrides cannot be read; likewise.
        """
        settings = self._read_settings(environment)
        self._overrides = store_of(environment, self._overrides)
        self.settings, self._environment = settings, dict(environment)
        self.last_list = None
        self._configs.clear()
        for session in self._sessions.values():
            session.rebind(settings, enabled=self._caches)

    def go_offline(self) -> None:
        """Send nothing from now on: every call that would have to raises `OfflineError`."""
        self._gate.shut = True
        self._configs.clear()

    def go_online(self) -> None:
        """Send again."""
        self._gate.shut = False
        self._configs.clear()

    def events(self) -> Sequence[Event]:
        """What has happened in the latest calls, oldest first."""
        return tuple(self.telemetry.events)

    def usage(self) -> UsageTotals:
        """What all calls together have used."""
        return self.telemetry.totals

    def trace_with(self, tracer: Tracer) -> None:
        """Open a span around each call from now on; a tracer of OpenTelemetry will do."""
        self.telemetry.tracer = tracer

    async def diagnosis(self) -> str:
        """What somebody needs to know to whom Kimi's models do not show; no key is in it.

        Asks the API for its list once, unless Kimi is switched off.
        """
        kimi = [each for each in await self.list_providers() if each.type == "kimi"]
        return diagnosis(
            self._environment.get(DISABLE_VARIABLE),
            has_key=self.settings.api_key is not None,
            providers=len(kimi),
            known=self.settings.table.windows,
            listed=None if self.settings.disabled else await self._listing(),
        )

    async def aclose(self) -> None:
        """Give up what is being looked up, and exit as `KimiClient` does."""
        self._configs.clear()
        await super().aclose()

    async def _listing(self) -> Listed:
        """The API's list, or the error in its place."""
        try:
            return configs_of(await self.fetch_models(), self.settings)
        except (LLMError, ValueError) as error:
            return error

    async def _configured(self, handle: str, **options: Any) -> ModelConfig:
        return limited(await self.resolve(handle), **options)

    async def _provider(self, name: str) -> Provider:
        enabled = await self.list_providers()
        for each in enabled:
            if each.name == name:
                return each
        supported = ", ".join(each.name for each in enabled)
        raise ValueError(f"Provider {name} is not supported (supported providers: {supported})")

    async def _listed(self, provider: Provider) -> Sequence[ModelConfig]:
        patience = self.settings.patience_s
        if provider.type == "kimi":
            settings = self._settings_of(provider)
            listed = await KimiClient.list_models(self._with(settings))
            return _of(provider, overridden(listed, self._overrides.current()))
        if provider.type != "google_ai":
            return await self._driver.run(listed_models(provider, patience))
        entries = await self._driver.run(google_models(provider, patience))
        told = (self._driver.run(google_config(provider, entry, patience)) for entry in entries)
        return tuple(await asyncio.gather(*told))

    def _where(self, request: ChatRequest) -> "KimiPlatform":
        """This client, bound to the endpoint that the request's model is configured with."""
        if request.endpoint is None:
            return self
        return self._with(replace(self.settings, base_url=request.endpoint))

    async def _settings_for(self, config: ModelConfig) -> KimiSettings:
        """The key and the endpoint for a model: those of the provider that listed it."""
        provider = await self._provider(str(config.provider_name))
        if provider.type != "kimi":
            raise ValueError(
                f"'{config.handle}' is served by {provider.name}, which speaks no Kimi API. "
                "Switch to a model of a provider of type kimi."
            )
        return self._settings_of(provider)

    def _settings_of(self, provider: Provider) -> KimiSettings:
        base_url = provider.base_url or self.settings.base_url
        return replace(self.settings, api_key=provider.api_key, base_url=base_url, disabled=False)

    def _with(self, settings: KimiSettings) -> "KimiPlatform":
        """This client with other settings, on the same connections."""
        other = copy.copy(self)
        other.settings = settings
        return other


def _first(configs: Iterable[ModelConfig], name: str, value: str) -> ModelConfig | None:
    return next((config for config in configs if getattr(config, name) == value), None)


def _changed(overrides: Overrides, config: ModelConfig, settings: Mapping[str, Any]) -> Overrides:
    """The overrides with a change of one model's.

    Raises:
        UsageError: There is no such setting, it does not take the value, or it cannot be true.
    """
    for name in settings:
        if name not in SETTINGS:
            raise UsageError(f"A model has no setting '{name}'. {nearest(name, SETTINGS)}")
    id = config.id
    said = {name: value for name, value in settings.items() if value is not None}
    taken_back = [name for name in settings if name in overrides.of(id) and name not in said]
    if taken_back:
        overrides = overrides.unset(id, taken_back)
    if said:
        overrides = overrides.set(id, said)
    window = config.context_window
    known = {} if window is None else {"context_window": Known(window, API)}
    ModelFacts(id=id, offered=True, known=known).verify(overrides.of(id))
    return overrides


def _of(provider: Provider, configs: Iterable[ModelConfig]) -> Sequence[ModelConfig]:
    """Kimi's models under the name of the provider that a user brought."""
    return tuple(
        replace(
            config,
            handle=f"{provider.name}/{config.id.rsplit('/', 1)[-1]}",
            provider_name=provider.name,
            provider_category=provider.category,
        )
        for config in configs
    )
