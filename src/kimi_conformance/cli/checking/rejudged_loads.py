"""Loads of a run, judged again by the objectives of today, from the samples beside the run."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kimi_conformance.cli.checking.differences import Difference, Findings, Left
from kimi_conformance.cli.keeping.damage import OF_VALUES
from kimi_conformance.errors import RunError
from kimi_conformance.load.running.launch import judge_samples
from kimi_conformance.slo import Objectives

__all__ = ["judged_again"]


def judged_again(
    records: Sequence[Mapping[str, Any]],
    folder: Path,
    objectives: Objectives,
    found: Findings,
) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """Each load's record of today, and whether it was judged again."""
    for record in records:
        scenario, file = str(record["scenario"]), folder / Path(record["samples"]["file"]).name
        try:
            again = _load(record, file, objectives)
        except (RunError, *OF_VALUES) as error:
            found.left.append(Left(what="load", id=scenario, why=f"{error!s:.500}"))
            yield record, False
            continue
        found.differences += _objectives(record, again)
        yield again, True


def _load(record: Mapping[str, Any], file: Path, objectives: Objectives) -> Mapping[str, Any]:
    again = judge_samples(file, objectives)
    if again["samples"]["sha256"] != record["samples"]["sha256"]:
        raise RunError(f"{file} is not the file that the run was judged by: its digest is another.")
    return again


def _objectives(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Difference]:
    """The objectives of one scenario that are judged otherwise, or are there only once."""
    before, after = ({each["name"]: each for each in one["objectives"]} for one in (was, now))
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if old and new and old["verdict"] == new["verdict"]:
            continue
        yield Difference(
            what="objective",
            id=f"{was['scenario']}/{name}",
            sut="",
            was=str(old["verdict"]) if old else "not promised",
            now=str(new["verdict"]) if new else "not promised",
            because=_why(old, new) or _validity(was, now) or _measured(old, new),
        )


def _why(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> str:
    """What changed in the promise, or ""."""
    if old is None or new is None:
        return "objective changed: it was taken out" if new is None else "objective changed: new"
    if old["target"] != new["target"]:
        return f"objective changed: {old['target']:g} was promised, {new['target']:g} is"
    if old.get("definition") != new.get("definition"):
        return "objective changed: something else is measured"
    return ""


def _validity(was: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    words = {True: "valid", False: "not valid"}
    if was["valid"] == now["valid"]:
        return ""
    reasons = f": {'; '.join(now['invalid_because'])}" if now["invalid_because"] else ""
    then, today = words[was["valid"]], words[now["valid"]]
    return f"suite changed: the measurement was {then}, and is {today}{reasons}"


def _measured(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> str:
    values = [each["value"] if each else None for each in (old, new)]
    return f"suite changed: it measured {values[0]}, and measures {values[1]}"
