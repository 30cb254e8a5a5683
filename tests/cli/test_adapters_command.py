"""`kimi-conformance adapters`: the list, and what `verify` says of a process."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance.adapters.process import connection, verify
from kimi_conformance.adapters.process.messages import schema

ODD_CLIENT = Path(__file__).parent.parent / "adapters" / "process" / "odd_client.py"
Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "END_LIMIT", 0.1)
    monkeypatch.setattr(verify, "QUIET", 0.05)
    monkeypatch.setattr(verify, "START_LIMIT", 2.0)


def odd(fault: str) -> str:
    return f"{sys.executable} -I -S {ODD_CLIENT} {fault}"


def test_the_list_says_how_to_name_ones_own(run: Run) -> None:
    said = run("adapters")

    assert said.code == 0
    assert "reference" in said.out
    assert "--adapter 'process:node client.mjs'" in said.out


def test_the_schema_is_printed(run: Run) -> None:
    said = run("adapters", "schema")

    assert said.code == 0
    assert json.loads(said.out) == schema()


def test_a_sound_process_holds(run: Run) -> None:
    said = run("adapters", "verify", odd("sound"), "--json")

    told = json.loads(said.out)
    assert said.code == 0
    assert told["held"]
    assert [finding["message"] for finding in told["findings"]] == [
        *("hello", "open", "list_models", "get_handle", "chat", "stream", "chat_with_tools"),
        *("an unknown method", "cancel", "close", "close", "after close", "the end"),
    ]


@pytest.mark.parametrize(
    ("fault", "message", "text"),
    [
        pytest.param(
            "silent", "hello", "did not answer 'hello' within 2 s", marks=pytest.mark.heavy
        ),
        ("banner", "hello", "no JSON to standard output: Welcome!"),
        ("another-major", "hello", "it speaks protocol 2.0, and was offered 1.0"),
        ("refuses-to-open", "open", "answered with an error: InvalidBaseUrlError: no such host"),
        ("garbage", "list_models", "Loading the model <U+001B>[2J<U+202E> please wait"),
        ("no-list", "list_models", "it is to be array, and is {'id': 'moonshot-v1-8k'}"),
        ("a-string-for-a-number", "list_models", "it[0].context_window is to be integer"),
        ("a-chunk-for-a-call", "list_models", "answered with a chunk, which is for streams"),
        ("crash", "list_models", "ended with exit code 3"),
        ("no-time", "stream", "it lacks 'at'"),
        pytest.param("endless", "stream", "its stream does not end: ", marks=pytest.mark.heavy),
        ("asks-nobody", "what it asks", "there is no question 'weather.now'"),
        ("shrugs", "an unknown method", "with an error of the class UnknownMethodError"),
        ("claims-what-it-does-not-know", "usage", "'usage_statistics' is claimed, and the method"),
        ("leftovers", "after close", "answered what nobody asks"),
        pytest.param(
            "stays",
            "the end",
            "its standard input ended, and 2 s later it is still there",
            marks=pytest.mark.heavy,
        ),
        ("ends-badly", "the end", "it ended with exit code 5, not 0"),
    ],
)
def test_what_is_wrong_is_said_message_by_message(
    fault: str, message: str, text: str, run: Run
) -> None:
    said = run("adapters", "verify", odd(fault), "--seconds", "2", "--json")

    told = json.loads(said.out)
    assert said.code == 1
    assert not told["held"]
    assert text in {f["message"]: f["problem"] for f in told["findings"] if f["problem"]}[message]


def test_for_people_it_is_a_line_a_message(run: Run) -> None:
    said = run("adapters", "verify", odd("no-list"))

    assert said.code == 1
    assert "ok     hello                      odd 1, 5 capabilities" in said.out.splitlines()
    assert said.out.splitlines()[-1] == "13 messages, 1 of them wrong."


@pytest.mark.parametrize("command", ["", "'", "no-such-program-anywhere"])
def test_a_command_that_is_none_is_wrong_use(command: str, run: Run) -> None:
    assert run("adapters", "verify", command).code == 2
