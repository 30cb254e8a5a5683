"""One check on one SUT: who it is, what it may use, and what its run amounts to."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from kimi_conformance.adapters.protocol import Adapter
from kimi_conformance.checks.standstill import Loss, Tolerance
from kimi_conformance.errors import AdapterError, CassetteError, KimiConformanceError
from kimi_conformance.requirements import ENDPOINT_CAPABILITIES, Plane, Requirement
from kimi_conformance.stage import Lane
from kimi_conformance.stage.guard import BlockedError
from kimi_conformance.verdicts import InconclusiveError, Outcome, Verdict, is_outage
from kimi_conformance.wire.exchange import Ending, Exchange

__all__ = [
    "CheckItem",
    "CheckTimeoutError",
    "Phase",
    "adapter_record",
    "check_id",
    "endpoint_record",
    "outcome_of",
]

RECORDED_ADAPTER = "reference"  # whose exchanges the recordings of the adapter plane are
_BY_TIME = {Verdict.PASSED, Verdict.FAILED}  # what a machine that stands still may change
_SUT_PART = re.compile(r"-@[^@]*@$|@[^@]*@-?")


class CheckTimeoutError(BaseException):
    """The time limit of one check passed.

    Not an `Exception`, so that no `except Exception` in a client swallows it.
    """


@dataclass
class CheckItem:
    """A collected check, bound to its SUT.

    Attributes:
        id: Without the SUT: "adapter/filter/other_ids_are_dropped[gpt-4]".
        requirement: What it decides.
        capabilities: What the SUT must claim before the check applies to it.
        adapter: The adapter's spec, on the adapter plane.
        endpoint: The endpoint's spec, on the endpoint plane.
        cassette: Where its recording is, below `cassettes/`, without the suffix.
        lanes: The lanes opened for it.
        opened: The adapters opened for it.
        recorded: The one among them that a cassette is made of, or None.
        refusals: Of its chats, on a live endpoint; what came after waiting is in the lanes.
        not_claimed: Why the requirement does not apply to the SUT, or "".
        losses: The time that was lost while it ran.
        tolerance: How much that may be before it decides nothing; None: any.
        patience: Seconds of silence after which its client gives up, where silence is its
            subject; None elsewhere.
    """

    id: str
    requirement: Requirement
    adapter: str | None
    endpoint: str | None
    cassette: str
    lanes: list[Lane] = field(default_factory=list)
    opened: list[Adapter] = field(default_factory=list)
    recorded: Lane | None = None
    refusals: list[Exchange] = field(default_factory=list)
    not_claimed: str = ""
    capabilities: tuple[str, ...] = ()
    losses: Sequence[Loss] = ()
    tolerance: Tolerance | None = None
    patience: float | None = None

    @property
    def sut(self) -> str:
        """What reports call the SUT."""
        return str(self.adapter or self.endpoint)

    def exchanges(self) -> list[Exchange]:
        """Everything that its lanes saw, and the refusals that were waited out."""
        journals = (lane.journal for lane in self.lanes if lane.journal is not None)
        return [*(each for journal in journals for each in journal.exchanges), *self.refusals]

    def forget(self, close: Callable[[Lane], None]) -> None:
        """Close its lanes, and let go of all that it used: an answer may have been large."""
        for lane in self.lanes:
            close(lane)
        self.lanes.clear()
        self.opened.clear()
        self.refusals.clear()
        self.recorded = None

    def troubles(self) -> list[KimiConformanceError]:
        """Why a source could not answer."""
        return [trouble for lane in self.lanes for trouble in lane.troubles]

    @property
    def is_recorded_one(self) -> bool:
        """Whether recordings are made of this SUT, so that it asks for what they hold."""
        return self.adapter == RECORDED_ADAPTER or self.endpoint == "endpoint"

    def outage(self) -> str:
        """What says that the API could not serve while an adapter was judged by it, or ""."""
        if self.adapter is None or self.recorded is None or self.recorded.journal is None:
            return ""  # checks of an endpoint know what they expect, and say so themselves
        for exchange in self.recorded.journal.exchanges:
            request, answer = exchange.request, exchange.answer
            if is_outage(answer.status, answer.body):
                return f"the API answered {answer.status} at {request.method} {request.path}"
        return ""

    def verify_time(self, seconds: float) -> None:
        """Return if what it saw in so many seconds is its client's doing, not the machine's.

        Raises:
            InconclusiveError: It may be the machine's.
        """
        if self.tolerance is not None and seconds >= self.tolerance.within:
            self.tolerance.verify(self.losses)
        if self.patience is None or seconds < self.patience:
            return  # nobody has given up yet
        exchanges = self.exchanges()
        if not exchanges:
            raise InconclusiveError("the client gave up before its request had arrived")
        if any(exchange.answer.ending is Ending.ABANDONED for exchange in exchanges):
            raise InconclusiveError("the client gave up before it was sent what it is judged by")

    def unplayed(self) -> str:
        """Which recorded interactions nobody asked for, or ""."""
        unused = getattr(self.recorded.source, "unused", ()) if self.recorded else ()
        lines = ", ".join(f"{e.id} {e.request.method} {e.request.path}" for e in unused)
        if not lines:
            return ""
        again = f"Record it anew with: kimi-conformance record {self.cassette}"
        return f"the recording {self.cassette} was not used up: {lines}. {again}"


def check_id(path: PurePath, function: str, parameters: str | None) -> str:
    """The id of a check: plane, topic and sentence, without its SUT.

    >>> check_id(PurePath("adapter/test_filter.py"), "test_order_is_kept", "@reference@-gpt-4")
    'adapter/filter/order_is_kept[gpt-4]'
    """
    topic = path.stem.removeprefix("test_")
    rest = _SUT_PART.sub("", parameters or "")
    variant = f"[{rest}]" if rest else ""
    return f"{path.parent.name}/{topic}/{function.removeprefix('test_')}{variant}"


@dataclass
class Phase:
    """How one phase (setup, call, teardown) of a check ended."""

    when: str
    error: BaseException | None
    seconds: float
    detail: str


def outcome_of(
    item: CheckItem,
    phases: Sequence[Phase],
    *,
    edition: str,
    lane: str,
    blocked: Sequence[str],
) -> Outcome:
    """What a check said, from how its phases ended.

    Args:
        item: The check.
        phases: In order, `len(phases) >= 1`.
        edition: The edition it was judged against.
        lane: What answered where no script did.
        blocked: The addresses outside this machine that it tried to reach offline.
    """
    failed = next((phase for phase in phases if phase.error is not None), None)
    verdict, reason = _judge(item, failed, blocked)
    if verdict in _BY_TIME and not blocked and not _is_late(failed):
        try:
            item.verify_time(sum(phase.seconds for phase in phases if phase.when == "call"))
        except InconclusiveError as error:
            verdict, reason = Verdict.INCONCLUSIVE, str(error)
    unplayable = verdict is Verdict.ERROR and _is_of_a_recording(item, failed)
    return Outcome(
        id=item.id,
        requirement=item.requirement.id,
        level=item.requirement.level,
        plane=Plane(item.requirement.plane),
        sut=item.sut,
        verdict=verdict,
        seconds=round(sum(phase.seconds for phase in phases), 4),
        reason=reason,
        detail=failed.detail if failed and verdict is not Verdict.NOT_CLAIMED else "",
        exchanges=tuple(exchange.id for exchange in item.exchanges()),
        edition=edition,
        lane=lane,
        unplayable=item.cassette if unplayable else "",
    )


def _is_late(failed: Phase | None) -> bool:
    """Whether its time was over, in which none counts that was lost."""
    return failed is not None and isinstance(failed.error, CheckTimeoutError)


def _is_of_a_recording(item: CheckItem, failed: Phase | None) -> bool:
    """Whether it is the recording that is wrong: it cannot be read, or holds something else."""
    if failed is None and not item.troubles():
        return bool(item.unplayed())
    errors = (*item.troubles(), failed.error if failed else None)
    return any(isinstance(error, CassetteError) for error in errors)


def _judge(item: CheckItem, failed: Phase | None, blocked: Sequence[str]) -> tuple[Verdict, str]:
    if blocked:
        return Verdict.FAILED, f"tried to reach {', '.join(blocked)} in an offline run"
    if item.not_claimed:
        return Verdict.NOT_CLAIMED, item.not_claimed
    if troubles := item.troubles():
        ours = item.is_recorded_one and isinstance(troubles[0], CassetteError)
        return Verdict.ERROR if ours else Verdict.INCONCLUSIVE, str(troubles[0])
    if failed is not None and failed.error is not None:
        if outage := item.outage():
            return Verdict.INCONCLUSIVE, f"{outage}, which decides nothing about its client"
        return _judge_error(failed.error, failed.when)
    if stale := item.unplayed():
        return Verdict.ERROR if item.is_recorded_one else Verdict.INCONCLUSIVE, stale
    return Verdict.PASSED, ""


def _judge_error(error: BaseException, when: str) -> tuple[Verdict, str]:
    if isinstance(error, BlockedError | CheckTimeoutError | AssertionError):
        return Verdict.FAILED, first_line(error)
    if isinstance(error, InconclusiveError) or not isinstance(error, Exception):
        return Verdict.INCONCLUSIVE, str(error)  # a skip, an interruption: nothing was decided
    if isinstance(error, AdapterError) or (isinstance(error, CassetteError) and when == "setup"):
        return Verdict.ERROR, str(error)
    if isinstance(error, KimiConformanceError) and when == "setup":
        return Verdict.INCONCLUSIVE, str(error)
    if when == "call":
        return Verdict.FAILED, f"{type(error).__name__}: {first_line(error)}"
    return Verdict.ERROR, f"{type(error).__name__} in {when}: {error}"


def first_line(error: BaseException) -> str:
    """The first line of an error's text, with pytest's "where …" of a bare assertion."""
    lines = str(error).strip().splitlines()
    if not lines:
        return type(error).__name__
    where = lines[1].strip(" +") if len(lines) > 1 and "where" in lines[1] else ""
    return f"{lines[0]}, {where}"[:300] if where else lines[0][:300]


def adapter_record(spec: str, adapter: Adapter) -> dict[str, Any]:
    """How the evidence names an adapter."""
    return {
        "record": "sut",
        "plane": "adapter",
        "name": spec,
        "client": adapter.name,
        "version": adapter.version,
        "capabilities": sorted(adapter.capabilities),
    }


def endpoint_record(spec: str, without: Collection[str] = ()) -> dict[str, Any]:
    """How the evidence names an endpoint, and what it claims to offer."""
    return {
        "record": "sut",
        "plane": "endpoint",
        "name": spec,
        "client": None,
        "version": None,
        "capabilities": sorted(ENDPOINT_CAPABILITIES.keys() - without),
    }
