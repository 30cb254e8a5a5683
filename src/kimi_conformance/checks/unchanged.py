"""Which mutants would have done in a check what the sound adapter did."""

from collections.abc import Iterator, Sequence

from kimi_conformance.adapters.mutants import MUTANTS, UNCHANGED
from kimi_conformance.adapters.mutants.unchanged import Unchanged
from kimi_conformance.adapters.mutants.unmoved import is_unmoved
from kimi_conformance.adapters.protocol import Adapter

__all__ = ["UNCHANGED", "alike"]


def alike(adapters: Sequence[Adapter], mutants: Sequence[str]) -> Iterator[str]:
    """Those of these mutants; none if the check opened no mutant without a fault.

    Args:
        adapters: All that the check opened.
        mutants: Their names.
    """
    runs = [adapter for adapter in adapters if isinstance(adapter, Unchanged)]
    if runs:
        yield from (name for name in mutants if is_unmoved(MUTANTS[name], runs))
