"""Clients that look configurations up too often, or give one for another."""

import asyncio
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any, ClassVar

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.protocol import ModelConfig
from kimi_conformance.adapters.reference.configs import limited
from kimi_conformance.http import httpx

__all__ = ["MUTANTS"]


class LooksUpTwice(Mutant):
    """Asks once more, to be sure."""

    breaks = frozenset(
        {
            "CCACHE-01",
            "CCACHE-02",
            "CCACHE-03",
            "CCACHE-04",
            "CCACHE-05",
            "CCACHE-07",
            "CCACHE-08",
            "PERF-08",
            "PROV-01",
        }
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

    breaks = frozenset({"CCACHE-08", "OVERRIDE-02"})


class KeepsNothing(_OwnCache):
    """Looks up every time."""

    breaks = frozenset({"CCACHE-02", "CCACHE-04", "CCACHE-07", "CCACHE-08", "PERF-08"})

    def key(self, handle: str, options: dict[str, Any]) -> object:  # noqa: ARG002
        """Never the same."""
        return object()


class KeepsByHandle(_OwnCache):
    """Takes two resolutions of one handle for the same."""

    breaks = frozenset({"CCACHE-03", "CCACHE-08", "OVERRIDE-02"})

    def key(self, handle: str, options: dict[str, Any]) -> object:  # noqa: ARG002
        """The handle."""
        return handle


class KeepsByOptions(_OwnCache):
    """Takes two resolutions with the same options for the same."""

    breaks = frozenset({"CCACHE-03", "CCACHE-08", "CONFIG-21", "OVERRIDE-02"})

    def key(self, handle: str, options: dict[str, Any]) -> object:  # noqa: ARG002
        """The options."""
        return frozenset(options.items())


class KeepsByText(_OwnCache):
    """Takes what looks alike for the same, as the documents' code does."""

    breaks = frozenset({"CCACHE-03", "CCACHE-08", "OVERRIDE-02"})

    def key(self, handle: str, options: dict[str, Any]) -> object:
        """Everything as text."""
        return handle, frozenset((name, str(value)) for name, value in options.items())


class KeepsByOrder(_OwnCache):
    """Takes the same options in another order for others."""

    breaks = frozenset({"CCACHE-04", "CCACHE-08", "OVERRIDE-02"})

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


class SharesWhatItLooksUp(Mutant):
    """Keeps configurations for the whole process, whoever asked for them."""

    breaks = frozenset({"CCACHE-06", "OVERRIDE-02"})
    kept: ClassVar[dict[object, ModelConfig]] = {}

    async def config_of(self, handle: str, **options: Any) -> ModelConfig:
        """What anybody with this base URL was given."""
        asked = frozenset((name, type(value), value) for name, value in options.items())
        key = (self.settings.base_url, handle, asked)
        if key not in self.kept:
            self.kept[key] = await super().config_of(handle, **options)
        return self.kept[key]


class HandsOutWhatItKeeps(Mutant):
    """Gives everybody the same object, which can be changed."""

    breaks = frozenset({"CCACHE-06"})

    async def config_of(self, handle: str, **options: Any) -> Any:
        """The object itself."""
        kept: dict[ModelConfig, Any] = self.__dict__.setdefault("kept", {})
        config = await super().config_of(handle, **options)
        return kept.setdefault(config, SimpleNamespace(**asdict(config)))


class _ForgetsAtTheEnd(Mutant):
    """Keeps the configurations of the `most` models that were looked up last."""

    most: ClassVar[int]

    async def config_of(self, handle: str, **options: Any) -> ModelConfig:
        """The kept one, or a new one, and the oldest goes."""
        kept: dict[object, asyncio.Future[ModelConfig]] = self.__dict__.setdefault("kept", {})
        key = handle, frozenset((name, type(value), value) for name, value in options.items())
        if key not in kept:
            kept[key] = asyncio.ensure_future(self._look_up(handle, options))
            if len(kept) > self.most:
                del kept[next(iter(kept))]
        try:
            return await kept[key]
        except ValueError:
            del kept[key]
            raise

    async def _look_up(self, handle: str, options: dict[str, Any]) -> ModelConfig:
        return limited(await self.sound.resolve(handle), **options)


class KeepsAFew(_ForgetsAtTheEnd):
    """Has no room for as many models as there are."""

    breaks = frozenset({"CCACHE-07", "OVERRIDE-02"})
    most = 16


class ForgetsTheOldest(_ForgetsAtTheEnd):
    """Forgets what it has known longest, however often it is asked for."""

    breaks = frozenset({"CCACHE-07", "OVERRIDE-02"})
    most = 128


class AsksWhetherAnybodyIsThere(Mutant):
    """Uses what it knows only while the API answers."""

    breaks = frozenset({"CACHE-39"})

    async def config_of(self, handle: str, **options: Any) -> ModelConfig:
        """One more request for what is known, and nothing comes of it."""
        known: set[str] = self.__dict__.setdefault("known", set())
        if handle in known:
            anything = httpx.Request("GET", f"{self.settings.base_url}/users/me/balance")
            await (await self.carry(anything)).aread()
        known.add(handle)
        return await super().config_of(handle, **options)


MUTANTS = (
    LooksUpTwice,
    LooksUpForEach,
    KeepsNothing,
    KeepsByHandle,
    KeepsByOptions,
    KeepsByText,
    KeepsByOrder,
    KeepsFailures,
    SharesWhatItLooksUp,
    HandsOutWhatItKeeps,
    KeepsAFew,
    ForgetsTheOldest,
    AsksWhetherAnybodyIsThere,
)
