"""Alerts: what is wrong, told once when it begins and once when it ends."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.history.memories import at, load, mean_of, share

from kimi_conformance.alerts import (
    Alert,
    AlertKind,
    Findings,
    Issue,
    decide,
    markdown,
    of_run,
    of_service,
    read_open,
    step,
    webhook_payload,
    write_open,
)
from kimi_conformance.alerts.issue import LABEL, LONGEST, MARK
from kimi_conformance.errors import RunError
from kimi_conformance.history.past import LoadResult, Probe
from kimi_conformance.history.service_level import probed_objectives, service_level
from kimi_conformance.history.window import Window, day_of
from kimi_conformance.runs import encode, parse
from kimi_conformance.slo import parse as parse_objectives

NOW = at("2026-09-10 12:00")
PROMISED = probed_objectives(
    parse_objectives((Path(__file__).parents[2] / "loadtests" / "slo.toml").read_text("utf-8")).of(
        "probe"
    )
)


def alert(about: str = "a", **more: Any) -> Alert:
    values: dict[str, Any] = {"kind": AlertKind.MISSED, "text": "t", "since": 1.0}
    return Alert(**{**values, "about": about, **more})


def probe(minutes_ago: float, error: str = "ok", response_s: float = 0.5) -> Probe:
    return Probe(
        at=NOW - 60 * minutes_ago,
        interval_s=60.0,
        base_url="https://api.example/v1",
        model="kimi-k3",
        error=error,
        status=200 if error == "ok" else None,
        detail="" if error == "ok" else "nobody answers",
        ttft_s=0.2,
        response_s=response_s,
        tokens=40,
    )


def seen(*, probes: list[Probe] | None = None, loads: list[LoadResult] | None = None) -> Findings:
    window = Window(day_of(NOW - 2 * 86_400), day_of(NOW), NOW)
    loads, probes = loads or [], probes or []
    return of_service(service_level(window, loads, probes, PROMISED), loads, NOW)


def kinds(found: Findings) -> set[AlertKind]:
    return {one.kind for one in found.active}


def test_probes_that_are_answered_are_no_alert_and_say_so() -> None:
    found = seen(probes=[probe(minutes) for minutes in range(600, 0, -1)])

    assert found.active == ()
    assert {key.partition(":")[0] for key in found.looked} >= {
        "endpoint unreachable",
        "error budget burns fast",
    }


def test_an_endpoint_that_nobody_reaches_is_told_and_burns_its_budget() -> None:
    good = [probe(minutes) for minutes in range(120, 20, -1)]

    found = seen(probes=[*good, *(probe(minutes, "transport") for minutes in range(20, 0, -1))])

    assert {AlertKind.UNREACHABLE, AlertKind.BURNING} <= kinds(found)
    (gone,) = [one for one in found.active if one.kind is AlertKind.UNREACHABLE]
    assert gone.text == "nobody answers, 20 times in succession"


def test_a_budget_that_burnt_in_the_past_only_is_no_alert() -> None:
    bad = [probe(minutes, "server") for minutes in range(900, 880, -1)]

    found = seen(probes=[*bad, *(probe(minutes) for minutes in range(300, 0, -1))])

    burning = [one for one in found.active if one.kind is AlertKind.BURNING]
    assert all("72 h" in one.text for one in burning)


def test_an_objective_that_a_load_missed_is_told() -> None:
    night = load(NOW - 3600, share(900, 1000, verdict="missed"))

    found = seen(loads=[night])

    assert AlertKind.MISSED in kinds(found)


def test_a_load_that_was_slower_than_the_one_before_is_told() -> None:
    before = load(NOW - 90_000, mean_of(1.0))

    assert AlertKind.SLOWER in kinds(seen(loads=[before, load(NOW - 3600, mean_of(1.6))]))
    assert AlertKind.SLOWER not in kinds(seen(loads=[before, load(NOW - 3600, mean_of(1.0))]))


def run_of(job: str, verdict: str, *records: dict[str, Any]) -> Any:
    header = {
        "record": "header",
        "schema": 2,
        "run": "r",
        "job": job,
        "started": "2026-09-10T02:00:00+00:00",
        "suite": {"version": "0"},
        "lane": "live",
        "source": "live (https://api.example/v1)",
        "edition": "2026-09",
    }
    footer = {"record": "footer", "verdict": verdict, "because": "two MUSTs failed"}
    return parse([encode(record) for record in (header, *records, footer)])


def test_a_night_is_told_by_its_verdict_and_one_that_decided_nothing_is_not() -> None:
    (wrong,) = of_run(run_of("nightly", "NOT CONFORMANT"), NOW).active
    right = of_run(run_of("nightly", "CONFORMANT"), NOW)

    assert wrong.text == "two MUSTs failed"
    assert (right.active, right.looked) == ((), frozenset({wrong.key}))
    assert of_run(run_of("nightly", "INCONCLUSIVE"), NOW) == Findings()


def change(kind: str, where: str = "POST /v1/x: id", *places: str) -> dict[str, Any]:
    values = {"before": "string", "after": "absent", "places": list(places or ("a#1",))}
    return {"record": "drift", "class": kind, "where": where, **values}


def looked(*places: str, verdict: str = "NOT CONFORMANT") -> dict[str, Any]:
    return {"record": "looked", "verdict": verdict, "because": "b", "places": list(places)}


def test_drift_is_told_only_where_it_is_grave_and_once_for_each_route() -> None:
    mild, grave = change("additive"), change("breaking")
    other = change("model retired", "GET /v1/models: kimi-k3", "GET /v1/models")

    assert of_run(run_of("drift", "NOT CONFORMANT", mild, looked("a#1")), NOW).active == ()
    one, two = of_run(run_of("drift", "NOT CONFORMANT", grave, mild, other, looked()), NOW).active
    assert one.about.startswith("POST /v1/x, edition 2026-09")
    assert (one.text, two.text) == (
        "breaking: id: string → absent",
        "model retired: kimi-k3: string → absent",
    )


def test_drift_ends_when_the_same_requests_are_answered_as_before_and_not_earlier() -> None:
    grave = change("breaking", "POST /v1/x: id", "a#1", "b#1")

    first = step([], of_run(run_of("drift", "NOT CONFORMANT", grave, looked("a#1", "b#1")), NOW))
    part = step(first.open, of_run(run_of("drift", "CONFORMANT", looked("a#1", "c#1")), NOW))
    whole = step(part.open, of_run(run_of("drift", "CONFORMANT", looked("a#1", "b#1")), NOW))

    assert (len(first.begun), part.news, len(part.open)) == (1, False, 1)
    assert (len(whole.ended), whole.open) == (1, ())


def test_drift_at_one_endpoint_is_not_ended_by_a_look_at_another() -> None:
    first = step([], of_run(run_of("drift", "NOT CONFORMANT", change("breaking"), looked()), NOW))
    elsewhere = run_of("drift", "CONFORMANT", looked("a#1"))
    elsewhere = replace(elsewhere, header={**elsewhere.header, "source": "live (elsewhere)"})

    assert not step(first.open, of_run(elsewhere, NOW)).news


def test_a_night_tells_its_drift_and_its_checks_apart() -> None:
    parts = [
        {"part": "checks", "verdict": "INCONCLUSIVE", "because": "the time was over"},
        {"part": "drift", "verdict": "NOT CONFORMANT", "because": "drift: 1 change"},
    ]
    night = run_of("nightly", "NOT CONFORMANT", change("breaking"), looked("a#1"))
    night = replace(night, footer={**(night.footer or {}), "parts": parts})
    failed = {**parts[0], "verdict": "NOT CONFORMANT", "because": "two MUSTs failed"}
    worse = replace(night, footer={**(night.footer or {}), "parts": [failed, parts[1]]})

    assert kinds(of_run(night, NOW)) == {AlertKind.DRIFT}
    assert of_run(night, NOW).looked == {one.key for one in of_run(night, NOW).active}
    assert kinds(of_run(worse, NOW)) == {AlertKind.DRIFT, AlertKind.NOT_CONFORMANT}
    assert "two MUSTs failed" in {one.text for one in of_run(worse, NOW).active}


def test_an_alert_is_told_once_and_its_end_once() -> None:
    key = alert().key
    first = step([], Findings(active=(alert(),), looked=frozenset({key})))
    second = step(
        first.open, Findings(active=(alert(text="u", since=9.0),), looked=frozenset({key}))
    )
    third = step(second.open, Findings(looked=frozenset({key})))
    fourth = step(third.open, Findings(looked=frozenset({key})))

    assert [one.news for one in (first, second, third, fourth)] == [True, False, True, False]
    assert second.open == (alert(text="u", since=1.0),)
    assert third.ended == (alert(text="u", since=1.0),)
    assert fourth.open == ()


def test_what_nobody_looked_at_stays_open() -> None:
    told = step([alert("a"), alert("b")], Findings(looked=frozenset({alert("b").key})))

    assert told.open == (alert("a"),)
    assert told.ended == (alert("b"),)


def test_open_alerts_are_kept_from_one_process_to_the_next(tmp_path: Path) -> None:
    file = tmp_path / "reports" / "alerts.json"

    assert read_open(file) == []
    write_open(file, [alert("é"), alert("b", kind=AlertKind.DRIFT, places=("p",))])

    assert read_open(file) == [alert("é"), alert("b", kind=AlertKind.DRIFT, places=("p",))]
    assert [each.name for each in file.parent.iterdir()] == ["alerts.json"]


def test_a_damaged_file_is_said_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "alerts.json"
    file.write_text('{"open": [{"kind": "nonsense"}]}')

    with pytest.raises(RunError, match="begin anew"):
        read_open(file)
    assert file.read_text() == '{"open": [{"kind": "nonsense"}]}'


def told(*open_ones: Alert, begun: tuple[Alert, ...] = (), ended: tuple[Alert, ...] = ()) -> Any:
    from kimi_conformance.alerts import Step

    return Step(begun=begun, open=open_ones, ended=ended)


def calls(*arguments: Any) -> list[tuple[str, str]]:
    return [(call.method, call.path) for call in decide(*arguments)]


def test_the_issue_is_opened_updated_and_closed() -> None:
    one, here = alert(), Issue(7)

    assert calls(None, told()) == []
    assert calls(None, told(one, begun=(one,))) == [("POST", "issues")]
    assert calls(here, told(one)) == [("PATCH", "issues/7")]
    assert calls(here, told(one, begun=(one,))) == [
        ("PATCH", "issues/7"),
        ("POST", "issues/7/comments"),
    ]
    assert calls(here, told(ended=(one,))) == [
        ("POST", "issues/7/comments"),
        ("PATCH", "issues/7"),
    ]
    assert calls(here, told()) == [("PATCH", "issues/7")]


def test_the_issue_is_known_again_and_is_never_too_long() -> None:
    (call,) = decide(None, told(alert(text="x" * 100_000)))

    assert call.body["body"].startswith(MARK)
    assert len(call.body["body"]) < LONGEST + 200
    assert call.body["labels"] == [LABEL]
    assert decide(Issue(1), told())[0].body["state"] == "closed"


def test_text_from_outside_makes_no_structure_and_calls_nobody() -> None:
    text = markdown(told(alert(text="<img src=x> @everyone\n# no [a](b)")))

    assert "<img" not in text.replace("\\<", "")
    assert "@everyone" not in text
    assert "\n# no" not in text


def test_a_webhook_is_told_in_words_and_in_json() -> None:
    one = alert(since=0.0)

    payload = webhook_payload(told(one, begun=(one,)), "https://example.invalid/r")

    assert payload["text"] == "Kimi conformance: 1 open alert, 1 of them new."
    assert payload["begun"] == payload["open"]
    assert payload["open"][0]["since"] == "1970-01-01T00:00+00:00"
    assert json.dumps(payload)
