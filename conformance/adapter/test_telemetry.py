"""What a client tells about its calls."""

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from kimi_conformance.checks import (
    Answer,
    ChatRequest,
    Event,
    OpenAdapter,
    Upstream,
    failing,
    replies,
    requirement,
)

KEY = "sk-of-a-user"
PROMPT = "the secret recipe of my grandmother"
QUESTION = ChatRequest(
    model="moonshot-v1-8k", messages=[{"role": "user", "content": f"Improve {PROMPT}"}]
)
SENT, RECEIVED = "llm_request_sent", "llm_response_received"


def told(events: Sequence[Event], name: str) -> str:
    """The attributes of the one event of this name, as text."""
    [found] = [event for event in events if event.name == name]
    return json.dumps(dict(found.attributes), default=str)


def used(prompt: int, completion: int) -> Answer:
    """An answer that used so many tokens."""
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    return replies.json_reply({**replies.completion_body(), "usage": usage})


@requirement("TELEM-01")
async def test_the_event_before_a_call_tells_the_model(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """An operator sees which models are asked, and nothing of what they are asked."""
    upstream.replies(replies.completion())
    adapter = open_adapter(api_key=KEY)

    await adapter.chat(QUESTION)

    before = told(adapter.events(), SENT)
    assert "moonshot-v1-8k" in before
    assert KEY not in before
    assert PROMPT not in before


@requirement("TELEM-02")
async def test_the_event_after_a_call_tells_what_it_used(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """An operator sees where the tokens go, and nothing of what was answered."""
    upstream.replies(
        replies.json_reply(
            {
                **replies.completion_body("Take more butter."),
                "usage": {
                    "prompt_tokens": 4711,
                    "completion_tokens": 12,
                    "total_tokens": 4723,
                },
            }
        )
    )
    adapter = open_adapter(api_key=KEY)

    await adapter.chat(QUESTION)

    after = told(adapter.events(), RECEIVED)
    assert "moonshot-v1-8k" in after
    assert "4711" in after
    assert KEY not in after
    assert "butter" not in after


class Notebook:
    """A tracer that writes down when spans begin and end."""

    def __init__(self, upstream: Upstream) -> None:
        self.lines: list[str] = []
        self._upstream = upstream

    def start_span(self, name: str, *_: Any, **__: Any) -> "Notebook":
        """A span begins."""
        self.lines.append(f"begin {name} after {len(self._upstream.requests)} requests")
        return self

    def end(self, *_: Any) -> None:
        """It ends."""
        self.lines.append(f"end after {len(self._upstream.requests)} requests")

    def __getattr__(self, _: str) -> Any:
        """Whatever else a span may be told, it listens to."""
        return lambda *_, **__: self


@requirement("TELEM-03")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(replies.completion(), id="answered"),
        pytest.param(replies.invalid_key(), id="refused"),
    ],
)
async def test_a_span_begins_before_a_call_and_ends_after_it(
    answer: Answer, open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A call shows in the trace of the request that caused it, whether it succeeds or not."""
    upstream.replies(answer)
    adapter = open_adapter()
    notebook = Notebook(upstream)
    adapter.trace_with(notebook)

    await asyncio.gather(adapter.chat(QUESTION), return_exceptions=True)

    [begun, over] = notebook.lines
    assert begun.startswith("begin ")
    assert begun.endswith(" after 0 requests")
    assert over != "end after 0 requests"


@requirement("TELEM-04")
async def test_the_event_before_comes_before_the_event_after(
    adapter: Any, upstream: Upstream
) -> None:
    """Whoever adds up what is under way never counts below zero."""
    upstream.replies(replies.completion())

    await adapter.chat(QUESTION)
    await adapter.chat(QUESTION)

    names = [event.name for event in adapter.events() if event.name in {SENT, RECEIVED}]
    assert names == [SENT, RECEIVED, SENT, RECEIVED]


@requirement("TELEM-04")
async def test_a_call_that_fails_has_no_event_after_it(adapter: Any, upstream: Upstream) -> None:
    """A failure does not pass for an answer in anybody's statistics."""
    upstream.replies(replies.invalid_key())

    await failing(adapter.chat(QUESTION))

    names = [event.name for event in adapter.events()]
    assert SENT in names
    assert RECEIVED not in names


@requirement("TELEM-05")
async def test_usage_is_given_by_kind_and_by_step(adapter: Any, upstream: Upstream) -> None:
    """A user sees what a task has cost."""
    upstream.replies(used(prompt=40, completion=2))

    await adapter.chat(QUESTION)

    usage = adapter.usage()
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (40, 2, 42)
    assert usage.step_count == 1


@requirement("TELEM-06")
async def test_the_totals_are_the_sums_over_all_steps(adapter: Any, upstream: Upstream) -> None:
    """A user who pays by the token can check the bill."""
    upstream.replies(used(prompt=40, completion=2), used(prompt=500, completion=30))

    await adapter.chat(QUESTION)
    await adapter.chat(QUESTION)

    usage = adapter.usage()
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (540, 32, 572)
    assert usage.step_count == 2


@requirement("TELEM-07")
@pytest.mark.usefixtures("timed")
async def test_the_event_after_a_call_tells_its_seconds(adapter: Any, upstream: Upstream) -> None:
    """An operator notices a slow model before the users complain."""
    upstream.replies(replies.later(replies.completion(), seconds=0.05))

    await adapter.chat(QUESTION)

    [after] = [event for event in adapter.events() if event.name == RECEIVED]
    assert after.attributes["seconds"] >= 0.04  # the answer took 0.05 s, clocks differ a little


@requirement("TELEM-08")
async def test_a_call_is_logged_with_its_model_and_nothing_private(
    open_adapter: OpenAdapter, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    """A log can be kept, and sent to somebody who helps."""
    caplog.set_level(logging.INFO)
    upstream.replies(replies.completion())

    await open_adapter(api_key=KEY).chat(QUESTION)

    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert "moonshot-v1-8k" in logged
    assert KEY not in logged
    assert PROMPT not in logged


@requirement("TELEM-09")
async def test_a_report_by_model_can_be_drawn_from_what_is_told(
    adapter: Any, upstream: Upstream
) -> None:
    """An operator sees which model the tokens and the seconds go to."""
    upstream.replies(used(40, 2), used(500, 30), used(7, 1))

    for model in ("moonshot-v1-8k", "kimi-latest", "moonshot-v1-8k"):
        await adapter.chat(ChatRequest(model=model, messages=QUESTION.messages))

    after = [
        list(event.attributes.values()) for event in adapter.events() if event.name == RECEIVED
    ]
    assert [("moonshot-v1-8k" in told, "kimi-latest" in told) for told in after] == [
        (True, False),
        (False, True),
        (True, False),
    ]
    assert [count for told in after for count in (42, 530, 8) if count in told] == [42, 530, 8]


def of_the_network(diagnosis: str) -> list[str]:
    """What a diagnosis says of the network, in whatever words."""
    return [line for line in diagnosis.splitlines() if "network" in line.lower()]


@requirement("TELEM-11")
@pytest.mark.parametrize(
    "base_url",
    [
        pytest.param("http://127.0.0.1:9/v1", id="nobody listens"),
        pytest.param("http://kimi.invalid/v1", id="an unknown host"),
    ],
)
async def test_the_diagnosis_tells_a_network_that_carries_from_one_that_does_not(
    base_url: str, open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """Whoever looks for the fault knows which of two people to ask."""
    upstream.replies(replies.model_list(["moonshot-v1-8k"]))

    carries = of_the_network(await open_adapter().diagnosis())
    does_not = of_the_network(await open_adapter(base_url=base_url).diagnosis())

    assert carries
    assert does_not
    assert does_not != carries


@requirement("TELEM-11")
async def test_the_diagnosis_does_not_take_a_refusal_for_a_broken_network(
    adapter: Any, upstream: Upstream
) -> None:
    """Nobody looks for a broken cable because a key was withdrawn."""
    upstream.replies(replies.model_list(["moonshot-v1-8k"]), replies.invalid_key())

    answered = of_the_network(await adapter.diagnosis())
    refused = of_the_network(await adapter.diagnosis())

    assert answered
    assert refused == answered
