"""Clients that waste time."""

import asyncio
from collections.abc import Sequence

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.protocol import Binding, ModelConfig

__all__ = ["MUTANTS"]


class ListsByArrival(Mutant):
    """Shows models in the order in which their configurations came."""

    breaks = frozenset({"PERF-05"})

    async def models_of(self, provider: str) -> Sequence[ModelConfig]:
        """The last one first."""
        models = await super().models_of(provider)
        return list(reversed(models)) if provider == "google_ai" else models


class ListsOneAfterTheOther(Mutant):
    """Lets one listing wait for another."""

    breaks = frozenset({"PERF-07"})

    def __init__(self, binding: Binding) -> None:
        super().__init__(binding)
        self._one_at_a_time = asyncio.Lock()

    async def list_models(self) -> Sequence[ModelConfig]:
        """One at a time."""
        async with self._one_at_a_time:
            return await super().list_models()


MUTANTS = (
    ListsByArrival,
    ListsOneAfterTheOther,
)
