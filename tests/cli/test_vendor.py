"""Judging a server that is no Moonshot: one model, under a name of its own, and nothing else."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance import suite
from kimi_conformance.simulator import Simulator
from kimi_conformance.stage import Lane, Stage
from kimi_conformance.wire.exchange import Answer, Frame, Request

pytestmark = pytest.mark.heavy

KEY = "sk-of-a-vendor-0123456789"
NAME = "acme/kimi-fast"
KNOWN = {"2025-09": "moonshot-v1-8k", "2026-09": "kimi-k2.6"}
NOBODY = b"kimi-model-of-nobody"
MISSING = Answer(
    status=404,
    headers=(("Content-Type", "application/json"),),
    frames=(Frame(0.0, b'{"detail":"Not Found"}'),),
)


class Vendor:
    """Serves chats of one model; knows no other path, and sends none of Moonshot's headers."""

    kind = "simulator"

    def __init__(self, edition: str) -> None:
        self._simulator = Simulator(suite.find().edition(edition), api_key=KEY)
        self._known = KNOWN[edition].encode()
        self.requests = 0

    async def answer(self, request: Request) -> Answer:
        self.requests += 1
        if (request.method, request.path) != ("POST", "/v1/chat/completions"):
            return MISSING
        body = request.body.replace(self._known, NOBODY).replace(NAME.encode(), self._known)
        answer = self._simulator.reply(replace(request, body=body))
        frames = tuple(replace(each, data=self._renamed(each.data)) for each in answer.frames)
        kept = tuple(pair for pair in answer.headers if pair[0] == "Content-Type")
        return replace(answer, headers=kept, frames=frames)

    def _renamed(self, data: bytes) -> bytes:
        return data.replace(self._known, NAME.encode()).replace(NOBODY, self._known)


@pytest.fixture(params=KNOWN)
def edition(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def vendor(edition: str) -> Vendor:
    return Vendor(edition)


@pytest.fixture
def lane(stage: Stage, vendor: Vendor) -> Iterator[Lane]:
    lane = stage.open_lane(vendor)
    yield lane
    stage.close_lane(lane)


def check(
    lane: Lane, edition: str, folder: Path, *more: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    result = subprocess.run(
        [
            *(sys.executable, "-m", "kimi_conformance", "check", "--plane", "endpoint"),
            *("--base-url", lane.base_url, "--edition", edition, "--model", NAME),
            *("--json", "answer.json", *more),
        ],
        cwd=folder,
        env={"PATH": "", "KIMI_API_KEY": KEY},
        capture_output=True,
        text=True,
        check=False,
    )
    answer = folder / "answer.json"
    return result, json.loads(answer.read_text()) if answer.exists() else {}


def test_what_a_vendor_does_not_offer_is_not_claimed(
    lane: Lane, edition: str, tmp_path: Path
) -> None:
    offered = ("--without", "unserved,moonshot", "--model-is", KNOWN[edition])
    result, answer = check(lane, edition, tmp_path, *offered)

    by_verdict = {c["verdict"] for c in answer["checks"] if "EP-FILES" in c["requirement"]}
    failed = [c["id"] for c in answer["checks"] if c["verdict"] == "failed"]

    assert failed == []
    assert answer["verdict"] == "CONFORMANT"
    assert result.returncode == 0
    assert by_verdict == {"not_claimed"}
    assert "GET /files is answered with 404: not claimed" in result.stderr


def test_what_is_claimed_and_not_served_is_a_failure_with_a_hint(
    lane: Lane, edition: str, tmp_path: Path
) -> None:
    result, answer = check(lane, edition, tmp_path, "--topic", "files", "--topic", "auth")

    assert (result.returncode, answer["verdict"]) == (1, "NOT CONFORMANT")
    assert "--without " in result.stdout
    assert "files" in result.stdout.partition("--without ")[2].splitlines()[0].split(",")


def test_without_a_name_for_the_model_nothing_is_guessed_of_it(
    lane: Lane, edition: str, tmp_path: Path
) -> None:
    result, answer = check(lane, edition, tmp_path, "--requirement", "EP-CHAT-15")

    [window] = [c for c in answer["checks"] if c["requirement"] == "EP-CHAT-15"]

    assert (window["verdict"], result.returncode) == ("inconclusive", 3)
    assert "--model-is" in window["reason"]


def test_a_run_that_its_budget_ends_is_inconclusive(
    lane: Lane, vendor: Vendor, edition: str, tmp_path: Path
) -> None:
    """However much was decided: all but one request of some eighty were sent."""
    chats = ("--topic", "chat", "--without", "token_estimate", "--model-is", KNOWN[edition])
    _, plan = check(lane, edition, tmp_path, *chats, "--plan")
    enough = plan["plan"]["total"]["requests"]
    whole, all_of_it = check(lane, edition, tmp_path, *chats, "--max-requests", f"{enough}")
    cut, most = check(lane, edition, tmp_path, *chats, "--max-requests", f"{enough - 1}")

    assert (whole.returncode, all_of_it["verdict"]) == (0, "CONFORMANT")
    assert all_of_it["spent"]["requests"] == enough
    assert (cut.returncode, most["verdict"]) == (3, "INCONCLUSIVE")
    assert most["spent"]["refused"] > 0
    assert most["counts"]["decided"] > 0.95 * most["counts"]["applicable"]
    assert "budget" in most["because"]
    assert vendor.requests == enough + (enough - 1)  # what is asked before the checks is in it


def test_a_plan_sends_nothing(lane: Lane, vendor: Vendor, edition: str, tmp_path: Path) -> None:
    result, answer = check(lane, edition, tmp_path, "--plan", "--model-is", KNOWN[edition])

    plan = answer["plan"]

    assert result.returncode == 0
    assert vendor.requests == 0
    assert plan["total"]["requests"] == sum(topic["requests"] for topic in plan["topics"]) > 100
    assert plan["total"]["dollars"] > 0
    assert "nothing was sent" in result.stdout


def test_a_plan_for_an_unknown_model_asks_for_the_price(
    lane: Lane, edition: str, tmp_path: Path
) -> None:
    unknown, answer = check(lane, edition, tmp_path, "--plan", "--topic", "chat")
    known, _ = check(
        lane, edition, tmp_path, "--plan", "--topic", "chat", "--price-in", "1", "--price-out", "2"
    )

    assert answer["plan"]["total"]["dollars"] is None
    assert "--price-in" in unknown.stdout
    assert "$1 in and $2 out" in known.stdout


def test_a_key_on_the_command_line_is_warned_of_and_never_shown(
    lane: Lane, edition: str, tmp_path: Path
) -> None:
    result, _ = check(lane, edition, tmp_path, "--plan", "--api-key", KEY)

    assert "set KIMI_API_KEY instead" in result.stderr
    assert KEY not in result.stdout + result.stderr
