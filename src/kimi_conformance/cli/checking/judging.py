"""Judged runs from beginning to end: check, gate and nightly differ only in what goes in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from kimi_conformance.adapters.registry import factory_of
from kimi_conformance.cli.asking.offered import hints
from kimi_conformance.cli.asking.target import Target
from kimi_conformance.cli.checking.pytest_child import CheckRun, paths_of, run_side_by_side
from kimi_conformance.cli.checking.shares import in_shares
from kimi_conformance.cli.keeping.run_folder import RunFolder, read_run
from kimi_conformance.cli.showing import show
from kimi_conformance.cli.showing.ci import tell_ci
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import Run
from kimi_conformance.suite import Suite
from kimi_conformance.verdicts import RunVerdict, worst_of

__all__ = ["Part", "judge", "judge_each", "judged_load", "plan_of", "source_name"]

Part = Callable[[RunFolder], tuple[RunVerdict, str]]


def judge(
    suite: Suite,
    job: str,
    target: Target,
    plan: CheckRun,
    *,
    out: Path,
    json_file: str | None,
    parts: Mapping[str, Part] | None = None,
) -> int:
    """Run the checks, then what else belongs to the run; report; say the verdict.

    Args:
        suite: The content.
        job: The command's name.
        target: What answers.
        plan: Which checks on whom.
        out: Where the run's folder is made.
        json_file: Where the machine's answer goes, or None.
        parts: "drift" and "load", in their order: each adds its records to the folder and says
            its verdict.

    Returns:
        The exit code.
    """
    return judge_each(suite, job, [(target, plan)], out=out, json_file=json_file, parts=parts)


def judge_each(
    suite: Suite,
    job: str,
    runs: Sequence[tuple[Target, CheckRun]],
    *,
    out: Path,
    json_file: str | None,
    parts: Mapping[str, Part] | None = None,
) -> int:
    """As `judge` for several runs, one an edition: checked side by side, reported in turn.

    The worst verdict is that of all; an answer for machines holds the checks of all.
    """
    catalogue = suite.catalogue()
    for _, plan in runs:
        _look_at(plan, suite, catalogue)
    folders = [_begin(job, target, plan, out, several=len(runs) > 1) for target, plan in runs]
    plans = [(plan, folder.evidence) for (_, plan), folder in zip(runs, folders, strict=True)]
    try:
        with show.progress("checks") as progress:
            shares = in_shares(plans, suite) if job == "gate" else plans
            run_side_by_side(shares, suite, progress)
    except KeyboardInterrupt:
        raise click.Abort(_stopped(folders)) from None
    found, answers, verdicts = [], [], []
    for (target, _), folder in zip(runs, folders, strict=True):
        if len(runs) > 1:
            show.say(f"\nEdition {target.edition}", json_file)
        run, answer, verdict = _conclude(suite, catalogue, folder, json_file, parts or {})
        found.append(run)
        answers.append(answer)
        verdicts.append(verdict)
    tell_ci(found, suite, catalogue, json_file)
    show.answer(answers[0] if len(answers) == 1 else show.joined(answers), json_file)
    return worst_of(verdicts).exit_code


def _stopped(folders: Sequence[RunFolder]) -> str:
    """What to say where somebody stopped the run: what it had found is kept."""
    kept = " and ".join(str(folder.folder) for folder in folders)
    return (
        f"Stopped. What was found until then is in {kept}; to see it: kimi-conformance report "
        f"{folders[-1].folder}"
    )


def _look_at(plan: CheckRun, suite: Suite, catalogue: Catalogue) -> None:
    """Whatever is named wrongly is said before anything is run."""
    paths_of(plan, suite)
    for spec in plan.adapters:
        factory_of(spec)
    if plan.baseline is not None:
        suite.read_baseline(plan.baseline)
    for id in plan.requirements:
        catalogue[id]


def _begin(job: str, target: Target, plan: CheckRun, out: Path, *, several: bool) -> RunFolder:
    folder = RunFolder.begin(
        out,
        job,
        lane=target.lane,
        source=source_name(target),
        edition=target.edition,
        configuration=_configuration(target, plan),
        named_by_edition=several,
    )
    if target.requests:
        from kimi_conformance.stage import Budget  # not for recordings: the stage is dear

        spent = asdict(Budget(requests=target.requests))
        folder.append({"record": "budget", "part": "inspection", **spent})
    return folder


def _conclude(
    suite: Suite,
    catalogue: Catalogue,
    folder: RunFolder,
    json_file: str | None,
    parts: Mapping[str, Part],
) -> tuple[Run, Mapping[str, Any], RunVerdict]:
    """Do the other parts of one run, judge and report it; evidence, answer and verdict of it."""
    told = {name: part(folder) for name, part in parts.items()}
    checks = RunVerdict.CONFORMANT, ""
    run = read_run(folder.evidence)
    if run.refused:
        text = f"the budget ended the run: {run.refused} requests were not sent"
        checks = RunVerdict.INCONCLUSIVE, text
    conclusion = folder.conclude(catalogue, run, checks=checks, parts=told)
    run = read_run(folder.evidence)  # with its footer
    files = folder.report(suite, run)
    for line in show.summary(run, catalogue):
        show.say(line, json_file)
    for line in (*hints(run.checks, catalogue), *show.spent(run)):
        show.say(line, json_file)
    for line in show.drift(run):
        show.say(line, json_file)
    for record in run.loads:
        for line in show.objectives(record):
            show.say(line, json_file)
    show.say(f"\n{conclusion.verdict.value}: {conclusion.because}", json_file)
    show.say(f"Report: {files['html']}", json_file)
    return run, show.checks_answer(run, catalogue, conclusion), conclusion.verdict


def source_name(target: Target) -> str:
    """What answered, named honestly: a recording of the simulator is not called live."""
    if target.lane == "live":
        return f"live ({target.base_url})"
    return {"cassette": "recordings", "simulator": "embedded simulator"}[target.lane]


def judged_load(record: Mapping[str, Any]) -> tuple[RunVerdict, str]:
    """What the objectives of a load mean for the run."""
    name = record["scenario"]
    missed = [each["name"] for each in record["objectives"] if each["verdict"] == "missed"]
    open_ones = [each["name"] for each in record["objectives"] if each["verdict"] == "undecided"]
    if not record["valid"]:
        reasons = "; ".join(record["invalid_because"])
        return RunVerdict.INCONCLUSIVE, f"the load test {name} is invalid: {reasons}"
    if missed:
        return RunVerdict.NOT_CONFORMANT, f"{name} missed {', '.join(missed)}"
    if open_ones:
        why = f", since {record['ended_because']}" if record.get("ended_because") else ""
        return RunVerdict.INCONCLUSIVE, f"{name} leaves {', '.join(open_ones)} undecided{why}"
    return RunVerdict.CONFORMANT, ""


def _configuration(target: Target, plan: CheckRun) -> dict[str, Any]:
    """The settings of this run, without the key."""
    return {
        "lane": target.lane,
        "base_url": target.base_url,
        "model": target.model,
        "model_is": plan.model_is,
        "without": list(plan.without),
        "samples": plan.samples,
        "adapters": list(plan.adapters),
        "plane": plan.plane,
        "requirements": list(plan.requirements),
        "baseline": None if plan.baseline is None else str(plan.baseline),
        "max_requests": plan.max_requests,
        "max_tokens": plan.max_tokens,
        "max_cost": plan.max_cost,
        "rpm": plan.rpm,
        "concurrency": plan.concurrency,
        "time_total": plan.time_total,
        "time_limit_s": plan.time_limit,
    }


def plan_of(target: Target, adapters: Sequence[str], **chosen: Any) -> CheckRun:
    """The checks of a run against a target."""
    run = CheckRun(
        lane=target.lane,
        edition=target.edition,
        adapters=adapters,
        base_url=target.base_url,
        api_key=target.api_key,
        model=target.model,
        sent=target.requests,
    )
    return replace(run, **{key: value for key, value in chosen.items() if value is not None})
