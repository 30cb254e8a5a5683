"""The services beside chat, as tests ask them: requests, and a tour of them."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from kimi_conformance.editions import Edition
from kimi_conformance.wire.exchange import Answer, Request

KEY = "sk-placeholder"
FORM = "multipart/form-data; boundary=XX"
MESSAGES = "/anthropic/v1/messages"
SEARCH = {"type": "builtin_function", "function": {"name": "$web_search"}}
ASKS_SEARCH = {"role": "user", "content": "Search the web for tides."}
FOUND = '{"search_result":{"search_id":"0123"},"usage":{"total_tokens":2048}}'
OFF = {"type": "disabled"}
TOOL = {
    "name": "get_weather",
    "description": "Tells the weather.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


def ask(
    method: str,
    path: str,
    body: object = None,
    *,
    kind: str = "application/json",
    key: str | None = KEY,
    headers: Mapping[str, str] = {},
) -> Request:
    """A request; a body of bytes is sent as it stands."""
    path, _, query = path.partition("?")
    named = [("Content-Type", kind), *headers.items()]
    if key is not None:
        named.append(("Authorization", f"Bearer {key}"))
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Request(method=method, path=path, query=query, headers=tuple(named), body=data)


def form(content: bytes = b"hello", name: str = "a.txt", purpose: str = "file-extract") -> bytes:
    """The body of an upload."""
    head = (
        f'--XX\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n{purpose}\r\n'
        f'--XX\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    )
    return head.encode() + content + b"\r\n--XX--\r\n"


def upload(
    content: bytes = b"hello", name: str = "a.txt", purpose: str = "file-extract", **asked: Any
) -> Request:
    return ask("POST", "/v1/files", form(content, name, purpose), kind=FORM, **asked)


def message(edition: Edition, **body: Any) -> Request:
    """A message on the Anthropic face."""
    hello = [{"role": "user", "content": "Hello there."}]
    whole = {"model": edition.default_model, "max_tokens": 64, "messages": hello, **body}
    return ask("POST", MESSAGES, whole)


def lines(edition: Edition, *chats: Mapping[str, Any]) -> bytes:
    """The file of a batch: one line for each chat, called 0, 1, …"""
    return b"".join(
        json.dumps(
            {
                "custom_id": str(number),
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {
                    "model": edition.default_model,
                    "messages": [{"role": "user", "content": f"Hello {number}."}],
                    **chat,
                },
            }
        ).encode()
        + b"\n"
        for number, chat in enumerate(chats)
    )


def batch(file: str, **body: Any) -> Request:
    whole = {
        "input_file_id": file,
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
        **body,
    }
    return ask("POST", "/v1/batches", whole)


def tour(send: Callable[[Request], Answer], edition: Edition) -> None:
    """About everything that a client can do beside chatting, well and badly."""
    _tour_files(send)
    _tour_references(send, edition)
    if edition.batches is not None:
        _tour_batches(send, edition)
    _tour_tools(send, edition)
    _tour_messages(send, edition)
    _tour_schemas(send, edition)
    if edition.caching is not None:
        send(ask("GET", "/v1/caching", key="sk-wrong"))
        _tour_tags(send)


def _tour_tags(send: Callable[[Request], Answer]) -> None:
    tags, system = "/v1/caching/refs/tags", {"role": "system", "content": "You are Kimi."}
    cache = {"model": "moonshot-v1", "messages": [system], "tags": ["one", "two"]}
    old, new = (_id(send(ask("POST", "/v1/caching", cache))) for _ in range(2))
    for tag, id in (("one", old), ("three", new), ("1", new), ("four", "cache-none")):
        send(ask("POST", tags, {"tag": tag, "cache_id": id}))
    for query in ("", "?limit=1", "?limit=1&after=two"):
        send(ask("GET", f"{tags}{query}"))
    for options in ("reset_ttl=9", "dry_run=1"):
        first = {"role": "cache", "content": f"tag=one;{options}"}
        messages = [first, {"role": "user", "content": "Hello."}]
        chat = {"model": "moonshot-v1-8k", "messages": messages}
        send(ask("POST", "/v1/chat/completions", chat))
        send(ask("GET", f"/v1/caching/{old}"))
    send(ask("GET", tags, key="sk-wrong"))
    send(ask("DELETE", f"{tags}/two"))
    send(ask("GET", f"/v1/caching/{new}"))
    send(ask("DELETE", f"/v1/caching/{old}"))
    for name in ("one", "two", "three", "four"):
        for method, path in (("GET", name), ("GET", f"{name}/content"), ("DELETE", name)):
            send(ask(method, f"{tags}/{path}"))


def _tour_schemas(send: Callable[[Request], Answer], edition: Edition) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}
    if form["type"] in edition.limits.response_formats:
        for stream in (False, True):
            chat = {
                "model": edition.default_model,
                "messages": [{"role": "user", "content": "Say a."}],
                "response_format": form,
                "stream": stream,
            }
            send(ask("POST", "/v1/chat/completions", chat))


def _json(answer: Answer) -> dict[str, Any]:
    """The JSON object of a success; {} where a fault left none."""
    try:
        body = answer.json if answer.status == 200 else {}
    except ValueError:
        body = {}
    return body if isinstance(body, dict) else {}


def _id(answer: Answer) -> str:
    return str(_json(answer).get("id", "none"))


def _tour_files(send: Callable[[Request], Answer]) -> None:
    one, other = _id(send(upload(b"one"))), _id(send(upload(b"one", "b.txt")))
    send(upload(purpose="image"))
    send(ask("POST", "/v1/files", {"purpose": "file-extract", "file": "text"}))
    for id in (one, other):
        send(ask("GET", f"/v1/files/{id}"))
        content = send(ask("GET", f"/v1/files/{id}/content")).body.decode("utf-8", "replace")
        system = {"role": "system", "content": content}
        asked = {"role": "user", "content": "What does it say?"}
        chat = {"model": "moonshot-v1-8k", "messages": [system, asked]}
        send(ask("POST", "/v1/chat/completions", chat))
    send(ask("GET", "/v1/files"))
    send(ask("DELETE", f"/v1/files/{one}"))
    for method in ("GET", "DELETE"):
        send(ask(method, f"/v1/files/{one}"))
    send(ask("GET", "/v1/files", key="sk-wrong"))
    send(upload(key=None))


def _tour_references(send: Callable[[Request], Answer], edition: Edition) -> None:
    for id in (_id(send(upload(b"dot", "dot.png", "image"))), "none"):
        image = {"type": "image_url", "image_url": {"url": f"ms://{id}"}}
        messages = [{"role": "user", "content": [image]}]
        chat = {"model": edition.default_model, "messages": messages}
        send(ask("POST", "/v1/chat/completions", chat))


def _tour_batches(send: Callable[[Request], Answer], edition: Edition) -> None:
    good = _id(send(upload(lines(edition, {}, {"messages": []}), "a.jsonl", "batch")))
    bad = _id(send(upload(b"no JSON\n", "b.jsonl", "batch")))
    for file, stops in ((good, False), (good, True), (bad, False)):
        made = _id(send(batch(file, metadata={"a": "b"})))
        if stops:
            send(ask("POST", f"/v1/batches/{made}/cancel"))
        shown = send(ask("GET", f"/v1/batches/{made}"))
        send(ask("POST", f"/v1/batches/{made}/cancel"))
        results = _json(shown).get("output_file_id")
        if results:
            send(ask("GET", f"/v1/files/{results}"))
            send(ask("GET", f"/v1/files/{results}/content"))
    page = "/v1/batches?limit=1"
    send(ask("GET", page))
    send(ask("GET", f"{page}&after={made}"))
    send(batch("nothing"))
    send(ask("GET", "/v1/batches/none"))
    send(ask("GET", "/v1/batches", key="sk-wrong"))
    send(ask("POST", "/v1/batches", {}, key=None))


def _tour_tools(send: Callable[[Request], Answer], edition: Edition) -> None:
    for uri in (*(formula.uri for formula in edition.formulas), "moonshot/none:latest"):
        send(ask("GET", f"/v1/formulas/{uri}/tools"))
        name = next((each.name for each in edition.formulas if each.uri == uri), "none")
        send(ask("POST", f"/v1/formulas/{uri}/fibers", {"name": name, "arguments": "{}"}))
    send(ask("GET", "/v1/formulas/moonshot/date:latest/tools", key="sk-wrong"))
    chat: dict[str, Any] = {
        "model": edition.default_model,
        "messages": [ASKS_SEARCH],
        "tools": [SEARCH],
        "thinking": OFF,
    }
    send(ask("POST", "/v1/chat/completions", chat))
    function = {"name": "$web_search", "arguments": FOUND}
    id = "t-web_search-0123456789ab"
    call = {"id": id, "type": "builtin_function", "function": function}
    said = {"role": "assistant", "content": "", "tool_calls": [call]}
    found = {"role": "tool", "tool_call_id": id, "content": FOUND}
    send(ask("POST", "/v1/chat/completions", {**chat, "messages": [ASKS_SEARCH, said, found]}))


def _tour_messages(send: Callable[[Request], Answer], edition: Edition) -> None:
    asks_tool: dict[str, Any] = {
        "messages": [{"role": "user", "content": "What is the weather?"}],
        "tools": [TOOL],
    }
    send(message(edition))
    send(message(edition, system="You are Kimi.", max_tokens=3))
    send(message(edition, stream=True))
    send(message(edition, **asks_tool, max_tokens=512, stream=True))
    used = send(message(edition, **asks_tool, max_tokens=512))
    content = _json(used).get("content")
    uses = [block for block in content or () if isinstance(block, dict) and block.get("id")]
    results = [
        {"type": "tool_result", "tool_use_id": use["id"], "content": "sunny"} for use in uses
    ]
    turns = [
        asks_tool["messages"][0],
        {"role": "assistant", "content": content},
        {"role": "user", "content": results},
    ]
    send(message(edition, tools=[TOOL], messages=turns))
    send(message(edition, messages=[]))
    body = {"model": edition.default_model, "messages": [ASKS_SEARCH]}
    send(ask("POST", MESSAGES, body, key="sk-wrong"))
    send(ask("POST", MESSAGES, body, key=None, headers={"x-api-key": KEY}))
    send(ask("GET", MESSAGES))
