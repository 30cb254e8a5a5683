"""
The Anthropic face: `/anthropic/v1/messages`, the same chat in the words of another API.

A request is translated into a chat, answered as one, and the answer is translated back; so
rules, models, tokens and prices are those of the chat. A stream is translated chunk by chunk:

    message_start         the message without content; its usage counts no cache yet
    content_block_start   a block of thinking, text or tool use
    content_block_delta   more of it
    content_block_stop
    message_delta         why it ended, and the true usage
    message_stop

Refusals come in Anthropic's envelope, those of key and rate (401, 429) in Kimi's own.

Source: recorded streams of kimi-k2.6, April 2026; measurements of September 2026; a public
issue thread of July 2025. A whole answer was not recorded: it has what the stream has.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kimi_conformance.simulator.chat import chat
from kimi_conformance.simulator.go_json import compact, go_json
from kimi_conformance.simulator.world import World
from kimi_conformance.wire.exchange import Answer, Frame, Request
from kimi_conformance.wire.sse import decode

__all__ = ["as_chat", "messages"]

KIMIS_OWN = (401, 429)  # refusals that are not translated
STOP_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
_SAME = ("model", "max_tokens", "temperature", "top_p", "stream", "thinking")
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}

Table = Mapping[str, Any]
Timed = tuple[float, Table]


def messages(
    world: World, now: float, request: Request, body: Table, waived: frozenset[str]
) -> Answer:
    """POST /anthropic/v1/messages."""
    answer = chat(world, now, request, as_chat(body), waived)
    if answer.status in KIMIS_OWN:
        return answer
    if answer.status != 200:
        envelope = {"type": "error", **answer.json}
        return replace(answer, frames=(Frame(answer.frames[0].at, go_json(envelope)),))
    if body.get("stream") is True:
        return replace(answer, frames=tuple(_stream(world, answer)))
    whole = _whole(world, answer.json)
    return replace(answer, frames=(Frame(answer.frames[-1].at, go_json(whole)),))


# ---------------------------------------------------------------- there


def as_chat(body: Table) -> dict[str, Any]:
    """The body of a chat that asks the same; what cannot be read is left as it is."""
    asked = {name: body[name] for name in _SAME if name in body}
    if "stop_sequences" in body:
        asked["stop"] = body["stop_sequences"]
    if "messages" in body:
        asked["messages"] = _messages(body["messages"], body.get("system"))
    if isinstance(body.get("tools"), list):
        asked["tools"] = [_tool(tool) for tool in body["tools"]]
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        asked["tool_choice"] = _choice(choice)
    if asked.get("stream") is True:
        asked["stream_options"] = {"include_usage": True}
    return asked


def _tool(tool: Any) -> Any:
    if not isinstance(tool, dict):
        return tool
    function = {name: tool[name] for name in ("name", "description") if name in tool}
    return {"type": "function", "function": {**function, "parameters": tool.get("input_schema")}}


def _choice(choice: Table) -> Any:
    if choice.get("type") == "tool":
        return {"type": "function", "function": {"name": choice.get("name")}}
    return _CHOICES.get(str(choice.get("type")), choice.get("type"))


def _messages(messages: Any, system: Any) -> Any:
    if not isinstance(messages, list):
        return messages
    asked = [{"role": "system", "content": _content(system)}] if system else []
    return [*asked, *(each for message in messages for each in _turn(message))]


def _turn(message: Any) -> Iterator[Any]:
    """One message as one or several: each tool result is a message of its own."""
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        yield message
        return
    role = message.get("role")
    yield from (_result(block) for block in _of(content, "tool_result"))
    said = [block for block in content if not _is_of(block, *_TRANSLATED)]
    calls = [_call(block) for block in _of(content, "tool_use")]
    thoughts = [block.get("thinking") for block in _of(content, "thinking")]
    if said or calls or not _of(content, "tool_result"):
        turn = {"role": role, "content": _content(said)}
        if thoughts:
            turn["reasoning_content"] = "".join(map(str, thoughts))
        yield {**turn, "tool_calls": calls} if calls else turn


_TRANSLATED = ("tool_use", "tool_result", "thinking")


def _is_of(block: Any, *kinds: str) -> bool:
    return isinstance(block, dict) and block.get("type") in kinds


def _of(content: Sequence[Any], kind: str) -> list[dict[str, Any]]:
    return [block for block in content if _is_of(block, kind)]


def _result(block: Table) -> dict[str, Any]:
    content = _content(block.get("content"))
    return {"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": content}


def _call(block: Table) -> dict[str, Any]:
    function = {"name": block.get("name"), "arguments": compact(block.get("input"))}
    return {"id": block.get("id"), "type": "function", "function": function}


def _content(content: Any) -> Any:
    if not isinstance(content, list):
        return content
    parts = [_part(block) for block in content]
    texts = [part.get("text") for part in parts if _is_of(part, "text")]
    if len(texts) == len(parts) and all(isinstance(text, str) for text in texts):
        return "".join(map(str, texts))
    return parts


def _part(block: Any) -> Any:
    if not _is_of(block, "image"):
        return block
    source = block.get("source")
    source = source if isinstance(source, dict) else {}
    url = f"data:{source.get('media_type')};base64,{source.get('data')}"
    return {"type": "image_url", "image_url": {"url": url}}


# ---------------------------------------------------------------- and back


def _whole(world: World, body: Table) -> dict[str, Any]:
    choice = body["choices"][0]
    message = choice["message"]
    content: list[Table] = []
    if message.get("reasoning_content"):
        content.append(_begun("thinking", thinking=message["reasoning_content"], signature=""))
    if message.get("content"):
        content.append(_begun("text", text=message["content"]))
    for call in message.get("tool_calls") or ():
        function = call["function"]
        given = _input(function["arguments"])
        content.append(_begun("tool_use", id=call["id"], name=function["name"], input=given))
    usage = _usage(world, body["usage"])
    return {**_message(body, usage, content), "stop_reason": STOP_REASONS[choice["finish_reason"]]}


def _input(arguments: str) -> Any:
    """The arguments of a call; those of one that was cut are not known."""
    try:
        return json.loads(arguments)
    except ValueError:
        return {}


def _begun(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, **fields}


def _message(body: Table, usage: Table, content: Sequence[Table] = ()) -> dict[str, Any]:
    return {
        "id": body["id"],
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": list(content),
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }


def _usage(world: World, usage: Table) -> dict[str, Any]:
    """The true counts: what came from a cache is no input."""
    form = world.edition.messages
    prompt, completion = usage["prompt_tokens"], usage["completion_tokens"]
    cached = usage.get("cached_tokens", 0)
    counts = {
        "input_tokens": prompt - cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": completion,
    }
    if form is not None and form.openai_counts:
        total = prompt + completion
        counts.update(prompt_tokens=prompt, completion_tokens=completion, total_tokens=total)
        counts["cached_tokens"] = cached
    return {**counts, **(form.usage if form else {})}


def _provisional(world: World, usage: Table) -> dict[str, Any]:
    """What is said at the beginning: all of the prompt is input, and nothing is said yet."""
    counts = {
        "input_tokens": usage["prompt_tokens"],
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 0,
    }
    form = world.edition.messages
    return {**counts, **(form.usage if form else {})}


def _stream(world: World, answer: Answer) -> Iterator[Frame]:
    chunks = [
        (at, json.loads(event.data))
        for at, event in decode(answer.frames).events
        if event.data != "[DONE]"
    ]
    usage = chunks[-1][1]["usage"]
    first, last = chunks[0], chunks[-1]
    start = _message(first[1], _provisional(world, usage))
    yield _event(first[0], "message_start", message=start)
    yield from _blocks(chunks)
    reasons = [choice["finish_reason"] for _, choice in _choices(chunks)]
    end = {"stop_reason": STOP_REASONS[reasons[-1]], "stop_sequence": None}
    yield _event(last[0], "message_delta", delta=end, usage=_usage(world, usage))
    yield _event(last[0], "message_stop")


def _choices(chunks: Iterable[Timed]) -> Iterator[Timed]:
    return ((at, choice) for at, chunk in chunks for choice in chunk["choices"])


def _blocks(chunks: Iterable[Timed]) -> Iterator[Frame]:
    """A block for each run of pieces of one kind; an empty piece adds nothing."""
    number, kind, at = -1, "", 0.0
    for at, begins, block, delta in _pieces(chunks):
        if begins or block["type"] != kind:
            if kind:
                yield _event(at, "content_block_stop", index=number)
            number, kind = number + 1, block["type"]
            yield _event(at, "content_block_start", index=number, content_block=block)
        if delta is not None:
            yield _event(at, "content_block_delta", index=number, delta=delta)
    if kind:
        yield _event(at, "content_block_stop", index=number)


Piece = tuple[float, bool, Table, Table | None]


def _pieces(chunks: Iterable[Timed]) -> Iterator[Piece]:
    """When, whether a block must begin, with what it would, and what is added to it."""
    for at, choice in _choices(chunks):
        delta = choice["delta"]
        if thought := delta.get("reasoning_content"):
            block = _begun("thinking", thinking="", signature="")
            yield at, False, block, _begun("thinking_delta", thinking=thought)
        if text := delta.get("content"):
            yield at, False, _begun("text", text=""), _begun("text_delta", text=text)
        for call in delta.get("tool_calls") or ():
            function, more = call["function"], None
            block = _begun("tool_use", id=call.get("id"), name=function.get("name"), input={})
            if function["arguments"]:
                more = _begun("input_json_delta", partial_json=function["arguments"])
            yield at, "id" in call, block, more


def _event(at: float, kind: str, **fields: Any) -> Frame:
    return Frame(
        at, f"event: {kind}\ndata: ".encode() + go_json({"type": kind, **fields}) + b"\n\n"
    )
