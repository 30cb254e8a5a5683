"""The bridge to the OpenAI SDK adds nothing, repairs nothing and sees no other environment."""

import importlib
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from kimi_conformance.adapters.failures import failing
from kimi_conformance.adapters.openai_python import OpenAIAdapter, open_adapter
from kimi_conformance.adapters.protocol import CAPABILITIES, Binding, ChatRequest, ModelConfig
from kimi_conformance.errors import UsageError
from kimi_conformance.stage import Lane, Script, Stage, replies
from kimi_conformance.wire.exchange import Answer, Request

openai = pytest.importorskip("openai")

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
GREETING = ChatRequest(
    model="moonshot-v1-8k",
    messages=[{"role": "user", "content": "Hi"}],
    tools=[TOOL],
    options={"temperature": 0.3, "thinking": {"type": "disabled"}, "stop": None},
)
BODY = {
    "model": "moonshot-v1-8k",
    "messages": [{"role": "user", "content": "Hi"}],
    "tools": [TOOL],
    "temperature": 0.3,
    "stop": None,
    "thinking": {"type": "disabled"},
}


class Api:
    """What answers the SDK, and what it sent."""

    def __init__(self, lane: Lane, script: Script) -> None:
        self._lane = lane
        self._script = script
        self.base_url = lane.base_url

    def replies(self, *answers: Answer) -> None:
        self._script.answers[:] = answers

    @property
    def requests(self) -> list[Request]:
        assert self._lane.journal is not None
        return list(self._lane.journal.requests)


@pytest.fixture
def api(stage: Stage) -> Api:
    script = Script()
    return Api(stage.open_lane(script), script)


@pytest.fixture
async def adapter(api: Api) -> AsyncIterator[OpenAIAdapter]:
    adapter = open_adapter(Binding(base_url=api.base_url, api_key="sk-placeholder"))
    yield adapter
    await adapter.aclose()


def test_it_claims_what_the_sdk_has_and_no_more(adapter: OpenAIAdapter) -> None:
    assert (adapter.name, adapter.version) == ("openai", openai.__version__)
    assert set(adapter.capabilities) == {
        *("models", "model_fetch", "chat", "streaming", "multimodal")
    }
    assert set(adapter.capabilities) <= set(CAPABILITIES)


async def test_models_are_their_ids_and_entries_are_as_they_came(
    api: Api, adapter: OpenAIAdapter
) -> None:
    entry = {"id": "kimi-k3", "created": None, "context_length": 1048576, "permission": [{"a": 1}]}
    api.replies(replies.model_list([entry]))

    assert await adapter.list_models() == [ModelConfig(id="kimi-k3")]
    assert await adapter.fetch_models() == [entry]
    assert api.requests[0].header("authorization") == "Bearer sk-placeholder"


async def test_a_chat_goes_out_and_comes_back_unchanged(api: Api, adapter: OpenAIAdapter) -> None:
    call = {"index": 0, "id": "f_0", "type": "function", "function": {"name": "f", "arguments": ""}}
    message = {"reasoning_content": "", "tool_calls": [call]}
    body = replies.completion_body(message=message, finish_reason="tool_calls")
    body["usage"] |= {"cached_tokens": 4}
    api.replies(replies.json_reply(body))

    completion = await adapter.chat(GREETING)

    assert completion.body == body
    assert [request.json for request in api.requests] == [BODY]


async def test_absent_stays_absent_and_null_stays_null(api: Api, adapter: OpenAIAdapter) -> None:
    api.replies(replies.json_reply({"id": "x", "usage": None}))

    assert (await adapter.chat(GREETING)).body == {"id": "x", "usage": None}


async def test_a_stream_comes_chunk_by_chunk_as_it_was(api: Api, adapter: OpenAIAdapter) -> None:
    chunks = replies.text_chunks("Hel", "lo")
    api.replies(replies.stream_of(chunks))

    received = [chunk async for chunk in adapter.stream(GREETING)]

    assert [chunk.body for chunk in received] == chunks
    assert [chunk.at for chunk in received] == sorted(chunk.at for chunk in received)
    assert [request.json for request in api.requests] == [{**BODY, "stream": True}]


async def test_the_sdks_own_errors_and_retries_are_what_is_judged(
    api: Api, adapter: OpenAIAdapter
) -> None:
    api.replies(replies.json_reply({"error": {"message": "no"}}, 503, retry_after_ms="1"))

    failure = await failing(adapter.chat(GREETING))

    assert (failure.kind, failure.status) == ("server", 503)
    assert len(api.requests) == 3


async def test_an_answer_that_the_sdk_gives_as_text_is_no_completion(
    api: Api, adapter: OpenAIAdapter
) -> None:
    api.replies(replies.html())

    assert isinstance((await failing(adapter.chat(GREETING))).error, TypeError)


@pytest.mark.parametrize("key", [None, ""])
async def test_without_a_key_the_first_call_raises_the_sdks_error(
    api: Api, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-process")
    adapter = open_adapter(Binding(base_url=api.base_url, api_key=key))

    failure = await failing(adapter.list_models())
    await adapter.aclose()

    assert isinstance(failure.error, openai.OpenAIError)
    assert not api.requests
    assert os.environ["OPENAI_API_KEY"] == "sk-of-the-process"


async def test_the_sdk_sees_the_bindings_environment_only(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = {
        "OPENAI_API_KEY": "sk-of-the-process",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "OPENAI_ORG_ID": "org-of-the-process",
        "OPENAI_CUSTOM_HEADERS": "X-Theirs: 1",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    for name, value in theirs.items():
        monkeypatch.setenv(name, value)
    api.replies(replies.model_list([]))
    adapter = open_adapter(
        Binding(environment={"OPENAI_API_KEY": "sk-bound", "OPENAI_BASE_URL": api.base_url})
    )

    await adapter.list_models()
    await adapter.aclose()

    (request,) = api.requests
    assert request.header("authorization") == "Bearer sk-bound"
    assert request.header("openai-organization") is None
    assert request.header("x-theirs") is None
    assert {name: os.environ[name] for name in theirs} == theirs


def test_a_missing_sdk_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_openai(name: str, *more: Any) -> Any:
        raise ModuleNotFoundError(f"No module named '{name}'")

    monkeypatch.setattr(importlib, "import_module", without_openai)

    with pytest.raises(UsageError, match=r"pip install 'kimi-conformance\[openai\]'"):
        open_adapter(Binding())
