"""A live API that repeats the key in everything it says: nothing that is written holds it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from tests.cassettes.canaries import CANARY, FORMS

from kimi_conformance import suite
from kimi_conformance.cassettes import find_secrets
from kimi_conformance.simulator import Simulator
from kimi_conformance.stage import Lane, Stage
from kimi_conformance.wire.exchange import Answer, Frame, Request

pytestmark = pytest.mark.heavy

ECHO = " ".join(form(CANARY) for form in FORMS.values()).replace("\\", "\\\\").encode()
OTHERS = "sk-" + "SomebodyElse0815" * 2
COMMANDS = {
    "check": ("check", "--topic", "chat", "--topic", "errors", "--topic", "streaming"),
    "record": ("record", "models", "--source", "live", "--into", "recorded"),
    "probe": ("probe", "--once", "--model", "moonshot-v1-8k"),
    "load": ("load", "run", "steady_chat", "--duration", "3s", "--yes-live"),
    "sla": ("sla", "--duration", "2s", "--yes-live"),
    "drift": (
        *("drift", "--from", "cassettes", "--from-edition", "2025-09", "--to", "live"),
        *("--max-requests", "120"),
    ),
    "models": ("models", "compare", "--lane", "live"),
    "choose": ("choose", "--lane", "live"),
    "doctor": ("doctor", "--live"),
    "nightly": (
        *("nightly", "--adapter", "reference", "--max-requests", "60"),
        *("--load-duration", "2s", "--time-limit-total", "15s"),
    ),
}


class Echoing:
    """The simulator, which repeats the key in headers, bodies, events, ids and error texts."""

    kind = "simulator"

    def __init__(self) -> None:
        edition = suite.find().edition("2025-09")
        self._sound = Simulator(edition, api_key=CANARY)

    async def answer(self, request: Request) -> Answer:
        sound = self._sound.reply(request)
        frames = tuple(Frame(frame.at, self._with_echo(frame.data)) for frame in sound.frames)
        header = FORMS["base64"](CANARY)
        own = (("Msh-Request-Id", header), ("X-Echo", CANARY), ("Set-Cookie", f"k={CANARY}"))
        return replace(sound, headers=(*sound.headers, *own), frames=frames)

    @staticmethod
    def _with_echo(data: bytes) -> bytes:
        data = data.replace(b'{"', b'{"echo":"' + ECHO + b'","', 1)
        data = data.replace(b'"message":"', b'"message":"' + ECHO + b" ")
        return data.replace(b'"id":"chatcmpl-', b'"id":"' + CANARY.encode() + b"-")


@pytest.fixture
def echoing(stage: Stage) -> Iterator[Lane]:
    lane = stage.open_lane(Echoing())
    yield lane
    stage.close_lane(lane)


def arguments_of(process: subprocess.Popen[bytes]) -> set[str]:
    """The command lines of a process and all below it, while it runs."""
    seen: set[str] = set()
    while process.poll() is None:
        try:
            whole = psutil.Process(process.pid)
            for each in (whole, *whole.children(recursive=True)):
                seen.add(" ".join(each.cmdline()))
        except psutil.Error:
            continue
        finally:
            time.sleep(0.05)
    return seen


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_no_command_writes_the_key_anywhere(
    command: tuple[str, ...], echoing: Lane, tmp_path: Path
) -> None:
    for name in ("home", "tmp", "cwd"):
        (tmp_path / name).mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KIMI_")}
    said = tmp_path / "said.txt"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "kimi_conformance", *command],
            cwd=tmp_path / "cwd",
            stdout=output,
            stderr=subprocess.STDOUT,
            env={
                **kept,
                "HOME": str(tmp_path / "home"),
                "TMPDIR": str(tmp_path / "tmp"),
                "KIMI_API_KEY": CANARY,
                "KIMI_BASE_URL": echoing.base_url,
                "KIMI_HISTORY": str(tmp_path / "history.sqlite"),
            },
        )
        arguments = arguments_of(process)

    assert process.returncode in {0, 1, 3}, said.read_text()
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    found = {
        str(file.relative_to(tmp_path)): secrets[0]
        for file in files
        if (secrets := find_secrets(file.read_bytes(), (CANARY,)))
    }
    assert found == {}
    assert said.stat().st_size > 0
    assert find_secrets("\n".join(arguments).encode(), (CANARY,)) == []


class Leaking:
    """The simulator, which shows somebody else's key in its list of models."""

    kind = "simulator"

    def __init__(self) -> None:
        self._sound = Simulator(suite.find().edition("2025-09"), api_key=CANARY)

    async def answer(self, request: Request) -> Answer:
        sound = self._sound.reply(request)
        if request.path != "/v1/models":
            return sound
        shown = f'{{"key":"{OTHERS}","'.encode()
        frames = tuple(Frame(f.at, f.data.replace(b'{"', shown, 1)) for f in sound.frames)
        return replace(sound, frames=frames)


def test_a_secret_that_nobody_knows_stops_its_recording_only(stage: Stage, tmp_path: Path) -> None:
    lane = stage.open_lane(Leaking())
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KIMI_")}
    command = ("record", "models", "--source", "live", "--plane", "endpoint", "--into", "recorded")

    said = subprocess.run(
        [sys.executable, "-m", "kimi_conformance", *command],
        cwd=tmp_path,
        env={**kept, "KIMI_API_KEY": CANARY, "KIMI_BASE_URL": lane.base_url},
        capture_output=True,
        text=True,
        check=False,
    )
    stage.close_lane(lane)

    assert said.returncode == 1
    assert "not recorded: endpoint/models/two_lists_hold_the_same_models" in said.stderr
    assert "looks like a secret (key, plain). Nothing was written." in said.stderr
    assert OTHERS not in said.stdout + said.stderr
    assert not list(tmp_path.rglob("two_lists*"))


def test_the_api_does_repeat_the_key(echoing: Lane) -> None:
    """Else the tests above would show nothing."""
    answer = Echoing()._with_echo(b'data: {"id":"chatcmpl-1","message":"a"}')

    forms = {secret.form for secret in find_secrets(answer, (CANARY,))}
    assert {"plain", "url", "url+url", "json", "base64"} <= forms
