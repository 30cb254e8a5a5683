"""
CTRF, the Common Test Report Format: one JSON document that many reporters of CI systems read.

One test a check, one a load objective. The format knows passed, failed, skipped, pending and
other: a suite that broke is failed, and whatever was not decided, or fails as a baseline said,
is `other`, which no reader counts as passed. `rawStatus` says which of ours it was.

Source: https://github.com/ctrf-io/ctrf, schema/ctrf.schema.json.
"""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from kimi_conformance.reporting.views.service import Load
from kimi_conformance.reporting.views.view import Case, Report
from kimi_conformance.reporting.wording.visible import one_line, shortened, visible
from kimi_conformance.runs import Run
from kimi_conformance.verdicts import Verdict

__all__ = ["ctrf"]

SPECIFICATION = "0.0.0"  # all that is published so far
DETAIL_SHOWN = 20_000  # characters
TEXT_SHOWN = 1_000  # characters of any other text

_STATUSES = {
    Verdict.PASSED: "passed",
    Verdict.FAILED: "failed",
    Verdict.ERROR: "failed",
    Verdict.NOT_CLAIMED: "skipped",
    "met": "passed",
    "missed": "failed",
}
_COUNTED = ("passed", "failed", "skipped", "pending", "other")


def ctrf(run: Run, report: Report) -> bytes:
    """The report as CTRF, in UTF-8."""
    tests = [
        *(_check(case, report) for case in report.cases),
        *(test for load in report.loads for test in _load(load)),
        *([] if report.complete else [_cut_short(report)]),
    ]
    counts = Counter(test["status"] for test in tests)
    start, stop = _span(run)
    suite = run.header.get("suite") or {}
    document = {
        "reportFormat": "CTRF",
        "specVersion": SPECIFICATION,
        "reportId": str(uuid5(NAMESPACE_URL, _text(f"{report.run} {run.header.get('started')}"))),
        "generatedBy": "kimi-conformance",
        "results": {
            "tool": {"name": "kimi-conformance", "version": _text(str(suite.get("version", "")))},
            "summary": {
                "tests": len(tests),
                **{status: counts[status] for status in _COUNTED},
                "start": start,
                "stop": stop,
                "duration": stop - start,
            },
            "tests": tests,
            "environment": {
                "reportName": _text(report.run),
                "appName": _text(report.tested),
                "testEnvironment": _text(report.lane),
                "healthy": report.headline.tone == "held",
                "extra": {
                    "edition": _text(report.edition),
                    "origin": _text(report.origin),
                    "verdict": report.headline.word,
                    "because": _text(report.headline.because),
                    "complete": report.complete,
                },
            },
        },
    }
    return json.dumps(document, ensure_ascii=False, indent=1).encode() + b"\n"


def _check(case: Case, report: Report) -> dict[str, Any]:
    outcome = case.outcome
    labels = {
        "requirement": outcome.requirement,
        "level": outcome.level,
        "plane": outcome.plane,
        "adapter": outcome.sut,
        "edition": outcome.edition or report.edition,
        **({"baseline": outcome.excuse} if outcome.excuse else {}),
    }
    return _test(
        outcome.id,
        outcome.verdict,
        suite=[outcome.plane, outcome.sut, case.topic],
        seconds=outcome.seconds,
        message=outcome.reason,
        trace=outcome.detail,
        labels=labels,
    )


def _load(load: Load) -> list[dict[str, Any]]:
    return [
        _test(
            f"load/{load.scenario}/{objective.name}",
            objective.state.key,
            suite=["load", load.scenario],
            seconds=0.0,
            message="; ".join(
                [
                    f"{objective.value} (interval {objective.interval}), "
                    f"promised {objective.target}",
                    *load.warnings,
                ]
            ),
            trace=objective.definition,
            labels={"objective": objective.name, "scenario": load.scenario},
        )
        for objective in load.objectives
    ]


def _cut_short(report: Report) -> dict[str, Any]:
    return _test(
        "run/it comes to its own end",
        Verdict.ERROR,
        suite=["run"],
        seconds=0.0,
        message=report.alerts[0],
        trace="",
        labels={},
    )


def _test(
    name: str,
    state: str,
    *,
    suite: list[str],
    seconds: float,
    message: str,
    trace: str,
    labels: Mapping[str, str],
) -> dict[str, Any]:
    """A test as the format wants it; texts that say nothing are left out."""
    status = _STATUSES.get(state, "other")
    told = {"message": _text(message), "trace": visible(shortened(trace, DETAIL_SHOWN)[0])}
    return {
        "name": _text(name) or "?",
        "status": status,
        "duration": round(seconds * 1000),
        "suite": [_text(part) for part in suite],
        "rawStatus": str(state),
        **({} if status == "passed" else {key: text for key, text in told.items() if text}),
        "labels": {key: _text(value) for key, value in labels.items()},
    }


def _span(run: Run) -> tuple[int, int]:
    """When the run began and ended, in milliseconds since 1970; 0 where that is not known."""
    start = _milliseconds(run.header.get("started"))
    seconds = float(run.footer.get("seconds") or 0.0) if run.footer else 0.0
    return start, start + round(seconds * 1000)


def _milliseconds(moment: object) -> int:
    try:
        at = datetime.fromisoformat(str(moment))
    except ValueError:
        return 0
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _text(value: str) -> str:
    return visible(one_line(value, TEXT_SHOWN))
