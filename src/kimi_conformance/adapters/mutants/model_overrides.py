"""Clients that do not go by what their user said of a model."""

import contextlib
from collections.abc import Mapping
from typing import Any

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.protocol import ModelConfig
from kimi_conformance.errors import UsageError
from kimi_conformance.models import Overrides

__all__ = ["MUTANTS"]


class ForgetsWhatIsSet(Mutant):
    """Takes what a user says of a model, and goes by the API."""

    breaks = frozenset({"CONFIG-21", "OVERRIDE-02", "OVERRIDE-03"})

    async def configure_model(self, handle: str, settings: Mapping[str, Any]) -> ModelConfig:
        """There and back."""
        await super().configure_model(handle, settings)
        return await super().configure_model(handle, dict.fromkeys(settings))


class ConfiguresInSilence(Mutant):
    """Does not say what came of a change."""

    breaks = frozenset({"CONFIG-21"})

    async def configure_model(self, handle: str, settings: Mapping[str, Any]) -> Any:
        """Nothing in answer."""
        await super().configure_model(handle, settings)


class ConfiguresAll(Mutant):
    """Takes what is said of one model for said of all."""

    breaks = frozenset({"CONFIG-21"})

    async def configure_model(self, handle: str, settings: Mapping[str, Any]) -> ModelConfig:
        """The others too, where they can."""
        config = await super().configure_model(handle, settings)
        for other in await self.sound.list_models():
            with contextlib.suppress(ValueError):
                await super().configure_model(str(other.handle), settings)
        return config


class RefusesNothing(Mutant):
    """Says yes to any configuration."""

    breaks = frozenset({"OVERRIDE-01"})

    async def configure_model(self, handle: str, settings: Mapping[str, Any]) -> Any:
        """No error, whatever was said."""
        with contextlib.suppress(ValueError):
            return await super().configure_model(handle, settings)


class RefusesAndTakes(Mutant):
    """Complains of a configuration that cannot be, and goes by it."""

    breaks = frozenset({"OVERRIDE-01"})

    async def configure_model(self, handle: str, settings: Mapping[str, Any]) -> ModelConfig:
        """Kept before it was verified."""
        try:
            return await super().configure_model(handle, settings)
        except ValueError:
            with contextlib.suppress(UsageError):
                self.sound._overrides.keep(Overrides().set(handle.partition("/")[2], settings))
            raise


class ConfiguresAtTheStart(Mutant):
    """Stays with the configuration that it looked up first."""

    breaks = frozenset({"OVERRIDE-02"})

    async def config_of(self, handle: str, **options: Any) -> ModelConfig:
        """The first one for these arguments."""
        kept: dict[object, ModelConfig] = self.__dict__.setdefault("kept", {})
        config = await super().config_of(handle, **options)
        typed = frozenset((name, type(value), value) for name, value in options.items())
        return kept.setdefault((handle, typed), config)


class TakesNothingBack(Mutant):
    """Does not let go of what was said of a model."""

    breaks = frozenset({"OVERRIDE-03"})

    async def configure_model(self, handle: str, settings: Mapping[str, Any]) -> ModelConfig:
        """Only what is said, and not what is taken back."""
        said = {name: value for name, value in settings.items() if value is not None}
        return await super().configure_model(handle, said)


class TakesAllBack(Mutant):
    """Lets go of all that was said of a model when one setting is taken back."""

    breaks = frozenset({"OVERRIDE-03"})

    async def configure_model(self, handle: str, settings: Mapping[str, Any]) -> ModelConfig:
        """Every setting that there is."""
        nothing = {"context_window": None, "max_tokens": None}
        taken_back = None in settings.values()
        return await super().configure_model(handle, nothing if taken_back else settings)


MUTANTS: tuple[type[Mutant], ...] = (
    ForgetsWhatIsSet,
    ConfiguresInSilence,
    ConfiguresAll,
    RefusesNothing,
    RefusesAndTakes,
    ConfiguresAtTheStart,
    TakesNothingBack,
    TakesAllBack,
)
