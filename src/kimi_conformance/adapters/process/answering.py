"""
What a process may ask while it serves a call, and who answers it.

Time, tools and tracers belong to the check, in this process. Each question has the number of
the client that it is about, and is answered from a thread of its own, so that a tool that
takes long holds up nothing else.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any

from kimi_conformance.adapters.process.connection import Connection
from kimi_conformance.adapters.process.shapes import ShapeError
from kimi_conformance.adapters.process.thrown import UnknownMethodError, described
from kimi_conformance.adapters.protocol import Clock

__all__ = ["QUESTIONS", "Answering", "Bound"]

MOST_REFUSED = 1000  # that are remembered

# What each question needs; the schema and the documentation follow it.
QUESTIONS: Mapping[str, Mapping[str, str]] = {
    "clock.now": {},
    "clock.sleep": {"seconds": "number"},
    "tool.call": {"tool": "integer", "name": "string", "arguments": "string"},
    "tracer.start_span": {"tracer": "integer", "name": "string"},
    "span.end": {"span": "integer"},
}


class Bound:
    """What of a check one client may ask for: its clock, and the objects that it was given."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._objects: dict[tuple[str, int], Any] = {}

    def number(self, kind: str, value: Any) -> int:
        """The number of an object, from now on."""
        with self._lock:
            number = len(self._objects) + 1
            self._objects[kind, number] = value
        return number

    def found(self, kind: str, number: int) -> Any:
        """The object of this number.

        Raises:
            ShapeError: There is none.
        """
        try:
            return self._objects[kind, number]
        except KeyError:
            raise ShapeError(f"there is no {kind} {number}") from None

    def answer(self, method: str, params: Mapping[str, Any]) -> Any:
        """The answer to a question, a value of JSON.

        Raises:
            Exception: Whatever the object that was asked raised.
        """
        return _ANSWERS[method](self, **params)

    def _sleep(self, seconds: float) -> None:
        asyncio.run(_sleeping(self.clock, seconds))

    def _call_tool(self, tool: int, name: str, arguments: str) -> Any:
        return self.found("tool", tool)(name, arguments)

    def _start_span(self, tracer: int, name: str) -> Mapping[str, int]:
        return {"span": self.number("span", self.found("tracer", tracer).start_span(name))}

    def _end_span(self, span: int) -> None:
        self.found("span", span).end()


_ANSWERS: Mapping[str, Callable[..., Any]] = {
    "clock.now": lambda bound: bound.clock.now(),
    "clock.sleep": Bound._sleep,
    "tool.call": Bound._call_tool,
    "tracer.start_span": Bound._start_span,
    "span.end": Bound._end_span,
}


class Answering:
    """Answers the questions of a process.

    Attributes:
        bound: What each open client may ask for.
        refused: Why questions were refused that are none; of many, the first ones.
    """

    def __init__(self) -> None:
        self.bound: dict[int, Bound] = {}
        self.refused: list[str] = []

    def __call__(self, connection: Connection, question: Mapping[str, Any]) -> None:
        """See to the answer; returns at once."""
        threading.Thread(
            target=self._answer, args=(connection, question), name="answer", daemon=True
        ).start()

    def _answer(self, connection: Connection, question: Mapping[str, Any]) -> None:
        try:
            said = {"result": self._find(question)}
        except (UnknownMethodError, ShapeError) as error:
            if len(self.refused) < MOST_REFUSED:
                self.refused.append(str(error))
            said = {"error": described(error)}
        except Exception as error:  # noqa: BLE001 - a check's tool may raise what it likes
            said = {"error": described(error)}
        try:
            connection.answer({"answer": question["ask"], **said})
        except (TypeError, ValueError, RecursionError) as error:  # a tool's result that is no JSON
            connection.answer({"answer": question["ask"], "error": described(error)})

    def _find(self, question: Mapping[str, Any]) -> Any:
        method, params = str(question.get("method")), question.get("params") or {}
        if method not in QUESTIONS:
            raise UnknownMethodError(f"there is no question {method!r:.60}")
        if not isinstance(params, dict) or params.keys() != QUESTIONS[method].keys():
            raise ShapeError(
                f"the params of '{method}' are {', '.join(QUESTIONS[method]) or 'none'}"
            )
        bound = self.bound.get(question.get("client", 0))
        if bound is None:
            raise ShapeError(f"no client {question.get('client')} is open")
        return bound.answer(method, params)


async def _sleeping(clock: Clock, seconds: float) -> None:
    await clock.sleep(seconds)
