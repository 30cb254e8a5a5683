"""What checks say where a machine had time for them: others beside may have kept them waiting."""

from collections.abc import Mapping

from kimi_conformance.checks.standstill import is_untimely

__all__ = ["Said", "alike", "late"]

Said = Mapping[str, tuple[str, str]]
"""Verdict and reason by the id of the check."""


def late(*runs: Said) -> set[str]:
    """The checks that decided nothing in one of the runs since time was lost in them."""
    return {
        id for run in runs for id, (verdict, reason) in run.items() if is_untimely(verdict, reason)
    }


def alike(one: Said, other: Said) -> None:
    """Every check has the same verdict in both, but for the late ones, which are a few at most."""
    untimely = late(one, other)
    assert len(untimely) <= max(2, 0.1 * len(one)), f"this machine has no time: {sorted(untimely)}"
    assert {id: verdict for id, (verdict, _) in one.items() if id not in untimely} == {
        id: verdict for id, (verdict, _) in other.items() if id not in untimely
    }
