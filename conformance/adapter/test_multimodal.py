"""What a client does with messages that hold more than text."""

from typing import Any

import pytest

from kimi_conformance.checks import ChatRequest, Chats, Upstream, replies, requirement

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk"
    "YAAAAAYAAjCB0C8AAAAASUVORK5CYII="
)
TEXT = {"type": "text", "text": "What is this? 这是什么？"}


@requirement("MM-01")
@pytest.mark.parametrize(
    "content",
    [
        pytest.param([TEXT], id="text"),
        pytest.param(
            [{"type": "image_url", "image_url": {"url": PIXEL}}, TEXT], id="an image in an object"
        ),
        pytest.param([{"type": "image_url", "image_url": PIXEL}, TEXT], id="a bare image"),
        pytest.param(
            [TEXT, {"type": "image_url", "image_url": {"url": "ms://file-1", "detail": "low"}}],
            id="an uploaded file",
        ),
        pytest.param(
            [{"type": "video_url", "video_url": {"url": "ms://file-2"}}, TEXT, TEXT],
            id="a film and two texts",
        ),
    ],
)
async def test_parts_of_a_message_are_sent_as_they_were_given(
    content: list[dict[str, Any]], adapter: Chats, upstream: Upstream
) -> None:
    """A user who shows a picture is answered about that picture."""
    upstream.replies(replies.completion())
    messages = [{"role": "user", "content": content}]

    await adapter.chat(ChatRequest(model="moonshot-v1-8k", messages=messages))

    assert upstream.requests[0].json["messages"] == messages
