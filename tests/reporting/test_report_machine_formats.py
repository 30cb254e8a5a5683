"""
What programs read: CTRF, OpenMetrics, badge and annotations, each by a reader of its own.

Long because every format also meets hostile text, in one test that needs all of their readers.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from prometheus_client import parser as older_parser
from prometheus_client.openmetrics import parser
from tests.reporting.hostile import HOSTILE, hostile_run

from kimi_conformance.reporting import (
    Report,
    annotations,
    badge,
    ctrf,
    junit,
    markdown,
    openmetrics,
    view,
)
from kimi_conformance.reporting.wording.visible import INVISIBLE, printable
from kimi_conformance.requirements import Catalogue, Level
from kimi_conformance.runs import Run
from kimi_conformance.verdicts import Excuse, Verdict

Make = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def report(run: Run, catalogue: Catalogue) -> Report:
    return view(run, catalogue)


# CTRF: the shape that ctrf-io/ctrf publishes, of the parts that we write.
TEXT, COUNT = {"type": "string"}, {"type": "integer", "minimum": 0}
STATUSES = ("passed", "failed", "skipped", "pending", "other")


def closed(required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": required.split(),
        "properties": properties,
        "additionalProperties": False,
    }


CTRF = Draft202012Validator(
    closed(
        "results reportFormat specVersion",
        reportFormat={"const": "CTRF"},
        specVersion={"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$"},
        reportId={"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"},
        generatedBy=TEXT,
        results=closed(
            "tool summary tests",
            tool=closed("name", name={"type": "string", "minLength": 1}, version=TEXT),
            summary=closed(
                "tests passed failed skipped pending other start stop",
                tests=COUNT,
                **dict.fromkeys(STATUSES, COUNT),
                start=COUNT,
                stop=COUNT,
                duration=COUNT,
            ),
            tests={
                "type": "array",
                "items": closed(
                    "name status duration",
                    name={"type": "string", "minLength": 1},
                    status={"enum": list(STATUSES)},
                    duration=COUNT,
                    suite={"type": "array", "minItems": 1, "items": TEXT},
                    message=TEXT,
                    trace=TEXT,
                    rawStatus=TEXT,
                    labels={"type": "object", "additionalProperties": TEXT},
                ),
            },
            environment=closed(
                "",
                reportName=TEXT,
                appName=TEXT,
                testEnvironment=TEXT,
                healthy={"type": "boolean"},
                extra={"type": "object"},
            ),
        ),
    )
)


def read_ctrf(run: Run, report: Report) -> dict[str, Any]:
    """The document, once it has the published shape and counts itself."""
    document: dict[str, Any] = json.loads(ctrf(run, report))
    CTRF.validate(document)
    results = document["results"]
    counts = Counter(test["status"] for test in results["tests"])
    assert results["summary"]["tests"] == len(results["tests"])
    assert {status: results["summary"][status] for status in STATUSES} == {
        status: counts[status] for status in STATUSES
    }
    return document


def test_ctrf_says_when_it_was_and_how_it_went(run: Run, report: Report) -> None:
    results = read_ctrf(run, report)["results"]

    assert results["summary"]["start"] == 1_795_248_780_000
    assert results["summary"]["duration"] == 97_400
    assert results["environment"]["healthy"] is False
    assert results["environment"]["extra"]["verdict"] == "NOT CONFORMANT"
    assert len(results["tests"]) == len(report.cases) + len(report.loads[0].objectives)


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        ("passed", "passed"),
        ("failed", "failed"),
        ("error", "failed"),
        ("not_claimed", "skipped"),
        ("inconclusive", "other"),
        ("known_failure", "other"),
    ],
)
def test_each_verdict_has_its_status(
    run: Run, catalogue: Catalogue, verdict: str, status: str
) -> None:
    check = replace(run.checks[0], verdict=Verdict(verdict), reason="because", detail="all of it")
    one = replace(run, checks=[check], laws=[], loads=[])

    (test,) = read_ctrf(one, view(one, catalogue))["results"]["tests"]

    told = {} if verdict == "passed" else {"message": "because", "trace": "all of it"}
    assert {key: test[key] for key in ("status", "rawStatus", *told)} == {
        "status": status,
        "rawStatus": verdict,
        **told,
    }
    assert test["labels"] == {
        "requirement": "AUTH-01",
        "level": "MUST",
        "plane": "adapter",
        "adapter": "reference",
        "edition": "2025-09",
    }


def test_a_run_cut_short_fails_in_ctrf(run: Run, catalogue: Catalogue) -> None:
    cut = replace(run, footer=None)

    *_, last = read_ctrf(cut, view(cut, catalogue))["results"]["tests"]

    assert last["status"] == "failed"
    assert "cut short" in last["message"]


def read_metrics(run: Run, report: Report) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """All samples by name and labels, once the reference parsers of both formats agree on them."""
    text = openmetrics(run, report).decode()
    assert text.endswith("\n# EOF\n")
    families: Any = parser.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    samples = samples_of(families)
    assert samples_of(older_parser.text_string_to_metric_families(text)) == samples
    return samples


def samples_of(families: Any) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_metrics_are_read_by_the_reference_parser(run: Run, report: Report) -> None:
    samples = read_metrics(run, report)
    of_load = (("load", "1"), ("objective", "success_rate"), ("scenario", "steady_chat"))

    word = (("verdict", "NOT CONFORMANT"),)
    failed = (("plane", "endpoint"), ("sut", "endpoint"), ("verdict", "failed"))
    assert samples["kimi_conformance_verdict", word] == 1
    assert samples["kimi_conformance_checks", failed] == 3
    assert samples["kimi_conformance_objective_value", of_load] == 0.9967
    assert samples["kimi_conformance_objective_low", of_load] == 0.9916
    assert samples["kimi_conformance_lasted_seconds", ()] == 97.4


def test_an_invalid_measurement_keeps_no_promise_in_the_metrics(
    run: Run, catalogue: Catalogue, load_record: Make
) -> None:
    invalid = replace(run, loads=[load_record(valid=False, invalid_because=["saturated"])])

    samples = read_metrics(invalid, view(invalid, catalogue))

    states = {
        dict(labels)["verdict"]
        for (name, labels), value in samples.items()
        if name == "kimi_conformance_objective_verdict" and value
    }
    assert states == {"undecided"}


def test_what_was_not_measured_has_no_sample(
    run: Run, catalogue: Catalogue, load_record: Make
) -> None:
    record = load_record()
    nothing = {**record["objectives"][0], "value": None, "low": None, "high": None}
    empty = replace(
        run, loads=[{**record, "objectives": [nothing], "timing": {"ttft_s": {"n": 0}}}]
    )

    names = {name for name, _ in read_metrics(empty, view(empty, catalogue))}

    assert "kimi_conformance_objective_target" in names
    assert "kimi_conformance_objective_value" not in names
    assert not any(name.startswith("kimi_conformance_load_time") for name in names)


def test_rates_and_error_budgets_are_told_where_a_load_has_them(
    run: Run, catalogue: Catalogue, load_record: Make
) -> None:
    record = load_record()
    timing = {**record["timing"], "tokens_per_s": record["timing"]["ttft_s"]}
    one = replace(run, loads=[{**record, "timing": timing}])

    samples = read_metrics(one, view(one, catalogue))

    of_load = ("load", "1"), ("scenario", "steady_chat")
    budget = tuple(sorted([*of_load, ("objective", "ttft")]))
    tokens = tuple(sorted([*of_load, ("of", "tokens")]))
    metrics = {dict(labels).get("metric") for name, labels in samples if "load_time" in name}
    assert samples["kimi_conformance_error_budget_spent", budget] == 3.808
    assert samples["kimi_conformance_load_rate", tokens] == 1290.0
    assert metrics == {"ttft_s", "itl_s", "response_s"}


def test_two_loads_of_one_scenario_stay_apart(
    run: Run, catalogue: Catalogue, load_record: Make
) -> None:
    twice = replace(run, loads=[load_record(), load_record(requests=7)])

    samples = read_metrics(twice, view(twice, catalogue))

    labels = (("load", "2"), ("scenario", "steady_chat"))
    assert samples["kimi_conformance_load_requests", labels] == 7


def read_badge(report: Report) -> dict[str, Any]:
    """The document, once it is one that shields.io draws."""
    document: dict[str, Any] = json.loads(badge(report))
    assert document["schemaVersion"] == 1
    assert document["message"]
    assert isinstance(document["label"], str)
    assert document["color"] in {"brightgreen", "red", "yellow"}
    return document


@pytest.mark.parametrize(
    ("changes", "message", "colour"),
    [
        ({}, "not conformant, 105 of 107", "red"),
        ({"checks": (), "laws": (), "loads": (), "footer": None}, "inconclusive", "yellow"),
    ],
)
def test_the_badge_tells_verdict_and_denominator(
    run: Run, catalogue: Catalogue, changes: dict[str, Any], message: str, colour: str
) -> None:
    document = read_badge(view(replace(run, **changes), catalogue))

    assert (document["label"], document["message"]) == ("Kimi API 2025-09", message)
    assert (document["color"], document["isError"]) == (colour, colour == "red")


def test_the_badge_of_a_run_that_held_is_green(run: Run, catalogue: Catalogue) -> None:
    good = [check for check in run.checks if check.verdict is Verdict.PASSED]
    footer = {"verdict": "CONFORMANT", "because": "", "seconds": 1.0}

    document = read_badge(
        view(replace(run, checks=good, laws=[], loads=[], footer=footer), catalogue)
    )

    assert (document["color"], document["isError"]) == ("brightgreen", False)


COMMAND = re.compile(r"::(?P<kind>[a-z]+) (?P<properties>[^:]*)::(?P<message>.*)")


def unescaped(text: str) -> str:
    for sign, escape in (("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C"), ("%", "%25")):
        text = text.replace(escape, sign)
    return text


def read_annotations(content: bytes) -> list[tuple[str, dict[str, str], str]]:
    """Kind, properties and message of each line, as GitHub's runner takes it apart."""
    lines = content.decode().split("\n")[:-1]
    commands = [COMMAND.fullmatch(line) for line in lines]
    assert all(commands), lines
    found = []
    for command in commands:
        assert command is not None
        pairs = [each.partition("=") for each in command["properties"].split(",")]
        properties = {name: unescaped(value) for name, _, value in pairs}
        found.append((command["kind"], properties, unescaped(command["message"])))
    return found


def test_annotations_name_each_cause_by_its_weight(report: Report) -> None:
    found = read_annotations(annotations([report]))

    assert [(kind, properties["title"]) for kind, properties, _ in found] == [
        ("error", "AUTH-06 failed"),
        ("error", "FILTER-03 failed"),
        ("error", "SSE-04 failed"),
        ("error", "SSE-05 failed"),
        ("error", "steady_chat: TTFT missed"),
        ("warning", "FALLBACK-02 error"),
        ("warning", "ERR-05 inconclusive"),
        ("warning", "steady_chat: CPU undecided"),
        ("notice", "FILTER-06 known failure"),
    ]
    assert found[2][1]["file"] == "conformance/requirements/streaming.toml"
    assert found[4][2] == "96.2 % (interval 95.1 % to 97.1 %), promised ≥ 99 %"


@pytest.mark.parametrize(
    ("level", "excuse", "kind"),
    [
        (Level.MUST, None, "error"),
        (Level.SHOULD, None, "warning"),
        (Level.SHOULD, Excuse.STALE, "error"),
        (Level.SHOULD, Excuse.EXPIRED, "error"),
    ],
)
def test_what_breaks_the_run_is_an_error(
    run: Run, catalogue: Catalogue, level: Level, excuse: Excuse | None, kind: str
) -> None:
    id = "FILTER-06" if level is Level.SHOULD else "FILTER-01"
    check = replace(
        run.checks[0], requirement=id, level=level, verdict=Verdict.FAILED, excuse=excuse
    )
    report = view(replace(run, checks=[check], laws=[], loads=[]), catalogue)

    ((found, _, _),) = read_annotations(annotations([report]))

    assert found == kind


def test_no_more_are_written_than_github_shows_of_a_step(run: Run, catalogue: Catalogue) -> None:
    checks = [
        replace(run.checks[0], verdict=Verdict.FAILED, reason=f"{'abcdefghijklmno'[n]} went wrong")
        for n in range(15)
    ]
    report = view(replace(run, checks=checks, laws=[], loads=[]), catalogue)

    found = read_annotations(annotations([report, report]))

    assert [kind for kind, _, _ in found] == ["error"] * 10
    assert found[-1][1]["title"] == "21 more"


def test_a_run_cut_short_is_an_error(run: Run, catalogue: Catalogue) -> None:
    cut = replace(run, checks=(), laws=(), loads=(), footer=None)

    ((kind, _, message),) = read_annotations(annotations([view(cut, catalogue)]))

    assert kind == "error"
    assert "cut short" in message


def all_parse(run: Run, catalogue: Catalogue, templates: Path) -> None:
    """Every reader reads its format, and nothing unseen is in any."""
    report = view(run, catalogue)
    read_ctrf(run, report)
    read_metrics(run, report)
    read_badge(report)
    kinds = [kind for kind, _, _ in read_annotations(annotations([report]))]
    assert set(kinds) <= {"error", "warning", "notice"}
    ET.fromstring(junit(report))
    summary = markdown(report, templates)
    for text in (
        json.dumps(json.loads(ctrf(run, report)), ensure_ascii=False),
        openmetrics(run, report).decode(),
        badge(report).decode(),
        annotations([report]).decode(),
        summary,
    ):
        assert not INVISIBLE.search(text)
    assert len(summary.encode()) < 1024 * 1024


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_read_by_every_reader(
    run: Run, catalogue: Catalogue, exchange: Make, load_record: Make, templates: Path, text: str
) -> None:
    all_parse(hostile_run(run, exchange, load_record, text), catalogue, templates)


ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40) | st.sampled_from(HOSTILE)


@given(text=ANY_TEXT)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_in_any_field_is_read_by_every_reader(
    run: Run, catalogue: Catalogue, exchange: Make, load_record: Make, templates: Path, text: str
) -> None:
    all_parse(hostile_run(run, exchange, load_record, text), catalogue, templates)


def test_a_text_of_five_megabytes_stays_in_the_evidence(
    run: Run, catalogue: Catalogue, exchange: Make, load_record: Make, templates: Path
) -> None:
    huge = "\u202e<|`" * 1_250_000
    long = hostile_run(run, exchange, load_record, huge[:20_000])
    checks = [replace(check, reason=huge, detail=huge) for check in long.checks]
    bodies = {"x": exchange("x", sut="endpoint", body=huge, answer=huge)}
    big = replace(long, checks=checks, exchanges=bodies)
    report = view(big, catalogue)

    for content in (
        junit(report),
        ctrf(big, report),
        openmetrics(big, report),
        badge(report),
        annotations([report]),
        markdown(report, templates).encode(),
    ):
        assert len(content) < 1024 * 1024


RUNNER = re.compile(r"\s*::|.*##\w*\[")  # what GitHub's and Azure's take for a command


@given(text=ANY_TEXT | st.text(st.sampled_from(":#[] \t\n\x0b\x85\u2028avso"), max_size=30))
def test_a_line_of_a_log_is_never_a_command(text: str) -> None:
    shown = printable(f"  {text}")

    assert not any(RUNNER.match(line) for line in shown.split("\n"))
    assert not INVISIBLE.search(shown)


def test_ordinary_lines_are_printed_as_they_are() -> None:
    line = "  failed  SSE-004  endpoint: adapter/x::y[a] # 1 [ok] –"

    assert printable(line) == line
