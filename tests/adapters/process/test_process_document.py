"""What docs/process-adapter.md says is what happens."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from kimi_conformance import cli
from kimi_conformance.adapters.process import adapter, command, connection, lines
from kimi_conformance.adapters.process.answering import QUESTIONS
from kimi_conformance.adapters.process.messages import problems
from kimi_conformance.stage import Script, Stage, replies

ROOT = Path(__file__).parent.parent.parent.parent
TEXT = (ROOT / "docs" / "process-adapter.md").read_text("utf-8")
EXAMPLE = ROOT / "docs" / "examples" / "client.mjs"
SIDES = {"→": "to the process", "←": "from the process"}


def transcript() -> list[tuple[str, Any]]:
    [block] = re.findall(r"^```text\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    return [(SIDES[line[0]], json.loads(line[1:])) for line in block.splitlines()]


def quoted() -> list[tuple[str, Any]]:
    """The messages in running text that are marked with the way they go."""
    text = re.sub(r"\s+", " ", TEXT)
    return [
        (SIDES[way], json.loads(line)) for way, line in re.findall(r"`([→←])` `(\{.*?\})`", text)
    ]


@pytest.mark.parametrize(
    ("side", "message"),
    [said for said in (*transcript(), *quoted()) if said[1].get("method") != "no_such_method"],
)
def test_every_message_keeps_to_the_schema(side: str, message: Any) -> None:
    assert problems(side, message) == []


def test_the_messages_of_the_text_are_found() -> None:
    assert len(quoted()) == 2
    assert len(transcript()) == 14


@pytest.mark.parametrize("line", re.findall(r"^\$ (kimi-conformance .*)$", TEXT, re.MULTILINE))
def test_a_command_is_understood(line: str) -> None:
    name, *arguments = shlex.split(line)[1:]
    group: Any = cli._command
    found = group.get_command(click.Context(group), name)
    if isinstance(found, click.Group):
        found, arguments = found.commands[arguments[0]], arguments[1:]

    found.make_context(name, arguments)  # raises where an option or a value is wrong


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"{command.START_LIMIT:g} s for hello" in TEXT
    assert f"{adapter.OPEN_LIMIT:g} s where no request is sent" in TEXT
    assert f"{adapter.MARGIN:g} s beyond" in TEXT
    assert f"{lines.LONGEST // 2**20} MiB" in TEXT
    assert f"last {connection.LAST_WORDS} lines" in TEXT


def test_every_question_is_named() -> None:
    assert {name for name in QUESTIONS if f"`{name}`" in TEXT} == QUESTIONS.keys()


@pytest.fixture
def base_url(stage: Stage) -> Iterator[str]:
    """An API that answers as in the transcript."""
    script = Script()
    bodies = [message["chunk"]["body"] for _, message in transcript() if "chunk" in message]
    script.rules["GET /v1/models"] = [replies.model_list(["kimi-k2.6", "kimi-k3"])]
    script.rules["POST /v1/chat/completions"] = [replies.stream_of(bodies)]
    lane = stage.open_lane(script)
    yield lane.base_url
    stage.close_lane(lane)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node to run the example")
def test_the_conversation_takes_place_word_for_word(base_url: str) -> None:
    spoken = transcript()
    process = subprocess.Popen(
        ["node", EXAMPLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    heard = []

    with process:
        for side, message in spoken:
            if side == SIDES["→"]:
                if message["method"] == "open":
                    message["params"]["base_url"] = base_url
                process.stdin.write(json.dumps(message) + "\n")
                process.stdin.flush()
            else:
                heard.append(json.loads(process.stdout.readline()))
        rest, _ = process.communicate(timeout=10)

    assert [_timeless(message) for message in heard] == [
        _timeless(message) for side, message in spoken if side == SIDES["←"]
    ]
    assert (rest, process.returncode) == ("", 0)


def _timeless(message: Any) -> Any:
    if "chunk" in message:
        assert message["chunk"].pop("at") > 0
    return message
