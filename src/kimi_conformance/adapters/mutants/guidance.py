"""Clients that choose for those who have not chosen, and choose badly."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.protocol import ModelConfig, ModelPerformance

__all__ = ["MUTANTS"]


class StartsWithKimi(Mutant):
    """Has a default model that needs a key."""

    breaks = frozenset({"UX-07"})

    async def model_for(
        self, handle: str | None = None, config: ModelConfig | None = None
    ) -> ModelConfig:
        """Kimi's, where nobody has set another."""
        undecided = "LETTA_DEFAULT_LLM_HANDLE" not in self.binding.environment
        chosen = "kimi/moonshot-v1-8k" if undecided else None
        return await super().model_for(handle or chosen, config)


class SuggestsEverything(Mutant):
    """Recommends whatever is on offer."""

    breaks = frozenset({"UX-05"})

    async def suggest_models(self, **_needs: Any) -> Sequence[ModelConfig]:
        """As if nothing had been said."""
        return await super().suggest_models()


class SuggestsOnAGuess(Mutant):
    """Believes a model to take images unless the list says no."""

    breaks = frozenset({"UX-05"})

    async def suggest_models(self, *, vision: bool = False, **needs: Any) -> Sequence[ModelConfig]:
        """Those of which nothing is known too."""
        blind = {
            entry["id"]
            for entry in await self.sound.fetch_models()
            if entry.get("supports_image_in") is False
        }
        found = await super().suggest_models(**needs)
        return [each for each in found if not (vision and each.id in blind)]


class SuggestsOne(Mutant):
    """Keeps all but its favourite to itself."""

    breaks = frozenset({"UX-05"})

    async def suggest_models(self, **needs: Any) -> Sequence[ModelConfig]:
        """The first one."""
        return (await super().suggest_models(**needs))[:1]


class PraisesTheSlowest(Mutant):
    """Puts models in the wrong order."""

    breaks = frozenset({"UX-06"})

    def compare_models(self) -> Sequence[ModelPerformance]:
        """The slowest first."""
        return list(reversed(super().compare_models()))


class TimesNothing(Mutant):
    """Counts calls and looks at no clock."""

    breaks = frozenset({"UX-06"})

    def compare_models(self) -> Sequence[ModelPerformance]:
        """In no time."""
        return [replace(each, mean_s=0.0) for each in super().compare_models()]


MUTANTS: tuple[type[Mutant], ...] = (
    StartsWithKimi,
    SuggestsEverything,
    SuggestsOnAGuess,
    SuggestsOne,
    PraisesTheSlowest,
    TimesNothing,
)
