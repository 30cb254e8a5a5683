"""
How much of what an objective allows to go wrong did.

Source: Beyer et al., The Site Reliability Workbook, ch. 2 and 5.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kimi_conformance.reporting.wording.quantity import called, share

__all__ = ["Budget", "budgets"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The error budget of one objective.

    Attributes:
        label: Of the objective.
        allowed: The share that may go wrong: 1 - SLO.
        bad: How many of how many values did.
        spent: What share of the budget that is.
        left: What is left of it, in words.
        width: Percent of the width, at most 100.
        over: Whether more was spent than there is.
    """

    label: str
    allowed: str
    bad: str
    spent: str
    left: str
    width: float
    over: bool


def budgets(record: Mapping[str, Any]) -> tuple[Budget, ...]:
    """Of every objective of a load record that promises a share and was measured."""
    entries = record.get("error_budgets") or ()
    return tuple(_budget(entry) for entry in entries if entry["spent"] is not None)


def _budget(entry: Mapping[str, Any]) -> Budget:
    spent = float(entry["spent"])
    return Budget(
        label=called(str(entry["name"])),
        allowed=share(entry["budget"]),
        bad=f"{entry['bad']:,} of {entry['values']:,}",
        spent=_percent(spent),
        left=f"{spent:,.3g} times what may go wrong"
        if spent > 1
        else f"{_percent(1 - spent)} left",
        width=round(100 * min(spent, 1.0), 2),
        over=spent > 1,
    )


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %" if value < 10 else f"{100 * value:,.0f} %"
