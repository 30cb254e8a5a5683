"""JUnit's XML: of the common shape, complete, and safe against what an API may answer."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from tests.reporting.hostile import HOSTILE, hostile_run

from kimi_conformance.reporting import Report, junit, view
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import Run
from kimi_conformance.verdicts import Verdict

Make = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def report(run: Run, catalogue: Catalogue) -> Report:
    return view(run, catalogue)


# The shape that Jenkins' schema (junit-10.xsd) and Ant's have in common, with the properties
# of a test case that pytest introduced and the readers of today know.
_CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase"},
    "testcase": {"properties", "skipped", "error", "failure"},
    "properties": {"property"},
}
_REQUIRED = {
    "testsuite": {"name", "tests", "failures", "errors"},
    "testcase": {"name", "classname", "time"},
    "property": {"name", "value"},
}
_ALLOWED = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "time", "skipped"},
    "testcase": {"name", "classname", "time"},
    "property": {"name", "value"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
}


def check_shape(root: ET.Element) -> None:
    for element in root.iter():
        assert {child.tag for child in element} <= _CHILDREN.get(element.tag, set())
        assert set(element.keys()) >= _REQUIRED.get(element.tag, set())
        assert set(element.keys()) <= _ALLOWED.get(element.tag, set())
        if element.tag == "testcase":
            assert len([child for child in element if child.tag != "properties"]) <= 1
        assert re.fullmatch(r"[0-9]*(\.[0-9]*)?", element.get("time", ""))


def test_the_xml_has_the_common_shape_and_counts_itself(report: Report) -> None:
    root = ET.fromstring(junit(report))

    check_shape(root)
    for suite in root:
        cases = suite.findall("testcase")
        assert int(suite.get("tests", "")) == len(cases)
        for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(key, "")) == sum(case.find(tag) is not None for case in cases)
    assert int(root.get("tests", "")) == sum(int(suite.get("tests", "")) for suite in root)


def test_each_check_has_its_properties(report: Report) -> None:
    cases = ET.fromstring(junit(report)).findall("./testsuite[@name='adapter/openai']/testcase")
    properties = [
        {one.get("name"): one.get("value") for one in case.findall("properties/property")}
        for case in cases
    ]

    assert len(cases) == 53
    assert properties[0] == {
        "requirement": "AUTH-01",
        "level": "MUST",
        "plane": "adapter",
        "adapter": "openai",
        "edition": "2025-09",
    }


@pytest.mark.parametrize(
    ("verdict", "tag", "message"),
    [
        ("failed", "failure", "because"),
        ("error", "error", "because"),
        ("not_claimed", "skipped", "not_claimed: because"),
        ("inconclusive", "skipped", "inconclusive: because"),
        ("known_failure", "skipped", "known_failure: because"),
    ],
)
def test_each_verdict_has_its_element(
    run: Run, catalogue: Catalogue, verdict: str, tag: str, message: str
) -> None:
    check = replace(run.checks[0], verdict=Verdict(verdict), reason="because", detail="all of it")
    report = view(replace(run, checks=[check], laws=[], loads=[]), catalogue)

    (element,) = ET.fromstring(junit(report)).findall(f".//testcase/{tag}")

    assert (element.get("message"), element.get("type")) == (message, verdict)
    assert element.text == "all of it"


def test_objectives_are_cases_too(report: Report) -> None:
    suite = ET.fromstring(junit(report)).find("./testsuite[@name='load/steady_chat']")

    assert suite is not None
    results = {case.get("name"): [child.tag for child in case] for case in suite}
    assert results["success_rate"] == []
    assert results["cpu_percent"] == ["skipped"]
    assert results["ttft"] == ["failure"]


def test_a_run_cut_short_is_red_for_a_machine(run: Run, catalogue: Catalogue) -> None:
    root = ET.fromstring(junit(view(replace(run, footer=None), catalogue)))

    (error,) = root.findall("./testsuite[@name='run']/testcase/error")
    assert "cut short" in (error.get("message") or "")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_xml_of_hostile_text_parses_and_keeps_its_shape(
    text: str, run: Run, catalogue: Catalogue, exchange: Make, load_record: Make
) -> None:
    hostile = view(hostile_run(run, exchange, load_record, text), catalogue)

    root = ET.fromstring(junit(hostile))

    check_shape(root)
    assert len(root.findall(".//testcase/failure")) == 1
