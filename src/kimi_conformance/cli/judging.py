"""One judged run from beginning to end: check, gate and nightly differ only in what goes in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kimi_conformance.adapters.registry import factory_of
from kimi_conformance.cli import show
from kimi_conformance.cli.pytest_child import CheckRun, run_checks
from kimi_conformance.cli.run_folder import RunFolder, read_run
from kimi_conformance.cli.target import Target
from kimi_conformance.suite import Suite
from kimi_conformance.verdicts import RunVerdict

__all__ = ["judge"]

Load = Callable[[Path], Mapping[str, Any]]


def judge(
    suite: Suite,
    job: str,
    target: Target,
    plan: CheckRun,
    *,
    out: Path,
    json_file: str | None,
    load: Load | None = None,
) -> int:
    """Run the checks, and the load if there is one; report; say the verdict.

    Args:
        suite: The content.
        job: The command's name.
        target: What answers.
        plan: Which checks on whom.
        out: Where the run's folder is made.
        json_file: Where the machine's answer goes, or None.
        load: Runs a load scenario in the given folder and returns its record.

    Returns:
        The exit code.
    """
    for spec in plan.adapters:
        factory_of(spec)  # a wrong name is said before anything is run
    catalogue = suite.catalogue()
    for id in plan.requirements:
        catalogue[id]
    folder = RunFolder.begin(
        out,
        job,
        lane=target.lane,
        source=source_name(target),
        edition=target.edition,
        configuration=_configuration(target, plan),
    )
    with show.progress("checks") as progress:
        run_checks(plan, suite, folder.evidence, progress)
    worst, because = RunVerdict.CONFORMANT, ""
    if load is not None:
        record = load(folder.folder)
        folder.append(record)
        worst, because = judged_load(record)
    conclusion = folder.conclude(catalogue, worst=worst, because=because)
    files = folder.report(suite)
    run = read_run(folder.evidence)
    for line in show.summary(run, catalogue):
        show.say(line, json_file)
    for record in run.loads:
        for line in show.objectives(record):
            show.say(line, json_file)
    show.say(f"\n{conclusion.verdict.value}: {conclusion.because}", json_file)
    show.say(f"Report: {files['html']}", json_file)
    show.answer(show.checks_answer(run, catalogue, conclusion), json_file)
    return conclusion.verdict.exit_code


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
        return RunVerdict.INCONCLUSIVE, f"{name} leaves {', '.join(open_ones)} undecided"
    return RunVerdict.CONFORMANT, ""


def _configuration(target: Target, plan: CheckRun) -> dict[str, Any]:
    """The settings of this run, without the key."""
    return {
        "lane": target.lane,
        "base_url": target.base_url,
        "model": target.model,
        "adapters": list(plan.adapters),
        "plane": plan.plane,
        "requirements": list(plan.requirements),
        "max_requests": plan.max_requests,
        "max_tokens": plan.max_tokens,
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
    )
    return replace(run, **{key: value for key, value in chosen.items() if value is not None})
