"""POST /v1/chat/completions: the rules, the cache, the replies, and what they are written as."""

from collections.abc import Mapping, Sequence
from typing import Any

from kimi_conformance.editions import Model
from kimi_conformance.simulator import caching, streaming
from kimi_conformance.simulator.chat_rules import CHAT_RULES
from kimi_conformance.simulator.compose import Call, Reply, compose
from kimi_conformance.simulator.effort import effort_of
from kimi_conformance.simulator.go_json import go_json
from kimi_conformance.simulator.prefix_cache import recall
from kimi_conformance.simulator.rules import Case
from kimi_conformance.simulator.world import World
from kimi_conformance.wire.exchange import Answer, Frame, Headers, Request

__all__ = ["chat"]

NOTHING = Reply(None, (), (), "stop", 0)  # what a dry run infers


def chat(
    world: World, now: float, request: Request, body: Mapping[str, Any], waived: frozenset[str]
) -> Answer:
    """Answer a chat; `waived` names the rules that are not asked."""
    if world.account.balance <= 0 and "no_balance" not in waived:
        return world.refuse(now, "no_balance")
    use = None
    if world.edition.caching is not None and _begins_with_cache(body):
        if body.get("tools") is not None and "cache_role_with_tools" not in waived:
            return world.refuse(now, "cache_role_with_tools")
        content = body["messages"][0].get("content")
        use = caching.named(world, now, str(content), body.get("model"))
        if use is None:  # what it refers to is unknown, so there is nothing to fall back on
            return world.refuse(now, "cache_not_found", {"id": content})
        messages = [*use.cache.messages, *body["messages"][1:]]
        body = {**body, "messages": messages, "tools": use.cache.tools}
    case = Case(body, world.edition, now, world.files)
    wrong = CHAT_RULES.broken(case, waived)
    if wrong is not None:
        return world.refuse(now, *wrong)
    model = case.model or world.edition.model(world.edition.default_model)
    asked, prompt = case.asked, case.prompt
    if asked.max_tokens is None:
        asked.max_tokens = max(min(model.max_tokens, model.context_window - prompt), 1)
    refusal = world.account.admit(now, prompt + asked.max_tokens)
    if refusal is not None:
        return world.refuse(now, refusal.error, refusal.fills, refusal.headers)
    return _infer(world, now, case, model, use or caching.look_up(world, now, request, case))


def _begins_with_cache(body: Mapping[str, Any]) -> bool:
    messages = body.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    return isinstance(first, dict) and first.get("role") == "cache"


def _infer(world: World, now: float, case: Case, model: Model, use: caching.Use | None) -> Answer:
    asked, prompt = case.asked, case.prompt
    family = world.edition.families[model.family]
    overhead = family.overhead
    if use is not None and use.dry_run:  # infers nothing and costs nothing
        replies, prompt, cached, overhead = [NOTHING] * asked.n, 0, 0, 0
    else:
        effort = effort_of(case.body, model, family) if model.thinking else None
        replies = [compose(asked, family, effort, world.seed, each) for each in range(asked.n)]
        cached = use.cache.tokens if use else recall(world, now, case)

    def usage_of(replies: Sequence[Reply]) -> dict[str, Any]:
        usage = _usage(prompt, sum(reply.size + overhead for reply in replies), cached)
        details = world.edition.reply.usage_details
        return {**usage, **_details(replies, cached)} if details else usage

    about = streaming.About(
        id=world.completion_id(now),
        created=int(now),
        model=asked.model,
        usages=[usage_of([reply]) for reply in replies],
        usage=usage_of(replies),
        fingerprint=world.edition.reply.system_fingerprint,
    )
    more = use.headers if use else _saved(cached)
    headers = world.headers(now, stream=asked.stream, more=more)
    offsets = world.latency.offsets(
        max(map(streaming.steps, replies)), f"{world.seed}/{world.number}"
    )
    answer = about.usage["completion_tokens"]
    world.account.settle(now + offsets[-1], model.price, prompt, cached, answer)
    if asked.stream:
        frames = streaming.frames(about, replies, offsets, include_usage=asked.include_usage)
        return Answer(headers=headers, frames=frames)
    return Answer(headers=headers, frames=(Frame(offsets[-1], _whole(about, replies)),))


def _usage(prompt: int, completion: int, cached: int) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    if cached:  # left out on a miss, as recorded
        usage["cached_tokens"] = cached
    return usage


def _details(replies: Sequence[Reply], cached: int) -> dict[str, Any]:
    """Of an answer without reasoning the first one is empty; the second one tells of a hit."""
    thought = sum(len(reply.reasoning or ()) for reply in replies)
    details: dict[str, Any] = {
        "completion_tokens_details": {"reasoning_tokens": thought} if thought else {}
    }
    if cached:
        details["prompt_tokens_details"] = {"cached_tokens": cached}
    return details


def _saved(cached: int) -> Headers:
    return (("Msh-Context-Cache-Token-Saved", str(cached)),) if cached else ()


def _whole(about: streaming.About, replies: Sequence[Reply]) -> bytes:
    return go_json(
        {
            "id": about.id,
            "object": "chat.completion",
            "created": about.created,
            "model": about.model,
            "choices": [
                {
                    "index": index,
                    "message": _message(reply),
                    "finish_reason": reply.finish_reason,
                }
                for index, reply in enumerate(replies)
            ],
            "usage": about.usage,
        }
    )


def _message(reply: Reply) -> dict[str, Any]:
    """The assistant's message; content is "" beside tool calls, never null, as recorded."""
    message: dict[str, Any] = {"role": "assistant", "content": "".join(reply.tokens)}
    if reply.reasoning is not None:
        message["reasoning_content"] = "".join(reply.reasoning)
    if reply.calls:
        message["tool_calls"] = [_call(at, call) for at, call in enumerate(reply.calls)]
    return message


def _call(index: int, call: Call) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {"index": index, "id": call.id, "type": call.type, "function": function}
