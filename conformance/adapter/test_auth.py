"""How a client tells its user about the key."""

from typing import Any

import pytest

from kimi_conformance.checks import (
    WRONG_KEY,
    Answer,
    ChatRequest,
    Chats,
    ChecksKey,
    Diagnoses,
    Edition,
    OpenAdapter,
    Service,
    Upstream,
    failing,
    ids,
    replies,
    requirement,
)

GREETING = ChatRequest(model="moonshot-v1-8k", messages=[{"role": "user", "content": "Hello"}])
NO_KEY = [pytest.param(None, id="none"), pytest.param("", id="empty")]


@requirement("AUTH-01")
@pytest.mark.parametrize("key", NO_KEY)
async def test_checking_no_key_is_refused_before_anything_is_sent(
    key: str | None, open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A user who forgot the key is told so."""
    failure = await failing(open_adapter(api_key=key).check_key())

    assert failure.kind == "value"
    assert failure.message.startswith("No API key provided")
    assert upstream.requests == ()


@requirement("AUTH-02")
async def test_the_key_is_checked_with_the_model_list(
    adapter: ChecksKey, upstream: Upstream
) -> None:
    """Checking a key costs no tokens."""
    upstream.replies(replies.model_list(["moonshot-v1-8k"]))

    await adapter.check_key()

    assert {f"{sent.method} {sent.path}" for sent in upstream.requests} == {"GET /v1/models"}


@requirement("AUTH-03")
@pytest.mark.parametrize(
    ("header", "value"),
    [
        pytest.param("Authorization", "Bearer sk-of-this-user", id="Authorization"),
        pytest.param("Content-Type", "application/json", id="Content-Type"),
    ],
)
async def test_the_check_sends_the_key_and_the_content_type(
    header: str, value: str, open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """What is checked is what later requests will carry."""
    upstream.replies(replies.model_list(["moonshot-v1-8k"]))

    await open_adapter(api_key="sk-of-this-user").check_key()

    assert upstream.requests[0].header(header) == value


@requirement("AUTH-04")
async def test_an_accepted_key_returns_nothing(adapter: ChecksKey, upstream: Upstream) -> None:
    """No news is good news: a setup script needs no more."""
    upstream.replies(replies.model_list(["moonshot-v1-8k"]))

    result: object = await adapter.check_key()  # type: ignore[func-returns-value]

    assert upstream.requests
    assert result is None


@requirement("AUTH-04")
async def test_the_api_itself_accepts_the_key(adapter: ChecksKey, service: Service) -> None:
    """A user with a good key is not turned away."""
    result: object = await adapter.check_key()  # type: ignore[func-returns-value]

    assert service.requests
    assert result is None


@requirement("AUTH-05")
async def test_a_refused_key_raises_the_authentication_error(
    adapter: ChecksKey, upstream: Upstream
) -> None:
    """A program can ask its user for another key instead of giving up."""
    upstream.replies(replies.invalid_key())

    failure = await failing(adapter.check_key())

    assert failure.kind == "authentication"
    assert failure.code == "UNAUTHENTICATED"


@requirement("AUTH-06")
async def test_the_message_says_that_authenticating_failed(
    adapter: ChecksKey, upstream: Upstream
) -> None:
    """A user who reads the log knows what to change."""
    upstream.replies(replies.refusal(401, "some_error", "no"))

    failure = await failing(adapter.check_key())

    said = failure.message.lower()
    assert "authenticat" in said or "invalid api key" in said


@requirement("AUTH-07")
@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
async def test_any_other_status_is_an_http_error_and_no_verdict_on_the_key(
    status: int, adapter: ChecksKey, upstream: Upstream
) -> None:
    """Nobody throws a good key away because the API was down, or trusts a bad one."""
    upstream.replies(replies.refusal(status, "some_error", "not now"))

    failure = await failing(adapter.check_key())

    assert failure.is_llm_error
    assert failure.kind != "authentication"
    assert failure.message.startswith("HTTP error: ")


@requirement("AUTH-08")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(replies.reset(replies.model_list([]), frames=0), id="a reset"),
        pytest.param(replies.cut(replies.model_list([]), frames=0), id="a cut body"),
    ],
)
async def test_a_broken_connection_is_an_llm_error(
    answer: Answer, adapter: ChecksKey, upstream: Upstream
) -> None:
    """Callers catch one kind of error, whatever the network does."""
    upstream.replies(answer)

    failure = await failing(adapter.check_key())

    assert failure.is_llm_error
    assert failure.message.startswith("Error: ")


@requirement("AUTH-08")
@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize(
    "base_url",
    [
        pytest.param("http://127.0.0.1:9/v1", id="nobody listens"),
        pytest.param("http://kimi.invalid/v1", id="an unknown host"),
    ],
)
async def test_an_api_that_cannot_be_reached_is_an_llm_error(
    base_url: str, open_adapter: OpenAdapter
) -> None:
    """A user without network is not told that the key is bad."""
    failure = await failing(open_adapter(base_url=base_url).check_key())

    assert failure.is_llm_error
    assert failure.message.startswith("Error: ")


@requirement("AUTH-09")
@pytest.mark.parametrize("key", NO_KEY)
async def test_a_chat_without_a_key_is_refused_before_anything_is_sent(
    key: str | None, open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A user's words do not leave the machine when they could not be answered."""
    failure = await failing(open_adapter(api_key=key).chat(GREETING))

    assert failure.kind == "value"
    assert failure.message.startswith("Kimi API key is required")
    assert upstream.requests == ()


@requirement("AUTH-10")
async def test_a_chat_with_a_refused_key_raises_the_authentication_error(
    adapter: Chats, upstream: Upstream
) -> None:
    """A program learns in the middle of its work that the key has been withdrawn."""
    upstream.replies(replies.invalid_key())

    failure = await failing(adapter.chat(GREETING))

    assert failure.kind == "authentication"


@requirement("AUTH-11")
async def test_with_an_invalid_key_listing_goes_on_and_checking_tells(
    adapter: Any, upstream: Upstream, edition: Edition
) -> None:
    """A user sees the menu, and learns why nothing on it would work."""
    upstream.replies(replies.invalid_key())

    models = await adapter.list_models()
    failure = await failing(adapter.check_key())

    assert set(ids(models)) == set(edition.documented_models)
    assert failure.kind == "authentication"


@requirement("AUTH-11")
async def test_the_api_itself_turns_an_invalid_key_away(
    open_adapter: OpenAdapter, service: Service
) -> None:
    """What the API says of a wrong key is what its user is told."""
    failure = await failing(open_adapter(api_key=WRONG_KEY).check_key())

    assert service.requests
    assert failure.kind == "authentication"


@requirement("AUTH-12")
async def test_a_refused_key_is_among_the_llm_errors(
    adapter: ChecksKey, upstream: Upstream
) -> None:
    """One `except` is enough for all that an LLM call can do."""
    upstream.replies(replies.invalid_key())

    failure = await failing(adapter.check_key())

    assert failure.is_llm_error


@requirement("AUTH-14")
async def test_a_refused_key_is_not_tried_again(adapter: Chats, upstream: Upstream) -> None:
    """A withdrawn key is not hammered until the address is blocked."""
    upstream.replies(replies.invalid_key())

    await failing(adapter.chat(GREETING))

    assert len(upstream.requests) == 1


@requirement("AUTH-13")
async def test_the_diagnosis_says_of_an_accepted_key_that_it_is_valid(
    adapter: Diagnoses, upstream: Upstream
) -> None:
    """Whoever looks for the fault need not look at the key again."""
    upstream.replies(replies.model_list(["moonshot-v1-8k"]))

    told = await adapter.diagnosis()

    assert "API key is valid" in told
    assert "API key error" not in told


@requirement("AUTH-13")
async def test_the_diagnosis_says_of_a_refused_key_that_it_is_not(
    adapter: Diagnoses, upstream: Upstream
) -> None:
    """A key that looks right is not trusted for its looks."""
    upstream.replies(replies.invalid_key())

    told = await adapter.diagnosis()

    assert "API key error: " in told
    assert "API key is valid" not in told
