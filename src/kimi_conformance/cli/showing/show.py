"""What a command says: progress and summary for people, JSON for machines."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from kimi_conformance.cli.keeping.drift_evidence import drift_answer
from kimi_conformance.cli.showing.changes import change_lines
from kimi_conformance.errors import RunError
from kimi_conformance.load.judging.ending import words_of
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import Run
from kimi_conformance.verdicts import Conclusion, Outcome, RunVerdict, Verdict, conclude, worst_of

__all__ = [
    "answer",
    "checks_answer",
    "drift",
    "joined",
    "objectives",
    "progress",
    "say",
    "spent",
    "summary",
]

WORST_SHOWN = 12  # failures that the summary prints; the report has them all


def say(text: str, json_file: str | None = None) -> None:
    """Print for a person: to stderr where stdout carries JSON.

    What comes from outside, as the reason of a failure does, can neither steer a terminal nor
    give a command to the CI system that reads the log.
    """
    from kimi_conformance.reporting.wording.visible import (
        printable,  # and Jinja with it: slow to import
    )

    click.echo(printable(text), err=json_file == "-")


def answer(value: Mapping[str, Any], json_file: str | None) -> None:
    """Write the machine's answer, whole or not at all, if one was asked for.

    Raises:
        RunError: The file cannot be written.
    """
    if json_file is None:
        return
    text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    if not _is_unicode(text):
        text = json.dumps(value, indent=2) + "\n"  # half a surrogate pair, as an escape
    if json_file == "-":
        click.echo(text, nl=False)
        return
    path = Path(json_file)
    # A pipe, a device or a link is written into: a file that is renamed would take its place.
    is_plain = not path.is_symlink() and (path.is_file() or not path.exists())
    written = path.with_name(path.name + ".partial") if is_plain else path
    try:
        written.write_text(text, encoding="utf-8")
        if is_plain:
            written.replace(path)
    except OSError as error:
        if is_plain:
            written.unlink(missing_ok=True)
        raise RunError(f"Cannot write {path}: {error.strerror}.") from error


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing elsewhere; call it with done and planned."""
    if not sys.stderr.isatty():
        yield _silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn(f"{title:<22}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, planned: bar.update(task, completed=done, total=planned or None)


def _silent(_done: int, _planned: int) -> None:
    """Nobody is looking."""


def checks_answer(run: Run, catalogue: Catalogue, conclusion: Conclusion) -> dict[str, Any]:
    """The answer of `check`, `gate` and `nightly`: verdict, counts and every check."""
    return {
        "verdict": conclusion.verdict.value,
        "because": conclusion.because,
        "edition": run.header.get("edition"),
        "source": run.header.get("source"),
        "counts": {
            **{verdict.value: count for verdict, count in conclusion.counts.items()},
            "declared": conclusion.declared,
            "applicable": conclusion.applicable,
            "decided": conclusion.decided,
        },
        "checks": [
            {**_check(outcome), "edition": run.header.get("edition"), **_sample(run, outcome)}
            for outcome in run.outcomes(catalogue)
        ],
        "drift": None if run.looked is None else drift_answer(run.looked, run.drifts),
        "loads": [dict(load) for load in run.loads],
        "spent": _spent(run),
        "parts": list(run.footer.get("parts", ())) if run.footer else [],
    }


def _sample(run: Run, outcome: Outcome) -> dict[str, Any]:
    """What a check that is decided by a share found: good of total, interval, what more needs."""
    hidden = {"record", "check", "sut", "requirement"}
    for sample in run.samples:
        if (sample["check"], sample["sut"]) == (outcome.id, outcome.sut):
            return {"sample": {k: v for k, v in sample.items() if k not in hidden}}
    return {}


def _spent(run: Run) -> dict[str, int] | None:
    """What a live run sent and asked for; None for any other."""
    if not run.budgets:
        return None
    names = ("requests", "tokens", "refused")
    return {name: sum(budget[name] for budget in run.budgets) for name in names}


def spent(run: Run) -> Iterator[str]:
    """A line on what a live run took, if it was one."""
    if found := _spent(run):
        yield f"Sent: {found['requests']:,} requests; asked for: {found['tokens']:,} tokens"


def drift(run: Run) -> Iterator[str]:
    """What was found of drift, and what was not looked at, if it was looked for."""
    if run.looked is None:
        return
    yield f"\nDrift: {run.looked['because']}"
    yield from change_lines(run.drifts[:WORST_SHOWN])
    if len(run.drifts) > WORST_SHOWN:
        yield f"  … and {len(run.drifts) - WORST_SHOWN} more, all in the report"
    for reason, count in run.looked["left"].items():
        yield f"  not compared: {count}, {reason}"


def joined(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The answers of several runs, one an edition, as one: the worst verdict, every check."""
    worst = worst_of(RunVerdict(answer["verdict"]) for answer in answers)
    decisive = [answer for answer in answers if answer["verdict"] == worst]
    counts = Counter[str]()
    for answer in answers:
        counts.update(answer["counts"])
    return {
        "verdict": worst.value,
        "because": "; ".join(f"{each['edition']}: {each['because']}" for each in decisive),
        "edition": ", ".join(answer["edition"] for answer in answers),
        "source": ", ".join(dict.fromkeys(answer["source"] for answer in answers)),
        "counts": dict(counts),
        "checks": [check for answer in answers for check in answer["checks"]],
        "drift": None,
        "loads": [load for answer in answers for load in answer["loads"]],
        "parts": [],
        "spent": None,  # several editions are judged offline only
    }


def _check(outcome: Outcome) -> dict[str, Any]:
    return {
        "id": outcome.id,
        "requirement": outcome.requirement,
        "level": outcome.level.value,
        "plane": outcome.plane.value,
        "adapter": outcome.sut if outcome.plane == "adapter" else None,
        "endpoint": outcome.sut if outcome.plane == "endpoint" else None,
        "verdict": outcome.verdict.value,
        "seconds": outcome.seconds,
        "reason": outcome.reason,
    }


def summary(run: Run, catalogue: Catalogue) -> list[str]:
    """A line for each SUT, then what did not hold."""
    outcomes = run.outcomes(catalogue)
    lines = [
        _sut_line(sut, [o for o in outcomes if o.sut == sut])
        for sut in dict.fromkeys(o.sut for o in outcomes)
    ]
    wrong = [
        outcome
        for outcome in outcomes
        if outcome.verdict in {Verdict.FAILED, Verdict.ERROR, Verdict.INCONCLUSIVE}
    ]
    order = (Verdict.FAILED, Verdict.ERROR, Verdict.INCONCLUSIVE)
    wrong.sort(key=lambda outcome: order.index(outcome.verdict))
    for outcome in wrong[:WORST_SHOWN]:
        lines.append(
            f"  {outcome.verdict.value:<12} {outcome.requirement:<13} {outcome.sut}: {outcome.id}"
        )
        lines.append(f"  {'':<12} {_short(outcome.reason)}")
    if len(wrong) > WORST_SHOWN:
        lines.append(f"  … and {len(wrong) - WORST_SHOWN} more, all in the report")
    return lines


def _sut_line(sut: str, outcomes: Sequence[Outcome]) -> str:
    conclusion = conclude(outcomes)
    counts = ", ".join(
        f"{count} {verdict.value.replace('_', ' ')}"
        for verdict, count in conclusion.counts.items()
        if count
    )
    return f"{sut:<12} {conclusion.verdict.value:<14} {counts}"


def _short(reason: str) -> str:
    line = reason.splitlines()[0] if reason else ""
    return line if len(line) <= 150 else f"{line[:149]}…"


def objectives(load: Mapping[str, Any]) -> list[str]:
    """A line for each objective of a load."""
    lines = [
        f"{load['scenario']}: {load['requests']} requests in {load['duration_s']:.0f} s"
        + ("" if load["valid"] else f"; INVALID: {'; '.join(load['invalid_because'])}")
        + ("" if load["complete"] else f"; CUT SHORT: {load.get('ended_because') or load['ended']}")
    ]
    lines += [f"  {text}" for text in words_of(load)]
    for each in load["objectives"]:
        sign = "≥" if each["comparison"] == "at_least" else "≤"
        value = "no data" if each["value"] is None else f"{each['value']:.4g}"
        between = _between(each["low"], each["high"])
        lines.append(
            f"  {each['verdict']:<10} {each['name']:<16} {value} {sign} {each['target']:g}{between}"
        )
    return lines


def _between(low: float | None, high: float | None) -> str:
    """The interval behind a value; one side may be open."""
    if low is None and high is None:
        return ""
    if low is None:
        return f"  (up to {high:.4g})"
    return f"  (from {low:.4g})" if high is None else f"  ({low:.4g} to {high:.4g})"
