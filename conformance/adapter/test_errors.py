"""What a client raises when the API, or the way to it, fails."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kimi_conformance.checks import (
    DOCUMENTED_WINDOWS,
    Answer,
    ChatRequest,
    Chats,
    Edition,
    HandlesErrors,
    OpenAdapter,
    Service,
    StreamsChat,
    Upstream,
    failing,
    failure_of,
    replies,
    requirement,
)

GREETING = ChatRequest(model="moonshot-v1-8k", messages=[{"role": "user", "content": "Hello"}])
KEY = "sk-of-a-user"


@requirement("ERR-01")
@pytest.mark.usefixtures("impatient")
async def test_silence_is_a_timeout(open_adapter: OpenAdapter, upstream: Upstream) -> None:
    """A program can tell a slow API from one that is not there."""
    upstream.replies(replies.never())

    failure = await failing(open_adapter(attempts=1).chat(GREETING))

    assert upstream.requests
    assert failure.kind == "timeout"


@requirement("ERR-01")
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(replies.stalled(replies.split(replies.completion(), 40), 1), id="in the body"),
        pytest.param(replies.stalled(replies.completion(), 0), id="behind the headers"),
    ],
)
async def test_an_answer_that_stops_half_way_is_a_timeout(
    answer: Answer, open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A program does not wait for ever because something has already come."""
    upstream.replies(answer)

    failure = await failing(open_adapter(attempts=1).chat(GREETING))

    assert upstream.requests
    assert failure.kind == "timeout"


@requirement("ERR-02")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(replies.invalid_key(), id="as Kimi says it"),
        pytest.param(
            replies.refusal(401, "incorrect_api_key_error", "Incorrect API key provided"),
            id="as Kimi says it where no key came",
        ),
        pytest.param(replies.html(401), id="a page"),
    ],
)
async def test_a_401_is_an_authentication_error(
    answer: Answer, adapter: Chats, upstream: Upstream
) -> None:
    """A program can ask its user for another key."""
    upstream.replies(answer)

    failure = await failing(adapter.chat(GREETING))

    assert upstream.requests
    assert failure.kind == "authentication"


@requirement("ERR-03")
async def test_a_429_is_a_rate_limit_error(adapter: Chats, upstream: Upstream) -> None:
    """A program can slow down, which helps against this error only."""
    upstream.replies(replies.rate_limited(retry_after=None))

    failure = await failing(adapter.chat(GREETING))

    assert upstream.requests
    assert failure.kind == "rate_limit"


@requirement("ERR-04")
@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize(
    "unknown",
    [
        pytest.param(RuntimeError("the moon is in the way"), id="RuntimeError"),
        pytest.param(KeyError("choices"), id="KeyError"),
        pytest.param(Exception(""), id="without a text"),
    ],
)
async def test_an_unknown_exception_becomes_an_llm_error_that_quotes_it(
    unknown: Exception, adapter: HandlesErrors
) -> None:
    """Callers catch one kind of error, and the log says what it was."""
    failure = failure_of(adapter.handle_llm_error(unknown))

    assert failure.is_llm_error
    assert failure.message.strip() == f"Unhandled LLM error: {unknown}".strip()
    assert failure.causes == (str(unknown),)


class SlowConnectionError(TimeoutError, ConnectionError):
    """Both at once, as the timeout of many a client library is."""


@requirement("ERR-05")
@pytest.mark.usefixtures("upstream")
async def test_a_timeout_is_found_before_the_connection_error_it_also_is(
    adapter: HandlesErrors,
) -> None:
    """A program does not check its network because the API was slow."""
    slow = failure_of(adapter.handle_llm_error(SlowConnectionError("too slow")))
    lost = failure_of(adapter.handle_llm_error(ConnectionResetError("reset by peer")))

    assert slow.kind == "timeout"
    assert lost.kind == "connection"


@requirement("ERR-06")
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(replies.never(), id="silence"),
        pytest.param(replies.invalid_key(), id="401"),
        pytest.param(replies.rate_limited(retry_after=None), id="429"),
        pytest.param(replies.refusal(418, "teapot", "no coffee"), id="418"),
        pytest.param(replies.reset(replies.completion(), frames=0), id="a reset"),
        pytest.param(replies.cut(replies.completion(), frames=0), id="a cut"),
    ],
)
async def test_whatever_a_chat_raises_is_an_llm_error(
    answer: Answer, open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """One `except` is enough for all that a chat can do."""
    upstream.replies(answer)

    failure = await failing(open_adapter(attempts=1).chat(GREETING))

    assert upstream.requests
    assert failure.is_llm_error


NOT_ACTIVE = (
    "Your account org-0<ak-0> is not active, organization <org-0> exceeded current quota, "
    "please check your plan and billing details"
)
SUSPENDED = (
    "Your account org-0 <ak-0> is suspended due to insufficient balance, please recharge "
    "your account or check your plan and billing details"
)
TOO_LONG = "Your request exceeded model token limit: 262144 (requested: 269030)"
INVALID = "invalid_request_error"
QUOTA = "exceeded_current_quota_error"


@requirement("ERR-07")
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(
            replies.refusal(400, INVALID, "Invalid request: messages must not be empty"),
            "bad_request",
            id="wrong",
        ),
        pytest.param(
            replies.refusal(400, "content_filter", "considered high risk"),
            "bad_request",
            id="filtered",
        ),
        pytest.param(
            replies.refusal(400, INVALID, f"Invalid request: {TOO_LONG}"),
            "context_window",
            id="too long",
        ),
        pytest.param(replies.refusal(400, INVALID, TOO_LONG), "context_window", id="bare"),
        pytest.param(
            replies.refusal(400, INVALID, "Your request exceeded model token limit : 8192"),
            "context_window",
            id="too long as documented",
        ),
        pytest.param(
            replies.refusal(400, INVALID, "model max length exceeded, max length:8192"),
            "context_window",
            id="too long in 2024",
        ),
        pytest.param(
            replies.refusal(403, "permission_denied_error", "The API is not open"),
            "permission",
            id="403",
        ),
        pytest.param(replies.refusal(403, QUOTA, NOT_ACTIVE), "quota", id="quota by 403"),
        pytest.param(replies.refusal(429, QUOTA, SUSPENDED), "quota", id="quota by 429"),
        pytest.param(
            replies.refusal(404, "resource_not_found_error", "Not found the model m"),
            "not_found",
            id="404",
        ),
        pytest.param(
            replies.refusal(429, "engine_overloaded_error", "overloaded"), "rate_limit", id="busy"
        ),
        pytest.param(replies.server_error(500), "server", id="500"),
        pytest.param(replies.html(504), "server", id="504"),
        pytest.param(
            replies.reset(replies.completion(), frames=0), "connection", id="a lost connection"
        ),
    ],
)
async def test_errors_are_told_apart_by_what_can_be_done(
    answer: Answer, kind: str, adapter: Chats, upstream: Upstream
) -> None:
    """A program shortens, recharges, waits or gives up, whichever helps."""
    upstream.replies(answer)

    failure = await failing(adapter.chat(GREETING))

    assert upstream.requests
    assert failure.kind == kind
    assert failure.is_llm_error


@requirement("ERR-07")
@pytest.mark.parametrize(
    "error",
    [
        pytest.param({"message": "overloaded", "type": "engine_overloaded_error"}, id="envelope"),
        pytest.param("url.not_found", id="a text"),
    ],
)
async def test_an_error_that_came_with_a_good_status_is_an_error(
    error: object, open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A gateway that answers 200 to everything does not make a failure a success."""
    upstream.replies(replies.json_reply({"error": error}))

    await failing(open_adapter(attempts=1).chat(GREETING))

    assert upstream.requests


KINDS: Mapping[int, str] = {
    **dict.fromkeys(range(500, 600), "server"),
    400: "bad_request",
    401: "authentication",
    403: "permission",
    404: "not_found",
    429: "rate_limit",
}
SHAPES: Mapping[str, Any] = {
    "envelope": {"error": {"message": f"no, {KEY}", "type": "some_error"}},
    "nested": {"error": {"error": {"message": f"no, {KEY}", "type": "some_error"}}},
    "text": f"no, {KEY}",
    "list": [KEY],
    "null": None,
    "other": {"code": 5, "error": "url.not_found", "message": KEY},
}
BODIES = st.sampled_from([json.dumps(shape).encode() for shape in SHAPES.values()]) | st.binary(
    max_size=60
)


@requirement("ERR-08")
@example(status=401, body=b"", html=False)
@example(status=429, body=json.dumps(SHAPES["nested"]).encode(), html=False)
@example(status=500, body=f"<html><title>{KEY}</title></html>".encode(), html=True)
@given(status=st.sampled_from(sorted(KINDS)), body=BODIES, html=st.booleans())
async def test_any_status_with_any_body_is_an_llm_error_of_its_kind(
    status: int, body: bytes, html: bool, open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """Nothing that a gateway makes up brings a program down, or the key into a log."""
    page = replies.html(status) if html else replies.not_json(body, status)
    upstream.replies(page)

    failure = await failing(open_adapter(api_key=KEY, attempts=1).chat(GREETING))

    assert failure.is_llm_error
    assert failure.kind == KINDS[status]
    assert KEY not in " ".join([failure.message, *failure.causes])


@requirement("ERR-09")
@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize(
    "error",
    [
        pytest.param(TimeoutError("too slow"), id="a timeout"),
        pytest.param(RuntimeError("the moon is in the way"), id="an unknown one"),
    ],
)
async def test_the_handler_returns_its_error(error: Exception, adapter: HandlesErrors) -> None:
    """Whoever handles an error decides when to raise it."""
    handled = adapter.handle_llm_error(error)

    assert isinstance(handled, Exception)
    assert handled is not error
    assert failure_of(handled).is_llm_error


def asked_of(model: str) -> ChatRequest:
    """A short question to a model."""
    return ChatRequest(model=model, messages=GREETING.messages)


def unknown_model(model: str) -> Answer:
    """What the API says of every model that it does not have."""
    text = f"Not found the model {model} or Permission denied"
    return replies.refusal(404, "resource_not_found_error", text)


@requirement("ERR-10")
@pytest.mark.parametrize("model", DOCUMENTED_WINDOWS)
async def test_a_chat_with_a_retired_model_is_told_which_one_to_use(
    model: str, adapter: Chats, upstream: Upstream, edition: Edition
) -> None:
    """A user whose model is gone looks neither for a typing error nor for a missing permission."""
    upstream.replies(unknown_model(model))

    failure = await failing(adapter.chat(asked_of(model)))

    assert upstream.requests
    assert failure.kind == "not_found"
    assert "retired" in failure.message
    assert str(edition.successor(model)) in failure.message


@requirement("ERR-10")
async def test_a_stream_from_a_retired_model_is_told_which_one_to_use(
    adapter: StreamsChat, upstream: Upstream, edition: Edition
) -> None:
    """Who streams is told no less."""
    upstream.replies(unknown_model("kimi-latest"))

    failure = await failing(anext(aiter(adapter.stream(asked_of("kimi-latest")))))

    assert "retired" in failure.message
    assert str(edition.successor("kimi-latest")) in failure.message


@requirement("ERR-10")
async def test_the_api_itself_turns_a_retired_model_away(
    adapter: Chats, service: Service, edition: Edition
) -> None:
    """What is said of a model is still true of the API."""
    gone = edition.retired[0]

    failure = await failing(adapter.chat(asked_of(gone.id)))

    assert service.requests
    assert gone.successor in failure.message


@requirement("ERR-10")
async def test_a_model_that_never_was_is_not_called_retired(
    adapter: Chats, upstream: Upstream
) -> None:
    """A user who mistypes a name is not sent to another model."""
    upstream.replies(unknown_model("kimi-k9"))

    failure = await failing(adapter.chat(asked_of("kimi-k9")))

    assert upstream.requests
    assert failure.kind == "not_found"
    assert "retired" not in failure.message
