"""Clients that set providers up wrongly, or misread their lists."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from kimi_conformance.adapters.mutants.mutant import Mutant, body_of
from kimi_conformance.adapters.protocol import ModelConfig, Provider
from kimi_conformance.adapters.reference import DEFAULT_BASE_URL
from kimi_conformance.http import httpx

__all__ = ["MUTANTS"]


class AcceptsHalfAProvider(Mutant):
    """Makes up what a provider must have."""

    breaks = frozenset({"PROV-02"})

    async def bring_provider(self, fields: Mapping[str, Any]) -> None:
        """Name, type and category of its own, where they are missing."""
        made_up = {"name": "own", "provider_type": "ollama", "provider_category": "byok"}
        await super().bring_provider({**made_up, **fields})


class FillsProvidersUp(Mutant):
    """Gives every provider a region."""

    breaks = frozenset({"PROV-02"})

    async def list_providers(self, categories: Sequence[str] | None = None) -> Sequence[Provider]:
        """A region where there was none."""
        found = await super().list_providers(categories)
        return [replace(each, region=each.region or "us-east-1") for each in found]


class ForgetsFieldsOfProviders(Mutant):
    """Keeps of a provider only what it uses itself."""

    breaks = frozenset({"PROV-02"})

    async def bring_provider(self, fields: Mapping[str, Any]) -> None:
        """Without id, region and version."""
        used = ("name", "provider_type", "provider_category", "api_key", "base_url")
        await super().bring_provider({name: fields[name] for name in used if name in fields})


class ListsNoSequence(Mutant):
    """Gives the models as a view, which can be gone through and nothing else."""

    breaks = frozenset({"PROV-03"})

    async def list_models(self) -> Any:
        """The values of a table."""
        return dict(enumerate(await super().list_models())).values()


class _Blanks(Mutant):
    """Leaves a model without some of its fields."""

    blank: ClassVar[Collection[str]] = ()

    async def list_models(self) -> Sequence[ModelConfig]:
        """None in place of those fields."""
        nothing: dict[str, Any] = dict.fromkeys(self.blank)
        return [replace(model, **nothing) for model in await super().list_models()]


class ListsModelsWithoutProvider(_Blanks):
    """Does not say whose a model is, nor where it is asked."""

    breaks = frozenset({"PROV-04", "PROV-16", "PROV-18"})
    blank = ("endpoint", "endpoint_type", "provider_name", "provider_category")


class ListsModelsWithoutHandle(_Blanks):
    """Does not say how a model is called."""

    breaks = frozenset({"HANDLE-05", "PROV-04", "PROV-16"})
    blank = ("handle",)


class ListsModelsWithoutWindow(_Blanks):
    """Does not say how much a model can read."""

    breaks = frozenset(
        {
            "CONFIG-21",
            "CTX-01",
            "CTX-02",
            "CTX-03",
            "CTX-04",
            "CTX-05",
            "CTX-06",
            "CTX-07",
            "CTX-08",
            "CTX-09",
            "CTX-10",
            "CTX-11",
            "CTX-13",
            "CTX-15",
            "CTX-17",
            "PROV-04",
            "PROV-16",
        }
    )
    blank = ("context_window",)


class LettaWithMoreModels(Mutant):
    """Lists a second model of Letta's own."""

    breaks = frozenset({"PROV-06"})

    async def models_of(self, provider: str) -> Sequence[ModelConfig]:
        """One more than there is."""
        models = await super().models_of(provider)
        return [*models, *models] if provider == "letta" else models


class LettaAsOpenAI(Mutant):
    """Takes the dialect of Letta's endpoint for the type of the provider."""

    breaks = frozenset({"PROV-07"})

    async def list_providers(self, categories: Sequence[str] | None = None) -> Sequence[Provider]:
        """The type openai."""
        found = await super().list_providers(categories)
        return [replace(each, type="openai") if each.name == "letta" else each for each in found]


class OpenAIWithoutAKey(Mutant):
    """Sets an OpenAI provider up that can do nothing."""

    breaks = frozenset({"PROV-08"})

    async def bring_provider(self, fields: Mapping[str, Any]) -> None:
        """A key that is none."""
        promised = {"api_key": "none"} if fields.get("provider_type") == "openai" else {}
        await super().bring_provider({**promised, **fields})


class _Elsewhere(Mutant):
    """Knows another base URL of a provider than the documented one."""

    provider: ClassVar[str]
    documented: ClassVar[str]
    other: ClassVar[str]

    async def list_providers(self, categories: Sequence[str] | None = None) -> Sequence[Provider]:
        """The other one in place of the documented one."""
        return [
            replace(each, base_url=self.other)
            if (each.name, each.base_url) == (self.provider, self.documented)
            else each
            for each in await super().list_providers(categories)
        ]


class OpenAIElsewhere(_Elsewhere):
    """Takes a gateway for OpenAI."""

    breaks = frozenset({"PROV-08", "CONFIG-04", "CONFIG-10"})
    provider, documented = "openai", "https://api.openai.com/v1"
    other = "https://openai.example/v1"


class KimiElsewhere(_Elsewhere):
    """Takes the international API for the documented one."""

    breaks = frozenset({"CONFIG-04"})
    provider, documented = "kimi", DEFAULT_BASE_URL
    other = "https://api.moonshot.ai/v1"


class AnthropicElsewhere(_Elsewhere):
    """Forgets the version in Anthropic's base URL."""

    breaks = frozenset({"PROV-11"})
    provider, documented = "anthropic", "https://api.anthropic.com/v1"
    other = "https://api.anthropic.com"


class GoogleElsewhere(_Elsewhere):
    """Takes the version into Google's base URL."""

    breaks = frozenset({"CONFIG-04"})
    provider, documented = "google_ai", "https://generativelanguage.googleapis.com"
    other = "https://generativelanguage.googleapis.com/v1beta"


class GoogleBehindTwoSlashes(Mutant):
    """Joins Google's base URL and path carelessly."""

    breaks = frozenset({"CONFIG-04", "PERF-05", "PROV-12", "SENT-005"})

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """A slash too many."""
        path = request.url.path.replace("/v1beta", "//v1beta")
        request.url = request.url.copy_with(path=path)
        return request


class _RewritesLists(Mutant):
    """Misreads the list of another provider than Kimi."""

    def rewritten(self, body: Any) -> Any:
        """What it takes the list for."""
        return body

    async def incoming(self, response: httpx.Response) -> httpx.Response:
        """The list as it is misread."""
        if self.doing != "models_of":
            return response
        _, data = await body_of(response)
        return httpx.Response(response.status_code, json=self.rewritten(json.loads(data)))


class ReadsWrappedListsOnly(_RewritesLists):
    """Finds nothing in a list that comes without anything around it."""

    breaks = frozenset({"PROV-09"})

    def rewritten(self, body: Any) -> Any:
        """Nothing under data."""
        return {"data": []} if isinstance(body, list) else body


class ReadsBareListsOnly(_RewritesLists):
    """Finds nothing under data."""

    breaks = frozenset({"HANDLE-16", "PROV-01", "PROV-09", "PROV-10", "PROV-13"})

    def rewritten(self, body: Any) -> Any:
        """No data."""
        return {**body, "data": []} if isinstance(body, dict) and "data" in body else body


class KeepsGooglesEmbedders(_RewritesLists):
    """Takes every model of Google for one that generates content."""

    breaks = frozenset({"PROV-12"})

    def rewritten(self, body: Any) -> Any:
        """The method added to all."""
        able = {"supportedGenerationMethods": ["generateContent"]}
        if not isinstance(body, dict) or "models" not in body:
            return body
        return {**body, "models": [{**each, **able} for each in body["models"]]}


class KeepsOpenAIsListeners(Mutant):
    """Shows all that OpenAI lists."""

    breaks = frozenset({"PROV-10"})

    async def models_of(self, provider: str) -> Sequence[ModelConfig]:
        """Also one that cannot chat."""
        models = await super().models_of(provider)
        official = "OPENAI_API_BASE" not in self.binding.environment
        more = [ModelConfig(id="whisper-1")] if provider == "openai" and official else []
        return [*models, *more]


class FiltersEveryOpenAI(Mutant):
    """Expects OpenAI's names of every server that speaks like OpenAI."""

    breaks = frozenset({"PROV-09", "PROV-10"})

    async def models_of(self, provider: str) -> Sequence[ModelConfig]:
        """Only names that begin with gpt."""
        models = await super().models_of(provider)
        return [each for each in models if provider != "openai" or each.id.startswith("gpt")]


class AnthropicWithSmallWindows(Mutant):
    """Gives Anthropic's models the window of their predecessors."""

    breaks = frozenset({"PROV-11"})

    async def models_of(self, provider: str) -> Sequence[ModelConfig]:
        """Half the tokens."""
        models = await super().models_of(provider)
        small = provider == "anthropic"
        return [replace(each, context_window=100_000) if small else each for each in models]


class KnowsNoTypes(Mutant):
    """Takes whatever a user brings for a provider of no type in particular."""

    breaks = frozenset({"PROV-13"})

    async def list_providers(self, categories: Sequence[str] | None = None) -> Sequence[Provider]:
        """The type custom."""
        found = await super().list_providers(categories)
        return [replace(each, type="custom") if each.category == "byok" else each for each in found]


class ChargesTheOperator(Mutant):
    """Asks the API of a user's own provider with the operator's key."""

    breaks = frozenset({"PROV-01", "PROV-13"})

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """The operator's key in place of any other."""
        if self.doing == "models_of":
            request.headers["Authorization"] = f"Bearer {self.settings.api_key}"
        return request


class KimiAtItsDefaultOnly(Mutant):
    """Makes the Kimi provider without looking at its base URL."""

    breaks = frozenset({"PROV-15"})

    async def list_providers(self, categories: Sequence[str] | None = None) -> Sequence[Provider]:
        """The default one."""
        found = await super().list_providers(categories)
        here = {"base_url": DEFAULT_BASE_URL}
        return [replace(each, **here) if each.name == "kimi" else each for each in found]


class ListsNothingAtOnce(Mutant):
    """Gives up where an event loop is running already."""

    breaks = frozenset({"PROV-16", "PROV-17"})

    def list_models_sync(self) -> Sequence[ModelConfig]:
        """Nothing."""
        return []


class LeavesACoroutineBehind(Mutant):
    """Begins the asynchronous listing before it finds that it cannot wait for it."""

    breaks = frozenset({"PROV-16"})

    def list_models_sync(self) -> Sequence[ModelConfig]:
        """The right list, and a coroutine that nobody awaits."""
        self.list_models()  # type: ignore[unused-coroutine]
        return super().list_models_sync()


class EmbedsAtOnceOnly(Mutant):
    """Lists an embedding model for synchronous callers only."""

    breaks = frozenset({"PROV-17"})

    def list_embedding_models_sync(self) -> Sequence[ModelConfig]:
        """A model that the asynchronous list does not have."""
        return [ModelConfig(id="moonshot-embedding")]


class LimitsItsOwnModelsOnly(Mutant):
    """Drops what a user sets for the models of a provider that a user brought."""

    breaks = frozenset({"PROV-01"})

    async def config_of(self, handle: str, **options: Any) -> ModelConfig:
        """Without limits, unless Kimi is a built-in one."""
        return await super().config_of(handle, **(options if handle.startswith("kimi/") else {}))


MUTANTS = (
    AcceptsHalfAProvider,
    FillsProvidersUp,
    ForgetsFieldsOfProviders,
    ListsNoSequence,
    ListsModelsWithoutProvider,
    ListsModelsWithoutHandle,
    ListsModelsWithoutWindow,
    LettaWithMoreModels,
    LettaAsOpenAI,
    OpenAIWithoutAKey,
    OpenAIElsewhere,
    KimiElsewhere,
    AnthropicElsewhere,
    GoogleElsewhere,
    GoogleBehindTwoSlashes,
    ReadsWrappedListsOnly,
    ReadsBareListsOnly,
    KeepsGooglesEmbedders,
    KeepsOpenAIsListeners,
    FiltersEveryOpenAI,
    AnthropicWithSmallWindows,
    KnowsNoTypes,
    ChargesTheOperator,
    KimiAtItsDefaultOnly,
    ListsNothingAtOnce,
    LeavesACoroutineBehind,
    EmbedsAtOnceOnly,
    LimitsItsOwnModelsOnly,
)
