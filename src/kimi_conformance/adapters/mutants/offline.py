"""Clients that send when they must not, or forget what they knew."""

from collections.abc import Sequence

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.protocol import ChatRequest, Completion, ModelConfig
from kimi_conformance.adapters.reference import OfflineError

__all__ = ["MUTANTS"]


class ForgetsTheList(Mutant):
    """Keeps no list for later."""

    breaks = frozenset({"OFFLINE-02"})

    def go_offline(self) -> None:
        """Forget what was listed."""
        self.sound.last_list = None
        super().go_offline()


class RemembersFailures(Mutant):
    """Takes what it shows while the API is down for the API's list."""

    breaks = frozenset({"OFFLINE-02"})

    def begin(self) -> None:
        """Nothing is remembered yet."""
        self.last: Sequence[ModelConfig] = ()
        self.offline = False

    async def list_models(self) -> Sequence[ModelConfig]:
        """Whatever was shown last."""
        if not self.offline:
            self.last = await super().list_models()
        return self.last

    def go_offline(self) -> None:
        """Show the last list from now on."""
        self.offline = True
        super().go_offline()

    def go_online(self) -> None:
        """Ask again."""
        self.offline = False
        super().go_online()


class StaysOnline(Mutant):
    """Sends although it was switched offline."""

    breaks = frozenset({"OFFLINE-02", "OFFLINE-03"})

    def go_offline(self) -> None:
        """Nothing."""


class StaysOffline(Mutant):
    """Cannot be switched back."""

    breaks = frozenset({"OFFLINE-03"})

    def go_online(self) -> None:
        """Nothing."""


class RaisesRawErrorsOffline(Mutant):
    """Raises another kind of error offline than for an API that is down."""

    breaks = frozenset({"OFFLINE-03"})

    async def chat(self, request: ChatRequest) -> Completion:
        """An error beside the tree of LLM errors."""
        try:
            return await super().chat(request)
        except OfflineError as error:
            raise RuntimeError(error.message) from error


MUTANTS = (
    ForgetsTheList,
    RemembersFailures,
    StaysOnline,
    StaysOffline,
    RaisesRawErrorsOffline,
)
