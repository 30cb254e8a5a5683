"""Clients that look configurations up too often, or give one for another."""

from typing import Any

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.protocol import ModelConfig
from kimi_conformance.adapters.reference.configs import limited

__all__ = ["MUTANTS"]


class LooksUpTwice(Mutant):
    """Asks once more, to be sure."""

    breaks = frozenset(
        {"CCACHE-01", "CCACHE-02", "CCACHE-03", "CCACHE-04", "CCACHE-05", "CCACHE-08"}
    )

    async def config_of(self, handle: str, **options: Any) -> ModelConfig:
        """The list before every resolution."""
        await self.sound.list_models()
        return await super().config_of(handle, **options)


class _OwnCache(Mutant):
    """Keeps configurations by a key of its own."""

    def key(self, handle: str, options: dict[str, Any]) -> object:
        """What it takes for the same."""
        return handle, frozenset((name, type(value), value) for name, value in options.items())

    async def config_of(self, handle: str, **options: Any) -> ModelConfig:
        """The kept one, or a new one."""
        kept: dict[object, ModelConfig] = self.__dict__.setdefault("kept", {})
        key = self.key(handle, options)
        if key not in kept:
            kept[key] = limited(await self.sound.resolve(handle), **options)
        return kept[key]


class LooksUpForEach(_OwnCache):
    """Looks up as often as is asked before the first answer has come."""

    breaks = frozenset({"CCACHE-08"})


class KeepsNothing(_OwnCache):
    """Looks up every time."""

    breaks = frozenset({"CCACHE-02", "CCACHE-04", "CCACHE-08"})

    def key(self, handle: str, options: dict[str, Any]) -> object:  # noqa: ARG002
        """Never the same."""
        return object()


class KeepsByHandle(_OwnCache):
    """Takes two resolutions of one handle for the same."""

    breaks = frozenset({"CCACHE-03", "CCACHE-08"})

    def key(self, handle: str, options: dict[str, Any]) -> object:  # noqa: ARG002
        """The handle."""
        return handle


class KeepsByOptions(_OwnCache):
    """Takes two resolutions with the same options for the same."""

    breaks = frozenset({"CCACHE-03", "CCACHE-08"})

    def key(self, handle: str, options: dict[str, Any]) -> object:  # noqa: ARG002
        """The options."""
        return frozenset(options.items())


class KeepsByText(_OwnCache):
    """Takes what looks alike for the same, as the documents' code does."""

    breaks = frozenset({"CCACHE-03", "CCACHE-08"})

    def key(self, handle: str, options: dict[str, Any]) -> object:
        """Everything as text."""
        return handle, frozenset((name, str(value)) for name, value in options.items())


class KeepsByOrder(_OwnCache):
    """Takes the same options in another order for others."""

    breaks = frozenset({"CCACHE-04", "CCACHE-08"})

    def key(self, handle: str, options: dict[str, Any]) -> object:
        """The options as they stand."""
        return handle, tuple(options.items())


class KeepsFailures(Mutant):
    """Remembers that a model was not there."""

    breaks = frozenset({"CCACHE-05"})

    async def config_of(self, handle: str, **options: Any) -> ModelConfig:
        """The same error for ever."""
        failed: dict[str, Exception] = self.__dict__.setdefault("failed", {})
        if handle in failed:
            raise failed[handle]
        try:
            return await super().config_of(handle, **options)
        except ValueError as error:
            failed[handle] = error
            raise


MUTANTS = (
    LooksUpTwice,
    LooksUpForEach,
    KeepsNothing,
    KeepsByHandle,
    KeepsByOptions,
    KeepsByText,
    KeepsByOrder,
    KeepsFailures,
)
