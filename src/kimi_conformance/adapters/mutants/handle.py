"""Clients that name models wrongly, or find others by a name than were meant."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.protocol import ModelConfig, Provider
from kimi_conformance.adapters.reference import HandleNotFoundError

__all__ = ["MUTANTS"]


class HandleWithoutProvider(Mutant):
    """Names a model by its id alone."""

    breaks = frozenset({"HANDLE-01", "HANDLE-02", "HANDLE-03"})

    def get_handle(self, model_name: str, **options: object) -> str:  # noqa: ARG002
        """The last segment of the id."""
        return model_name.rsplit("/", 1)[-1]


class HandleWithAllSlashes(Mutant):
    """Takes an id with slashes into the handle as it is."""

    breaks = frozenset({"HANDLE-03"})

    def get_handle(self, model_name: str, **options: object) -> str:  # noqa: ARG002
        """The whole id."""
        return f"kimi/{model_name}"


class HandleForOneArgument(Mutant):
    """Takes the id of the model and nothing else."""

    breaks = frozenset({"HANDLE-04"})

    def get_handle(self, model_name: str, **options: object) -> str:
        """Refuse what the documented signature has."""
        if options:
            raise TypeError(f"unexpected arguments: {', '.join(options)}")
        return super().get_handle(model_name)


class ListsBareHandles(Mutant):
    """Shows the id of a model as its handle."""

    breaks = frozenset({"HANDLE-05", "PROV-16"})

    async def list_models(self) -> Sequence[ModelConfig]:
        """Handles without provider."""
        return [replace(model, handle=model.id) for model in await super().list_models()]


class SplitsAtTheLastSlash(Mutant):
    """Takes all but the last segment of a handle for the provider."""

    breaks = frozenset({"HANDLE-06", "HANDLE-08"})

    async def resolve(self, handle: str) -> ModelConfig:
        """Find the provider by too long a name."""
        provider = handle.rpartition("/")[0]
        if "/" in handle and provider != "kimi":
            raise ValueError(f"Provider {provider} is not supported (supported providers: kimi)")
        return await super().resolve(handle)


class ResolvesIdsOnly(Mutant):
    """Looks for a model by its id and never by its handle."""

    breaks = frozenset({"HANDLE-07"})

    async def resolve(self, handle: str) -> ModelConfig:
        """Refuse what was found by its handle alone."""
        model = await super().resolve(handle)
        if model.id != handle.partition("/")[2]:
            raise HandleNotFoundError(handle, [str(model.handle)])
        return model


class ResolvesHandlesOnly(Mutant):
    """Looks for a model by its handle and never by its id."""

    breaks = frozenset({"HANDLE-08"})

    async def resolve(self, handle: str) -> ModelConfig:
        """Refuse what was found by its id."""
        model = await super().resolve(handle)
        if model.handle != handle:
            raise HandleNotFoundError(handle, [str(model.handle)])
        return model


class TidiesHandles(Mutant):
    """Takes a handle for a name that people type, and looks for it in small letters."""

    breaks = frozenset({"HANDLE-07"})

    async def resolve(self, handle: str) -> ModelConfig:
        """Find the model part without space around it and without capitals."""
        provider, slash, name = handle.partition("/")
        return await super().resolve(provider + slash + name.strip().lower())


class HidesTheHandles(Mutant):
    """Does not say which handles there are."""

    breaks = frozenset({"HANDLE-09"})

    async def resolve(self, handle: str) -> ModelConfig:
        """The same error without help."""
        try:
            return await super().resolve(handle)
        except HandleNotFoundError:
            raise HandleNotFoundError(handle, []) from None


class ResolvesToTheLast(Mutant):
    """Gives the last of several models that fit."""

    breaks = frozenset({"HANDLE-10"})

    async def resolve(self, handle: str) -> ModelConfig:
        """Look through the list from its end."""
        found = await super().resolve(handle)
        twins = [model for model in await self.sound.list_models() if model.id == found.id]
        return twins[-1]


class HidesTheProviders(Mutant):
    """Does not say which providers there are."""

    breaks = frozenset({"HANDLE-11"})

    async def resolve(self, handle: str) -> ModelConfig:
        """The same error without help."""
        provider, slash, _ = handle.partition("/")
        if slash and provider != "kimi":
            raise ValueError(f"Provider {provider} is not supported")
        return await super().resolve(handle)


class ResolvesProvidersRoughly(Mutant):
    """Finds a provider by the beginning of its name, in any case."""

    breaks = frozenset({"HANDLE-12"})

    async def resolve(self, handle: str) -> ModelConfig:
        """Put right what was not wrong to ask."""
        provider, slash, name = handle.partition("/")
        near = provider.lower().startswith("kim")
        return await super().resolve(f"kimi{slash}{name}" if slash and near else handle)


class ResolvesBareIds(Mutant):
    """Takes a handle without provider for one of Kimi's."""

    breaks = frozenset({"HANDLE-13"})

    async def resolve(self, handle: str) -> ModelConfig:
        """Add the provider."""
        return await super().resolve(handle if "/" in handle else f"kimi/{handle}")


class PutsUsersFirst(Mutant):
    """Lists the providers of users before those of the operator."""

    breaks = frozenset({"CONFIG-09", "HANDLE-14"})

    async def list_providers(self, categories: Sequence[str] | None = None) -> Sequence[Provider]:
        """Another order."""
        brought = Provider(name="kimi-of-a-user", category="byok")
        everybody = [brought, *await super().list_providers()]
        return [each for each in everybody if not categories or each.category in categories]


class IgnoresCategories(Mutant):
    """Lists all providers, whichever are asked for."""

    breaks = frozenset({"HANDLE-15"})

    async def list_providers(self, categories: Sequence[str] | None = None) -> Sequence[Provider]:  # noqa: ARG002
        """Everybody."""
        return await super().list_providers()


class KnowsNoCategories(Mutant):
    """Lists no provider as soon as a category is named."""

    breaks = frozenset({"HANDLE-15"})

    async def list_providers(self, categories: Sequence[str] | None = None) -> Sequence[Provider]:
        """Nobody."""
        return [] if categories else await super().list_providers()


class TakesUsersKimiForAServer(Mutant):
    """Does not know Kimi among the types of what users bring."""

    breaks = frozenset({"HANDLE-16"})

    def begin(self) -> None:
        """Nothing is remembered yet."""
        self._kimis: set[str] = set()

    async def bring_provider(self, fields: Mapping[str, Any]) -> None:
        """A Kimi as any server that speaks OpenAI's dialect."""
        if fields.get("provider_type") == "kimi":
            self._kimis.add(str(fields.get("name")))
            fields = {**fields, "provider_type": "lmstudio_openai"}
        await super().bring_provider(fields)

    async def list_providers(self, categories: Sequence[str] | None = None) -> Sequence[Provider]:
        """Under the type that the user gave."""
        return [
            replace(each, type="kimi") if each.name in self._kimis else each
            for each in await super().list_providers(categories)
        ]


class TakesEveryUsersProviderForKimi(Mutant):
    """Filters whatever a user brings as if it were Kimi."""

    breaks = frozenset({"HANDLE-16"})

    async def models_of(self, provider: str) -> Sequence[ModelConfig]:
        """Kimi's models alone."""
        models = await super().models_of(provider)
        return [
            model
            for model in models
            if model.provider_category != "byok" or model.id.startswith(("moonshot", "kimi"))
        ]


MUTANTS = (
    HandleWithoutProvider,
    HandleWithAllSlashes,
    HandleForOneArgument,
    ListsBareHandles,
    SplitsAtTheLastSlash,
    ResolvesIdsOnly,
    ResolvesHandlesOnly,
    TidiesHandles,
    HidesTheHandles,
    ResolvesToTheLast,
    HidesTheProviders,
    ResolvesProvidersRoughly,
    ResolvesBareIds,
    PutsUsersFirst,
    IgnoresCategories,
    KnowsNoCategories,
    TakesUsersKimiForAServer,
    TakesEveryUsersProviderForKimi,
)
