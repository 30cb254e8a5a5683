"""
Explicit context caching: the client keeps the start of a conversation with the API.

Long because its checks are known by the name of this module: ids, cassettes and baselines hold it.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
import respx
from hypothesis import example, given
from hypothesis import strategies as st

from kimi_conformance.checks import (
    Answer,
    CachesContext,
    CachingCourse,
    CachingLaw,
    CachingMachine,
    CachingSession,
    ChatRequest,
    FakeClock,
    OpenAdapter,
    Request,
    Service,
    Upstream,
    needs,
    read_examples,
    replies,
    requirement,
    search,
)

Body = Mapping[str, Any]
CHAT = "POST /v1/chat/completions"
MAKE = "POST /v1/caching"
USE = "X-Msh-Context-Cache"
RESET_TTL = "X-Msh-Context-Cache-Reset-TTL"
CACHE_HEADERS = {USE.lower(), RESET_TTL.lower()}

SYSTEM = {"role": "system", "content": "You answer in one short sentence.", "name": "rules"}
SECOND_SYSTEM = {"role": "system", "content": "You never mention the weather."}


def tool(name: str, **changes: Any) -> Body:
    """A function that the model may call."""
    function = {"name": name, "description": "Tells.", "parameters": {"type": "object"}}
    return {"type": "function", "function": {**function, **changes}}


WEATHER = tool("get_weather")
TIME = tool("get_time")


def user(text: str = "Hello") -> Body:
    """What a user says."""
    return {"role": "user", "content": text}


def ask(*messages: Body, tools: Sequence[Body] | None = None) -> ChatRequest:
    """A chat with a model of the family that has caches."""
    return ChatRequest(model="moonshot-v1-8k", messages=messages, tools=tools)


FIRST = ask(SYSTEM, user("Hello"))
CALL = {"id": "get_time:0", "type": "function", "function": {"name": "get_time", "arguments": "{}"}}
LATER = ask(
    SYSTEM,
    user("Hello"),
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "get_time:0", "content": "noon"},
    {"role": "assistant", "content": "It is noon."},
    user("And now?"),
)


class CachingApi:
    """An API with explicit caching, as far as a client can tell.

    Attributes:
        held: What each cache holds, by its id, in the order they were made.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self.held: dict[str, Body] = {}
        upstream.answers(MAKE, self._make)
        upstream.answers("DELETE /v1/caching/*", replies.cache_deleted())
        upstream.answers(CHAT, self._chat)

    @property
    def chats(self) -> list[Request]:
        """The chats that were sent."""
        return self._upstream.sent(CHAT)

    def cached(self, chat: Request) -> Body | None:
        """What the cache holds that a chat uses, or None: it uses none."""
        id = chat.header(USE)
        return None if id is None else self.held[id]

    def _make(self, request: Request) -> Answer:
        id = f"cache-{len(self.held) + 1:04d}"
        self.held[id] = request.json
        return replies.cache_created(id)

    def _chat(self, request: Request) -> Answer:
        id = request.header(USE)
        hit = () if id is None else (("Msh-Context-Cache-Id", id),)
        answer = replies.completion()
        return replace(answer, headers=(*answer.headers, *hit))


@pytest.fixture
def api(upstream: Upstream) -> CachingApi:
    """What stands behind `upstream` in most of the checks below."""
    return CachingApi(upstream)


@pytest.fixture
def client(open_adapter: OpenAdapter) -> CachesContext:
    """The client under test, told to treat the stage as the official host."""
    client: CachesContext = open_adapter(context_cache=True)
    return client


@pytest.fixture
def session(client: CachesContext) -> CachingSession:
    """One conversation of it."""
    return client.session("session-1")


def fits(cached: Body | None, request: ChatRequest) -> bool:
    """Whether a chat uses no cache, or one that holds just what its request begins with."""
    if cached is None:
        return True
    messages = list(cached["messages"])
    same_start = messages == list(request.messages[: len(messages)])
    return same_start and (cached.get("tools") or []) == list(request.tools or ())


# ------------------------------------------------------------------------ which base URLs


@pytest.fixture
def internet() -> Iterator[respx.MockRouter]:
    """Every host in the world, as far as httpx in this process can see it."""
    made = json.loads(replies.cache_created().body)
    with respx.mock(assert_all_called=False) as router:
        router.post(path__regex="/chat/completions$").respond(
            json=replies.completion_body(), headers={"Msh-Context-Cache-Id": made["id"]}
        )
        router.post(path__regex="/caching$").respond(json=made)
        router.delete(path__regex="/caching").respond(json={"deleted": True})
        yield router


def paths(internet: respx.MockRouter) -> list[str]:
    """Where requests went, in order."""
    return [call.request.url.path for call in internet.calls]


@requirement("CACHE-01")
@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize(
    "base_url",
    [
        pytest.param("https://api.moonshot.cn/v1", id="as documented"),
        pytest.param("https://api.moonshot.cn/v1/", id="with a slash at the end"),
    ],
)
async def test_the_official_base_url_turns_caching_on(
    base_url: str, internet: respx.MockRouter, open_adapter: OpenAdapter
) -> None:
    """A user of the API saves tokens without knowing how."""
    session = open_adapter(base_url=base_url).session("session-1")

    await session.chat(FIRST)
    await session.chat(LATER)

    assert "/v1/caching" in paths(internet)


@requirement("CACHE-02")
@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize(
    "base_url",
    [
        "https://api.moonshot.ai/v1",
        "http://api.moonshot.cn/v1",
        "https://api.moonshot.cn.evil.invalid/v1",
        "https://proxy.invalid/api.moonshot.cn/v1",
        "https://my-api.moonshot.cn/v1",
        "https://api.moonshot.cn/proxy/v1",
        "https://api.moonshot.cn/v2",
    ],
)
async def test_any_other_base_url_leaves_caching_off(
    base_url: str, internet: respx.MockRouter, open_adapter: OpenAdapter
) -> None:
    """An endpoint without caches is not troubled, and no stranger is sent the system message."""
    session = open_adapter(base_url=base_url).session("session-1")

    await session.chat(FIRST)
    await session.chat(LATER)

    assert len(paths(internet)) == 2
    assert all(path.endswith("/chat/completions") for path in paths(internet))
    assert not [call for call in internet.calls if USE in call.request.headers]


LABEL = st.sampled_from(["evil", "proxy", "cn", "www"])
PART = st.sampled_from(["", "api.moonshot.cn", "moonshot.cn", "v1"])


@st.composite
def similar(draw: st.DrawFn) -> str:
    """A base URL with the official name in it, in another place than it belongs to."""
    host = draw(
        st.one_of(
            LABEL.map(lambda label: f"api.moonshot.cn.{label}.invalid"),
            LABEL.map(lambda label: f"{label}-api.moonshot.cn"),
            LABEL.map(lambda label: f"{label}.api.moonshot.cn"),
            LABEL.map(lambda label: f"{label}.invalid"),
            st.just("api.moonshot.ai"),
        )
    )
    port = draw(st.sampled_from(["", ":443", ":8443"]))
    path = "/".join(part for part in [draw(PART), draw(PART), "v1"] if part)
    return f"https://{host}{port}/{path}"


@requirement("CACHE-02")
@example(base_url="https://api.moonshot.cn.evil.invalid/v1")
@example(base_url="https://evil.invalid/api.moonshot.cn/v1")
@given(base_url=similar())
@pytest.mark.usefixtures("upstream")
async def test_no_base_url_that_only_looks_official_is_taken_for_it(
    base_url: str, internet: respx.MockRouter, open_adapter: OpenAdapter
) -> None:
    """A proxy's key stays with the proxy, and what is said to it, too."""
    internet.calls.clear()
    session = open_adapter(base_url=base_url).session("session-1")

    await session.chat(FIRST)
    await session.chat(LATER)

    own = urlsplit(base_url)
    asked = [urlsplit(str(call.request.url)) for call in internet.calls]
    assert [url.hostname for url in asked] == [own.hostname] * 2
    assert [url.path for url in asked] == [f"{own.path}/chat/completions"] * 2


@requirement("CACHE-30")
@pytest.mark.usefixtures("upstream")
async def test_caching_needs_no_configuration(
    internet: respx.MockRouter, open_adapter: OpenAdapter
) -> None:
    """A user gives a key and nothing else."""
    official = open_adapter(base_url="https://api.moonshot.cn/v1", environment={})
    session = official.session("session-1")

    await session.chat(FIRST)
    await session.chat(LATER)

    assert "/v1/caching" in paths(internet)


# ------------------------------------------------------------------------ making a cache


@requirement("CACHE-03")
@pytest.mark.usefixtures("api")
async def test_a_cache_is_made_by_posting_to_caching(
    session: CachingSession, upstream: Upstream
) -> None:
    """The API gets what it offers."""
    await session.chat(FIRST)
    await session.chat(LATER)

    assert upstream.sent("POST /v1/caching")


@requirement("CACHE-04")
async def test_the_cache_is_for_the_family_of_models(
    session: CachingSession, api: CachingApi
) -> None:
    """One cache serves every model of the family."""
    await session.chat(FIRST)
    await session.chat(LATER)

    assert {cached["model"] for cached in api.held.values()} == {"moonshot-v1"}


@requirement("CACHE-05")
async def test_the_cache_holds_the_system_message(session: CachingSession, api: CachingApi) -> None:
    """What is the same in every request is what is kept."""
    await session.chat(FIRST)
    await session.chat(LATER)

    assert {SYSTEM in cached["messages"] for cached in api.held.values()} == {True}


@requirement("CACHE-06")
async def test_the_cache_is_asked_to_live_3600_seconds(
    session: CachingSession, api: CachingApi
) -> None:
    """A forgotten cache does not cost for longer than an hour."""
    await session.chat(FIRST)
    await session.chat(LATER)

    assert {cached["ttl"] for cached in api.held.values()} == {3600}


@requirement("CACHE-07")
async def test_a_session_makes_its_cache_once(session: CachingSession, api: CachingApi) -> None:
    """A user pays for making a cache once a conversation."""
    await session.chat(FIRST)
    await session.chat(LATER)
    await session.chat(LATER)

    assert len(api.chats) == 3
    assert len(api.held) == 1


@requirement("CACHE-31")
async def test_equal_content_in_other_objects_makes_no_second_cache(
    session: CachingSession, api: CachingApi
) -> None:
    """A program may build its messages anew for every request."""
    rebuilt = dict(reversed(deepcopy(SYSTEM).items()))
    await session.chat(ask(SYSTEM, user(), tools=[WEATHER]))
    await session.chat(ask(rebuilt, user(), tools=[deepcopy(WEATHER)]))

    assert len(api.chats) == 2
    assert len(api.held) == 1


@requirement("CACHE-31")
async def test_requests_side_by_side_make_one_cache(
    session: CachingSession, api: CachingApi
) -> None:
    """A program that asks three things at once pays for one cache."""
    await asyncio.gather(session.chat(FIRST), session.chat(FIRST), session.chat(LATER))

    assert len(api.chats) == 3
    assert len(api.held) == 1


@requirement("CACHE-26")
async def test_the_api_itself_keeps_the_cache_for_an_hour(
    open_adapter: OpenAdapter, service: Service
) -> None:
    """A user who comes back from lunch still has the cache."""
    session = open_adapter(context_cache=True).session("session-1")

    await session.chat(replace(ask(SYSTEM, user()), options={"max_tokens": 8}))

    [made] = [e.answer for e in service.exchanges if e.request.path == "/v1/caching"]
    assert made.json["expired_at"] - made.json["created_at"] == 3600


# ------------------------------------------------------------------------ using a cache


@requirement("CACHE-08")
async def test_later_requests_carry_the_id_of_the_cache(
    session: CachingSession, api: CachingApi
) -> None:
    """The API finds what it has kept."""
    await session.chat(FIRST)
    await session.chat(LATER)
    await session.chat(LATER)

    assert len(api.chats) == 3
    assert {chat.header(USE) for chat in api.chats[1:]} <= api.held.keys()


@requirement("CACHE-09")
async def test_a_chat_that_uses_a_cache_renews_it_for_3600_seconds(
    session: CachingSession, api: CachingApi
) -> None:
    """A conversation that goes on keeps its cache."""
    await session.chat(FIRST)
    await session.chat(LATER)

    assert api.chats[1].header(RESET_TTL) == "3600"


@requirement("CACHE-10")
@needs("models")
async def test_cache_headers_stand_on_chats_only(
    client: Any, open_adapter: OpenAdapter, api: CachingApi, upstream: Upstream
) -> None:
    """No other call of the API is told of a cache."""
    await client.session("session-1").chat(FIRST)
    await client.session("session-1").chat(LATER)
    await client.session("session-1").chat(ask(SECOND_SYSTEM, user()))
    await client.list_models()
    await open_adapter.close(client)

    others = [sent for sent in upstream.requests if not sent.path.endswith("/chat/completions")]
    assert api.chats
    assert others
    assert not [sent for sent in others if sent.header(USE) or sent.header(RESET_TTL)]


@requirement("CACHE-11")
@pytest.mark.parametrize("model", ["moonshot-v1-8k", "moonshot-v1-128k"])
async def test_the_chat_names_a_concrete_model(
    model: str, session: CachingSession, api: CachingApi
) -> None:
    """The user's choice of a model is not widened to its family."""
    await session.chat(replace(FIRST, model=model))
    await session.chat(replace(LATER, model=model))

    assert [chat.json["model"] for chat in api.chats] == [model, model]


@requirement("CACHE-12")
async def test_the_chat_still_holds_every_cached_message(
    session: CachingSession, api: CachingApi
) -> None:
    """The API compares what it is sent with what it has kept."""
    await session.chat(ask(SYSTEM, SECOND_SYSTEM, user()))
    await session.chat(ask(SYSTEM, SECOND_SYSTEM, user("And now?")))

    messages = api.chats[1].json["messages"]
    assert SYSTEM in messages
    assert SECOND_SYSTEM in messages


@requirement("CACHE-13")
@example(system=["You answer in one sentence. "], said=["Hello"])
@given(
    system=st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=3
    ),
    said=st.lists(st.sampled_from(["Hello", "And now?", ""]), min_size=1, max_size=3),
)
async def test_the_chat_begins_with_the_cached_messages(
    system: list[str], said: list[str], client: CachesContext, api: CachingApi
) -> None:
    """What was paid for as a cache can be hit."""
    rules = [{"role": "system", "content": text} for text in system]
    turns = [user(text) for text in said]
    before = len(api.chats)
    session = client.session(f"session-{before}")
    await session.chat(ask(*rules, *turns))
    await session.chat(ask(*rules, *turns, user("And then?")))

    chats = api.chats[before:]
    used = [(chat.json["messages"], cached) for chat in chats if (cached := api.cached(chat))]
    assert len(chats) == 2
    assert all(
        messages[: len(cached["messages"])] == cached["messages"] for messages, cached in used
    )


@requirement("CACHE-14")
async def test_messages_in_another_order_do_not_use_the_cache(
    session: CachingSession, api: CachingApi
) -> None:
    """A cache that cannot be hit is not paid for."""
    swapped = ask(SECOND_SYSTEM, SYSTEM, user())
    await session.chat(ask(SYSTEM, SECOND_SYSTEM, user()))
    await session.chat(swapped)

    assert len(api.chats) == 2
    assert fits(api.cached(api.chats[1]), swapped)


@requirement("CACHE-15")
@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({**SYSTEM, "content": "You answer at length."}, id="content"),
        pytest.param({**SYSTEM, "content": f"{SYSTEM['content']} "}, id="a space at the end"),
        pytest.param({**SYSTEM, "content": SYSTEM["content"].upper()}, id="case"),
        pytest.param(
            {**SYSTEM, "content": [{"type": "text", "text": SYSTEM["content"]}]}, id="parts"
        ),
        pytest.param({**SYSTEM, "name": "other-rules"}, id="name"),
        pytest.param({"role": "system", "content": SYSTEM["content"]}, id="no name"),
        pytest.param({**SYSTEM, "partial": True}, id="one field more"),
    ],
)
async def test_messages_that_differ_in_any_field_do_not_use_the_cache(
    changed: Body, session: CachingSession, api: CachingApi
) -> None:
    """A cache that cannot be hit is not paid for."""
    other = ask(changed, user())
    await session.chat(FIRST)
    await session.chat(other)

    assert len(api.chats) == 2
    assert fits(api.cached(api.chats[1]), other)


@requirement("CACHE-16")
@pytest.mark.parametrize(
    "tools",
    [
        pytest.param([TIME, WEATHER], id="order"),
        pytest.param([WEATHER], id="one less"),
        pytest.param([WEATHER, TIME, TIME], id="one more"),
        pytest.param(None, id="none"),
        pytest.param([tool("weather"), TIME], id="name"),
        pytest.param([tool("get_weather", parameters={}), TIME], id="parameters"),
        pytest.param([tool("get_weather", description=""), TIME], id="description"),
    ],
)
async def test_tools_that_differ_do_not_use_the_cache(
    tools: list[Body] | None, session: CachingSession, api: CachingApi
) -> None:
    """A cache that cannot be hit is not paid for."""
    other = ask(SYSTEM, user(), tools=tools)
    await session.chat(ask(SYSTEM, user(), tools=[WEATHER, TIME]))
    await session.chat(other)

    assert len(api.chats) == 2
    assert fits(api.cached(api.chats[1]), other)


LEAF = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from(["", " ", "é", "e\u0301", "É", "a", "a "])
)
NAME = st.sampled_from(["a", "b", "é", "e\u0301"])
JSON = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAME, inner, max_size=2),
    max_leaves=4,
)


def canonical(value: object) -> str:
    """Equal for the same JSON only: 1 and true differ, the order of keys does not matter."""
    return json.dumps(value, sort_keys=True)


@requirement("CACHE-16")
@example(one={"a": 1}, other={"a": True})
@example(one={"a": "é"}, other={"a": "e\u0301"})
@example(one={"a": [1, 2]}, other={"a": [2, 1]})
@given(one=JSON, other=JSON)
async def test_any_difference_in_a_tool_is_a_difference(
    one: object, other: object, client: CachesContext, api: CachingApi
) -> None:
    """A cache that cannot be hit is not paid for, however small the difference."""
    asked = ask(SYSTEM, user(), tools=[tool("search", parameters={"const": other})])
    session = client.session(f"session-{len(api.chats)}")
    await session.chat(ask(SYSTEM, user(), tools=[tool("search", parameters={"const": one})]))
    await session.chat(asked)

    cached = api.cached(api.chats[-1])
    assert api.chats
    assert cached is None or canonical(cached["tools"]) == canonical(asked.tools)


@requirement("CACHE-17")
async def test_a_chat_without_a_hit_is_an_ordinary_answer(
    session: CachingSession, api: CachingApi, upstream: Upstream
) -> None:
    """A miss costs tokens and nothing else."""
    upstream.answers(CHAT, replies.completion())

    answers = [await session.chat(FIRST), await session.chat(LATER)]

    assert len(api.chats) == 2
    assert [answer.body for answer in answers] == [replies.completion_body()] * 2


@requirement("CACHE-18")
async def test_the_tools_are_cached_and_sent_again(
    session: CachingSession, api: CachingApi
) -> None:
    """The most expensive part of many prompts is kept too."""
    await session.chat(ask(SYSTEM, user(), tools=[WEATHER, TIME]))
    await session.chat(ask(SYSTEM, user(), user(), tools=[WEATHER, TIME]))

    assert api.held
    assert all(cached.get("tools") == [WEATHER, TIME] for cached in api.held.values())
    assert [chat.json.get("tools") for chat in api.chats] == [[WEATHER, TIME]] * 2


@requirement("CACHE-19")
async def test_every_request_is_compared_with_the_cache(
    session: CachingSession, api: CachingApi
) -> None:
    """A change late in a conversation is noticed as one at its beginning."""
    changed = ask(SECOND_SYSTEM, user())
    asked = [FIRST, LATER, LATER, changed, changed, FIRST]
    for request in asked:
        await session.chat(request)

    cached = [api.cached(chat) for chat in api.chats]
    assert [fits(*pair) for pair in zip(cached, asked, strict=True)] == [True] * 6


@requirement("CACHE-25")
async def test_every_use_renews_the_cache(session: CachingSession, api: CachingApi) -> None:
    """A conversation of three hours has its cache to the end."""
    await session.chat(FIRST)
    await session.chat(LATER)
    await session.chat(LATER)
    await session.chat(LATER)

    uses = [chat for chat in api.chats if chat.header(USE)]
    assert len(api.chats) == 4
    assert [chat for chat in uses if chat.header(RESET_TTL) is None] == []


@requirement("CACHE-28")
async def test_a_cache_stays_in_use_for_the_whole_session(
    clock: FakeClock, session: CachingSession, api: CachingApi
) -> None:
    """A long conversation does not pay for its cache again and again."""
    for _ in range(5):
        await session.chat(LATER)
        clock.move(3000)

    assert len(api.chats) == 5
    assert len(api.held) == 1


@requirement("CACHE-28")
@pytest.mark.parametrize(
    "skew", [pytest.param(7200, id="two hours ahead"), pytest.param(-7200, id="two hours behind")]
)
async def test_a_clock_that_is_wrong_costs_no_cache(
    skew: int, clock: FakeClock, session: CachingSession, api: CachingApi
) -> None:
    """A machine whose clock was never set does not pay for a cache with every question."""
    clock.move(skew)

    for _ in range(3):
        await session.chat(LATER)

    assert len(api.chats) == 3
    assert len(api.held) == 1


@requirement("CACHE-29")
async def test_the_session_knows_the_id_of_its_cache(
    client: CachesContext, api: CachingApi
) -> None:
    """A program can show its user whether the conversation is cached."""
    await client.session("session-1").chat(FIRST)
    await client.session("session-1").chat(LATER)

    assert client.session("session-1").cache_id in api.held


@requirement("CACHE-32")
@pytest.mark.parametrize("header", [USE, RESET_TTL, "Authorization", "Content-Type"])
async def test_each_header_stands_on_the_request_once(
    header: str, session: CachingSession, api: CachingApi
) -> None:
    """No proxy on the way joins two values into one that nobody understands."""
    await session.chat(FIRST)
    await session.chat(LATER)

    names = [name.lower() for name, _ in api.chats[1].headers]
    assert names.count(header.lower()) == 1


@requirement("CACHE-35")
async def test_the_api_itself_saves_tokens(open_adapter: OpenAdapter, service: Service) -> None:
    """A user pays less for what was said before."""
    session = open_adapter(context_cache=True).session("session-1")
    request = replace(ask(SYSTEM, user()), options={"max_tokens": 8})

    await session.chat(request)
    await session.chat(request)

    *_, last = [e.answer for e in service.exchanges if e.request.path == "/v1/chat/completions"]
    assert int(last.header("Msh-Context-Cache-Token-Saved") or 0) > 0


@requirement("CACHE-37")
async def test_a_session_does_not_use_the_cache_of_another(
    client: CachesContext, api: CachingApi
) -> None:
    """Ending one conversation does not take the cache from another."""
    await client.session("session-1").chat(FIRST)
    await client.session("session-2").chat(FIRST)
    await client.session("session-2").chat(LATER)

    used = [chat.header(USE) for chat in api.chats]
    assert len(used) == 3
    assert used[0] is None or used[0] not in used[1:]


@requirement("CACHE-37")
async def test_one_id_for_two_sessions_is_not_used_once_it_is_deleted(
    client: CachesContext, api: CachingApi, upstream: Upstream
) -> None:
    """An API that repeats itself does not lead one session into the deleted cache of another."""
    upstream.answers(MAKE, replies.cache_created("cache-0001"))
    one, other = client.session("session-1"), client.session("session-2")
    asked = [one.chat(FIRST), other.chat(FIRST), one.chat(ask(SECOND_SYSTEM, user()))]
    await one_by_one(asked)
    deleted = [sent.path for sent in upstream.sent("DELETE*")]
    before = len(api.chats)
    await one_by_one([other.chat(LATER)])

    used = [chat.header(USE) for chat in api.chats[before:]]
    assert before
    assert [id for id in used if f"/v1/caching/{id}" in deleted] == []


async def one_by_one(calls: Iterable[Awaitable[object]]) -> None:
    """Wait for each call before the next; what becomes of one is not what is asked here."""
    for call in calls:
        with contextlib.suppress(Exception):
            await call


@requirement("CACHE-37")
async def test_two_clients_with_one_session_id_have_a_cache_each(
    open_adapter: OpenAdapter, api: CachingApi, upstream: Upstream
) -> None:
    """Two programs that give their sessions the same name do not take each other's cache."""
    leaving, staying = (open_adapter(context_cache=True) for _ in range(2))
    await leaving.session("session-1").chat(FIRST)
    await staying.session("session-1").chat(FIRST)
    await staying.session("session-1").chat(LATER)
    await open_adapter.close(leaving)
    deleted = [sent.path for sent in upstream.sent("DELETE*")]
    await staying.session("session-1").chat(LATER)

    *_, before, after = [chat.header(USE) for chat in api.chats]
    assert len(api.chats) == 4
    assert (after is None, f"/v1/caching/{after}" in deleted) == (before is None, False)


# ------------------------------------------------------------------------ changing and leaving


@requirement("CACHE-20")
async def test_changed_content_replaces_the_cache(
    session: CachingSession, api: CachingApi, upstream: Upstream
) -> None:
    """An outdated cache does not go on costing."""
    await session.chat(FIRST)
    await session.chat(ask(SECOND_SYSTEM, user()))

    assert upstream.sent("DELETE*")
    assert [SECOND_SYSTEM] in [cached["messages"] for cached in api.held.values()]


@requirement("CACHE-21")
@pytest.mark.usefixtures("api")
async def test_a_cache_is_deleted_by_its_id(
    client: CachesContext, open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """The API removes the cache that is meant, and no other."""
    await client.session("session-1").chat(FIRST)
    await client.session("session-1").chat(ask(SECOND_SYSTEM, user()))
    await open_adapter.close(client)

    deleted = {sent.path for sent in upstream.sent("DELETE*")}
    assert deleted
    assert deleted <= {"/v1/caching/cache-0001", "/v1/caching/cache-0002"}


@requirement("CACHE-27")
async def test_caches_are_deleted_at_the_exit_and_not_before(
    client: CachesContext, open_adapter: OpenAdapter, api: CachingApi, upstream: Upstream
) -> None:
    """A cache is there for the next question, and gone when nobody will ask one."""
    await client.session("session-1").chat(FIRST)
    await client.session("session-2").chat(FIRST)
    await client.session("session-1").chat(LATER)
    before = len(upstream.sent("DELETE*"))
    await open_adapter.close(client)

    assert len(api.chats) == 3
    assert (before, len(upstream.sent("DELETE*"))) == (0, len(api.held))


# ------------------------------------------------------------------------ when caching fails


@requirement("CACHE-22")
async def test_without_a_matching_cache_the_chat_goes_without(
    session: CachingSession, api: CachingApi, upstream: Upstream
) -> None:
    """A user whose system message has changed is answered at the normal price."""
    upstream.answers(MAKE, replies.cache_created(), replies.server_error())

    await session.chat(FIRST)
    await session.chat(ask(SECOND_SYSTEM, user()))

    last = api.chats[1]
    assert (last.header(USE), last.header(RESET_TTL)) == (None, None)


@requirement("CACHE-23")
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(replies.refusal(400, "invalid_request_error", "no"), id="400"),
        pytest.param(replies.not_found(Request(method="POST", path="/v1/caching")), id="404"),
        pytest.param(replies.rate_limited(), id="429"),
        pytest.param(replies.server_error(), id="500"),
        pytest.param(replies.html(504), id="504 as a page"),
        pytest.param(replies.never(), id="silence"),
        pytest.param(replies.reset(replies.cache_created(), frames=0), id="a reset"),
        pytest.param(replies.not_json(), id="half a body"),
        pytest.param(replies.json_reply({"status": "ready"}), id="no id"),
        pytest.param(replies.cache_created(id=""), id="an empty id"),
        pytest.param(replies.json_reply({"id": 17}), id="an id that is no text"),
        pytest.param(replies.cache_created(id="a\r\nX-Evil: 1"), id="an id with a line break"),
        pytest.param(replies.cache_created(status="error"), id="status error"),
    ],
)
async def test_a_cache_that_cannot_be_made_does_not_stop_the_chat(
    answer: Answer, session: CachingSession, api: CachingApi, upstream: Upstream
) -> None:
    """A convenience never costs a user the answer."""
    upstream.answers(MAKE, answer)
    upstream.answers(CHAT, replies.completion())

    answered = await session.chat(FIRST)

    assert answered.body == replies.completion_body()
    assert [chat.header(USE) for chat in api.chats] == [None]


def created_with(status: int) -> Answer:
    """A cache that was made, said with another status than 200."""
    return replace(replies.cache_created(), status=status)


@requirement("CACHE-23")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(created_with(201), id="201"),
        pytest.param(created_with(202), id="202"),
        pytest.param(replies.not_json(b"", status=204), id="204"),
        pytest.param(replies.cache_created(status="pending"), id="pending"),
    ],
)
async def test_a_cache_that_is_made_in_another_way_does_not_stop_the_chat(
    answer: Answer, session: CachingSession, api: CachingApi, upstream: Upstream
) -> None:
    """The chat is answered, whether or not the client takes such a cache."""
    upstream.answers(MAKE, answer)

    answered = [await session.chat(FIRST), await session.chat(LATER)]

    assert [each.body for each in answered] == [replies.completion_body()] * 2
    assert {chat.header(USE) for chat in api.chats} <= {None, "cache-0001"}


@requirement("CACHE-23")
async def test_a_slow_cache_holds_up_no_other_session(
    client: CachesContext, api: CachingApi, upstream: Upstream
) -> None:
    """Somebody's long system message is not paid for by everybody's patience."""
    arrived = asyncio.Event()
    tell = asyncio.get_running_loop().call_soon_threadsafe
    upstream.answers(MAKE, never_made(lambda: tell(arrived.set)), replies.cache_created())

    slow = asyncio.ensure_future(client.session("session-1").chat(ask(SYSTEM, user("Slow"))))
    arriving = asyncio.ensure_future(arrived.wait())
    await asyncio.wait([slow, arriving], return_when=asyncio.FIRST_COMPLETED)
    answered = await client.session("session-2").chat(ask(SYSTEM, user("Quick")))
    first = api.chats[0].body.decode()
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)

    assert answered.body == replies.completion_body()
    assert (arrived.is_set(), "Slow" in first) != (True, True)


def never_made(arrived: Callable[[], object]) -> Callable[[Request], Answer]:
    """Says that the request has come, and nothing else, ever."""

    def answer(_: Request) -> Answer:
        arrived()
        return replies.never()

    return answer


@requirement("CACHE-24")
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(replies.refusal(404, "resource_not_found_error", "no"), id="404"),
        pytest.param(replies.server_error(), id="500"),
        pytest.param(replies.reset(replies.cache_deleted(), frames=0), id="a reset"),
        pytest.param(replies.not_json(), id="half a body"),
    ],
)
async def test_a_cache_that_cannot_be_deleted_does_not_stop_the_chat(
    answer: Answer, session: CachingSession, api: CachingApi, upstream: Upstream
) -> None:
    """A convenience never costs a user the answer."""
    upstream.answers("DELETE /v1/caching/*", answer)

    await session.chat(FIRST)
    answered = await session.chat(ask(SECOND_SYSTEM, user()))

    assert len(api.chats) == 2
    assert answered.body == replies.completion_body()


@requirement("CACHE-34")
@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(replace(FIRST, model="kimi-k2-0905-preview"), id="another family"),
        pytest.param(ask(user()), id="nothing to cache"),
        pytest.param(ask({"role": "system", "content": ""}, user()), id="an empty system message"),
    ],
)
async def test_a_chat_that_can_use_no_cache_causes_none(
    request_: ChatRequest, session: CachingSession, api: CachingApi
) -> None:
    """Nobody pays for a cache that no request can hit."""
    await session.chat(request_)
    await session.chat(request_)

    assert [chat.header(USE) for chat in api.chats] == [None, None]
    assert api.held == {}


# ------------------------------------------------------------------------ in any course


@pytest.mark.parametrize(
    "law",
    [
        pytest.param(CachingLaw.MATCHING, marks=requirement("CACHE-19"), id="matching"),
        pytest.param(CachingLaw.OWN, marks=requirement("CACHE-37"), id="own"),
        pytest.param(CachingLaw.DESPITE_MAKING, marks=requirement("CACHE-23"), id="making fails"),
        pytest.param(
            CachingLaw.DESPITE_DELETING, marks=requirement("CACHE-24"), id="deleting fails"
        ),
        pytest.param(CachingLaw.ONCE, marks=requirement("CACHE-31"), id="once"),
        pytest.param(CachingLaw.LEFT, marks=requirement("CACHE-27"), id="left"),
        pytest.param(CachingLaw.PAIRED, marks=requirement("CACHE-38"), id="paired"),
    ],
)
def test_no_course_of_conversations_breaks_a_law_of_caching(
    law: CachingLaw, open_adapter: OpenAdapter, upstream: Upstream, clock: FakeClock
) -> None:
    """Whatever users do and whatever fails, in any order: caches fit, and are nobody's trouble."""
    new_course = partial(CachingCourse, open_adapter, upstream, clock, law)
    kept = read_examples(f"caching/{law.name.lower()}")

    courses = search(CachingMachine, new_course, kept)

    assert sum(course.arrived for course in courses)


# ------------------------------------------------------------------------ rules of the API, log


@requirement("CACHE-38")
async def test_the_client_keeps_to_the_rules_of_the_api(
    client: CachesContext, open_adapter: OpenAdapter, api: CachingApi, upstream: Upstream
) -> None:
    """An API that is strict about its fields serves the client too."""
    await client.session("session-1").chat(FIRST)
    await client.session("session-1").chat(LATER)
    await client.session("session-1").chat(ask(SECOND_SYSTEM, user()))
    await open_adapter.close(client)

    methods = {sent.method for sent in upstream.sent("*") if "/caching" in sent.path}
    lifetimes = [{"ttl", "expired_at"} & cached.keys() for cached in api.held.values()]
    fields = {field for cached in api.held.values() for field in cached}
    own_headers = {
        name.lower()
        for chat in api.chats
        for name, _ in chat.headers
        if name.lower().startswith("x-msh-")
    }
    assert methods == {"POST", "DELETE"}
    assert [len(given) for given in lifetimes] == [1] * len(lifetimes)
    assert fields <= CREATE_FIELDS
    assert own_headers <= CACHE_HEADERS


CREATE_FIELDS = {
    *("model", "messages", "tools", "name", "description", "metadata"),
    *("ttl", "expired_at", "tags"),
}


@requirement("CACHE-33")
@pytest.mark.parametrize(
    "line",
    [
        "Created new Kimi cache for session session-1 with cache ID: cache-0001",
        "Prepared request for session session-1 to use cache cache-0001 via Headers",
        "Set cache header X-Msh-Context-Cache: cache-0001",
        "Set cache header X-Msh-Context-Cache-Reset-TTL: 3600",
    ],
    ids=["created", "prepared", "id header", "TTL header"],
)
async def test_caching_is_logged_line_by_line(
    line: str, session: CachingSession, api: CachingApi, caplog: pytest.LogCaptureFixture
) -> None:
    """A developer sees in the log what became of the cache."""
    caplog.set_level(logging.DEBUG)

    await session.chat(FIRST)
    await session.chat(LATER)

    debug = [record.getMessage() for record in caplog.records if record.levelname == "DEBUG"]
    assert api.chats
    assert line in debug
