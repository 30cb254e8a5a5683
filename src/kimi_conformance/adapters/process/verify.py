"""
Tells the author of a process adapter what is wrong with it, message by message.

The process is started and asked for everything that it claims, as checks would ask it; what
it answers is held against the schema. What its client does is not judged here: an error is a
good answer. A process that broke off is started anew for the next message.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kimi_conformance.adapters.process.answering import Answering, Bound
from kimi_conformance.adapters.process.call import Reply
from kimi_conformance.adapters.process.command import START_LIMIT, Command, Hello, hello_of
from kimi_conformance.adapters.process.lines import shown
from kimi_conformance.adapters.process.messages import problems
from kimi_conformance.adapters.process.methods import METHODS, PROTOCOL, SESSION_METHODS, Method
from kimi_conformance.adapters.process.samples import KEY, samples_for
from kimi_conformance.adapters.process.thrown import UNKNOWN_METHOD
from kimi_conformance.adapters.protocol import SystemClock
from kimi_conformance.errors import AdapterError

__all__ = ["KEY", "Finding", "verify"]

MOST_CHUNKS = 10_000
QUIET = 0.3  # seconds without a word after everything was closed


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one message.

    Attributes:
        message: Which: "hello", "chat", "the end".
        problem: What is wrong, or "".
        note: What else is worth knowing, or "".
    """

    message: str
    problem: str = ""
    note: str = ""


def verify(
    text: str, base_url: str, model: str, edition: str, seconds: float = 10.0
) -> Iterator[Finding]:
    """Try all that a process claims, and its end.

    Args:
        text: The command.
        base_url: Of an API that the client can ask, with the key "sk-placeholder".
        model: To ask there.
        edition: Of that API.
        seconds: That an answer may take.

    Raises:
        UsageError: The command cannot be started.
    """
    return _Verification(text, base_url, model, edition, seconds).findings()


class _Verification:
    def __init__(self, text: str, base_url: str, model: str, edition: str, seconds: float) -> None:
        self._answering = Answering()
        self._command = Command(text, self._answering)
        self._seconds = seconds
        self._bound = Bound(SystemClock())
        self._samples = samples_for(base_url, model)
        self._told: Mapping[str, Any] = {
            "base_url": base_url,
            "api_key": KEY,
            "environment": {},
            "context_cache": None,
            "patience": seconds / 2,
            "attempts": 1,
            "edition": edition,
            "clock": "machine",
        }
        self._connection = self._command.connect()

    def findings(self) -> Iterator[Finding]:
        try:
            hello, finding = self._hello()
            yield finding
            if hello is not None:
                yield from self._of_claims(hello)
                yield self._unknown_method()
                yield from self._cancelling(hello)
                yield from self._closing()
                yield self._end()
                yield from self._questions()
        finally:
            self._connection.end()

    def _hello(self) -> tuple[Hello | None, Finding]:
        replies, problem = self._ask("hello", {"protocol": PROTOCOL}, client=None)
        if problem:
            return None, Finding("hello", problem)
        if replies[-1].kind != "result":
            return None, Finding("hello", "it is answered with an error")
        said = replies[-1].value
        wrong = problems("hello answered", said)
        try:
            hello = hello_of(said)
        except AdapterError as error:
            return None, Finding("hello", str(error))
        claims = f"{len(hello.capabilities)} capabilities"
        note = f"{hello.name} {hello.version}, {claims}" + "".join(
            f", {feature}" for feature in sorted(hello.features)
        )
        return hello, Finding("hello", "; ".join(wrong), note)

    def _of_claims(self, hello: Hello) -> Iterator[Finding]:
        yield self._opening(1)
        for method in METHODS.values():
            if method.capability not in hello.capabilities:
                continue
            if self._connection.trouble is not None:
                self._start_anew()
            yield self._method(method, self._samples[method.name])
        if "context_cache" in hello.capabilities:
            yield from self._session()

    def _opening(self, client: int) -> Finding:
        self._answering.bound[client] = self._bound
        return self._simple("open", self._told, client)

    def _start_anew(self) -> None:
        """Have a new process with a client open, whatever became of the last one."""
        self._connection.end()
        self._connection = self._command.connect()
        self._ask("hello", {"protocol": PROTOCOL}, client=None)
        self._ask("open", self._told)

    def _simple(self, name: str, params: Mapping[str, Any] | None, client: int) -> Finding:
        replies, problem = self._ask(name, params, client=client)
        if not problem and replies[-1].kind == "error":
            problem = f"it is answered with an error: {_told(replies[-1].value)}"
        return Finding(name, problem or "; ".join(problems(f"{name} answered", replies[-1].value)))

    def _method(self, method: Method, sample: Mapping[str, Any]) -> Finding:
        params = {
            name: method.parameters[name].encode(value, self._bound) if name != "session" else value
            for name, value in sample.items()
        }
        replies, problem = self._ask(method.name, params)
        return Finding(method.name, problem or _wrong(method, replies), _note(method, replies))

    def _session(self) -> Iterator[Finding]:
        replies, problem = self._ask("session", {"session_id": "session-1"})
        if (
            problem
            or replies[-1].kind != "result"
            or problems("session answered", replies[-1].value)
        ):
            return  # it was said above
        number = replies[-1].value["session"]
        for method in SESSION_METHODS.values():
            yield self._method(method, {"session": number, **self._samples[method.name]})

    def _unknown_method(self) -> Finding:
        name = "an unknown method"
        if self._connection.trouble is not None:
            self._start_anew()
        replies, problem = self._ask("no_such_method", {})
        if problem:
            return Finding(name, problem)
        said = replies[-1].value
        named = isinstance(said, dict) and UNKNOWN_METHOD in (said.get("classes") or ())
        if replies[-1].kind != "error" or not named:
            return Finding(
                name, f"it is to be answered with an error of the class {UNKNOWN_METHOD}"
            )
        return Finding(name)

    def _cancelling(self, hello: Hello) -> Iterator[Finding]:
        if "streaming" not in hello.capabilities or self._connection.trouble is not None:
            return
        request = METHODS["stream"].parameters["request"]
        params = {"request": request.encode(self._samples["stream"]["request"], self._bound)}
        call = self._connection.begin("stream", params, 1)
        self._connection.send({"cancel": call.id})
        until = time.monotonic() + self._seconds
        try:
            while not call.ended:
                if time.monotonic() > until:
                    self._connection.break_off("goes on with a stream that was cancelled")
                self._connection.reply_now(call, self._seconds)
        except AdapterError as error:
            yield Finding("cancel", str(error))
        else:
            yield Finding("cancel")

    def _closing(self) -> Iterator[Finding]:
        if self._connection.trouble is not None:
            self._start_anew()
        second = self._opening(2)
        if second.problem:
            yield Finding("a second client", second.problem)
            return
        yield self._simple("close", None, 1)
        yield self._simple("close", None, 2)
        time.sleep(QUIET)
        trouble = self._connection.trouble
        yield Finding("after close", "" if trouble is None else str(trouble))

    def _end(self) -> Finding:
        if self._connection.trouble is not None:
            self._start_anew()
        code = self._connection.ends_by_itself(self._seconds)
        if code is None:
            return Finding(
                "the end",
                f"its standard input ended, and {self._seconds:g} s later it is still there",
            )
        return Finding("the end", f"it ended with exit code {code}, not 0" if code else "")

    def _questions(self) -> Iterator[Finding]:
        for refused in dict.fromkeys(self._answering.refused):
            yield Finding("what it asks", refused)

    def _ask(
        self, name: str, params: Mapping[str, Any] | None, client: int | None = 1
    ) -> tuple[list[Reply], str]:
        """The replies to a message, the last one last, and what is wrong about their coming."""
        replies: list[Reply] = []
        seconds = self._seconds if name != "hello" else max(self._seconds, START_LIMIT)
        until = time.monotonic() + seconds
        try:
            call = self._connection.begin(name, params, client)
            while not call.ended:
                replies.append(self._connection.reply_now(call, seconds))
                if (wrong := _goes_wrong(name, replies, until)) and not call.ended:
                    self._connection.break_off(f"answered '{name}' wrongly")
                    return replies, wrong
        except AdapterError as error:
            return replies, str(error)
        return replies, ""


def _goes_wrong(name: str, replies: list[Reply], until: float) -> str:
    """Why no more replies are to be waited for, or ""."""
    if name != "stream":
        return "it is answered with a chunk, which is for streams"
    if len(replies) >= MOST_CHUNKS or time.monotonic() > until:
        return f"its stream does not end: {len(replies)} chunks so far"
    return ""


def _wrong(method: Method, replies: list[Reply]) -> str:
    """What is wrong with the replies to a method by the schema, or ""."""
    *chunks, last = replies
    if last.kind == "error":
        wrong = problems("Error", last.value)
        if not wrong and UNKNOWN_METHOD in last.value["classes"]:
            return f"'{method.capability}' is claimed, and the method is not known"
        return "; ".join(wrong)
    if method.kind != "stream":
        return "; ".join(problems(f"{method.name} answered", last.value))
    of_chunks = [each for chunk in chunks for each in problems("stream answered", chunk.value)]
    return "; ".join(dict.fromkeys(of_chunks))


def _note(method: Method, replies: list[Reply]) -> str:
    if not replies:
        return ""
    if replies[-1].kind == "error":
        return f"raised {_told(replies[-1].value)}"
    return f"{len(replies) - 1} chunks" if method.kind == "stream" else ""


def _told(error: Any) -> str:
    if problems("Error", error):
        return shown(repr(error))
    return shown(f"{error['classes'][0]}: {error['text']}")
