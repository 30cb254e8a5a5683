"""`load` and `sla`: what they refuse, foresee and spend."""

import json
import select
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance import suite as suites
from kimi_conformance.cli.asking.load_options import Bounds
from kimi_conformance.cli.asking.target import Target, UnreachableTargetError
from kimi_conformance.cli.keeping.run_folder import RunFolder
from kimi_conformance.cli.loading import asked as load_asked
from kimi_conformance.cli.loading import plan as load_plan
from kimi_conformance.cli.loading import run as loading
from kimi_conformance.cli.loading.plan import guard, plan_of_load, spending_of
from kimi_conformance.cli.loading.run import Order
from kimi_conformance.errors import UsageError
from kimi_conformance.verdicts import RunVerdict

Run = Callable[..., Any]
LIVE = "https://api.moonshot.invalid/v1"
FORESEEN = {
    "scenario": "steady_chat",
    "workload": "closed; …",
    "model": "kimi-k2.6",
    "seconds": 60.0,
    "warm_up_s": 12.0,
    "users": 20,
    "requests": 1200,
    "judged": 960,
    "judged_streams": 480,
    "prompt_tokens": 30_000,
    "answer_tokens": 40_000,
    "response_s": 1.0,
    "notes": [],
}


@pytest.fixture
def foreseen(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What every run is foreseen to send; a process of its own finds that out otherwise."""
    plan = dict(FORESEEN)
    monkeypatch.setattr(load_plan, "foresee_scenario", lambda *_, **__: plan)
    return plan


def target(url: str | None = LIVE, lane: str = "live") -> Target:
    return Target(lane, "2026-09", url, None, "kimi-k2.6")


def refuse(target: Target, bounds: Bounds | None = None, *, yes_live: bool = False) -> None:
    guard(suites.find(), "steady_chat", target, 60.0, bounds or Bounds(), yes_live=yes_live)


def test_a_live_endpoint_is_not_loaded_without_the_users_word(foreseen: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        refuse(target())

    message = str(refused.value)
    assert f"would send some 1,200 requests to {LIVE} in 60 s" in message
    assert "30,000 tokens of prompts and up to 40,000 of answers. At most $" in message
    assert "Nothing was sent" in message
    assert "--yes-live" in message


@pytest.mark.parametrize(
    ("whom", "bounds", "yes_live"),
    [
        (target(), Bounds(), True),
        (target(), Bounds(max_requests=50), False),
        (target("http://127.0.0.1:8000/v1"), Bounds(), False),
        (target(None, lane="simulator"), Bounds(), False),
    ],
)
def test_what_bills_nobody_or_little_or_is_meant_is_loaded(
    foreseen: dict[str, Any], whom: Target, bounds: Bounds, yes_live: bool
) -> None:
    refuse(whom, bounds, yes_live=yes_live)

    assert foreseen["requests"] > load_plan.FREE


def test_few_requests_need_no_word(foreseen: dict[str, Any]) -> None:
    foreseen["requests"] = 50

    refuse(target())

    foreseen["requests"] = 51
    with pytest.raises(UsageError, match="some 51 requests"):
        refuse(target())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.8.8.8"])
def test_an_endpoint_on_this_machine_needs_no_word(foreseen: dict[str, Any], host: str) -> None:
    refuse(target(f"http://{host}:8000/v1"))

    with pytest.raises(UsageError, match="--yes-live"):
        refuse(target("http://localhost.example:8000/v1"))


def test_a_nightly_run_needs_the_users_word_for_its_load(
    run: Run, foreseen: dict[str, Any]
) -> None:
    foreseen["requests"] = 600

    said = run("nightly", "--base-url", LIVE, "--api-key", "k", "--load-duration", "30s")

    assert said.code == 2
    assert f"would send some 600 requests to {LIVE} in 30 s" in " ".join(said.err.split())


def test_the_default_host_is_a_live_one_too(foreseen: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"to https://api\.moonshot\.cn/v1"):
        refuse(target(None))


def test_a_plan_says_what_it_costs_and_what_it_decides(foreseen: dict[str, Any]) -> None:
    bounds = Bounds(price_in=1.0, price_out=10.0, max_requests=300)

    plan = plan_of_load(suites.find(), "steady_chat", target(), 60.0, bounds, 0.002)

    assert plan["dollars"] == pytest.approx(0.03 + 0.4)
    assert plan["limits"] == {"--max-requests": 300}
    sized = {each["name"]: each for each in plan["objectives"]}
    assert sized["success_rate"]["planned"] == 960
    assert sized["ttft"]["planned"] == 480
    success = sized["success_rate"]
    assert success["needed"] > 381  # as many as it takes if none is bad
    assert success["decided"] == (success["needed"] <= 960)
    assert success["seconds_needed"] == -(-60 * success["needed"] // 960)
    assert not {"itl", "cpu_percent", "mean_response_s"} & set(sized)


def test_a_plan_that_cannot_decide_says_so(foreseen: dict[str, Any]) -> None:
    plan = plan_of_load(suites.find(), "steady_chat", target(), 60.0, Bounds(), 0.01)

    (success,) = (each for each in plan["objectives"] if each["name"] == "success_rate")
    assert (success["needed"], success["decided"]) == (None, False)


def test_the_price_is_what_the_user_says_then_what_the_edition_lists() -> None:
    suite = suites.find()
    listed = suite.edition("2026-09").model("kimi-k2.6").price
    assert listed is not None

    found = spending_of(suite, "2026-09", "kimi-k2.6", Bounds(price_in=7.0))

    assert (found.price_in, found.price_out) == (7.0, listed.output)


def test_a_limit_of_dollars_needs_a_price() -> None:
    with pytest.raises(UsageError, match="--price-in and --price-out"):
        spending_of(suites.find(), "2026-09", "somebodys-own", Bounds(max_cost=1.0))


@pytest.mark.parametrize("command", ["load", "sla"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--worker", "h:1", "--processes", "2"), "leave out one of the two"),
        (("--master", "--processes", "2"), "Leave out --processes"),
        (("--master",), "--expect-workers"),
        (("--master", "--expect-workers", "2"), "name it with --base-url"),
        (("--worker", "h:1"), "name it with --base-url"),
        (("--worker", "h"), "'h' is no address"),
        (("--master", "--expect-workers", "1", "--master-bind", ":1"), "':1' is no address"),
    ],
)
def test_processes_that_make_no_sense_are_refused(
    run: Run, command: str, options: tuple[str, ...], message: str
) -> None:
    said = run(command, "steady_chat", *options)

    assert said.code == 2
    assert message in " ".join(said.err.split())


@pytest.mark.parametrize("option", ["--max-requests", "--max-tokens", "--max-cost"])
def test_a_limit_is_above_zero(run: Run, option: str) -> None:
    said = run("load", "steady_chat", option, "0")

    assert (said.code, option in said.err) == (2, True)


def test_a_target_that_is_down_is_said_to_be(run: Run) -> None:
    said = run(
        *("load", "steady_chat", "--base-url", "http://127.0.0.1:9/v1"),
        *("--api-key", "k", "--wait-for", "0.1s"),
    )

    assert said.code == 3
    assert "http://127.0.0.1:9/v1 does not answer" in said.err
    assert "Waiting for it" in said.err


def test_a_target_that_comes_up_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_asked, "_AGAIN", 0.0)
    late = UnreachableTargetError("not yet")
    answers: list[Target | UnreachableTargetError] = [late, late, target()]

    def look() -> Target:
        answer = answers.pop(0)
        if isinstance(answer, Target):
            return answer
        raise answer

    assert load_asked._once_up(look, 60.0) == target()


@pytest.mark.parametrize("bounds", [Bounds(max_requests=0), Bounds(max_tokens=0)])
def test_nothing_is_loaded_when_the_parts_before_have_left_nothing(
    tmp_path: Path, bounds: Bounds
) -> None:
    folder = RunFolder.begin(
        tmp_path, "nightly", lane="live", source="s", edition="2025-09", configuration={}
    )
    order = Order(scenario="steady_chat", duration_s=10.0, bounds=bounds)

    verdict, because = loading.load_with_rest(suites.find(), order, target(), folder)

    assert (verdict, because.split(",")[0]) == (
        RunVerdict.INCONCLUSIVE,
        "the parts before it have used up the budget",
    )


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Listens, so that whoever sends anything is seen."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.mark.heavy
@pytest.mark.parametrize("command", ["load", "sla"])
def test_a_plan_sends_nothing(run: Run, listener: socket.socket, command: str) -> None:
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"

    said = run(
        *(command, "steady_chat", "--base-url", url, "--api-key", "k", "--edition", "2026-09"),
        *("--plan", "--duration", "60s", "--json", "-"),
    )

    plan = json.loads(said.out)["plan"]
    assert said.code == 0
    assert select.select([listener], [], [], 0)[0] == []
    assert (plan["requests"], plan["users"], plan["seconds"]) == (1200, 20, 60.0)
    assert (plan["judged"], plan["judged_streams"]) == (960, 480)
    assert plan["answer_tokens"] == 1200 * 32
    assert 10 * 1200 < plan["prompt_tokens"] < 50 * 1200
    assert "1,200 requests in 60 s by 20 users" in said.err
