"""Reads objectives from the text of an slo.toml."""

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from typing import Any

from kimi_conformance.errors import UsageError, nearest
from kimi_conformance.slo.objective import (
    BOUNDABLE,
    EVERY_SCENARIO,
    METRICS,
    STATISTICS,
    Objective,
    Objectives,
)
from kimi_conformance.toml import NotTOMLError, loads

__all__ = ["parse"]


def parse(text: str, where: str = "slo.toml") -> Objectives:
    """Read the text of an slo.toml.

    Raises:
        UsageError: It is not TOML, a metric, statistic or key is not known, a key is
            missing, an objective asks for what cannot be, such as a share above 1, or two of
            a scenario contradict each other.
    """
    try:
        tables = loads(text)
    except NotTOMLError as error:
        raise UsageError(f"{where} is not TOML: {error}") from error
    parsed: dict[str, dict[str, Objective]] = {}
    for scenario, entries in tables.items():
        if not isinstance(entries, dict):
            raise UsageError(
                f"{where} has a lone key '{scenario}'. "
                f"Put it into a table such as [{EVERY_SCENARIO}.success_rate]."
            )
        parsed[scenario] = {
            name: _objective(f"{where}, [{scenario}.{name}]", name, entry)
            for name, entry in entries.items()
        }
        _agree(where, scenario, parsed[scenario].values())
    return Objectives(parsed)


def _objective(place: str, name: str, entry: Any) -> Objective:
    if not isinstance(entry, dict):
        raise UsageError(f"{place} is no table. An objective is: metric, and what it must be.")
    for key in entry:
        if key not in _READERS:
            raise UsageError(f"{place} has an unknown key '{key}'. {nearest(key, _READERS)}")
    if "metric" not in entry:
        raise UsageError(f"{place} lacks metric. {nearest('', METRICS)}")
    metric = _READERS["metric"](place, entry["metric"])
    wanted = _forms(metric)
    given_keys = [key for key in entry if key not in _OF_EVERY_FORM]
    if set(given_keys) not in [set(form) for form in wanted]:
        ways = " or ".join(" and ".join(form) for form in wanted)
        given = ", ".join(given_keys) or "nothing"
        raise UsageError(f"{place} of {metric} takes {ways}, but has {given}.")
    values = {key: _READERS[key](place, value) for key, value in entry.items()}
    bound = values.get("at_most")
    if bound is not None and metric.endswith("_percent") and bound > 100:
        raise UsageError(f"{place} allows {bound:g} %: nothing is above 100 %.")
    return Objective(
        name=name,
        metric=metric,
        bound=bound,
        bounds=values.get("bounds", ()),
        objective=values.get("objective"),
        statistic=values.get("statistic"),
        requirement=values.get("requirement"),
    )


def _forms(metric: str) -> tuple[tuple[str, ...], ...]:
    """The keys that may stand beside this metric."""
    return _FORMS.get(metric, (("at_most", "objective"), ("statistic", "at_most")))


def _agree(where: str, scenario: str, objectives: Iterable[Objective]) -> None:
    """See that none is void beside another: p95 within 3 s, where p99 is within 2 s already.

    Raises:
        UsageError: Two are so; one of them is not what was meant.
    """
    bounded = [each for each in objectives if each.bound is not None and each.tolerated is not None]
    for pair in combinations(bounded, 2):
        lax, strict = sorted(pair, key=lambda each: (_level(each), -_bound(each)))
        if lax.metric == strict.metric and _bound(lax) > _bound(strict):
            raise UsageError(
                f"{where}: [{scenario}.{lax.name}] asks {_level(lax):g} % of {lax.metric} to be "
                f"within {_bound(lax):g}, but [{scenario}.{strict.name}] asks "
                f"{_level(strict):g} % to be within {_bound(strict):g} already, so the first "
                f"can never fail by itself. Set its at_most below {_bound(strict):g}, "
                "or leave it out."
            )


def _bound(objective: Objective) -> float:
    return 0.0 if objective.bound is None else objective.bound


def _level(objective: Objective) -> float:
    """How many percent of the values must be good."""
    return round(100 * (1 - (objective.tolerated or 0.0)), 6)


def _known(kind: str, known: Mapping[str, object]) -> Callable[[str, Any], Any]:
    def read(place: str, value: Any) -> str:
        if not isinstance(value, str) or value not in known:
            raise UsageError(f"{place} has the {kind} {value!r}. {nearest(str(value), known)}")
        return value

    return read


def _number(key: str) -> Callable[[str, Any], Any]:
    def read(place: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UsageError(f"{place}: {key} is {value!r}, which is no number.")
        if not (math.isfinite(value) and value > 0):
            raise UsageError(f"{place}: {key} is {value}; it must be a number above 0.")
        return float(value)

    return read


def _bounds(place: str, value: Any) -> tuple[tuple[str, float], ...]:
    if not isinstance(value, dict) or not value:
        raise UsageError(
            f"{place}: bounds is {value!r}. Say what a good call keeps: bounds = {{ ttft_s = 1.5 }}"
        )
    for metric in value:
        if metric == "itl_s":
            raise UsageError(
                f"{place}: gaps between chunks are not kept of each call, so goodput cannot bound "
                "itl_s. Bound tpot_s, their mean by token, or stall_s, the longest of them."
            )
        if metric not in BOUNDABLE:
            raise UsageError(f"{place} bounds '{metric}'. {nearest(metric, BOUNDABLE)}")
    return tuple(
        (metric, _number(f"bounds.{metric}")(place, value[metric])) for metric in sorted(value)
    )


def _id(place: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise UsageError(f"{place}: requirement is {value!r}, which is the id of none.")
    return value


def _share(place: str, value: Any) -> float:
    share: float = _number("objective")(place, value)
    if share >= 1:
        hint = f" Is it meant as {share / 100:g}?" if 1 < share < 100 else ""
        raise UsageError(
            f"{place}: objective is {share:g}, but it is a share of good values and must be "
            f"below 1: no run can show that nothing ever fails.{hint}"
        )
    return share


_READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "metric": _known("metric", METRICS),
    "statistic": _known("statistic", STATISTICS),
    "at_most": _number("at_most"),
    "bounds": _bounds,
    "objective": _share,
    "requirement": _id,
}
_OF_EVERY_FORM = ("metric", "requirement")
_FORMS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "success": (("objective",),),
    "goodput": (("bounds", "objective"),),
}
