"""Where a client lets the key go, and where not."""

import asyncio
import re
from collections.abc import Awaitable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kimi_conformance.checks import (
    ChatRequest,
    Chats,
    OpenAdapter,
    Upstream,
    failure_of,
    replies,
    requirement,
)

GREETING = ChatRequest(model="moonshot-v1-8k", messages=[{"role": "user", "content": "Hello"}])


async def outcome(call: Awaitable[object]) -> object:
    """What a call gave or raised; whether it does one or the other is not what is asked here."""
    [came] = await asyncio.gather(call, return_exceptions=True)
    return came


def said(came: object) -> str:
    """All that an error says, its causes included; a result says nothing."""
    if not isinstance(came, BaseException):
        return ""
    failure = failure_of(came)
    return " ".join([failure.message, repr(came), *failure.causes])


@requirement("KEY-01")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirection_does_not_take_the_key_to_another_host(
    status: int, adapter: Chats, upstream: Upstream
) -> None:
    """A mistyped or captured address does not hand the account to a stranger."""
    elsewhere = upstream.base_url.replace("127.0.0.1", "localhost")
    upstream.replies(
        replies.redirect(f"{elsewhere}/chat/completions", status), replies.completion()
    )

    await outcome(adapter.chat(GREETING))

    strangers = [r for r in upstream.requests if (r.header("Host") or "").startswith("localhost")]
    assert upstream.requests
    assert [stranger.header("Authorization") for stranger in strangers] in ([], [None])


VISIBLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=40)
SPACE = st.sampled_from(["", " ", "\n", "\r\n", "\t", " \n"])
ODD = st.sampled_from(["\n", "\r\n", "\0", "ключ", "\u2028", "é", "\x7f"])


@requirement("KEY-02")
@example(key="from-a-file", before="", after="\n")
@example(key="k" * 4000, before="", after="")
@given(key=VISIBLE, before=SPACE, after=SPACE)
async def test_white_space_around_a_key_does_not_reach_the_header(
    key: str, before: str, after: str, open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A key that was read from a file ends with a newline, and works or is refused."""
    upstream.forget()
    upstream.replies(replies.model_list(["moonshot-v1-8k"]))

    await opened(open_adapter, f"sk-{key}")
    came = await outcome(opened(open_adapter, f"{before}sk-{key}{after}"))

    sent = [request.header("Authorization") or "" for request in upstream.requests]
    assert {header.rpartition(" ")[2] for header in sent} == {f"sk-{key}"}
    assert len(upstream.requests) == 2 or isinstance(came, Exception)
    assert key not in said(came)


@requirement("KEY-02")
@example(before="my-secret-key", odd="\r\nX-Evil: 1", after="12345678")
@given(before=VISIBLE, odd=ODD, after=VISIBLE)
async def test_a_key_that_no_header_can_hold_is_refused_and_not_shown(
    before: str, odd: str, after: str, open_adapter: OpenAdapter, upstream: Upstream
) -> None:
    """A key copied with a line break in it does not end up in a log."""
    upstream.replies(replies.model_list(["moonshot-v1-8k"]))

    await opened(open_adapter, "sk-good")
    upstream.forget()
    came = await outcome(opened(open_adapter, f"sk-{before}{odd}{after}"))

    headers = [value for request in upstream.requests for _, value in request.headers]
    assert isinstance(came, Exception)
    assert [value for value in headers if re.search(re.escape(before), value)] == []
    assert (before in said(came), after in said(came)) == (False, False)


async def opened(open_adapter: OpenAdapter, key: str) -> Any:
    """What checking a key gives, by a client that may refuse it at once."""
    return await open_adapter(api_key=key).check_key()
