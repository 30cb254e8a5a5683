"""What a chat is answered: text, tools, length, usage, whole and streamed."""

import json
import re
from typing import Any

import pytest
from tests.simulator.scene import (
    ASKS_TOOLS,
    CLOCK,
    EDITION,
    HELLO,
    K2,
    NOW,
    SYSTEM,
    TOOL_TURN,
    WEATHER,
    chat,
    chunks,
    request,
    simulator,
    text,
)

from kimi_conformance.simulator import Latency
from kimi_conformance.wire.exchange import Answer

MODELS = [model.id for model in EDITION.models]
USAGE = {"include_usage": True}


def choice(answer: Answer) -> dict[str, Any]:
    """The first choice of a whole answer."""
    assert answer.status == 200, answer.body
    first: dict[str, Any] = answer.json["choices"][0]
    return first


def calls(answer: Answer) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = choice(answer)["message"].get("tool_calls", [])
    return listed


@pytest.mark.parametrize("model", MODELS)
def test_every_listed_model_answers(model: str) -> None:
    answer = simulator().reply(chat(model=model))

    assert answer.json["model"] == model
    assert choice(answer)["finish_reason"] == "stop"
    assert text(answer)


def test_a_whole_answer_has_the_recorded_keys_in_their_order() -> None:
    answer = simulator().reply(chat())

    assert list(answer.json) == ["id", "object", "created", "model", "choices", "usage"]
    assert list(choice(answer)) == ["index", "message", "finish_reason"]
    assert list(choice(answer)["message"]) == ["role", "content"]
    assert list(answer.json["usage"]) == ["prompt_tokens", "completion_tokens", "total_tokens"]
    assert answer.json["created"] == int(NOW)


def test_the_id_is_an_object_id_that_begins_with_the_second() -> None:
    simulated = simulator()

    first, second = (simulated.reply(chat()).json["id"] for _ in range(2))

    assert re.fullmatch(rf"chatcmpl-{int(NOW):08x}[0-9a-f]{{16}}", first)
    assert first != second


def test_seed_and_request_decide_the_text() -> None:
    once, again, other = (simulator(seed=seed).reply(chat()) for seed in (1, 1, 2))

    assert once.body == again.body
    assert text(once) != text(other)
    assert text(once) != text(simulator(seed=1).reply(chat(SYSTEM)))


@pytest.mark.parametrize("model", [EDITION.default_model, K2, "kimi-thinking-preview"])
@pytest.mark.parametrize(
    "body", [{}, {"max_tokens": 5}, {"stop": ["a"]}, {"response_format": {"type": "json_object"}}]
)
def test_a_stream_says_what_the_whole_answer_says(model: str, body: dict[str, Any]) -> None:
    whole = simulator().reply(chat(model=model, **body))
    streamed = simulator().reply(chat(model=model, stream=True, **body))

    assert text(streamed) == text(whole)
    assert chunks(streamed)[-1]["choices"][0]["usage"] == whole.json["usage"]
    assert chunks(streamed)[-1]["choices"][0]["finish_reason"] == choice(whole)["finish_reason"]


def test_every_text_holds_a_character_outside_ascii() -> None:
    assert not text(simulator().reply(chat())).isascii()


def test_max_tokens_cuts_the_text_and_says_length() -> None:
    answer = simulator().reply(chat(max_tokens=5))

    assert choice(answer)["finish_reason"] == "length"
    assert answer.json["usage"]["completion_tokens"] == 5
    assert text(simulator().reply(chat())).startswith(text(answer))


def test_a_text_that_ends_at_the_limit_is_not_cut() -> None:
    size = simulator().reply(chat()).json["usage"]["completion_tokens"]

    assert choice(simulator().reply(chat(max_tokens=size)))["finish_reason"] == "stop"
    assert choice(simulator().reply(chat(max_tokens=size - 1)))["finish_reason"] == "length"


def test_the_model_s_own_limit_cuts_a_text_that_asks_for_none() -> None:
    answer = simulator().reply(chat([{"role": "user", "content": "Write 5000 words."}]))

    assert answer.json["usage"]["completion_tokens"] == 1024
    assert choice(answer)["finish_reason"] == "length"


def test_a_user_gets_as_many_words_as_asked_for() -> None:
    answer = simulator().reply(chat([{"role": "user", "content": "Write 200 words."}]))

    assert answer.json["usage"]["completion_tokens"] == 200


def test_a_stop_word_ends_the_text_before_it() -> None:
    whole = text(simulator().reply(chat()))
    word = whole.split()[3]

    answer = simulator().reply(chat(stop=word))

    assert text(answer) == whole[: whole.index(word)]
    assert choice(answer)["finish_reason"] == "stop"


def test_of_several_stop_words_the_first_in_the_text_counts() -> None:
    whole = text(simulator().reply(chat()))
    late, early = whole.split()[5], whole.split()[2]

    answer = simulator().reply(chat(stop=[late, "never said", "", early]))

    assert text(answer) == whole[: min(whole.index(early), whole.index(late))]


def test_several_choices_differ_and_share_the_prompt() -> None:
    answer = simulator().reply(chat(n=3, temperature=0.8))

    contents = [each["message"]["content"] for each in answer.json["choices"]]
    assert [each["index"] for each in answer.json["choices"]] == [0, 1, 2]
    assert len(set(contents)) == 3
    single = simulator().reply(chat()).json["usage"]["prompt_tokens"]
    assert answer.json["usage"]["prompt_tokens"] == single


def test_the_prompt_grows_with_messages_and_tools() -> None:
    def prompt(messages: list[Any], **body: Any) -> int:
        count: int = simulator().reply(chat(messages, **body)).json["usage"]["prompt_tokens"]
        return count

    short = prompt(HELLO)
    assert prompt([*SYSTEM, *HELLO]) > short
    assert prompt(HELLO, tools=[WEATHER]) > short
    assert prompt(HELLO, tools=[WEATHER, CLOCK]) > prompt(HELLO, tools=[WEATHER])


def test_the_estimate_equals_the_prompt_of_the_chat() -> None:
    body = {"model": K2, "messages": [*SYSTEM, *HELLO]}
    path = "/v1/tokenizers/estimate-token-count"

    estimate = simulator().reply(request("POST", path, body)).json["data"]["total_tokens"]

    used = simulator().reply(chat([*SYSTEM, *HELLO], model=K2)).json["usage"]
    assert estimate == used["prompt_tokens"]


def test_json_mode_gives_a_json_object() -> None:
    answer = simulator().reply(chat(response_format={"type": "json_object"}))

    assert isinstance(json.loads(text(answer)), dict)


def test_a_thinking_model_shows_its_reasoning_apart() -> None:
    whole = simulator().reply(chat(model="kimi-thinking-preview"))
    streamed = simulator().reply(chat(model="kimi-thinking-preview", stream=True))

    deltas = [each["choices"][0]["delta"] for each in chunks(streamed)]
    thoughts = [delta["reasoning_content"] for delta in deltas if "reasoning_content" in delta]
    assert thoughts[-1] == ""
    assert "".join(thoughts) == choice(whole)["message"]["reasoning_content"]
    assert "reasoning_content" not in choice(simulator().reply(chat()))["message"]


def test_reasoning_counts_against_the_limit() -> None:
    answer = simulator().reply(chat(model="kimi-thinking-preview", max_tokens=3))

    assert text(answer) == ""
    assert answer.json["usage"]["completion_tokens"] == 3
    assert choice(answer)["finish_reason"] == "length"


# ---------------------------------------------------------------- tools


def test_a_message_that_asks_for_tools_gets_calls_of_each() -> None:
    answer = simulator().reply(chat(ASKS_TOOLS, tools=[WEATHER, CLOCK]))

    assert [call["function"]["name"] for call in calls(answer)] == ["get_weather", "get_time"]
    assert [call["index"] for call in calls(answer)] == [0, 1]
    assert {call["type"] for call in calls(answer)} == {"function"}
    assert choice(answer)["finish_reason"] == "tool_calls"
    assert choice(answer)["message"]["content"] == ""


@pytest.mark.parametrize(
    ("messages", "body", "called"),
    [
        (HELLO, {}, 0),
        ([{"role": "user", "content": "Call get_weather!"}], {}, 1),
        ([{"role": "user", "content": "Please use a tool."}], {}, 1),
        ([{"role": "user", "content": "请使用工具"}], {}, 1),
        ([{"role": "user", "content": [{"type": "text", "text": "weather?"}]}], {}, 1),
        (ASKS_TOOLS, {"tool_choice": "none"}, 0),
        (ASKS_TOOLS, {"tool_choice": "auto"}, 1),
        (HELLO, {"tool_choice": {"type": "function", "function": {"name": "get_weather"}}}, 1),
        (TOOL_TURN, {}, 0),
        (SYSTEM, {}, 0),
    ],
)
def test_when_a_tool_is_called(messages: list[Any], body: dict[str, Any], called: int) -> None:
    answer = simulator().reply(chat(messages, tools=[WEATHER], **body))

    assert len(calls(answer)) == called
    assert (choice(answer)["finish_reason"] == "tool_calls") is bool(called)


def test_builtin_functions_that_are_not_known_are_never_called() -> None:
    search = {"type": "builtin_function", "function": {"name": "$moon_search"}}
    asks = [{"role": "user", "content": "Use a tool: $moon_search"}]

    assert calls(simulator().reply(chat(asks, tools=[search]))) == []


def test_call_ids_have_the_form_of_the_family() -> None:
    old = calls(simulator().reply(chat(ASKS_TOOLS, tools=[WEATHER, CLOCK])))
    new = calls(simulator().reply(chat(ASKS_TOOLS, tools=[WEATHER, CLOCK], model=K2)))

    assert [call["id"] for call in old] == ["get_weather:0", "get_time:1"]
    assert [call["id"] for call in new] == ["functions.get_weather:0", "functions.get_time:1"]


def test_k2_counts_calls_over_the_whole_conversation() -> None:
    again = [*TOOL_TURN, *ASKS_TOOLS]

    assert calls(simulator().reply(chat(again, tools=[WEATHER])))[0]["id"] == "get_weather:0"
    later = simulator().reply(chat(again, tools=[WEATHER], model=K2))
    assert calls(later)[0]["id"] == "functions.get_weather:1"


def test_arguments_are_json_and_fit_the_schema() -> None:
    arguments = json.loads(
        calls(simulator().reply(chat(ASKS_TOOLS, tools=[WEATHER])))[0]["function"]["arguments"]
    )

    assert isinstance(arguments["city"], str)
    assert arguments["days"] >= 1


def test_max_tokens_cuts_tool_calls_too() -> None:
    answer = simulator().reply(chat(ASKS_TOOLS, tools=[WEATHER, CLOCK], max_tokens=6))

    assert answer.json["usage"]["completion_tokens"] == 6
    assert choice(answer)["finish_reason"] == "length"
    assert len(calls(answer)) == 1


@pytest.mark.parametrize("model", [EDITION.default_model, K2])
def test_streamed_calls_add_up_to_the_whole_ones(model: str) -> None:
    body: dict[str, Any] = {"tools": [WEATHER, CLOCK], "model": model}
    whole = calls(simulator().reply(chat(ASKS_TOOLS, **body)))
    streamed = simulator().reply(chat(ASKS_TOOLS, stream=True, **body))

    put_together: dict[int, dict[str, Any]] = {}
    for chunk in chunks(streamed):
        for piece in chunk["choices"][0]["delta"].get("tool_calls", []):
            if piece["index"] in put_together:
                assert set(piece) == {"index", "function"}
                arguments = piece["function"]["arguments"]
                put_together[piece["index"]]["function"]["arguments"] += arguments
            else:
                assert piece["function"]["arguments"] == ""
                put_together[piece["index"]] = piece
    assert list(put_together.values()) == whole


# ---------------------------------------------------------------- streams


def test_a_stream_comes_in_the_recorded_order() -> None:
    answer = simulator().reply(chat(stream=True, stream_options=USAGE))

    first, *middle, last, usage = chunks(answer)
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert {tuple(each["choices"][0]["delta"]) for each in middle} == {("content",)}
    assert {each["choices"][0]["finish_reason"] for each in (first, *middle)} == {None}
    assert last["choices"][0]["delta"] == {}
    assert usage["choices"] == []
    assert usage["usage"] == last["choices"][0]["usage"]
    assert "system_fingerprint" not in usage
    assert not any("usage" in each for each in (first, *middle, last))


def test_the_fingerprint_is_the_last_key_of_a_chunk() -> None:
    first = chunks(simulator().reply(chat(stream=True)))[0]

    assert list(first) == ["id", "object", "created", "model", "choices", "system_fingerprint"]
    assert re.fullmatch("fpv0_[0-9a-f]{8}", first["system_fingerprint"])


def test_the_usage_chunk_comes_only_when_asked_for() -> None:
    streamed = chunks(simulator().reply(chat(stream=True)))

    assert all(each["choices"] for each in streamed)


def test_every_event_is_a_frame() -> None:
    answer = simulator().reply(chat(stream=True))

    assert all(frame.data.endswith(b"\n\n") for frame in answer.frames)
    assert len(answer.frames) == len(chunks(answer)) + 1
    assert answer.header("Content-Type") == "text/event-stream; charset=utf-8"


def test_several_streamed_choices_take_turns_and_each_ends() -> None:
    streamed = chunks(simulator().reply(chat(n=2, temperature=0.5, stream=True)))

    order = [each["choices"][0]["index"] for each in streamed]
    ends = [each for each in streamed if each["choices"][0]["finish_reason"]]
    assert order[:4] == [0, 1, 0, 1]
    assert sorted(each["choices"][0]["index"] for each in ends) == [0, 1]
    assert all("usage" in each["choices"][0] for each in ends)


def test_latency_is_only_a_matter_of_offsets() -> None:
    latency = Latency(ttft=0.5, itl=0.1)
    streamed = simulator(latency=latency).reply(chat(stream=True))
    whole = simulator(latency=latency).reply(chat())

    tokens = whole.json["usage"]["completion_tokens"]
    times = [frame.at for frame in streamed.frames]
    assert times[:3] == pytest.approx([0.5, 0.5, 0.6])
    assert times == sorted(times)
    assert times[-1] == pytest.approx(0.5 + 0.1 * (tokens - 1))
    assert whole.frames[0].at == pytest.approx(times[-1])
    assert streamed.body == simulator().reply(chat(stream=True)).body


def test_nothing_but_chats_is_late() -> None:
    slow = simulator(latency=Latency(ttft=5))

    assert slow.reply(request("GET", "/v1/models")).frames[0].at == 0.0
