"""A streamed answer in time."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kimi_conformance.wire import Frame, Timeline, timeline

USAGE = {"prompt_tokens": 8, "completion_tokens": 5, "total_tokens": 13}


def event(finish_reason: str | None = None, usage: Any = None, **delta: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "usage": usage}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


ROLE = event(role="assistant", content="")
END = event("stop", USAGE)
DONE = b"data: [DONE]\n\n"


def measured(*frames: tuple[float, bytes]) -> Timeline:
    return timeline([Frame(at, data) for at, data in frames])


def test_a_stream_is_measured_from_its_first_generated_content() -> None:
    line = measured(
        (0.125, ROLE),
        (0.5, event(content="a")),
        (0.625, event(content="b")),
        (1.0, event(content="c")),
        (1.25, END),
        (1.5, DONE),
    )

    assert line == Timeline(
        ttft=0.5,
        first_reasoning=None,
        first_answer=0.5,
        gaps=(0.125, 0.375),
        longest_stall=0.5,
        end=1.5,
        chunks=3,
        prompt_tokens=8,
        completion_tokens=5,
        tpot=0.125,
    )


def test_thoughts_are_generated_content_and_no_answer() -> None:
    line = measured(
        (0.1, ROLE),
        (0.2, event(reasoning_content="")),
        (0.3, event(reasoning_content="hm")),
        (0.4, event(reasoning_content="")),
        (0.7, event(content="a")),
    )

    assert (line.ttft, line.first_reasoning, line.first_answer) == (0.3, 0.3, 0.7)
    assert line.chunks == 2


def test_a_tool_call_is_an_answer() -> None:
    line = measured((0.1, ROLE), (0.4, event(tool_calls=[{"index": 0}])))

    assert (line.ttft, line.first_answer, line.gaps) == (0.4, 0.4, ())


@pytest.mark.parametrize(
    "delta", [{}, {"role": "assistant"}, {"content": None}, {"tool_calls": []}, {"content": 5}]
)
def test_what_holds_no_text_and_no_call_is_not_generated(delta: dict[str, Any]) -> None:
    line = measured((0.1, event(**delta)), (0.2, event(content="a")))

    assert (line.ttft, line.chunks) == (0.2, 1)


def test_keep_alives_do_not_shorten_a_stall() -> None:
    line = measured(
        (0.1, event(content="a")), (1.0, b": ping\n\n"), (2.0, b": ping\n\n"), (3.1, DONE)
    )

    assert line.longest_stall == pytest.approx(3.0)
    assert line.tpot is None


def test_chunks_of_one_frame_have_no_time_between_them() -> None:
    line = measured((0.25, event(content="a") + event(content="b")), (0.5, event(content="c")))

    assert line.gaps == (0.0, 0.25)


def test_a_chunk_has_the_time_of_the_frame_that_completes_it() -> None:
    data = event(content="a")

    line = measured((0.1, data[:20]), (0.4, data[20:]))

    assert line.ttft == 0.4


def test_the_chunk_without_choices_counts_before_the_choices() -> None:
    total = {**USAGE, "completion_tokens": 9}
    last = b"data: " + json.dumps({"choices": [], "usage": total}).encode() + b"\n\n"

    line = measured((0.1, END), (0.2, last))

    assert (line.prompt_tokens, line.completion_tokens) == (8, 9)


@pytest.mark.parametrize("prompt", [None, -1, "8", True])
def test_a_prompt_that_is_no_count_is_not_known(prompt: Any) -> None:
    usage = {"prompt_tokens": prompt, "completion_tokens": 9}
    last = b"data: " + json.dumps({"choices": [], "usage": usage}).encode() + b"\n\n"

    line = measured((0.1, last))

    assert (line.prompt_tokens, line.completion_tokens) == (None, 9)


@pytest.mark.parametrize(("tokens", "tpot"), [(1, None), (2, 0.5), (3, 0.25)])
def test_time_per_token_takes_two_tokens_in_two_chunks(tokens: int, tpot: float | None) -> None:
    end = event("stop", {**USAGE, "completion_tokens": tokens})
    one, two = event(content="a"), event(content="b")

    assert measured((0.5, one), (1.0, two), (1.0, end)).tpot == tpot
    assert measured((0.5, one), (1.0, end)).tpot is None


def test_the_tokens_of_several_choices_are_added() -> None:
    line = measured((0.1, END), (0.2, END))

    assert (line.prompt_tokens, line.completion_tokens) == (8, 10)


NOTHING = Timeline(
    ttft=None,
    first_reasoning=None,
    first_answer=None,
    gaps=(),
    longest_stall=None,
    end=None,
    chunks=0,
    prompt_tokens=None,
    completion_tokens=None,
    tpot=None,
)


def test_where_nothing_came_nothing_is_measured() -> None:
    assert timeline([]) == NOTHING


def test_a_stream_without_content_has_only_an_end() -> None:
    assert measured((0.1, ROLE), (0.3, DONE)) == replace(NOTHING, end=0.3)


@settings(deadline=None)
@given(
    st.lists(
        st.binary(min_size=1, max_size=9) | st.sampled_from([ROLE, END, DONE, b"data: {}\n\n"]),
        max_size=8,
    )
)
def test_nothing_raises(pieces: list[bytes]) -> None:
    line = timeline([Frame(number / 10, piece) for number, piece in enumerate(pieces)])

    assert line.end == ((len(pieces) - 1) / 10 if pieces else None)
