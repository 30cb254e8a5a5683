"""A night on a live endpoint: within its budget, its limits and its time, the best first."""

import json
import os
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance import suite as suites
from kimi_conformance.checks.item import CheckItem, CheckTimeoutError
from kimi_conformance.checks.valued import UNKNOWN, Turns, chats_in
from kimi_conformance.cli.asking.load_options import Bounds
from kimi_conformance.cli.asking.pacing import Pacing, limits
from kimi_conformance.cli.asking.target import Target as Judged
from kimi_conformance.cli.checking.night import Night, Spent, look_for_drift
from kimi_conformance.cli.keeping.run_folder import RunFolder, read_run
from kimi_conformance.cli.loading.run import simulator_process
from kimi_conformance.errors import UsageError
from kimi_conformance.plugin import _TimeLimit
from kimi_conformance.reporting.formats.evidence_schema import flaws
from kimi_conformance.requirements import Level
from kimi_conformance.simulator import Simulator
from kimi_conformance.stage import Pace, Paced, Stage
from kimi_conformance.wire.exchange import Answer, Request

SUITE = suites.find()
KEY = "sk-" + "n" * 40


@dataclass
class Time:
    """A clock that moves only when somebody waits."""

    now: float = 0.0
    waits: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def check(cassette: str, level: str = "MUST", *, endpoint: bool = True) -> CheckItem:
    found = next(each for each in SUITE.catalogue() if each.level == Level(level))
    return CheckItem(
        id=cassette,
        requirement=found,
        adapter=None if endpoint else "reference",
        endpoint="endpoint" if endpoint else None,
        cassette=cassette,
    )


@pytest.fixture
def cassettes(tmp_path: Path) -> Path:
    """Recordings of so many chats as their names say."""
    for chats in (0, 1, 5):
        text = "    uri: http://simulator.invalid/v1/chat/completions\n" * chats
        (tmp_path / f"{chats}.yaml").write_text(f"interactions:\n{text}")
    return tmp_path


def test_what_a_check_sends_is_read_off_its_recording(cassettes: Path) -> None:
    turns = Turns(cassettes, None)

    assert [turns.chats(check(name)) for name in ("0", "1", "5")] == [0, 1, 5]
    assert turns.chats(check("never recorded")) == UNKNOWN
    assert turns.chats(check("never recorded", endpoint=False)) == 0
    real = SUITE.cassettes / "2026-09" / "endpoint" / "models"
    assert {chats_in(file) for file in real.glob("*.yaml")} <= {0, 1, 2, None}


def test_what_costs_nothing_comes_first_then_what_must_hold_then_what_is_cheap(
    cassettes: Path,
) -> None:
    turns = Turns(cassettes, None)
    items = [
        check("5", "MUST"),
        check("1", "SHOULD"),
        check("1", "MUST"),
        check("0", "SHOULD"),
        check("never recorded", "MUST", endpoint=False),
        check("0", "MUST"),
    ]

    items.sort(key=turns.value)

    assert [(item.cassette, item.requirement.level.value) for item in items] == [
        ("0", "MUST"),
        ("never recorded", "MUST"),
        ("0", "SHOULD"),
        ("1", "MUST"),
        ("5", "MUST"),
        ("1", "SHOULD"),
    ]


def test_of_equals_one_of_each_topic_comes_first(tmp_path: Path) -> None:
    names = ("a/x/1", "a/x/2", "a/x/3", "b/y/1", "b/y/2")
    turns = Turns(tmp_path, None)

    places = turns.in_order(check(name) for name in names)

    assert [key.split()[-1] for key in sorted(places, key=lambda key: places[key])] == [
        *("a/x/1", "b/y/1"),
        *("a/x/2", "b/y/2"),
        "a/x/3",
    ]


def test_a_check_waits_before_it_begins_and_not_within_its_own_time(cassettes: Path) -> None:
    times = Time(now=100.0)
    paced = Paced(Simulator(SUITE.edition("2025-09"), api_key=KEY), Pace(rpm=3), clock=times.clock)
    paced._sent.extend([(90.0, 1), (91.0, 1), (92.0, 1)])
    turns = Turns(cassettes, 1000.0, clock=times.clock, sleep=times.sleep)

    turns.await_turn(check("0"), paced)
    assert times.waits == []
    turns.await_turn(check("1"), paced)
    assert times.waits == [pytest.approx(50.5)]


def test_a_check_whose_turn_would_come_too_late_is_not_begun(cassettes: Path) -> None:
    times = Time(now=100.0)
    paced = Paced(Simulator(SUITE.edition("2025-09"), api_key=KEY), Pace(rpm=1), clock=times.clock)
    paced._sent.append((99.0, 1))
    turns = Turns(cassettes, 120.0, clock=times.clock, sleep=times.sleep)

    turns.await_turn(check("0"), paced)
    with pytest.raises(pytest.skip.Exception, match="--time-limit-total"):
        turns.await_turn(check("1"), paced)
    assert times.waits == []


def test_the_time_that_a_limit_was_waited_for_is_not_the_checks() -> None:
    waited = [0.0]
    before = signal.getsignal(signal.SIGALRM)

    def judge() -> None:
        with _TimeLimit(0.05, lambda: waited[0]):
            waited[0] = 0.1
            time.sleep(2)

    began = time.monotonic()
    with pytest.raises(CheckTimeoutError):
        judge()
    assert time.monotonic() - began > 0.14
    assert signal.getsignal(signal.SIGALRM) == before


def test_an_alarm_that_another_thread_was_told_of_rings_again() -> None:
    with _TimeLimit(60.0, lambda: 0.0):
        first, again = signal.getitimer(signal.ITIMER_REAL)

    assert 0 < again < first
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_tier_stands_for_its_limits_and_what_is_said_by_hand_goes_before_it() -> None:
    edition = SUITE.edition("2025-09")

    assert limits(Pacing(tier="free"), edition) == {"rpm": 3, "concurrency": 1, "tpm": 32_000}
    assert limits(Pacing(tier="free", rpm=2), edition)["rpm"] == 2
    assert limits(Pacing(), edition) == {"rpm": None, "concurrency": None, "tpm": None}
    with pytest.raises(UsageError, match="no tier 'fre'"):
        limits(Pacing(tier="fre"), edition)


class Counted:
    """The simulator on its lowest tier, which counts what it is asked and what it refuses."""

    kind = "simulator"

    def __init__(self) -> None:
        self._simulator = Simulator(SUITE.edition("2025-09"), api_key=KEY, tier="free")
        self.statuses: Counter[int] = Counter()
        self.chats = 0

    async def answer(self, request: Request) -> Answer:
        answer = await self._simulator.answer(request)
        self.statuses[answer.status] += 1
        self.chats += request.path.endswith(("/chat/completions", "/messages"))
        return answer


SILENT = """
class Adapter:
    name, version, capabilities = "silent", "1", frozenset()
    async def aclose(self):
        pass

def open_adapter(binding):
    return Adapter()
"""


@pytest.mark.heavy
@pytest.mark.parametrize("more", [("--tier", "free"), ()])
def test_a_night_on_the_lowest_tier_is_never_refused_and_ends_in_time_with_a_report(
    more: tuple[str, ...], run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "silent.py").write_text(SILENT)  # it claims nothing: the endpoint is judged
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("KIMI_API_KEY", KEY)
    counted = Counted()
    began = time.monotonic()

    with Stage() as stage:
        lane = stage.open_lane(counted, name="")
        said = run(
            *("nightly", "--base-url", lane.base_url, "--adapter", "silent:open_adapter", *more),
            *("--time-limit-total", "16s", "--max-requests", "400", "--json", "night.json"),
            "--no-drift",
        )

    assert time.monotonic() - began < 16 + 15
    assert said.code == 3, said.out
    assert counted.chats - counted.statuses[429] == 3  # as many as a minute may have
    assert counted.statuses[429] == (0 if more else 1)  # by one refusal it learns
    answer = json.loads(Path("night.json").read_text("utf-8"))
    assert answer["spent"]["requests"] <= 400
    assert answer["counts"]["passed"] > 100
    assert answer["counts"]["failed"] == 0
    late = [one for one in answer["checks"] if "--time-limit-total" in one["reason"]]
    assert {one["verdict"] for one in late} == {"inconclusive"}
    (folder,) = Path("reports/out").iterdir()
    assert (folder / "report.html").exists()
    assert KEY.encode() not in (folder / "run.jsonl").read_bytes()


ALL = ("checks", "drift", "load")


def night(*parts: str, seconds: float | None = None, load_s: float = 0.0, **bounds: Any) -> Night:
    return Night(parts=parts, bounds=Bounds(**bounds), began=1000.0, seconds=seconds, load_s=load_s)


def test_each_part_has_a_share_and_what_those_before_it_left() -> None:
    whole = night(*ALL, max_requests=100, max_tokens=1000, max_cost=5.0)

    assert whole.bounds_of("checks", Spent())[:3] == (60, 600, 3.0)
    thrifty = Spent(requests=10, tokens=100, cost=0.5)
    assert whole.bounds_of("drift", thrifty)[:3] == (70, 700, 3.5)
    assert whole.bounds_of("load", thrifty)[:3] == (90, 900, 4.5)
    assert whole.bounds_of("load", Spent(requests=120))[:2] == (0, 1000)
    assert night("checks", "drift", max_requests=400).bounds_of("checks", Spent())[0] == 300
    assert night("checks", max_requests=400).bounds_of("checks", Spent(requests=1))[0] == 399
    assert night(*ALL).bounds_of("checks", Spent())[:3] == (None, None, None)


def test_the_time_of_a_night_is_shared_and_some_is_left_to_report() -> None:
    assert night("checks", "drift").ends("checks") is None
    assert night("checks", "drift", seconds=1000.0).ends("checks") == 1000 + 985 * 0.75
    assert night("checks", "drift", seconds=1000.0).ends("drift") == 1985
    assert night(*ALL, seconds=1000.0, load_s=100.0).ends("drift") == 1885
    assert night("checks", seconds=100.0).ends("checks") == 1095


def test_what_was_spent_is_the_sum_of_all_parts() -> None:
    budgets: list[dict[str, Any]] = [
        {"requests": 1, "tokens": 2},
        {"requests": 3, "tokens": 4, "cost": 0.5},
    ]

    assert Spent.by(budgets) == Spent(requests=4, tokens=6, cost=0.5)


def served(*arguments: str) -> Any:
    return simulator_process("2026-09", "--tier", "free", *arguments)


def answers_in(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()]


@pytest.mark.heavy
def test_a_night_on_a_live_host_keeps_its_budgets_and_limits_and_names_its_drift(
    run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The host's own count: no request beyond the budget, and none refused for its rate."""
    (tmp_path / "silent.py").write_text(SILENT)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.syspath_prepend(tmp_path)
    log = tmp_path / "send.jsonl"
    began = time.monotonic()

    with served("--fault", "model_dropped", "--send-log", str(log)) as host:
        monkeypatch.setenv("KIMI_API_KEY", host.api_key)
        said = run(
            *("nightly", "--base-url", host.base_url, "--adapter", "silent:open_adapter"),
            *("--tier", "free", "--time-limit-total", "75s", "--max-requests", "420"),
            *("--max-cost", "0.02", "--price-in", "1", "--price-out", "3", "--json", "n.json"),
        )

    assert time.monotonic() - began < 75
    assert said.code == 1, said.out
    sent = answers_in(log)
    chats = [one for one in sent if one["path"].endswith(("/chat/completions", "/messages"))]
    assert chats
    assert 429 not in {one["status"] for one in sent}
    answer = json.loads(Path("n.json").read_text("utf-8"))
    assert len(sent) == answer["spent"]["requests"] <= 420
    assert {one["part"] for one in answer["parts"]} == {"checks", "drift"}
    changes = answer["drift"]["changes"]
    assert [(one["class"], one["before"]) for one in changes] == [("model retired", "listed")]
    assert answer["drift"]["left"]["not reached"] > 0
    (folder,) = Path("reports/out").iterdir()
    lines = (folder / "run.jsonl").read_bytes().splitlines(keepends=True)
    assert [str(flaw) for flaw in flaws(lines, SUITE.reports / "schemas")] == []
    costs = [one.get("cost", 0) for one in map(json.loads, lines) if one["record"] == "budget"]
    assert 0 < sum(costs) <= 0.02
    for file in ("report.html", "summary.md"):
        assert "Model retired" in (folder / file).read_text("utf-8")
    assert run("notify", "--run", str(folder), "--json", "told.json").code == 1
    told = json.loads(Path("told.json").read_text("utf-8"))
    assert [(one["kind"], one["about"][:14]) for one in told["begun"]] == [
        ("drift", "GET /v1/models")
    ]


@pytest.mark.heavy
def test_an_edition_that_changed_under_a_night_is_seen_and_named(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with simulator_process("2026-09", "--tier", "none") as host:
        monkeypatch.setenv("KIMI_API_KEY", host.api_key)
        suite, target = SUITE, Judged("live", "2025-09", host.base_url, host.api_key, "kimi-k2.6")
        folder = RunFolder.begin(
            Path("out"), "nightly", lane="live", source="live", edition="2025-09", configuration={}
        )
        whole = night("checks", "drift", max_requests=150)
        verdict, because = look_for_drift(suite, whole, target, {}, folder)

    found = read_run(folder.evidence)
    assert (verdict.exit_code, because[:7]) == (1, "drift: ")
    assert {"model retired", "model added"} <= {one["class"] for one in found.drifts}
    assert found.looked is not None
    assert found.looked["ended"].startswith("The budget of 150 requests")
    (spent,) = found.budgets
    assert (spent["part"], spent["requests"]) == ("drift", 150)


def test_a_load_that_leaves_no_time_for_checks_is_refused() -> None:
    with pytest.raises(UsageError, match="leaves no time"):
        night("checks", "load", seconds=20.0, load_s=30.0)
