"""
A mutant without a fault: it knows what a check made use of, so that others need not be run.

A mutant differs from this one in the hooks that it overrides. A check that called none of
them, or whose requests and answers pass through them unchanged, cannot tell the two apart.
"""

from collections.abc import Coroutine, Sequence
from typing import Any, Literal

from kimi_conformance.adapters.mutants.mutant import Mutant
from kimi_conformance.adapters.protocol import Binding
from kimi_conformance.http import httpx

__all__ = ["Unchanged", "is_unmoved"]

_HOOKS = frozenset(name for name in vars(Mutant) if not name.startswith("_")) - {"breaks"}
_ALWAYS = frozenset({"__init__", "name", "version", "capabilities"})
_ON_THE_WIRE = frozenset({"outgoing", "incoming"})
_Passed = tuple[Literal["outgoing", "incoming"], str, Any]  # which, doing what, the message


class Unchanged(Mutant):
    """Hands every call on to the sound adapter, and keeps a record of it.

    Attributes:
        used: The hooks that were called or read.
        passed: Each request and answer that went by, with what was being done.
    """

    def __init__(self, binding: Binding) -> None:
        self.used: set[str] = set()
        self.passed: list[_Passed] = []
        super().__init__(binding)

    def __getattribute__(self, name: str) -> Any:
        if name in _HOOKS:
            self.used.add(name)
        return super().__getattribute__(name)

    def outgoing(self, request: httpx.Request) -> httpx.Request:
        """The request as it is."""
        self.passed.append(("outgoing", self.doing, request))
        return request

    async def incoming(self, response: httpx.Response) -> httpx.Response:
        """The answer as it is."""
        self.passed.append(("incoming", self.doing, response))
        return response


def is_unmoved(mutant: type[Mutant], runs: Sequence[Unchanged]) -> bool:
    """Whether this mutant would have done in these runs what the sound adapter did.

    False where that cannot be known without running it.
    """
    changed = _overridden(mutant)
    touched = {name for run in runs for name in changed & (run.used | _ALWAYS)}
    if not touched <= _ON_THE_WIRE:
        return False
    return not touched or all(_passes_alike(mutant, run) for run in runs)


def _overridden(mutant: type[Mutant]) -> frozenset[str]:
    between = mutant.__mro__[: mutant.__mro__.index(Mutant)]
    return frozenset(name for kind in between for name in vars(kind) if name in _HOOKS | _ALWAYS)


def _passes_alike(mutant: type[Mutant], run: Unchanged) -> bool:
    """Whether all that passed the sound adapter passes a new mutant without a change."""
    faulty = mutant(run.binding)
    faulty.sound = _Untouchable()  # type: ignore[assignment]
    try:
        return all(_passes(faulty, *passed) for passed in run.passed)
    except Exception:  # noqa: BLE001 - whatever it is, it is for a run of its own to say
        return False


class _Untouchable:
    """In place of the sound adapter, whose state a replay does not have."""

    def __getattr__(self, name: str) -> Any:
        raise LookupError(f"a replay knows no '{name}' of the sound adapter")


def _passes(faulty: Mutant, which: str, doing: str, message: Any) -> bool:
    faulty.doing = doing
    if which == "outgoing":
        request = httpx.Request(
            message.method,
            message.url,
            headers=message.headers.multi_items(),
            content=message.content,
            extensions=message.extensions,
        )
        before = _request_parts(request)
        return _request_parts(faulty.outgoing(request)) == before
    if "content-encoding" in message.headers:
        return False  # its content is no longer as it came
    response = httpx.Response(
        message.status_code, headers=message.headers.multi_items(), content=message.content
    )
    before = _response_parts(response)
    return _response_parts(_result_of(faulty.incoming(response))) == before


def _request_parts(request: httpx.Request) -> tuple[object, ...]:
    return request.method, request.url, request.headers.raw, request.content


def _response_parts(response: httpx.Response) -> tuple[object, ...]:
    return response.status_code, response.headers.raw, response.content


def _result_of(coroutine: Coroutine[Any, Any, httpx.Response]) -> httpx.Response:
    """What a coroutine returns that has nothing to wait for.

    Raises:
        RuntimeError: It waits.
    """
    try:
        coroutine.send(None)
    except StopIteration as stop:
        returned: httpx.Response = stop.value
        return returned
    coroutine.close()
    raise RuntimeError("it waits")
