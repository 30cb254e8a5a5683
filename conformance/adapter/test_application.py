"""What a finished application sends, and what its user sees of the answer."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from kimi_conformance.checks import (
    Answer,
    ApplicationRun,
    OpenAdapter,
    Request,
    RunsApplication,
    Upstream,
    replies,
    requirement,
)

CHAT = "POST /v1/chat/completions"
KEY = "sk-of-one-user"
QUESTION = "How far is the moon?"
TEXT = "It-is-384400-km-away"  # one word, so that no application breaks its line
STREAMED = re.compile(rb'"stream"\s*:\s*true')
ODD_TEXT = "月亮-é-384400-ß"


def by_stream(whole: Answer, streamed: Answer) -> Callable[[Request], Answer]:
    """The answer to what was asked for: the application chooses, in whatever it has sent."""
    return lambda request: streamed if STREAMED.search(request.body) else whole


def answered(text: str) -> Callable[[Request], Answer]:
    """This text, whole or in pieces that end inside of characters."""
    pieces = [text[start : start + 4] for start in range(0, len(text), 4)]
    chunks = replies.stream_of(replies.text_chunks(*pieces))
    return by_stream(replies.completion(text), replies.split(chunks, 7))


def said(run: ApplicationRun) -> str:
    """All that its user can read."""
    return (run.output + run.errors).strip()


def failed(run: ApplicationRun) -> bool:
    """Whether it ended, and says by its exit code that it did not succeed."""
    return run.exit_code not in {0, None}


def texts(request: Request) -> list[Any]:
    """The texts of the messages of a chat, those in parts included."""
    contents = [message.get("content") for message in request.json["messages"]]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    return [*filter(str_only, contents), *(part.get("text") or "" for part in parts)]


def str_only(content: object) -> bool:
    """Whether a content is a text, not parts."""
    return isinstance(content, str)


@requirement("APP-01")
async def test_the_base_url_that_was_set_is_asked(
    adapter: RunsApplication, upstream: Upstream
) -> None:
    """A user's questions go where the user wants them to go."""
    upstream.answers(CHAT, answered(TEXT))

    await adapter.run_application(QUESTION)

    assert upstream.sent(CHAT)


@requirement("APP-02")
async def test_the_key_that_was_given_is_sent(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A user pays for what the user asked, and nobody else does."""
    upstream.answers(CHAT, answered(TEXT))

    await open_adapter(api_key=KEY).run_application(QUESTION)

    keys = {request.header("Authorization") for request in upstream.sent(CHAT)}
    assert keys == {f"Bearer {KEY}"}


@requirement("APP-03")
@pytest.mark.parametrize(
    "question",
    [
        pytest.param(QUESTION, id="plain"),
        pytest.param("月亮有多远？ À quelle distance ?", id="not ASCII"),
        pytest.param("Is \"$HOME\" & 'it' 100% {base_url}; `far`?", id="marks of a shell"),
        pytest.param("- One\n- two\n\n- three", id="lines"),
    ],
)
async def test_what_the_user_asked_is_in_a_message(
    question: str, adapter: RunsApplication, upstream: Upstream
) -> None:
    """A user is not answered what nobody asked."""
    upstream.answers(CHAT, answered(TEXT))

    await adapter.run_application(question)

    sent = [text for request in upstream.sent(CHAT) for text in texts(request)]
    assert [text for text in sent if question in text] != []


@requirement("APP-04")
@pytest.mark.parametrize(
    "text", [pytest.param(TEXT, id="plain"), pytest.param(ODD_TEXT, id="not ASCII")]
)
async def test_the_answer_of_the_api_is_printed(
    text: str, adapter: RunsApplication, upstream: Upstream
) -> None:
    """A user reads what the model has written."""
    upstream.answers(CHAT, answered(text))

    run = await adapter.run_application(QUESTION)

    assert text in run.output
    assert run.exit_code == 0


@requirement("APP-05")
async def test_a_refused_key_is_told_and_ends_in_an_error(
    adapter: RunsApplication, upstream: Upstream
) -> None:
    """A user learns that nothing was answered, and so does a script around the application."""
    upstream.replies(replies.invalid_key())

    run = await adapter.run_application(QUESTION)

    assert upstream.requests
    assert failed(run)
    assert said(run)


@requirement("APP-06")
@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(replies.invalid_key(), id="refused"),
        pytest.param(answered(TEXT), id="answered"),
    ],
)
async def test_the_key_is_not_printed(
    reply: Any, open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A log or a picture of a screen does not give the account away."""
    upstream.answers(CHAT, reply)

    run = await open_adapter(api_key=KEY).run_application(QUESTION)

    assert upstream.requests
    assert KEY not in said(run)


BROKEN_OFF = [
    pytest.param(
        by_stream(
            replies.cut(replies.split(replies.completion(TEXT), 60), 2),
            replies.cut(replies.stream_of(replies.text_chunks("It-", "is-", "far")), 3),
        ),
        id="the connection closes",
    ),
    pytest.param(
        by_stream(
            replies.not_json(replies.completion(TEXT).body[:120]),
            replies.stream_of(replies.text_chunks("It-", "is-", "far")[:-1], done=False),
        ),
        id="no more comes",
    ),
]


@requirement("APP-07")
@pytest.mark.parametrize("reply", BROKEN_OFF)
async def test_the_beginning_of_an_answer_does_not_pass_for_the_whole(
    reply: Any, adapter: RunsApplication, upstream: Upstream
) -> None:
    """A user does not act on half a sentence."""
    upstream.answers(CHAT, reply)

    run = await adapter.run_application(QUESTION)

    assert upstream.sent(CHAT)
    assert run.exit_code != 0


@requirement("APP-08")
async def test_a_rate_limit_is_waited_for_or_told(
    adapter: RunsApplication, upstream: Upstream
) -> None:
    """A user does not take silence for an answer."""
    upstream.answers(CHAT, replies.rate_limited(1), answered(TEXT))

    run = await adapter.run_application(QUESTION)

    printed = run.exit_code == 0 and TEXT in run.output
    assert upstream.sent(CHAT)
    assert printed or (failed(run) and said(run))
