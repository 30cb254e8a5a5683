"""A client in another process: what it is told, what it answers, and all that it can do wrong."""

import asyncio
import logging
import re
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

import psutil
import pytest
from tests.adapters.process.talk import HELLO, OpenOdd, broken, chunks_of, said

from kimi_conformance.adapters.process import command as command_module
from kimi_conformance.adapters.process import connection as connection_module
from kimi_conformance.adapters.process import lines
from kimi_conformance.adapters.process.command import environment_for, hello_of
from kimi_conformance.adapters.protocol import ModelConfig
from kimi_conformance.checks.item import check_id
from kimi_conformance.checks.upstream import FakeClock
from kimi_conformance.errors import AdapterError, UsageError
from kimi_conformance.plugin import _without_at

KEY = "sk-of-a-user-0123456789"


# ---------------------------------------------------------------- what crosses


async def test_a_sound_client_serves_what_it_claims(open_odd: OpenOdd) -> None:
    adapter = open_odd()

    assert (adapter.name, adapter.version) == ("odd", "1")
    assert await adapter.list_models() == [ModelConfig(id="moonshot-v1-8k")]
    assert adapter.get_handle("a") == "kimi/a"
    assert [chunk.at for chunk in await chunks_of(adapter)] == [0.1, 0.1]
    assert (await adapter.chat_with_tools(HELLO, lambda *_: "rain")).body["result"] == "rain"
    await adapter.aclose()


async def test_a_method_that_is_not_claimed_is_not_there(open_odd: OpenOdd) -> None:
    adapter = open_odd()

    assert not hasattr(adapter, "usage")
    assert not hasattr(adapter, "no_such_method")


async def test_arguments_go_by_their_names(open_odd: OpenOdd) -> None:
    adapter = open_odd("echo")

    params = await said(adapter)

    assert params["request"]["messages"] == [{"role": "user", "content": "Hello"}]
    assert params["request"]["options"] == {}


async def test_a_tool_that_raises_is_an_error_to_the_process(open_odd: OpenOdd) -> None:
    def tool(*_: str) -> str:
        raise ValueError("no such city")

    answer = (await open_odd().chat_with_tools(HELLO, tool)).body

    assert answer["error"]["classes"][0] == "ValueError"
    assert answer["error"]["text"] == "no such city"


async def test_what_a_tool_gives_that_is_no_json_is_an_error_to_the_process(
    open_odd: OpenOdd,
) -> None:
    answer = (await open_odd().chat_with_tools(HELLO, lambda *_: object())).body

    assert answer["error"]["classes"][0] == "TypeError"


async def test_the_process_takes_its_time_from_the_check(open_odd: OpenOdd) -> None:
    clock = FakeClock(now=1000.0)
    adapter = open_odd("clock", clock=clock)

    before, _, after = [answer["result"] for answer in await said(adapter)]

    assert adapter.follows_clock
    assert (before, after) == (1000.0, 1007.5)
    assert clock.slept == [7.5]


async def test_without_the_feature_the_clock_is_the_machines(open_odd: OpenOdd) -> None:
    assert not open_odd(clock=FakeClock()).follows_clock


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("asks-nobody", "there is no question 'weather.now'"),
        ("asks-with-wrong-params", "the params of 'clock.sleep' are seconds"),
    ],
)
async def test_a_question_that_is_none_is_answered_with_an_error(
    fault: str, text: str, open_odd: OpenOdd
) -> None:
    assert (await said(open_odd(fault)))["error"]["text"] == text


async def test_what_the_process_logs_is_logged_here(
    open_odd: OpenOdd, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    await open_odd().chat(HELLO)

    assert [(r.name, r.levelname, r.getMessage()) for r in caplog.records] == [
        ("process.odd", "INFO", "a chat\x1b[0m")
    ]


async def test_the_key_is_neither_in_the_arguments_nor_in_the_environment(
    open_odd: OpenOdd, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KIMI_API_KEY", "GITHUB_TOKEN", "HTTPS_PROXY", "DB_PASSWORD", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, KEY)
    monkeypatch.setenv("HARMLESS", "1")
    adapter = open_odd("environment", api_key=KEY, environment={"KIMI_API_KEY": KEY})

    environment = await said(adapter)

    assert environment["HARMLESS"] == "1"
    assert KEY not in environment.values()
    assert KEY not in psutil.Process(adapter._connection._process.pid).cmdline()


@pytest.mark.parametrize(
    "kept", ["PATH", "HOME", "JAVA_HOME", "NODE_PATH", "KEYBOARD", "TOKENIZER"]
)
def test_a_variable_that_is_no_secret_is_seen(kept: str) -> None:
    assert environment_for({kept: "x"}) == {kept: "x"}


async def test_one_process_serves_several_clients_and_check_after_check(
    new_command: Callable[[str], Any],
) -> None:
    command, _ = new_command("sound")

    first, second = command.running(), command.running()

    assert first is second


# ---------------------------------------------------------------- what goes wrong at the start


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("another-major", "said no hello: it speaks protocol 2.0, and was offered 1.0"),
        ("banner", "wrote a line that is no JSON to standard output: Welcome!"),
    ],
)
def test_who_says_no_hello_is_not_opened(fault: str, text: str, open_odd: OpenOdd) -> None:
    with pytest.raises(AdapterError, match=re.escape(text)):
        open_odd(fault)


SOUND = {"protocol": "1.0", "name": "odd", "version": "1", "capabilities": ["models"]}


@pytest.mark.parametrize(
    ("hello", "text"),
    [
        ({**SOUND, "protocol": "1.1"}, "it speaks protocol 1.1, and was offered 1.0"),
        ({**SOUND, "protocol": "latest"}, "its protocol 'latest' is no version such as 1.0"),
        ({**SOUND, "name": None}, "its 'name' has to be a string"),
        ({**SOUND, "capabilities": ["model"]}, "it claims 'model', which is no capability. Did"),
        ({**SOUND, "capabilities": "models"}, "its 'capabilities' have to be an array of names"),
        ({**SOUND, "features": [1]}, "its 'features' have to be an array of names"),
        ([], "it has to answer with a result that names protocol"),
    ],
)
def test_a_hello_that_is_none_is_refused(hello: Any, text: str) -> None:
    with pytest.raises(AdapterError, match=re.escape(text)):
        hello_of(hello)


def test_what_is_seen_in_this_process_only_cannot_be_claimed() -> None:
    claims = {**SOUND, "capabilities": ["models", "in_process"]}

    assert hello_of(claims).capabilities == ("models",)


def test_a_process_that_says_nothing_is_given_up(
    open_odd: OpenOdd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_module, "START_LIMIT", 0.1)

    with pytest.raises(AdapterError, match=r"did not answer 'hello' within 0\.1 s"):
        open_odd("silent")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "There is no command"),
        ("node 'client.mjs", "No closing quotation"),
        ("no-such-program-anywhere", "cannot be started: no such program"),
    ],
)
def test_a_command_that_is_none_is_wrong_use(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        command_module.Command(text, lambda *_: None)


def test_an_error_of_opening_is_raised_as_it_was_said(open_odd: OpenOdd) -> None:
    with pytest.raises(Exception, match="no such host") as raised:
        open_odd("refuses-to-open")

    assert type(raised.value).__name__ == "InvalidBaseUrlError"


# ---------------------------------------------------------------- what goes wrong in a call


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (
            "garbage",
            "no JSON to standard output: Loading the model <U+001B>[2J<U+202E> please wait",
        ),
        ("garbage-with-a-key", "standard output: using key [redacted] and [redacted]"),
        ("no-object", "wrote a line that is no JSON object to standard output: [1, 2]"),
        ("no-kind", "wrote a message of no kind"),
        ("another-id", "answered what nobody asks"),
        ("a-chunk-for-a-call", "answered 'list_models' with a chunk, which is for streams"),
        ("an-error-that-is-none", "with what is no error: an error is an object"),
        ("no-list", "another shape: the result is an object, not an array"),
        ("crash", "ended with exit code 3 while 'list_models' was awaited. Its last words:"),
        ("killed", "was ended by signal 9 while 'list_models' was awaited."),
    ],
)
async def test_what_a_process_does_wrong_is_named_and_not_forgotten(
    fault: str, text: str, open_odd: OpenOdd
) -> None:
    adapter = open_odd(fault, api_key=KEY, environment={"OPERATOR": "key-of-an-operator"})

    assert text in await broken(adapter.list_models())
    assert text in await broken(adapter.aclose())


async def test_a_method_that_is_claimed_and_not_known_is_the_adapters_fault(
    open_odd: OpenOdd,
) -> None:
    adapter = open_odd("claims-what-it-does-not-know")

    with pytest.raises(AdapterError, match="does not know the method 'usage'"):
        adapter.usage()


async def test_a_value_that_only_a_check_can_judge_is_left_to_it(open_odd: OpenOdd) -> None:
    [model] = await open_odd("a-string-for-a-number").list_models()

    assert model.context_window == "8192"


async def test_the_last_words_are_quoted_without_a_key(open_odd: OpenOdd) -> None:
    text = await broken(open_odd("crash", api_key=KEY).list_models())

    assert "Error: no such thing as [redacted]" in text


async def test_a_flood_of_last_words_is_kept_short(open_odd: OpenOdd) -> None:
    text = await broken(open_odd("flood").list_models())

    assert "line 39999" in text
    assert len(text.splitlines()) <= 1 + connection_module.LAST_WORDS


async def test_a_line_without_an_end_takes_no_more_than_its_limit(
    open_odd: OpenOdd, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (lines, connection_module):
        monkeypatch.setattr(module, "LONGEST", 100_000)

    text = await broken(open_odd("a-long-line").list_models())

    assert "wrote a line longer than" in text
    assert len(text) < 500


async def test_chunks_that_nobody_takes_are_not_kept_without_end(
    open_odd: OpenOdd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "LONGEST", 100_000)
    adapter = open_odd("too-much")
    stream = adapter.stream(HELLO)

    await anext(stream)
    connection = adapter._connection
    await asyncio.to_thread(connection._process.wait, 20)  # the test takes its time, it does not

    assert "that nobody had taken" in await broken(chunks(stream))


async def chunks(stream: Any) -> list[Any]:
    return [chunk async for chunk in stream]


def test_a_check_on_a_command_with_an_at_sign_keeps_its_name() -> None:
    sut = _without_at("process:npx @scope/client")

    found = check_id(PurePath("adapter/test_filter.py"), "test_order_is_kept", f"@{sut}@-gpt-4")

    assert found == "adapter/filter/order_is_kept[gpt-4]"
