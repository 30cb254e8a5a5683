"""A client that speaks the protocol, and does one thing wrong: `odd_client.py FAULT`."""

from __future__ import annotations

# ruff: noqa: T201
import json
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:  # what is not imported takes no time
    from typing import Any

FAULT = sys.argv[1] if len(sys.argv) > 1 else "sound"
CHUNK: dict[str, Any] = {"at": 0.1, "body": {"choices": []}}
MODEL = {"id": "moonshot-v1-8k"}
HELLO: dict[str, Any] = {
    "protocol": "1.0",
    "name": "odd",
    "version": "1",
    "capabilities": ["models", "chat", "streaming", "handles", "tool_calls"],
}
OTHER_HELLOS: dict[str, Any] = {
    "another-major": {**HELLO, "protocol": "2.0"},
    "claims-what-there-is-not": {**HELLO, "capabilities": ["model"]},
    "claims-what-it-does-not-know": {**HELLO, "capabilities": ["models", "usage_statistics"]},
    "clock": {**HELLO, "features": ["clock"]},
    "no-clock": {**HELLO, "capabilities": ["chat", "retry"]},
}
LISTS: dict[str, Any] = {
    "no-list": MODEL,
    "a-string-for-a-number": [{**MODEL, "context_window": "8192"}],
}
LINES: dict[str, str] = {  # written in place of the list of models
    "garbage": "Loading the model \x1b[2J\u202e please wait",
    "garbage-with-a-key": "using key sk-of-a-user-0123456789 and key-of-an-operator",
    "no-object": "[1, 2]",
    "no-kind": '{"id": %d}',
    "another-id": '{"id": 999, "result": null}',
    "a-chunk-for-a-call": '{"id": %d, "chunk": null}',
    "an-error-that-is-none": '{"id": %d, "error": "it failed"}',
    "a-long-line": '{"id": %d, "result": "' + "x" * 200_000 + '"}',
}


def say(**message: Any) -> None:
    print(json.dumps(message), flush=True)


def leave() -> None:
    """Break off at the list of models, in one of several ways."""
    if FAULT == "crash":
        print("Error: no such thing as sk-of-a-user-0123456789", file=sys.stderr, flush=True)
        os._exit(3)
    if FAULT == "killed":
        os.kill(os.getpid(), 9)
    if FAULT == "closes-its-output":
        os.close(1)
        time.sleep(60)
    if FAULT == "flood":
        for number in range(40_000):
            print("line", number, "x" * 80, file=sys.stderr)
        os._exit(4)
    if FAULT in {"hangs", "hangs-and-has-children"}:
        time.sleep(60)


def list_models(id: int) -> None:
    leave()
    if FAULT in LINES:
        print(LINES[FAULT].replace("%d", str(id)), flush=True)
    else:
        say(id=id, result=LISTS.get(FAULT, [MODEL]))


def stream(id: int) -> None:
    if FAULT == "endless":
        while True:
            say(id=id, chunk=CHUNK)
    if FAULT == "too-much":
        for _ in range(100):
            say(id=id, chunk={"at": 0.1, "body": {"x": "x" * 10_000}})
    if FAULT == "stalls":
        say(id=id, chunk=CHUNK)
        return
    say(id=id, chunk={"body": {}} if FAULT == "no-time" else CHUNK)
    say(id=id, chunk=CHUNK)
    say(id=id, result=None)


def ask(method: str, **params: Any) -> Any:
    """Ask the check, and give its answer."""
    say(ask=1, client=CLIENT, method=method, params=params)
    return json.loads(sys.stdin.readline())


def chat(id: int, params: Any) -> None:
    texts: dict[str, Any] = {
        "environment": lambda: dict(os.environ),
        "asks-nobody": lambda: ask("weather.now"),
        "asks-with-wrong-params": lambda: ask("clock.sleep", hours=1),
        "clock": lambda: [ask("clock.now"), ask("clock.sleep", seconds=7.5), ask("clock.now")],
        "echo": lambda: params,
    }
    text = texts.get(FAULT, str)()
    say(log={"level": "INFO", "logger": "odd", "text": "a chat\x1b[0m"})
    say(id=id, result={"body": {"text": text}})


def chat_with_tools(id: int, params: Any) -> None:
    tool = params["call_tool"]["tool"]
    answer = ask("tool.call", tool=tool, name="search", arguments="{}")
    say(id=id, result={"body": answer})


CLIENT = 0
if FAULT == "silent":
    time.sleep(60)
if FAULT == "banner":
    print("Welcome!", flush=True)
if FAULT in {"has-children", "hangs-and-has-children"}:
    HELLO["version"] = str(os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "60"))
if FAULT == "has-strays":
    HELLO["version"] = str(os.spawnlp(os.P_NOWAIT, "setsid", "setsid", "sleep", "60"))

for line in sys.stdin:
    message = json.loads(line)
    id, method, params = message.get("id"), message.get("method"), message.get("params")
    CLIENT = message.get("client", CLIENT)
    if method == "hello":
        say(id=id, result=OTHER_HELLOS.get(FAULT, HELLO))
    elif method == "open":
        if FAULT == "refuses-to-open":
            say(id=id, error={"classes": ["InvalidBaseUrlError"], "text": "no such host"})
        elif FAULT == "refuses-to-open-by-its-key":
            say(id=id, error={"classes": ["KeyError"], "text": params["api_key"]})
        else:
            say(id=id, result=None)
    elif method == "close":
        say(id=id, result=None)
        if FAULT == "leftovers":
            say(id=999, result=None)
    elif method == "list_models":
        list_models(id)
    elif method == "stream":
        stream(id)
    elif method == "chat":
        chat(id, params)
    elif method == "chat_with_tools":
        chat_with_tools(id, params)
    elif method == "get_handle":
        say(id=id, result="kimi/" + params["model_name"])
    elif "cancel" in message and FAULT == "stalls":
        say(id=message["cancel"], error={"classes": ["Cancelled"], "text": "cancelled"})
    elif id is not None:
        if FAULT == "shrugs":
            say(id=id, result=None)
        else:
            text = f"there is no {method}"
            say(id=id, error={"classes": ["UnknownMethodError"], "text": text})
if FAULT == "stays":
    time.sleep(60)
if FAULT == "ends-badly":
    os._exit(5)
