"""Files, batches, official tools and the Anthropic face, each by itself."""

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.simulator.scene import EDITION, THINKING, Clock, chat, simulator, think
from tests.simulator.services import (
    FORM,
    MESSAGES,
    SEARCH,
    TOOL,
    ask,
    batch,
    form,
    lines,
    message,
    upload,
)

from kimi_conformance.simulator import Latency
from kimi_conformance.simulator.anthropic import as_chat
from kimi_conformance.simulator.multipart import parts_of
from kimi_conformance.wire.exchange import Answer
from kimi_conformance.wire.sse import decode

# ---------------------------------------------------------------- forms


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (FORM, form()),
        ('Multipart/Form-Data; boundary="XX"', form()),
        (FORM, b"a preamble\r\n" + form() + b"\r\nan epilogue"),
    ],
    ids=["plain", "quoted", "framed"],
)
def test_a_form_is_read(kind: str, body: bytes) -> None:
    parts = parts_of(kind, body)

    assert parts is not None
    assert parts["purpose"].text == "file-extract"
    assert (parts["file"].filename, parts["file"].content) == ("a.txt", b"hello")


@pytest.mark.parametrize("content", [b"", b"\r\n", b"a--XX", b"a\r\n\r\nb\r\n", bytes(range(256))])
def test_the_content_of_a_part_is_kept_to_the_byte(content: bytes) -> None:
    parts = parts_of(FORM, form(content))

    assert parts is not None
    assert parts["file"].content == content


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", form()),
        ("multipart/form-data", form()),
        (FORM, b""),
        (FORM, form()[:-6]),
        (FORM, b"--XX\r\nno header\r\n--XX--\r\n"),
        (FORM, b"--XX\r\nContent-Type: text/plain\r\n\r\nnameless\r\n--XX--\r\n"),
    ],
    ids=["other type", "no boundary", "empty", "cut", "no header", "no name"],
)
def test_what_is_no_form_is_refused(kind: str, body: bytes) -> None:
    answer = simulator().reply(ask("POST", "/v1/files", body, kind=kind))

    assert parts_of(kind, body) is None
    assert (answer.status, answer.json["error"]["type"]) == (400, "invalid_request_error")


# ---------------------------------------------------------------- files


def test_an_id_holds_the_second_and_is_never_given_twice() -> None:
    simulated = simulator()

    ids = [simulated.reply(upload()).json["id"] for _ in range(20)]

    assert len(set(ids)) == 20
    assert {len(id) for id in ids} == {20}
    assert len({id[:6] for id in ids}) == 1


@pytest.mark.parametrize(
    ("limits", "says"),
    [({"file_bytes": 4}, "max file size is 0MB"), ({"files": 0}, "max file count 0")],
    ids=["size", "count"],
)
def test_the_limits_of_the_edition_count(limits: dict[str, Any], says: str) -> None:
    assert EDITION.files is not None
    small = replace(EDITION, files=replace(EDITION.files, **limits))

    answer = simulator(edition=small).reply(upload())

    assert answer.status == 400
    assert says in answer.json["error"]["message"]


def test_an_edition_without_files_has_no_such_path() -> None:
    without = replace(EDITION, files=None)

    answer = simulator(edition=without).reply(ask("GET", "/v1/files"))

    assert (answer.status, answer.json["error"]) == (404, "url.not_found")


@pytest.mark.parametrize("edition", [EDITION, THINKING], ids=lambda edition: edition.name)
def test_purposes_are_those_of_the_edition(edition: Any) -> None:
    simulated = simulator(edition=edition)
    purposes = ("file-extract", "image", "video")

    taken = [simulated.reply(upload(purpose=purpose)).status for purpose in purposes]

    assert taken == ([200, 400, 400] if edition is EDITION else [200, 200, 200])


# ---------------------------------------------------------------- batches


@pytest.mark.parametrize("kind", ["image_url", "video_url"])
@pytest.mark.parametrize(
    "form", [lambda url: url, lambda url: {"url": url}], ids=["text", "object"]
)
def test_a_message_refers_to_a_file_as_long_as_it_is_there(kind: str, form: Any) -> None:
    kimi = simulator(edition=THINKING)
    id = kimi.reply(upload(b"dot", "dot.png", "image")).json["id"]
    part = {"type": kind, kind: form(f"ms://{id}")}
    asked = think([{"role": "user", "content": [part]}])

    assert kimi.reply(asked).status == 200
    kimi.reply(ask("DELETE", f"/v1/files/{id}"))
    refused = kimi.reply(asked)
    assert refused.status == 404
    assert refused.json["error"]["message"] == f"Not found the file {id}"


def test_a_batch_goes_its_way_by_the_clock() -> None:
    clock = Clock()
    simulated = simulator(edition=THINKING, clock=clock)
    simulated._world.batch_seconds = 100.0
    file = simulated.reply(upload(lines(THINKING, {}, {}), "a.jsonl", "batch")).json["id"]
    made = simulated.reply(batch(file)).json

    def status_after(seconds: float) -> Any:
        clock.now = made["created_at"] + seconds
        return simulated.reply(ask("GET", f"/v1/batches/{made['id']}")).json["status"]

    passed = [status_after(seconds) for seconds in (1, 50, 90, 99, 100, 1000)]

    assert made["status"] == "validating"
    assert passed == [
        "validating",
        "in_progress",
        "finalizing",
        "finalizing",
        "completed",
        "completed",
    ]


def test_a_batch_that_is_not_done_in_its_window_expires() -> None:
    clock = Clock()
    simulated = simulator(edition=THINKING, clock=clock)
    simulated._world.batch_seconds = 1e6
    file = simulated.reply(upload(lines(THINKING, {}), "a.jsonl", "batch")).json["id"]
    made = simulated.reply(batch(file, completion_window="12h")).json
    clock.now += 12 * 3600

    shown = simulated.reply(ask("GET", f"/v1/batches/{made['id']}")).json

    assert (shown["status"], shown["output_file_id"]) == ("expired", None)


def test_each_answer_of_a_batch_has_an_id_of_its_own() -> None:
    simulated = simulator(edition=THINKING)
    file = simulated.reply(upload(lines(THINKING, {}, {}, {}), "a.jsonl", "batch")).json["id"]
    made = simulated.reply(batch(file)).json["id"]
    output = simulated.reply(ask("GET", f"/v1/batches/{made}")).json["output_file_id"]
    content = simulated.reply(ask("GET", f"/v1/files/{output}/content"))

    results = [json.loads(line) for line in content.body.splitlines()]

    assert len({result["response"]["request_id"] for result in results}) == 3
    assert len({result["response"]["body"]["id"] for result in results}) == 3


# ---------------------------------------------------------------- official tools


def test_the_path_of_a_tool_may_be_escaped() -> None:
    answer = simulator().reply(ask("GET", "/v1/formulas/moonshot/web-search%3Alatest/tools"))

    assert answer.json["tools"][0]["function"]["name"] == "web_search"


def test_a_search_is_streamed_like_any_call() -> None:
    asks = [{"role": "user", "content": "Search the web for tides."}]
    simulated = simulator()
    whole = simulated.reply(chat(asks, tools=[SEARCH])).json["choices"][0]["message"]
    stream = simulated.reply(chat(asks, tools=[SEARCH], stream=True))

    chunks = [json.loads(e.data) for _, e in decode(stream.frames).events if e.data != "[DONE]"]
    calls = [c for chunk in chunks for c in chunk["choices"][0]["delta"].get("tool_calls", ())]

    assert calls[0]["type"] == whole["tool_calls"][0]["type"] == "builtin_function"
    assert calls[0]["id"] == whole["tool_calls"][0]["id"]
    arguments = "".join(call["function"]["arguments"] for call in calls)
    assert arguments == whole["tool_calls"][0]["function"]["arguments"]


# ---------------------------------------------------------------- the Anthropic face


def test_a_request_is_translated_into_a_chat() -> None:
    body = {
        "model": "m",
        "max_tokens": 5,
        "system": [{"type": "text", "text": "Rules."}],
        "stop_sequences": ["."],
        "tools": [TOOL],
        "tool_choice": {"type": "tool", "name": "get_weather"},
        "messages": [
            {"role": "user", "content": "Hi."},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": ""},
                    {"type": "text", "text": "Wait."},
                    {"type": "tool_use", "id": "c", "name": "get_weather", "input": {"city": "x"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c", "content": "sunny"},
                    {"type": "text", "text": "So?"},
                ],
            },
        ],
    }
    function = {"name": "get_weather", "arguments": '{"city":"x"}'}

    asked = as_chat(body)

    assert asked["stop"] == ["."]
    assert asked["tool_choice"] == {"type": "function", "function": {"name": "get_weather"}}
    assert asked["tools"][0]["function"]["parameters"] == TOOL["input_schema"]
    assert asked["messages"] == [
        {"role": "system", "content": "Rules."},
        {"role": "user", "content": "Hi."},
        {
            "role": "assistant",
            "content": "Wait.",
            "reasoning_content": "Hm.",
            "tool_calls": [{"id": "c", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "sunny"},
        {"role": "user", "content": "So?"},
    ]


@pytest.mark.parametrize(
    "messages",
    ["hi", [7], [{"role": "user", "content": [7]}], [{"role": "user", "content": {"a": 1}}], {}],
)
def test_messages_of_any_form_are_answered_and_never_raise(messages: Any) -> None:
    answer = simulator().reply(message(EDITION, messages=messages, tools=[7], system=[{}]))

    assert answer.status == 400
    assert answer.json["type"] == "error"


@pytest.mark.parametrize("edition", [EDITION, THINKING], ids=lambda edition: edition.name)
def test_a_stream_says_what_the_whole_message_says(edition: Any) -> None:
    whole = simulator(edition=edition).reply(message(edition, max_tokens=300)).json
    stream = simulator(edition=edition).reply(message(edition, max_tokens=300, stream=True))

    events = [json.loads(event.data) for _, event in decode(stream.frames).events]
    texts = [e["delta"]["text"] for e in events if e.get("delta", {}).get("type") == "text_delta"]
    said = [block["text"] for block in whole["content"] if block["type"] == "text"]

    assert "".join(texts) == "".join(said)
    assert events[-2]["usage"] == whole["usage"]
    assert events[-2]["delta"]["stop_reason"] == whole["stop_reason"]


def test_a_stream_keeps_the_pace_of_the_chat() -> None:
    slow = simulator(latency=Latency(ttft=0.5, itl=0.1))

    stream: Answer = slow.reply(message(EDITION, stream=True))

    assert stream.frames[0].at == pytest.approx(0.5)
    assert stream.frames[-1].at > 1.0


def test_an_edition_without_the_face_has_no_such_path() -> None:
    answer = simulator(edition=replace(EDITION, messages=None)).reply(message(EDITION))

    assert (answer.status, answer.json["url"]) == (404, MESSAGES)
