"""
What a load test notes: every request, once a second the state of the machines, and its end.

Only the values; `log` writes them and `file` reads them. All times are seconds
since the run began, on one monotonic clock.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

__all__ = ["End", "Ended", "ErrorClass", "Header", "Kind", "Sample", "Step", "Tick"]


class ErrorClass(StrEnum):
    """How a request ended; everything but `ok` is a failure."""

    OK = "ok"
    CLIENT = "client"  # HTTP 4xx, but for 429
    RATE_LIMIT = "rate_limit"  # HTTP 429
    SERVER = "server"  # HTTP 5xx
    TRANSPORT = "transport"  # no answer, or it broke off, or not in time
    INVALID = "invalid"  # an answer that is no usable and complete reply
    UNFINISHED = "unfinished"  # still under way when the run and its grace had ended


class Ended(StrEnum):
    """Why a run was over."""

    COMPLETE = "complete"  # it lasted as long as it was meant to
    INTERRUPTED = "interrupted"  # somebody stopped it
    TIME_LIMIT = "time limit"  # it did not stop by itself
    BROKEN = "broken"  # the scenario raised
    BUDGET = "budget"  # the next request might have passed what may be spent
    WORKER_LOST = "worker lost"  # the load was no longer the one that was planned
    KILLED = "killed"  # it wrote no end at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What was run.

    Attributes:
        scenario: The name of the scenario's file: "steady_chat".
        question: What the scenario asks, from its docstring.
        workload: "closed; …" or "open; …", from its docstring.
        kind: What was loaded: "simulator" or "live".
        base_url: Where it was.
        model: Which model was asked.
        started: ISO 8601, in UTC.
        planned_s: How long it was meant to last, warm-up included.
        warm_up_s: How long the warm-up lasts.
    """

    scenario: str
    question: str
    workload: str
    kind: str
    base_url: str
    model: str
    started: str
    planned_s: float
    warm_up_s: float

    def judges(self, intended: float, end: float) -> bool:
        """Whether a request counts: it was under way after the warm-up and before the end.

        One that began in the warm-up and ended after it counts: a user whose first question
        hangs asks no other, and would otherwise not be seen at all.
        """
        return self.warm_up_s <= end and intended < self.planned_s


class Kind(NamedTuple):
    """What requests have in common that are kept together.

    Attributes:
        name: What was asked: the name of the request body.
        model: Which model was asked.
        streamed: Whether a stream was asked for.
        status: Of HTTP, or None: no answer began.
        error: How they ended, after the last attempt.
        detail: Why they failed, in a few words of ours; "" where they did not.
        attempts: How many requests on the wire each of them took: a logical call that is tried
            again is one sample, from the start of the first attempt to the end of the last.
        expected: Whether this failure is what the scenario set out to cause, as HTTP 429 is
            where a limit is passed on purpose. It then counts neither for nor against.
        held: Of arrivals of an open workload, whether they waited because all users were busy,
            which is the scenario's own limit; where not, all lateness is the generator's.
            None: nobody said, or they are no arrivals.
    """

    name: str
    model: str
    streamed: bool
    status: int | None
    error: ErrorClass
    detail: str
    attempts: int = 1
    expected: bool = False
    held: bool | None = None

    @property
    def ok(self) -> bool:
        """Whether they brought a usable and complete reply."""
        return self.error is ErrorClass.OK

    @property
    def counts(self) -> bool:
        """Whether they are calls that were intended to be answered."""
        return self.ok or not self.expected


# Not frozen: there is one a request, and freezing would double what making it costs.
@dataclass(slots=True, kw_only=True)
class Sample:
    """One request.

    Attributes:
        kind: What it was, and how it ended.
        intended: When it should have been sent; in a closed workload when it was.
        start: When the client began with it.
        end: When its last byte was there, or it was given up.
        connect_s: How long connecting took, or None: an open connection was used.
        first_byte: When the first byte of the answer was there, or None.
        first_event: When the first event of a stream was there, or None.
        first_reasoning: When the first chunk with reasoning was there, or None.
        first_answer: When the first chunk with content or a tool call was there, or None.
        stall_s: The longest time, from the first generated content to the end, in which none
            came; None where nothing was generated in a stream.
        prompt_tokens: As the reply counts them, or None.
        completion_tokens: Likewise.
    """

    kind: Kind
    intended: float
    start: float
    end: float
    connect_s: float | None = None
    first_byte: float | None = None
    first_event: float | None = None
    first_reasoning: float | None = None
    first_answer: float | None = None
    stall_s: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None

    @property
    def ok(self) -> bool:
        """Whether it brought a usable and complete reply."""
        return self.kind.ok

    @property
    def model(self) -> str:
        """Which model was asked."""
        return self.kind.model

    @property
    def first(self) -> float | None:
        """When the first chunk with generated content was there, or None."""
        reasoning, answer = self.first_reasoning, self.first_answer
        if reasoning is None or answer is None:
            return answer if reasoning is None else reasoning
        return min(reasoning, answer)

    @property
    def response_s(self) -> float:
        """From the intended start to the end: a client that waits to send is not hidden."""
        return self.end - self.intended

    @property
    def ttft_s(self) -> float | None:
        """From the intended start to the first generated content."""
        return None if (first := self.first) is None else first - self.intended


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """The state of the machines over one second; percent of the whole host unless it says so.

    Attributes:
        at: The end of that second.
        users: How many virtual users there were.
        host_cpu: CPU time spent, by anybody.
        host_memory: Memory in use, by anybody.
        load_cpu: CPU time of the load process tree that this source answers for; of several
            sources the sum is taken, so no process may be in the trees of two.
        load_memory: Its resident memory; pages that its processes share count for each.
        target_cpu: As `load_cpu`, of the target, or None: it runs elsewhere or is gone.
        target_memory: As `load_memory`, of the target.
        own_core: CPU time of the generator in percent of one core: it has one thread.
        lags: How late, in seconds, the generator woke from each short sleep.
        reads: How often it read bytes of answers.
        unstamped: How many of those reads have the time of the process, not of the kernel.
        received: How many bytes of answers it read.
        chunks: How many chunks with generated content came, of streams that ended.
        shared: How many of those share their time with another: they were read together.
        collections: How often garbage had to be collected, which holds everything up.
        clock_set_s: How far somebody set the wall clock, in seconds; below 0: back.
        asleep_s: How long the machine was suspended, which the monotonic clock does not count.
        refused: How many answers were HTTP 429, those that were followed by another attempt too.
        cached: Tokens of prompts that had been read before, as the replies say.
        source: Which process noted it; given by whoever reads the file.
    """

    at: float
    users: int
    host_cpu: float
    host_memory: float
    load_cpu: float
    load_memory: float
    target_cpu: float | None
    target_memory: float | None
    own_core: float
    lags: tuple[float, ...]
    reads: int = 0
    unstamped: int = 0
    received: int = 0
    chunks: int = 0
    shared: int = 0
    collections: int = 0
    clock_set_s: float = 0.0
    asleep_s: float = 0.0
    refused: int = 0
    cached: int = 0
    source: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A part of a run that is looked at by itself.

    Attributes:
        name: What it is: "spike", or "16 requests/s".
        begin: When it begins.
        end: When it ends.
        judged: Whether the objectives of the run are about what begins in it.
        rate: Requests a second that it offers, or None: the users decide.
        broke: In a search for the highest rate: the first objective that was not kept in it, ""
            where all were. None: it is no step of a search.
    """

    name: str
    begin: float
    end: float
    judged: bool = True
    rate: float | None = None
    broke: str | None = None

    def holds(self, moment: float) -> bool:
        """Whether a moment lies in it."""
        return self.begin <= moment < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The last thing noted by a run that could still note it.

    Attributes:
        at: When it ended.
        why: Why it ended.
        faults: What the scenario itself raised, one line each.
    """

    at: float
    why: Ended
    faults: tuple[str, ...] = ()
