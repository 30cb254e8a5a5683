"""
JUnit XML, as Jenkins, GitLab and GitHub actions read it.

One suite a SUT, one case a check, one suite a load scenario with a case an objective. The
format knows no third state, so whatever was not decided is `skipped`, and its message begins
with what it was. A run that was cut short has a case that says so, in error.
"""

from collections import defaultdict
from collections.abc import Mapping
from xml.etree import ElementTree as ET

from kimi_conformance.reporting.views.service import Load
from kimi_conformance.reporting.views.view import Case, Report
from kimi_conformance.reporting.wording.visible import one_line, shortened, visible
from kimi_conformance.verdicts import Verdict

__all__ = ["junit"]

DETAIL_SHOWN = 20_000  # characters
NAME_SHOWN = 1_000  # characters of an attribute

_ELEMENTS = {
    Verdict.FAILED: "failure",
    Verdict.ERROR: "error",
    Verdict.NOT_CLAIMED: "skipped",
    Verdict.INCONCLUSIVE: "skipped",
    Verdict.KNOWN_FAILURE: "skipped",
    "missed": "failure",
    "undecided": "skipped",
}
_COUNTS = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def junit(report: Report) -> bytes:
    """The report as JUnit XML in UTF-8."""
    root = _element("testsuites", {"name": f"kimi-conformance {report.run}"})
    by_sut: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in report.cases:
        by_sut[case.outcome.plane, case.outcome.sut].append(case)
    for (plane, sut), cases in by_sut.items():
        root.append(_sut_suite(f"{plane}/{sut}", cases, report))
    for load in report.loads:
        root.append(_load_suite(load))
    if not report.complete:
        root.append(_cut_short(report))
    suites = list(root)
    _count(root, [case for suite in suites for case in suite.iter("testcase")], skipped=False)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _sut_suite(name: str, cases: list[Case], report: Report) -> ET.Element:
    suite = _element("testsuite", {"name": name})
    suite.append(_properties({"run": report.run, "edition": report.edition, "lane": report.lane}))
    suite.extend(_check_case(case, report) for case in cases)
    _count(suite, suite.findall("testcase"))
    return suite


def _check_case(case: Case, report: Report) -> ET.Element:
    outcome = case.outcome
    element = _case(
        f"{outcome.plane}.{case.topic}.{outcome.sut}",
        outcome.id,
        outcome.verdict,
        outcome.reason,
        outcome.detail,
        outcome.seconds,
    )
    properties = {
        "requirement": outcome.requirement,
        "level": outcome.level,
        "plane": outcome.plane,
        "adapter": outcome.sut,
        "edition": outcome.edition or report.edition,
        **({"baseline": outcome.excuse} if outcome.excuse else {}),
    }
    element.insert(0, _properties(properties))
    return element


def _load_suite(load: Load) -> ET.Element:
    suite = _element("testsuite", {"name": f"load/{load.scenario}"})
    for objective in load.objectives:
        kept = f"{objective.value} (interval {objective.interval}), promised {objective.target}"
        reason = "; ".join([kept, *load.warnings])
        state, definition = objective.state.key, objective.definition
        suite.append(_case(f"load.{load.scenario}", objective.name, state, reason, definition, 0.0))
    _count(suite, suite.findall("testcase"))
    return suite


def _cut_short(report: Report) -> ET.Element:
    suite = _element("testsuite", {"name": "run"})
    name = "the run comes to its own end"
    suite.append(_case("run", name, Verdict.ERROR, report.alerts[0], "", 0.0))
    _count(suite, suite.findall("testcase"))
    return suite


def _case(
    classname: str, name: str, state: str, reason: str, detail: str, seconds: float
) -> ET.Element:
    case = _element("testcase", {"classname": classname, "name": name, "time": f"{seconds:.3f}"})
    tag = _ELEMENTS.get(state)
    if tag:
        message = reason if tag in {"failure", "error"} else f"{state}: {reason}"
        result = _element(tag, {"type": str(state), "message": one_line(message)})
        result.text = visible(shortened(detail, DETAIL_SHOWN)[0])
        case.append(result)
    return case


def _properties(values: Mapping[str, str]) -> ET.Element:
    element = ET.Element("properties")
    for name, value in values.items():
        element.append(_element("property", {"name": name, "value": str(value)}))
    return element


def _count(suite: ET.Element, cases: list[ET.Element], *, skipped: bool = True) -> None:
    suite.set("tests", str(len(cases)))
    for name, tag in _COUNTS.items():
        if skipped or name != "skipped":
            suite.set(name, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", f"{sum(float(case.get('time', '0')) for case in cases):.3f}")


def _element(tag: str, attributes: Mapping[str, str]) -> ET.Element:
    shown = {name: visible(one_line(value, NAME_SHOWN)) for name, value in attributes.items()}
    return ET.Element(tag, shown)
