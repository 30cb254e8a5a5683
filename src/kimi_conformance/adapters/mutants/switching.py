"""Clients that lose their way between two models."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.protocol import Completion, ModelConfig
from kimi_conformance.adapters.reference import HandleNotFoundError

__all__ = ["MUTANTS"]


class AnswersInTheNameOfTheNewModel(Mutant):
    """Forgets which model it has put a question to."""

    breaks = frozenset({"SWITCH-01"})

    async def ask(self, messages: Sequence[Mapping[str, Any]]) -> Completion:
        """The model that is current when the answer comes."""
        completion = await super().ask(messages)
        current = self.current_model
        return Completion(body={**completion.body, "model": current and current.id})


class SticksToItsFirstModel(Mutant):
    """Chooses a model once."""

    breaks = frozenset({"SWITCH-01", "SWITCH-02"})

    async def switch_model(self, handle: str) -> ModelConfig:
        """The one that it has."""
        return self.current_model or await super().switch_model(handle)


class KeepsTheFirstWindow(Mutant):
    """Takes over the name of the new model only."""

    breaks = frozenset({"SWITCH-02"})

    first: int | None = None

    async def switch_model(self, handle: str) -> ModelConfig:
        """Keep the window of the first."""
        config = await super().switch_model(handle)
        self.first = self.first or config.context_window
        return config

    @property
    def current_model(self) -> ModelConfig | None:
        """The new model with the old window."""
        current = self.sound.current_model
        return current and replace(current, context_window=self.first)


class SwitchesHalfway(Mutant):
    """Takes over the name before it knows whether there is such a model."""

    breaks = frozenset({"SWITCH-02"})

    halfway: ModelConfig | None = None

    async def switch_model(self, handle: str) -> ModelConfig:
        """Keep the name, whatever comes of it."""
        try:
            return await super().switch_model(handle)
        except HandleNotFoundError:
            self.halfway = ModelConfig(id=handle.partition("/")[2], handle=handle)
            raise

    @property
    def current_model(self) -> ModelConfig | None:
        """What it has taken over."""
        return self.halfway or self.sound.current_model


MUTANTS = (
    AnswersInTheNameOfTheNewModel,
    SticksToItsFirstModel,
    KeepsTheFirstWindow,
    SwitchesHalfway,
)
