"""What the simulator's tests share: an edition, a clock, requests, and a table of probes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.simulator.services import tour

from kimi_conformance.editions import Edition, parse
from kimi_conformance.simulator import Simulator
from kimi_conformance.simulator.faults import FaultSwitch
from kimi_conformance.wire.exchange import Answer, Exchange, Request

EDITIONS = Path(__file__).parents[2] / "conformance" / "editions"
EDITION: Edition = parse("2025-09", (EDITIONS / "2025-09.toml").read_text("utf-8"))
THINKING: Edition = parse("2026-09", (EDITIONS / "2026-09.toml").read_text("utf-8"))
KEY = "sk-placeholder"
NOW = 1757462400.0
CHAT = "/v1/chat/completions"

HELLO = [{"role": "user", "content": "Hello there."}]
SYSTEM = [{"role": "system", "content": "You are Kimi, a helpful assistant."}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city"],
        },
    },
}
CLOCK = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object"}}}
ASKS_TOOLS = [{"role": "user", "content": "What are the weather and the time?"}]


@dataclass
class Clock:
    """Time that a test moves."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


def simulator(*faults: FaultSwitch, edition: Edition = EDITION, **settings: Any) -> Simulator:
    return Simulator(edition, api_key=KEY, faults=faults, **{"clock": Clock(), **settings})


def request(
    method: str, path: str, body: object = None, *, key: str | None = KEY, **headers: str
) -> Request:
    """A request; a header `accept_encoding` is sent as Accept-Encoding."""
    path, _, query = path.partition("?")
    named = [(name.replace("_", "-").title(), value) for name, value in headers.items()]
    if key is not None:
        named.append(("Authorization", f"Bearer {key}"))
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Request(method=method, path=path, query=query, headers=tuple(named), body=data)


def chat(
    messages: Sequence[Any] = HELLO, *, headers: Mapping[str, str] = {}, **body: Any
) -> Request:
    return request(
        "POST", CHAT, {"model": "moonshot-v1-8k", "messages": messages, **body}, **headers
    )


def think(
    messages: Sequence[Any] = HELLO, *, headers: Mapping[str, str] = {}, **body: Any
) -> Request:
    """A chat with the default model of the edition of models that think."""
    return chat(messages, headers=headers, **{"model": "kimi-k2.6", **body})


def text(answer: Answer) -> str:
    """The text of a whole answer or of a stream's first choice."""
    if (answer.header("Content-Type") or "").startswith("text/event-stream"):
        return "".join(
            choice["delta"].get("content") or ""
            for chunk in chunks(answer)
            for choice in chunk["choices"]
            if choice["index"] == 0
        )
    content: str = answer.json["choices"][0]["message"]["content"]
    return content


def chunks(answer: Answer) -> list[dict[str, Any]]:
    """The chunks of a sound stream, [DONE] left out."""
    events = answer.body.decode().split("\n\n")[:-1]
    assert events[-1] == "data: [DONE]"
    return [json.loads(event.removeprefix("data: ")) for event in events[:-1]]


def exchange(request: Request, answer: Answer) -> Exchange:
    return Exchange(id="x1", request=request, answer=answer, started=0.0, source="simulator")


def play(simulator: Simulator, clock: Clock) -> list[Exchange]:
    """A tour of the API: about everything that a client can do, well and badly."""
    played: list[Exchange] = []

    def send(request: Request) -> Answer:
        answer = simulator.reply(request)
        played.append(exchange(request, answer))
        return answer

    for each in PROBES:
        send(each)
    if simulator.edition is THINKING:
        for each in THINKING_PROBES:
            send(each)
    messages = [*SYSTEM, *HELLO]
    reordered = [{"content": m["content"], "role": m["role"]} for m in messages]
    cache = {
        "model": "moonshot-v1",
        "messages": SYSTEM,
        "tools": [WEATHER],
        "ttl": 60,
        "name": "kimi",
    }
    created = send(request("POST", "/v1/caching", cache))
    id = created.json.get("id") if created.status == 200 and _is_json(created) else None
    names = {"x_msh_context_cache": id or "cache-none"}
    path = f"/v1/caching/{id or 'cache-none'}"
    for sent, tools in ((messages, [WEATHER]), (reordered, [WEATHER]), (HELLO, [WEATHER])):
        send(chat(sent, tools=tools, headers=names))
    send(chat(messages, tools=[CLOCK], headers=names))
    send(chat([{**SYSTEM[0], "content": "You are  Kimi, a helpful assistant."}], headers=names))
    send(
        chat(
            [{**SYSTEM[0], "content": "You are  Kimi, a helpful assistant."}, *HELLO],
            tools=[WEATHER],
            headers=names,
        )
    )
    send(chat(messages, tools=[WEATHER], headers=names, model="kimi-k2-0905-preview"))
    send(chat(messages, tools=[WEATHER], headers=names, stream=True))
    clock.now += 30
    send(chat(messages, tools=[WEATHER], headers={**names, "x_msh_context_cache_reset_ttl": "45"}))
    clock.now += 40
    send(chat(messages, tools=[WEATHER], headers=names))
    send(request("GET", "/v1/caching"))
    send(request("GET", path))
    clock.now += 60
    send(chat(messages, tools=[WEATHER], headers=names))
    send(request("GET", path))
    send(request("PUT", path, {"ttl": 100, "metadata": {"a": "b"}}))
    send(request("GET", path))
    reference = {"role": "cache", "content": f"cache_id={id}"}
    send(chat([reference, *HELLO]))
    send(chat([reference, *HELLO], tools=[CLOCK]))
    send(request("DELETE", path))
    send(request("GET", path))
    send(request("DELETE", path))
    tour(send, simulator.edition)
    return played


def _is_json(answer: Answer) -> bool:
    try:
        return isinstance(answer.json, dict)
    except ValueError:
        return False


TOOL_TURN: list[dict[str, Any]] = [
    *ASKS_TOOLS,
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {
                "id": "get_weather:0",
                "type": "function",
                "function": {"name": "get_weather", "arguments": "{}"},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "get_weather:0", "content": "sunny"},
]

K2 = "kimi-k2-0905-preview"

PROBES: tuple[Request, ...] = (
    request("GET", "/v1/models"),
    request("GET", "/v1/models", accept_encoding="gzip"),
    chat(),
    chat(),
    chat(stream=True),
    chat(stream=True, stream_options={"include_usage": True}),
    chat(n=2, temperature=0.7),
    chat(n=2, temperature=0.7, stream=True),
    chat(max_tokens=4),
    chat(max_tokens=4, stream=True),
    chat(stop=["e"]),
    chat(response_format={"type": "json_object"}),
    chat(temperature=0.3, top_p=0.5, presence_penalty=1, frequency_penalty=-1),
    chat(ASKS_TOOLS, tools=[WEATHER, CLOCK]),
    chat(ASKS_TOOLS, tools=[WEATHER, CLOCK], stream=True, stream_options={"include_usage": True}),
    chat(ASKS_TOOLS, tools=[WEATHER, CLOCK], model=K2),
    chat(ASKS_TOOLS, tools=[WEATHER, CLOCK], model=K2, stream=True),
    chat(ASKS_TOOLS, tools=[WEATHER, CLOCK], tool_choice="none"),
    chat(tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "get_weather"}}),
    chat(TOOL_TURN, tools=[WEATHER]),
    chat(model="kimi-thinking-preview"),
    chat(model="kimi-thinking-preview", stream=True),
    request("POST", "/v1/tokenizers/estimate-token-count", {"model": K2, "messages": HELLO}),
    request("GET", "/v1/users/me/balance"),
    request("POST", "/v1/embeddings", {"model": K2, "input": "hi"}),
    request("GET", "/v1/nowhere"),
    request("GET", CHAT),
    request("GET", "/v1/models", key=None),
    request("GET", "/v1/models", key="sk-wrong"),
    request("POST", CHAT, {"model": "gone", "messages": HELLO}, key="sk-wrong"),
    request("POST", CHAT, b"{"),
    chat(model="gone"),
    chat(model="gone", stream=True),
    chat(stream=False),
    chat([{"role": "user", "content": [{"type": "text", "text": "Hello there."}]}]),
    chat([*HELLO, {"role": "assistant", "content": "Hello", "partial": True}]),
    chat(nobody_knows=1),
    request("POST", CHAT, {"messages": HELLO, "model": "moonshot-v1-8k"}),
    chat([]),
)

OFF: dict[str, Any] = {"thinking": {"type": "disabled"}}
THOUGHTFUL_TURN: list[dict[str, Any]] = [
    TOOL_TURN[0],
    {**TOOL_TURN[1], "reasoning_content": "The tool knows."},
    TOOL_TURN[2],
]

THINKING_PROBES: tuple[Request, ...] = (
    think(),
    think(),
    think(stream=True),
    think(stream=True, stream_options={"include_usage": True}),
    think(**OFF),
    think(**OFF, stream=True),
    think(temperature=1),
    think(max_completion_tokens=4, max_tokens=64),
    think(ASKS_TOOLS, tools=[WEATHER, CLOCK]),
    think(tools=[WEATHER], tool_choice="required", **OFF),
    think(ASKS_TOOLS, tools=[WEATHER, CLOCK], tool_choice="none"),
    think([*HELLO, {"role": "assistant", "content": "Hello", "partial": True}]),
    think(THOUGHTFUL_TURN, tools=[WEATHER]),
    think(model="kimi-k3"),
    think(model="kimi-k3", stream=True),
    think(model="kimi-latest"),
)
