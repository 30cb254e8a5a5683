"""
Annotations of a GitHub job: workflow commands, one a cause, that appear beside the code.

What breaks the run is an error, what could not be decided or breaks a SHOULD a warning, what a
baseline foretold a notice. GitHub shows ten of each kind for a step, so the tenth says how
many more there are.

Source: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands and,
for the escaping, `escapeData` and `escapeProperty` of github.com/actions/toolkit.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kimi_conformance.reporting.views.causes import Cause
from kimi_conformance.reporting.views.view import Report
from kimi_conformance.reporting.wording.visible import one_line, visible

__all__ = ["MOST", "annotations"]

MOST = 10  # of one kind that GitHub shows for one step

_KINDS = ("error", "warning", "notice")
_OF_OBJECTIVES = {"missed": "error", "undecided": "warning"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Annotation:
    kind: str
    title: str
    message: str
    file: str = ""


def annotations(reports: Sequence[Report]) -> bytes:
    """The annotations of the runs of one step, a line each, in UTF-8; errors first."""
    found = [one for report in reports for one in _found(report)]
    lines = [
        _line(one)
        for kind in _KINDS
        for one in _limited(kind, [one for one in found if one.kind == kind])
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def _found(report: Report) -> Iterator[_Annotation]:
    if not report.complete:
        yield _Annotation(kind="error", title="Cut short", message=report.alerts[0])
    for cause in report.failures:
        musts = any(requirement.level == "MUST" for requirement in cause.requirements)
        yield _of_cause(cause, "error" if musts or _is_lapsed(cause, report) else "warning")
    for cause in report.undecided:
        yield _of_cause(cause, "warning")
    for cause in report.known:
        yield _of_cause(cause, "notice")
    for load in report.loads:
        for objective in load.objectives:
            if objective.state.key in _OF_OBJECTIVES:
                yield _Annotation(
                    kind=_OF_OBJECTIVES[objective.state.key],
                    title=f"{load.scenario}: {objective.label} {objective.state.word}",
                    message=f"{objective.value} (interval {objective.interval}), "
                    f"promised {objective.target}",
                    file="loadtests/slo.toml",
                )


def _is_lapsed(cause: Cause, report: Report) -> bool:
    """Whether a baseline excuses it no longer: that breaks the run at any level."""
    members = {(member.check, member.sut) for member in cause.members}
    return any(
        case.outcome.excuse in {"stale", "expired"}
        for case in report.cases
        if (case.outcome.id, case.outcome.sut) in members
    )


def _of_cause(cause: Cause, kind: str) -> _Annotation:
    ids = [requirement.id for requirement in cause.requirements]
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    first = cause.requirements[0]
    checks = f"{cause.checks} check{'' if cause.checks == 1 else 's'}"
    lines = (
        cause.reason,
        first.text if len(ids) == 1 else "",
        f"{checks} of {', '.join(cause.suts)}",
        f"Source: {first.source}" if len(ids) == 1 and first.source else "",
    )
    return _Annotation(
        kind=kind,
        title=f"{', '.join(ids[:3])}{more} {cause.state.word}",
        message="\n".join(one_line(line) for line in lines if line),
        file=f"conformance/requirements/{first.topic}.toml" if first.known else "",
    )


def _limited(kind: str, found: Sequence[_Annotation]) -> Iterable[_Annotation]:
    if len(found) <= MOST:
        return found
    left = len(found) - MOST + 1
    rest = _Annotation(kind=kind, title=f"{left} more", message="All of them are in the report.")
    return [*found[: MOST - 1], rest]


def _line(one: _Annotation) -> str:
    file = f"file={_property(one.file)}," if one.file else ""
    return f"::{one.kind} {file}title={_property(one_line(one.title, 200))}::{_data(one.message)}"


def _data(text: str) -> str:
    """The message: after it is made visible, a line feed is all that could end the command."""
    return visible(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
