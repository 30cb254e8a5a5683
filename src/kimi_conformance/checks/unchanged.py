"""What each check made of the sound adapter, so that a mutant need not be asked in vain."""

from collections.abc import Sequence

from kimi_conformance.adapters.mutants import MUTANTS
from kimi_conformance.adapters.mutants.unchanged import Unchanged, is_unmoved
from kimi_conformance.adapters.protocol import Adapter
from kimi_conformance.verdicts import Outcome, Verdict

__all__ = ["UnchangedRuns"]


class UnchangedRuns:
    """The run of each check on the mutant that has no fault."""

    def __init__(self) -> None:
        self._runs: dict[str, tuple[Verdict, list[Unchanged]]] = {}

    def remember(self, outcome: Outcome, adapters: Sequence[Adapter]) -> None:
        """Keep the run of a check if the mutants that it opened, at least one, have no fault."""
        runs = [adapter for adapter in adapters if isinstance(adapter, Unchanged)]
        if runs:
            self._runs[outcome.id] = (outcome.verdict, runs)

    def verdict_despite(self, mutant: str, check: str) -> Verdict | None:
        """The verdict of that run, if this mutant would have done the same in it; else None."""
        if check not in self._runs:
            return None
        verdict, runs = self._runs[check]
        return verdict if is_unmoved(MUTANTS[mutant], runs) else None
