"""Faults of official tools, and of the builtin web search."""

import json
from collections.abc import Callable
from typing import Any

from kimi_conformance.simulator import web_search
from kimi_conformance.simulator.faults.change import (
    on_answer,
    on_json,
    on_sent,
    with_json,
)
from kimi_conformance.simulator.faults.fault import (
    Parameters,
    Sound,
    chats,
    formulas,
    sent,
)
from kimi_conformance.simulator.faults.rows import Rows
from kimi_conformance.wire.exchange import Answer, Request

__all__ = ["FORMULAS"]


def _tells(request: Request) -> bool:
    return formulas(request) and request.path.endswith("/tools")


def _runs(request: Request) -> bool:
    return formulas(request) and request.path.endswith("/fibers")


def _searches(request: Request) -> bool:
    """Chats that may search, or hand back what was found."""
    tools = sent(request).get("tools") if chats(request) else None
    return isinstance(tools, list) and any(map(web_search.is_search, tools))


def _bare_definitions(body: dict[str, Any]) -> None:
    """Give functions without the envelope that a chat wants them in."""
    body["tools"] = [tool["function"] for tool in body["tools"]]


def _says_nothing(body: dict[str, Any]) -> None:
    body["context"] = {"input": body["context"]["input"]}


def _unknown_is_known(answer: Answer) -> Answer | None:
    if answer.status != 404:
        return None
    return with_json(answer, {"tools": [], "status": "succeeded"}, status=200)


def _for_anybody(request: Request, sound: Sound, _: Parameters) -> Answer:
    return sound.reply(request, "wrong_key", "no_key")


def _calls(edit: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
    """Edit each call of the search."""

    def edited(body: dict[str, Any]) -> None:
        for choice in body["choices"]:
            for call in choice["message"].get("tool_calls") or ():
                if call["type"] == web_search.TYPE:
                    edit(call)

    return edited


def _refuses_found(request: Request, sound: Sound, _: Parameters) -> Answer:
    """Refuse a chat that hands back what was found."""
    if web_search.tokens_found(sent(request).get("messages") or ()):
        return sound.world.refuse(sound.now, "tool_call_id_unknown", {"id": "t-web_search"})
    return sound.reply(request)


def _found_for_nothing(body: dict[str, Any]) -> None:
    """Take what was found for a result that costs what its text costs."""
    for message in body.get("messages") or ():
        if web_search.tokens_found([message]):
            found = json.loads(message["content"])
            message["content"] = json.dumps({**found, "usage": {}})


def _in_plain(answer: Answer) -> Answer | None:
    """Hide what any tool found."""
    body = json.loads(answer.body)
    context = body["context"]
    if "output" not in context:
        return None
    context["encrypted_output"] = context.pop("output")
    return with_json(answer, body)


_row = Rows()

FORMULAS = (
    _row(
        "formula_definitions_bare",
        "Tells functions that no chat takes.",
        on_json(_bare_definitions),
        touches=_tells,
    ),
    _row("formula_mute", "Runs tools and says nothing.", on_json(_says_nothing), touches=_runs),
    _row(
        "formula_unknown_is_known",
        "Knows any tool.",
        on_answer(_unknown_is_known),
        touches=formulas,
    ),
    _row("formula_for_anybody", "Runs tools for anybody.", _for_anybody, touches=formulas),
    _row(
        "search_is_a_function",
        "Calls the search a function of the client's.",
        on_json(_calls(lambda call: call.update(type="function"))),
        touches=_searches,
    ),
    _row("search_result_refused", "Refuses what it found.", _refuses_found, touches=_searches),
    _row("search_for_nothing", "Counts no search.", on_sent(_found_for_nothing), touches=_searches),
    _row(
        "formula_encrypted",
        "Hides what any tool found.",
        on_answer(_in_plain),
        touches=_runs,
        benign=True,
    ),
)
