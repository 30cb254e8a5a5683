"""What a client sends for the list of models, and what it makes of the answer."""

import logging

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kimi_conformance.checks import (
    Answer,
    FetchesModels,
    ListsModels,
    OpenAdapter,
    Service,
    Upstream,
    failing,
    replies,
    requirement,
)

NOBODY_LISTENS = "http://127.0.0.1:9/v1"


@requirement("LIST-01")
async def test_the_list_is_asked_for_at_models_below_the_base_url(
    adapter: ListsModels, upstream: Upstream
) -> None:
    """An endpoint serves the client without a rule of its own."""
    upstream.replies(replies.model_list(["moonshot-v1-8k"]))

    await adapter.list_models()

    assert upstream.sent("GET /v1/models")


SEGMENT = st.text("abcdefgh-_.~0123456789", min_size=1, max_size=8).filter(
    lambda text: set(text) - {"."}
)


@requirement("LIST-01")
@example(host="127.0.0.1", prefix=[], slash="/")
@example(host="LOCALHOST", prefix=["gateway", "kimi"], slash="")
@given(
    host=st.sampled_from(["127.0.0.1", "localhost", "LOCALHOST"]),
    prefix=st.lists(SEGMENT, max_size=3),
    slash=st.sampled_from(["", "/"]),
)
async def test_every_way_to_write_a_base_url_leads_to_one_models(
    host: str, prefix: list[str], slash: str, open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A gateway with a path of its own is reached, however its address was typed."""
    upstream.forget()
    upstream.replies(replies.model_list(["moonshot-v1-8k"]))
    written = "/".join([upstream.base_url.replace("127.0.0.1", host), *prefix]) + slash

    await open_adapter(base_url=written).list_models()

    assert {sent.path for sent in upstream.requests} == {"/".join(["/v1", *prefix, "models"])}


@requirement("LIST-02")
async def test_the_request_carries_the_key_as_a_bearer_token(
    open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """The API knows who asks."""
    upstream.replies(replies.model_list(["moonshot-v1-8k"]))

    await open_adapter(api_key="sk-of-this-user").list_models()

    assert upstream.requests[0].header("Authorization") == "Bearer sk-of-this-user"


@requirement("LIST-03")
async def test_the_request_names_json_as_its_content_type(
    adapter: ListsModels, upstream: Upstream
) -> None:
    """A gateway that sorts requests by content type lets the listing through."""
    upstream.replies(replies.model_list(["moonshot-v1-8k"]))

    await adapter.list_models()

    assert upstream.requests[0].header("Content-Type") == "application/json"


@requirement("LIST-04")
async def test_fetching_gives_the_entries_under_data(
    adapter: FetchesModels, upstream: Upstream
) -> None:
    """A user who wants the API's own words gets them, foreign models included."""
    entries = [{"id": "gpt-4", "object": "model"}, {"id": "kimi-latest", "owned_by": "moonshot"}]
    upstream.replies(replies.json_reply({"object": "list", "data": entries}))

    fetched = await adapter.fetch_models()

    assert list(fetched) == entries


@requirement("LIST-04")
async def test_an_answer_without_data_is_an_empty_list(
    adapter: FetchesModels, upstream: Upstream
) -> None:
    """An API that has no models yet does not break its clients."""
    upstream.replies(replies.json_reply({"object": "list"}))

    fetched = await adapter.fetch_models()

    assert upstream.requests
    assert list(fetched) == []


@requirement("LIST-04")
async def test_the_entries_of_the_api_itself_arrive_complete(
    adapter: FetchesModels, service: Service
) -> None:
    """A user sees every model that the key can reach."""
    fetched = await adapter.fetch_models()

    answer = service.exchanges[0].answer
    assert list(fetched) == answer.json["data"]


@requirement("LIST-05")
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
async def test_fetching_raises_at_an_error_status(
    status: int, adapter: FetchesModels, upstream: Upstream
) -> None:
    """Nobody takes an error for a list that happens to be empty."""
    upstream.replies(replies.refusal(status, "some_error", "no list today"))

    await failing(adapter.fetch_models())

    assert upstream.requests


@requirement("LIST-06")
@pytest.mark.parametrize("key", [pytest.param(None, id="none"), pytest.param("", id="empty")])
async def test_fetching_without_a_key_is_refused_before_anything_is_sent(
    key: str | None, open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A user who forgot the key is told so, not that the API said 401."""
    failure = await failing(open_adapter(api_key=key).fetch_models())

    assert failure.kind == "value"
    assert failure.message.startswith("No API key provided")
    assert upstream.requests == ()


@requirement("LIST-07")
@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
async def test_an_http_error_is_an_llm_error_that_says_http_error(
    status: int, adapter: FetchesModels, upstream: Upstream
) -> None:
    """Callers catch one kind of error, whatever the API answers."""
    upstream.replies(replies.refusal(status, "some_error", "no list today"))

    failure = await failing(adapter.fetch_models())

    assert failure.is_llm_error
    assert failure.message.startswith("HTTP error: ")


@requirement("LIST-08")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(replies.not_json(), id="half a body"),
        pytest.param(replies.html(), id="a page"),
        pytest.param(replies.reset(replies.model_list(["kimi-latest"]), frames=0), id="a reset"),
    ],
)
async def test_any_other_failure_is_an_llm_error_that_says_error(
    answer: Answer, adapter: FetchesModels, upstream: Upstream
) -> None:
    """Callers catch one kind of error, whatever the network does."""
    upstream.replies(answer)

    failure = await failing(adapter.fetch_models())

    assert failure.is_llm_error
    assert failure.message.startswith("Error: ")


@requirement("LIST-08")
@pytest.mark.usefixtures("upstream")
async def test_a_refused_connection_is_an_llm_error_that_says_error(
    open_adapter: OpenAdapter,
) -> None:
    """Callers catch one kind of error also where nobody listens."""
    failure = await failing(open_adapter(base_url=NOBODY_LISTENS).fetch_models())

    assert failure.is_llm_error
    assert failure.message.startswith("Error: ")


@requirement("LIST-09")
async def test_a_fetch_is_logged_with_the_count_before_filtering(
    adapter: ListsModels, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    """An operator sees from the log whether the API or the filter left models out."""
    caplog.set_level(logging.INFO)
    upstream.replies(replies.model_list(["gpt-4", "moonshot-v1-8k", "text-embedding-3"]))

    await adapter.list_models()

    informed = [record.getMessage() for record in caplog.records if record.levelname == "INFO"]
    assert "Successfully fetched 3 models from API" in informed


@requirement("LIST-10")
async def test_one_listing_sends_one_request(adapter: ListsModels, upstream: Upstream) -> None:
    """A user's rate limit pays for what the user asked."""
    upstream.replies(replies.model_list(["moonshot-v1-8k"]))

    await adapter.list_models()

    assert len(upstream.requests) == 1
