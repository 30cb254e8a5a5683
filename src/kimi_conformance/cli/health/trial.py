"""One real check, and a start of pytest as users start it."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kimi_conformance.cli.health.finding import Finding, broken, hint, well
from kimi_conformance.errors import KimiConformanceError

__all__ = ["Own", "Trial", "findings", "observe", "observe_own", "own_findings"]

# Asks for the list of models twice: the stage, the simulator and the laws have a part in it.
REQUIREMENT, TOPIC = "EP-MODELS-02", "models"
PATIENCE = 60.0  # seconds
NOTHING_COLLECTED = 5  # how pytest ends where there are no tests
_SHOWN = 300  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of one check on the embedded simulator.

    Attributes:
        verdicts: Of the check; () where it was not run.
        wrong: Why it did not come to an end, or "".
    """

    verdicts: tuple[str, ...]
    wrong: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """How pytest starts with all plugins of this environment.

    Attributes:
        code: Its exit code where it finds no tests; None: it did not end.
        told: The last of what it wrote.
    """

    code: int | None
    told: str


def observe() -> Trial:
    """Run one check in a child, on the simulator; nothing of it is kept."""
    from kimi_conformance import suite as suites
    from kimi_conformance.cli.checking.pytest_child import CheckRun, run_checks
    from kimi_conformance.cli.keeping.run_folder import RunFolder, read_run

    with tempfile.TemporaryDirectory(prefix="kimi-conformance-doctor-") as place:
        try:
            suite = suites.find()
            edition = list(suite.editions())[-1]
            run = CheckRun(
                lane="simulator",
                edition=edition,
                plane="endpoint",
                requirements=(REQUIREMENT,),
                topics=(TOPIC,),
            )
            folder = RunFolder.begin(
                Path(place),
                "doctor",
                lane="simulator",
                source="embedded simulator",
                edition=edition,
                configuration={},
            )
            run_checks(run, suite, folder.evidence)
            checks = [
                outcome
                for outcome in read_run(folder.evidence).checks
                if outcome.requirement == REQUIREMENT
            ]
        except (KimiConformanceError, OSError) as error:
            return Trial(verdicts=(), wrong=str(error))
    return Trial(verdicts=tuple(outcome.verdict.value for outcome in checks))


def observe_own() -> Own:
    """Start pytest in an empty folder, with whatever plugins load themselves."""
    with tempfile.TemporaryDirectory(prefix="kimi-conformance-doctor-") as place:
        try:
            ended = subprocess.run(  # noqa: S603 - our own interpreter
                [sys.executable, "-m", "pytest", "--collect-only", "-q", "--rootdir", place, place],
                cwd=place,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return Own(code=None, told=str(error))
    lines = (ended.stdout + ended.stderr).strip().splitlines()
    return Own(code=ended.returncode, told=lines[-1][:_SHOWN] if lines else "")


def findings(seen: Trial) -> Iterator[Finding]:
    """What is to be said of the check."""
    if seen.wrong:
        yield broken(
            "trial",
            seen.wrong,
            "No check can be run.",
            "Mend what is said above; else: pip install --force-reinstall kimi-conformance",
        )
    elif not seen.verdicts or set(seen.verdicts) != {"passed"}:
        yield broken(
            "trial",
            f"{REQUIREMENT} on the simulator: {', '.join(seen.verdicts) or 'not run'}",
            "What must hold of the suite's own simulator does not hold here.",
            f"kimi-conformance check --lane simulator --requirement {REQUIREMENT}",
        )
    else:
        yield well("trial", f"{REQUIREMENT} passed on the simulator, in a pytest of its own")


def own_findings(seen: Own) -> Iterator[Finding]:
    """What is to be said of the user's own pytest; the command starts one without strangers."""
    if seen.code == NOTHING_COLLECTED:
        yield well("your pytest", "starts with all plugins of this environment")
    else:
        yield hint(
            "your pytest",
            f"does not start: {seen.told or 'it said nothing'}",
            "Plugins of this environment are at odds; the command's own pytest loads none of them.",
            "Name the one that is at fault: pytest --collect-only -p no:NAME",
        )
