"""Clients that believe a model to hold another number of tokens."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from kimi_conformance.adapters.mutants.filter import ListReader
from kimi_conformance.adapters.mutants.listing import unlogged
from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.protocol import ModelConfig
from kimi_conformance.adapters.reference import operations

__all__ = ["MUTANTS"]


class OtherWindows(ListReader):
    """Shows the windows that `window` says."""

    def window(self, id: str, sound: int, given: int | None) -> int:
        """The window of a model, in tokens.

        Args:
            id: The model's.
            sound: Its window by the sound adapter.
            given: What the API gave, or None: nothing.
        """
        raise NotImplementedError

    def shown(self, models: Sequence[ModelConfig]) -> Sequence[ModelConfig]:
        """The same models."""
        given = {entry.get("id"): entry.get("context_length") for entry in self.entries or ()}
        return [
            replace(
                model,
                context_window=self.window(
                    model.id, model.context_window or 0, given.get(model.id)
                ),
            )
            for model in models
        ]


class TrustsItsTableMore(OtherWindows):
    """Shows the documented window although the API gave another."""

    breaks = frozenset({"CTX-01"})

    def window(self, id: str, sound: int, given: int | None) -> int:  # noqa: ARG002
        """The table's, where it has the model."""
        return self.settings.table.windows.get(id, sound)


class RoundsWindows(OtherWindows):
    """Shows windows in whole 1024s."""

    breaks = frozenset({"CTX-01", "CTX-13"})

    def window(self, id: str, sound: int, given: int | None) -> int:  # noqa: ARG002
        """Rounded up."""
        return -(-sound // 1024) * 1024


class DefaultsTo8000(OtherWindows):
    """Counts the default window in thousands."""

    breaks = frozenset({"CTX-02"})

    def window(self, id: str, sound: int, given: int | None) -> int:
        """8000 where neither the API nor the table knows."""
        return sound if given or id in self.settings.table.windows else 8000


class DefaultsTo128K(OtherWindows):
    """Takes every model without a window for one of 128K."""

    breaks = frozenset({"CTX-02", "CTX-12"})

    def window(self, id: str, sound: int, given: int | None) -> int:  # noqa: ARG002
        """131072 where the API does not know."""
        return sound if given or self.entries is None else 131072


class DegradesKnownModels(OtherWindows):
    """Forgets its table where the API gives no window: the fault that the guide names."""

    breaks = frozenset({"CTX-12"})

    def window(self, id: str, sound: int, given: int | None) -> int:  # noqa: ARG002
        """8192 where the API does not know."""
        return sound if given or self.entries is None else 8192


class WrongLabel(OtherWindows):
    """Counts one label of the documented table in thousands."""

    right: ClassVar[int]
    wrong: ClassVar[int]

    def window(self, id: str, sound: int, given: int | None) -> int:  # noqa: ARG002
        """Wrong in the fallback only."""
        return self.wrong if self.entries is None and sound == self.right else sound


class Counts8KAs8000(WrongLabel):
    """8K is 8000."""

    breaks = frozenset({"CTX-03", "CTX-11", "CTX-12", "CTX-15"})
    right, wrong = 8192, 8000


class Counts32KAs32000(WrongLabel):
    """32K is 32000."""

    breaks = frozenset({"CTX-04", "CTX-11", "CTX-12", "CTX-15"})
    right, wrong = 32768, 32000


class Counts128KAs131000(WrongLabel):
    """128K is 131000."""

    breaks = frozenset({"CTX-05", "CTX-07", "CTX-09", "CTX-10", "CTX-11", "CTX-12", "CTX-15"})
    right, wrong = 131072, 131000


class Counts256KAs256000(WrongLabel):
    """256K is 256000."""

    breaks = frozenset({"CTX-06", "CTX-08", "CTX-11", "CTX-12", "CTX-15"})
    right, wrong = 262144, 256000


class CountsAMillionInThousands(WrongLabel):
    """1M is 1000000."""

    breaks = frozenset({"CTX-12", "CTX-15", "CTX-18"})
    edition = "2026-09"
    right, wrong = 1048576, 1000000


class DoubtsTheAPI(OtherWindows):
    """Halves a window of 256K that the API gives, as if that could not be."""

    breaks = frozenset({"CONFIG-21", "CTX-17"})

    def window(self, id: str, sound: int, given: int | None) -> int:  # noqa: ARG002
        """131072 for 262144."""
        return 131072 if given == 262144 else sound


class KeepsMismatchesToItself(ListReader):
    """Says nothing where API and table disagree."""

    breaks = frozenset({"CTX-14"})

    async def list_models(self) -> Sequence[ModelConfig]:
        """List in silence."""
        with unlogged(operations.logger, lambda record: "context window" in record.getMessage()):
            return await super().list_models()

    def shown(self, models: Sequence[ModelConfig]) -> Sequence[ModelConfig]:
        """The same models."""
        return models


class _OtherLimit(Mutant):
    """Gives a user another limit than was asked for."""

    def limit(self, asked: int) -> int:
        """The limit that it uses, in tokens."""
        raise NotImplementedError

    async def config_of(self, handle: str, **options: Any) -> ModelConfig:
        """With the other limit, where there is one."""
        asked = options.get("context_window_limit")
        if isinstance(asked, int):
            options["context_window_limit"] = self.limit(asked)
        return await super().config_of(handle, **options)


class CapsLimits(_OtherLimit):
    """Allows nobody more than the platform's own limit."""

    breaks = frozenset({"CTX-16"})

    def limit(self, asked: int) -> int:
        """At most 32000."""
        return min(asked, 32000)


class RoundsLimits(_OtherLimit):
    """Counts limits in whole thousands."""

    breaks = frozenset({"CTX-16"})

    def limit(self, asked: int) -> int:
        """Rounded down."""
        return asked // 1024 * 1024


MUTANTS = (
    TrustsItsTableMore,
    RoundsWindows,
    DefaultsTo8000,
    DefaultsTo128K,
    DegradesKnownModels,
    Counts8KAs8000,
    Counts32KAs32000,
    Counts128KAs131000,
    Counts256KAs256000,
    CountsAMillionInThousands,
    DoubtsTheAPI,
    KeepsMismatchesToItself,
    CapsLimits,
    RoundsLimits,
)
