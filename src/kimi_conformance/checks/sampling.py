"""
Requirements that hold of a share, not of each answer: asked often, and judged by interval.

A model need not call a tool every time it should; it must do so nearly always. One answer
decides nothing then. So a requirement names a size and a share, a check sends so many requests
and counts the good ones, and the interval of the share decides: above what is asked for it is
passed, below it failed, and around it undecided, which is inconclusive. What it found is in
the evidence, with what it would take to decide it.

The prompts are our own, in `fixtures/tool_calls`: half of them ask for something that one of
the offered tools does, half for something that needs none, and none is in doubt.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from kimi_conformance.checks.arguments import flaw_of_call
from kimi_conformance.checks.endpoint import Endpoint, StreamedChunk
from kimi_conformance.checks.inputs import read_input
from kimi_conformance.requirements import Sample
from kimi_conformance.statistics import wilson
from kimi_conformance.suite import find
from kimi_conformance.verdicts import InconclusiveError

__all__ = [
    "AT_ONCE",
    "Call",
    "Decided",
    "Finding",
    "Prompt",
    "Sampling",
    "Trial",
    "f1_finding",
    "read_prompts",
    "share_finding",
]

LONGEST_ANSWER = 1024  # tokens, so that a model that thinks comes to its call
MOST_TRIALS = 1_000_000  # beyond them nobody would decide anything
AT_ONCE = 4  # requests to a live endpoint
PATIENCE_SHARE = 0.6  # of an endpoint's patience; the rest is for what is under way to end


class Decided(StrEnum):
    """What an interval says of the share that is asked for."""

    REACHED = "reached"
    MISSED = "missed"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What trials showed.

    Attributes:
        good, total: Trials; of an F1 those that were rightly or wrongly called for.
        value: The share or F1 that was found; None of no trials.
        low, high: Its interval, at 95 %.
        at_least: What is asked for.
        decided: What the interval says of that.
        more: How many more trials of the same kind would decide; None: no such number.
    """

    good: int
    total: int
    value: float | None
    low: float
    high: float
    at_least: float
    decided: Decided
    more: int | None

    def __str__(self) -> str:
        if self.value is None:
            return f"nothing was found out, where at least {self.at_least:g} is asked for"
        interval = f"{self.low:.3f} to {self.high:.3f}"
        return (
            f"{self.good} of {self.total}: {self.value:.3f} ({interval}), where at least "
            f"{self.at_least:g} is asked for"
        )


def share_finding(good: int, total: int, at_least: float) -> Finding:
    """What so many good trials of so many show of a share."""
    return _finding(good, total, at_least, lambda share: share)


def f1_finding(true: int, needless: int, missing: int, at_least: float) -> Finding:
    """What calls that were rightly made, needlessly made, and missing, show of the F1.

    F1 grows with the share of the right ones among all three, s, as 2s / (1 + s). So the
    interval of that share gives that of the F1.
    """
    return _finding(true, true + needless + missing, at_least, lambda s: 2 * s / (1 + s))


def _finding(good: int, total: int, at_least: float, scale: Callable[[float], float]) -> Finding:
    low, high = _interval(good, total)
    decided = _decided(scale(low), scale(high), at_least)
    more = None
    if decided is Decided.UNDECIDED:
        more = _more(good / total if total else 1.0, total, at_least, scale)
    return Finding(
        good=good,
        total=total,
        value=scale(good / total) if total else None,
        low=scale(low),
        high=scale(high),
        at_least=at_least,
        decided=decided,
        more=more,
    )


def _interval(good: float, total: int) -> tuple[float, float]:
    found = wilson(round(good), total)
    return (0.0, 1.0) if found is None else (found.low or 0.0, found.high or 0.0)


def _decided(low: float, high: float, at_least: float) -> Decided:
    if low >= at_least:
        return Decided.REACHED
    return Decided.MISSED if high < at_least else Decided.UNDECIDED


def _more(share: float, total: int, at_least: float, scale: Callable[[float], float]) -> int | None:
    """How many more would decide if the share stayed as it is."""
    size = max(total, 1)
    while size <= MOST_TRIALS:
        low, high = _interval(share * size, size)
        if _decided(scale(low), scale(high), at_least) is not Decided.UNDECIDED:
            return size - total
        size += max(1, size // 50)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A question, the tools that are offered with it, and the one that it asks for, if any."""

    ask: str
    tools: Sequence[Mapping[str, Any]]
    tool: str | None


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call, whole or joined from its pieces, as received."""

    name: Any
    arguments: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One prompt and how it was answered."""

    prompt: Prompt
    finish_reason: Any
    calls: Sequence[Call]

    @property
    def is_called_for(self) -> bool:
        """Whether the prompt asks for a tool."""
        return self.prompt.tool is not None

    @property
    def ends_as_expected(self) -> bool:
        """Whether it ends in tool calls where it is to call, and nowhere else."""
        expected = {"tool_calls"} if self.is_called_for else {"stop", "length"}
        return self.finish_reason in expected

    def valid_calls(self) -> int:
        """How many of its calls are of a tool that was offered, with arguments that it allows."""
        tools = self.prompt.tools
        return sum(not flaw_of_call(call.name, call.arguments, tools) for call in self.calls)


def read_prompts() -> list[Prompt]:
    """All prompts: one that asks for a tool and one that does not, by turns."""
    files = sorted((find().fixtures / "tool_calls").glob("*.json"))
    topics = [list(_by_turns(read_input(f"tool_calls/{file.stem}"))) for file in files]
    return [prompt for pair in zip(*topics, strict=True) for both in pair for prompt in both]


def _by_turns(topic: Mapping[str, Any]) -> Iterator[tuple[Prompt, Prompt]]:
    for call, ask in zip(topic["calls"], topic["words"], strict=True):
        yield (
            Prompt(ask=call["ask"], tools=topic["tools"], tool=call["tool"]),
            Prompt(ask=ask, tools=topic["tools"], tool=None),
        )


class Sampling:
    """Asks an endpoint often, for one check.

    Args:
        endpoint: Whom.
        sample: What the requirement says.
        size: How many requests, or None: as the requirement says.
        at_once: How many at a time.
        report: Takes the record of what was found.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        sample: Sample,
        *,
        size: int | None,
        at_once: int,
        report: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self._endpoint = endpoint
        self.at_least = sample.at_least
        self.size = size or sample.size
        self._at_once = at_once
        self._report = report
        self._undone: list[str] = []

    async def ask(self, prompts: Sequence[Prompt]) -> list[Trial]:
        """Put the prompts in turn, streamed and not, until so many requests are sent.

        A request that gets no answer, 429 or 5xx, or that there was no time for, is left out of
        the result and counted.

        Raises:
            AssertionError: The endpoint refuses a request.
        """
        turns = (divmod(number, len(prompts)) for number in range(self.size))
        left = iter([(prompts[place], (place // 2 + again) % 2 == 1) for again, place in turns])
        trials: list[Trial] = []

        async def work() -> None:
            for prompt, streamed in left:
                try:
                    trials.append(await _trial(self._endpoint, prompt, streamed=streamed))
                except InconclusiveError as error:
                    self._undone.append(str(error))

        workers = [asyncio.ensure_future(work()) for _ in range(self._at_once)]
        ended, busy = await asyncio.wait(
            workers,
            timeout=self._endpoint.patience * PATIENCE_SHARE,
            return_when=asyncio.FIRST_EXCEPTION,
        )
        for worker in busy:
            worker.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
        for worker in ended:
            worker.result()  # raises what ended it
        late = self.size - len(trials) - len(self._undone)
        self._undone += ["there was no time left, allow more with --time-limit"] * late
        return trials

    def judge(self, finding: Finding) -> None:
        """Return if the interval shows that enough is good.

        Raises:
            AssertionError: It shows that it is not.
            InconclusiveError: It shows neither.
        """
        undone = len(self._undone)
        self._report({**asdict(finding), "requests": self.size, "undone": undone})
        assert finding.decided is not Decided.MISSED, str(finding)
        if finding.decided is Decided.UNDECIDED:
            raise InconclusiveError(f"{finding}: undecided.{self._what_next(finding)}")

    def _what_next(self, finding: Finding) -> str:
        if self._undone:
            return f" {len(self._undone)} requests were not answered; the first: {self._undone[0]}."
        if finding.more is None or not finding.total:
            return ""
        enough = -(-self.size * (finding.total + finding.more) // finding.total)
        return f" {finding.more} more would decide, if it goes on so: --samples {enough}."


async def _trial(endpoint: Endpoint, prompt: Prompt, *, streamed: bool) -> Trial:
    body = {
        "messages": [{"role": "user", "content": prompt.ask}],
        "tools": prompt.tools,
        "max_tokens": LONGEST_ANSWER,
    }
    if streamed:
        chunks = await endpoint.stream(body)
        reasons = [c["finish_reason"] for c in _choices(chunks) if c.get("finish_reason")]
        reason = reasons[-1] if reasons else None
        return Trial(prompt=prompt, finish_reason=reason, calls=_joined(chunks))
    reply = (await endpoint.chat(body)).accepted
    functions = [call["function"] for call in reply.message.get("tool_calls") or ()]
    calls = [Call(each.get("name"), each.get("arguments")) for each in functions]
    return Trial(prompt=prompt, finish_reason=reply.choice["finish_reason"], calls=calls)


def _choices(chunks: Sequence[StreamedChunk]) -> Iterator[Mapping[str, Any]]:
    for chunk in chunks:
        yield from chunk.body["choices"]


def _joined(chunks: Sequence[StreamedChunk]) -> list[Call]:
    """The calls of a stream, each by its index; a piece without one belongs to the first."""
    names: dict[int, Any] = {}
    arguments: dict[int, str] = {}
    for choice in _choices(chunks):
        for piece in choice["delta"].get("tool_calls") or ():
            index, function = piece.get("index", 0), piece.get("function") or {}
            names.setdefault(index, function.get("name"))
            text = function.get("arguments") or ""
            arguments[index] = f"{arguments.get(index, '')}{text}"
    return [Call(name, arguments[index]) for index, name in names.items()]
