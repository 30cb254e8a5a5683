"""A night on a live endpoint: within its budget, its limits and its time, the best first."""

import json
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[2]))

from kimi_conformance import suite as suites
from kimi_conformance.checks.item import CheckItem, CheckTimeoutError
from kimi_conformance.checks.valued import UNKNOWN, Turns, chats_in
from kimi_conformance.cli.asking.load_options import Bounds
from kimi_conformance.cli.asking.pacing import Pacing, limits
from kimi_conformance.cli.checking.night import Night
from kimi_conformance.errors import UsageError
from kimi_conformance.plugin import _TimeLimit
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
    assert 0.14 < time.monotonic() - began < 1.5
    assert signal.getsignal(signal.SIGALRM) == before


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
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("KIMI_API_KEY", KEY)
    counted = Counted()
    began = time.monotonic()

    with Stage() as stage:
        lane = stage.open_lane(counted, name="")
        said = run(
            *("nightly", "--base-url", lane.base_url, "--adapter", "silent:open_adapter", *more),
            *("--time-limit-total", "14s", "--max-requests", "400", "--json", "night.json"),
        )

    assert time.monotonic() - began < 14 + 15
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


def test_a_load_that_leaves_no_time_for_checks_is_refused() -> None:
    with pytest.raises(UsageError, match="leaves no time"):
        Night(parts=("checks", "load"), bounds=Bounds(), began=0.0, seconds=20.0, load_s=30.0)
