"""Clients that read their settings and their environment wrongly."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from kimi_conformance.adapters.mutants.mutant import Mutant, with_body
from kimi_conformance.adapters.protocol import (
    Binding,
    ChatRequest,
    Completion,
    ModelConfig,
    Provider,
)
from kimi_conformance.adapters.reference import MissingKeyError, operations
from kimi_conformance.adapters.reference.operations import NO_CHAT_KEY
from kimi_conformance.http import httpx

__all__ = ["MUTANTS"]

SWITCH = "LETTA_DISABLE_KIMI_PROVIDER"


class KnowsKimiOnly(Mutant):
    """Leaves the other providers of the environment out."""

    breaks = frozenset(
        {"CONFIG-01", "CONFIG-04", "CONFIG-05", "CONFIG-10", "PROV-08", "PROV-11", "START-02"}
    )

    async def list_providers(self, categories: Sequence[str] | None = None) -> Sequence[Provider]:
        """Letta, Kimi, and what users brought."""
        found = await super().list_providers(categories)
        return [each for each in found if each.type in {"letta", "kimi"} or each.category == "byok"]


class SortsProviders(Mutant):
    """Lists providers by name."""

    breaks = frozenset({"CONFIG-09", "START-02"})

    async def list_providers(self, categories: Sequence[str] | None = None) -> Sequence[Provider]:
        """In another order than the documented one."""
        return sorted(await super().list_providers(categories), key=lambda each: each.name)


class ForgetsLetta(Mutant):
    """Leaves Letta's own provider out."""

    breaks = frozenset({"CONFIG-09", "START-02", "PROV-07"})

    async def list_providers(self, categories: Sequence[str] | None = None) -> Sequence[Provider]:
        """All but the first."""
        found = await super().list_providers(categories)
        return [each for each in found if each.name != "letta"]


class ChatsWithAGivenKeyOnly(Mutant):
    """Does not look for a key in the environment."""

    breaks = frozenset({"CONFIG-02", "CONFIG-11", "CONFIG-20", "REQ-01"})

    async def chat(self, request: ChatRequest) -> Completion:
        """Refuse without a key in the settings."""
        if self.binding.api_key is None:
            raise MissingKeyError(NO_CHAT_KEY)
        return await super().chat(request)


class ChatsAtAGivenURLOnly(Mutant):
    """Does not look for a base URL in the environment."""

    breaks = frozenset({"CONFIG-03"})

    async def chat(self, request: ChatRequest) -> Completion:
        """Refuse without a base URL in the settings."""
        if self.binding.base_url is None:
            raise ValueError("No base URL")
        return await super().chat(request)


class _SeesNot(Mutant):
    """Does not see some variables."""

    def unseen(self, name: str) -> bool:
        """Whether it does not see this one."""
        raise NotImplementedError

    def __init__(self, binding: Binding) -> None:
        seen = {name: value for name, value in binding.environment.items() if not self.unseen(name)}
        super().__init__(replace(binding, environment=seen))


class IgnoresFlags(_SeesNot):
    """Disables no provider but Kimi."""

    breaks = frozenset({"CONFIG-05"})

    def unseen(self, name: str) -> bool:
        """All other flags."""
        return name.startswith("LETTA_DISABLE_") and name != SWITCH


class IgnoresKimisFlag(_SeesNot):
    """Does not disable Kimi."""

    breaks = frozenset({"CONFIG-06", "CONFIG-08", "CONFIG-19"})

    def unseen(self, name: str) -> bool:
        """Kimi's flag."""
        return name == SWITCH


class TakesEveryTextForYes(Mutant):
    """Takes a flag for set as soon as it holds anything, as the documents' code does."""

    breaks = frozenset({"CONFIG-07"})

    async def list_providers(self, categories: Sequence[str] | None = None) -> Sequence[Provider]:
        """No Kimi with a flag that says false."""
        hidden = {"kimi"} if self.binding.environment.get(SWITCH) else set()
        found = await super().list_providers(categories)
        return [each for each in found if each.name not in hidden]


class WaitsForANo(Mutant):
    """Has Kimi disabled until the flag says otherwise."""

    breaks = frozenset({"CONFIG-04", "CONFIG-06", "CONFIG-07", "CONFIG-08", "PROV-15", "START-02"})

    async def list_providers(self, categories: Sequence[str] | None = None) -> Sequence[Provider]:
        """No Kimi without a flag that says false."""
        hidden = set() if self.binding.environment.get(SWITCH) else {"kimi"}
        found = await super().list_providers(categories)
        return [each for each in found if each.name not in hidden]


class ShowsKimiWithoutAKey(Mutant):
    """Lists Kimi although it cannot be asked."""

    breaks = frozenset({"CONFIG-08", "START-02"})

    async def list_providers(self, categories: Sequence[str] | None = None) -> Sequence[Provider]:
        """Kimi in any case."""
        found = await super().list_providers(categories)
        missing = self.settings.api_key is None and "byok" not in (categories or ())
        return [*found, Provider(name="kimi", category="base", type="kimi")] if missing else found


class EnvironmentGoesFirst(Mutant):
    """Prefers the key of the environment to its own."""

    breaks = frozenset({"CONFIG-12"})

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """The other key."""
        key = self.binding.environment.get("KIMI_API_KEY")
        if self.doing == "chat" and key and self.binding.api_key:
            request.headers["Authorization"] = f"Bearer {key}"
        return request


class IgnoresTheEndpoint(Mutant):
    """Asks every model at the same place."""

    breaks = frozenset({"CONFIG-13"})

    async def chat(self, request: ChatRequest) -> Completion:
        """As if the model had no endpoint."""
        return await super().chat(replace(request, endpoint=None))


class ChatsBehindTwoSlashes(Mutant):
    """Joins base URL and path of a chat carelessly."""

    breaks = frozenset(
        {
            "APICHG-02",
            "CONFIG-03",
            "CONFIG-13",
            "FILTER-10",
            "PERF-08",
            "REQ-05",
            "REQ-07",
            "SENT-005",
        }
    )

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """A slash too many."""
        if self.doing == "chat":
            path = request.url.path.replace("/chat/", "//chat/")
            request.url = request.url.copy_with(path=path)
        return request


class TellsTheOrganisation(Mutant):
    """Sends along what the environment says of another service's user."""

    breaks = frozenset({"CONFIG-14"})

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """The name of the organisation."""
        if name := self.binding.environment.get("OPENAI_ORG_ID"):
            request.headers["OpenAI-Organization"] = name
        return request


class HasADefaultOfItsOwn(Mutant):
    """Does not look which default model is set."""

    breaks = frozenset({"CONFIG-15", "CONFIG-20", "UX-07"})

    async def model_for(
        self, handle: str | None = None, config: ModelConfig | None = None
    ) -> ModelConfig:
        """Always the same one."""
        return await super().model_for(handle or "kimi/moonshot-v1-8k", config)


class KnowsBetter(Mutant):
    """Takes the default model, whatever was asked for."""

    breaks = frozenset({"CONFIG-15"})

    async def model_for(
        self,
        handle: str | None = None,  # noqa: ARG002 - that is its fault
        config: ModelConfig | None = None,
    ) -> ModelConfig:
        """As if nothing had been named."""
        return await super().model_for(None, config)


class ResolvesWhatIsGiven(Mutant):
    """Looks a configuration up although it has one."""

    breaks = frozenset({"CONFIG-16"})

    async def model_for(
        self, handle: str | None = None, config: ModelConfig | None = None
    ) -> ModelConfig:
        """The API's list once more."""
        if config is not None:
            await self.sound.list_models()
        return await super().model_for(handle, config)


class DiagnosesInClear(Mutant):
    """Shows the key in its diagnosis, as the documents' code does."""

    breaks = frozenset({"CONFIG-19"})

    async def diagnosis(self) -> str:
        """The key where the mask was."""
        return (await super().diagnosis()).replace("***", str(self.settings.api_key))


class DiagnosesWithoutCounting(Mutant):
    """Does not say how many providers there are."""

    breaks = frozenset({"CONFIG-19"})

    async def diagnosis(self) -> str:
        """Some, perhaps."""
        return re.sub(r"found: [0-9]+", "found: some", await super().diagnosis())


class NeedsARestart(Mutant):
    """Reads its settings once."""

    breaks = frozenset({"CONFIG-20"})

    def reload(self, environment: Mapping[str, str]) -> None:
        """Nothing."""


class DropsParameters(Mutant):
    """Sends what every chat has and nothing else."""

    breaks = frozenset({"CONFIG-22", "REQ-06", "REQ-17"})

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """The body without what the user set."""
        if self.doing != "chat":
            return request
        body = json.loads(request.content)
        usual = ("model", "messages", "tools", "tool_choice", "response_format")
        plain = {name: body[name] for name in usual if name in body}
        return with_body(request, plain)


class SharesItsEnvironment(Mutant):
    """Keeps one environment for all clients of a process."""

    breaks = frozenset({"CONFIG-11"})
    latest: ClassVar[dict[str | None, str]] = {}  # key by base URL: other checks use others

    def __init__(self, binding: Binding) -> None:
        super().__init__(binding)
        self._share(binding.environment)

    def reload(self, environment: Mapping[str, str]) -> None:
        """For everybody."""
        super().reload(environment)
        self._share(environment)

    def _share(self, environment: Mapping[str, str]) -> None:
        if key := environment.get("KIMI_API_KEY"):
            self.latest[self.binding.base_url] = key

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """The key of the client that was opened last."""
        if self.doing == "chat" and self.binding.api_key is None:
            key = self.latest.get(self.binding.base_url, self.settings.api_key)
            request.headers["Authorization"] = f"Bearer {key}"
        return request


class ValidatesTheKeyOfTheEnvironment(Mutant):
    """Checks another key than the one that it then uses."""

    breaks = frozenset({"CONFIG-17"})

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """The environment's, when a key is checked."""
        key = self.binding.environment.get("KIMI_API_KEY")
        if self.doing == "check_key" and key:
            request.headers["Authorization"] = f"Bearer {key}"
        return request


class ValidatesAGivenKeyOnly(Mutant):
    """Does not look for a key to check in the environment."""

    breaks = frozenset({"CONFIG-17"})

    async def check_key(self) -> object:
        """As if there were none."""
        if self.binding.api_key is None:
            raise MissingKeyError(operations.NO_KEY)
        return await super().check_key()


class TakesWhiteSpaceForAKey(Mutant):
    """Does not look at what is in the variable."""

    breaks = frozenset({"CONFIG-18"})

    async def check_key(self) -> object:
        """All is well if it is set."""
        key = self.binding.environment.get("KIMI_API_KEY")
        return None if key and not key.strip() else await super().check_key()


MUTANTS = (
    KnowsKimiOnly,
    SortsProviders,
    ForgetsLetta,
    ChatsWithAGivenKeyOnly,
    ChatsAtAGivenURLOnly,
    IgnoresFlags,
    IgnoresKimisFlag,
    TakesEveryTextForYes,
    WaitsForANo,
    ShowsKimiWithoutAKey,
    EnvironmentGoesFirst,
    IgnoresTheEndpoint,
    ChatsBehindTwoSlashes,
    TellsTheOrganisation,
    HasADefaultOfItsOwn,
    KnowsBetter,
    ResolvesWhatIsGiven,
    DiagnosesInClear,
    DiagnosesWithoutCounting,
    NeedsARestart,
    DropsParameters,
    SharesItsEnvironment,
    ValidatesTheKeyOfTheEnvironment,
    ValidatesAGivenKeyOnly,
    TakesWhiteSpaceForAKey,
)
