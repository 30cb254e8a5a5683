"""
Whether a measurement counts: could the load generator keep up, and are its clocks to be trusted?

A generator that is out of breath sends late and reads late, and then measures itself. What
spoils every figure makes the run invalid, and it decides nothing. What spoils some figures only
makes those untrusted, and the objectives about them undecided. What spoils none is noted.

What the scenario itself holds back is none of this: an arrival that waits because all users are
busy, or all connections, waits as long as the people it stands for would. It is part of the
response time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from kimi_conformance.load.judging.machines import by_source
from kimi_conformance.load.samples.records import Step, Tick
from kimi_conformance.statistics import mean, percentile

__all__ = [
    "ASLEEP_LIMIT_S",
    "CLOCK_SET_S",
    "LAG_LIMIT_S",
    "LATE_LIMIT_S",
    "OWN_CORE_LIMIT",
    "SHARED_LIMIT",
    "SILENCE_LIMIT_S",
    "UNSTAMPED_LAG_S",
    "UNSTAMPED_LIMIT",
    "Validity",
    "saturation",
    "validity",
]

LAG_LIMIT_S = 0.100  # of the 99th percentile; 5 % of the two seconds that a mean may take
OWN_CORE_LIMIT = 90.0  # percent of one core, mean; queueing delay rises tenfold up to there
LATE_LIMIT_S = LAG_LIMIT_S  # of the 99th percentile: it is added to the response times likewise
SILENCE_LIMIT_S = 5.0  # between two ticks: five are missing, so nothing was timed meanwhile
ASLEEP_LIMIT_S = 1.0  # suspended: answers waited in the kernel while the clock stood still
CLOCK_SET_S = 0.5  # beyond what time daemons slew: 500 ppm are 0.5 ms a second

# Chunks that were read together show gaps of 0 between them. Beyond a fifth of all, the
# percentiles of the gaps tell how bytes were bundled and not how tokens came.
SHARED_LIMIT = 0.20
# A read without a stamp of the kernel is timed when the generator looks: as late as it wakes.
# That is nothing beside gaps of tens of milliseconds as long as it wakes within a few.
UNSTAMPED_LIMIT = 0.05
UNSTAMPED_LAG_S = 0.010


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """What is wrong with a measurement.

    Attributes:
        invalid: Why it does not count at all, a reason each; empty where it does.
        distrusted: Metrics that are not to be trusted, and why.
        notes: What happened and spoiled nothing.
    """

    invalid: tuple[str, ...] = ()
    distrusted: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def validity(
    ticks: Sequence[Tick],
    *,
    late_s: Sequence[float] = (),
    begin: float = 0.0,
    end: float = 0.0,
    faults: Sequence[str] = (),
    aside: Sequence[Step] = (),
) -> Validity:
    """Judge a measurement by what its processes noted.

    Args:
        ticks: Of all processes, of the whole run.
        late_s: How late each arrival was begun with that had a user free for it.
        begin: Of what is judged, in seconds of the run.
        end: Of what is judged.
        faults: What the scenario raised.
        aside: Parts of the run in which the generator was to find its own limit.
    """
    judged = [
        tick
        for tick in ticks
        if begin <= tick.at - 0.5 < end and not any(step.holds(tick.at - 0.5) for step in aside)
    ]
    return Validity(
        invalid=(
            *(f"the scenario raised {fault}" for fault in faults),
            *saturation(judged),
            *_lateness(late_s),
            *_standstill(ticks, begin, end),
        ),
        distrusted=_distrusted(judged),
        notes=tuple(dict.fromkeys(_clock_notes(ticks))),  # each process of a machine has it
    )


def saturation(ticks: Sequence[Tick]) -> list[str]:
    """Why the generator could not keep up, one reason each; empty where it could.

    Each process has a thread and a core of its own, so each must keep up by itself.
    """
    sources = by_source(ticks)
    if not sources:
        return [_UNMEASURED]
    reasons: list[str] = []
    for source, noted in sorted(sources.items()):
        who = "the load generator" if len(sources) == 1 else f"load process {source}"
        reasons += _saturation(who, noted)
    return reasons


_UNMEASURED = "the health of the load generator was not measured"
_RELIEF = "give it fewer users, or more processes or a machine of its own"


def _saturation(who: str, ticks: Sequence[Tick]) -> Iterator[str]:
    core = mean([tick.own_core for tick in ticks])
    lag = percentile([lag for tick in ticks for lag in tick.lags], 99)
    if core is None or lag is None:
        yield _UNMEASURED
        return
    if core > OWN_CORE_LIMIT:
        yield (
            f"{who} used {core:.0f} % of its core, the limit is {OWN_CORE_LIMIT:.0f} %: {_RELIEF}"
        )
    if lag > LAG_LIMIT_S:
        yield (
            f"{who} woke up to {_ms(lag)} late (99th percentile), the limit is "
            f"{_ms(LAG_LIMIT_S)}: this machine is too busy for this load, {_RELIEF}"
        )


def _lateness(late_s: Sequence[float]) -> Iterator[str]:
    late = percentile(late_s, 99)
    if late is not None and late > LATE_LIMIT_S:
        yield (
            f"requests were begun up to {_ms(late)} after they were due (99th percentile) though "
            f"a user was free, the limit is {_ms(LATE_LIMIT_S)}: the load that is written down "
            f"was not offered, {_RELIEF}"
        )


def _standstill(ticks: Sequence[Tick], begin: float, end: float) -> Iterator[str]:
    sources = by_source(ticks).values()
    during = [
        [tick for tick in noted if begin <= tick.at and tick.at - 1 < end] for noted in sources
    ]
    asleep = max((sum(tick.asleep_s for tick in noted) for noted in during), default=0.0)
    if asleep > ASLEEP_LIMIT_S:
        yield (
            f"the machine was suspended for {asleep:.1f} s, the limit is {ASLEEP_LIMIT_S:g} s: "
            "keep it awake, and measure again"
        )
    for noted in sources:
        for before, after in pairwise(tick.at for tick in noted):
            if after - before > SILENCE_LIMIT_S and before < end and after > begin:
                yield (
                    f"nothing was noted for {after - before:.1f} s from {before:.1f} s on, the "
                    f"limit is {SILENCE_LIMIT_S:g} s: the process was stopped or had no CPU time, "
                    "measure again on a machine that nothing else holds up"
                )


def _distrusted(ticks: Sequence[Tick]) -> dict[str, str]:
    chunks, reads = _sum(ticks, "chunks"), _sum(ticks, "reads")
    shared = _sum(ticks, "shared") / chunks if chunks else 0.0
    unstamped = _sum(ticks, "unstamped") / reads if reads else 0.0
    lag = percentile([lag for tick in ticks for lag in tick.lags], 99) or 0.0
    found = {}
    if unstamped > UNSTAMPED_LIMIT and lag > UNSTAMPED_LAG_S:
        why = (
            f"{unstamped:.0%} of the reads have no time of the kernel, the limit is "
            f"{UNSTAMPED_LIMIT:.0%} where the generator wakes {_ms(UNSTAMPED_LAG_S)} late or more, "
            f"and it woke {_ms(lag)} late. Measure on Linux, or with fewer users."
        )
        found.update(dict.fromkeys(_BY_THE_CHUNK, why))
    if shared > SHARED_LIMIT:
        found["itl_s"] = (
            f"{shared:.0%} of the chunks were read together with another, the limit is "
            f"{SHARED_LIMIT:.0%}: gaps within a read are not known. Judge tpot_s instead, which "
            "does not depend on how chunks are bundled."
        )
    return found


_BY_THE_CHUNK = ("ttft_s", "first_answer_s", "itl_s")


def _clock_notes(ticks: Sequence[Tick]) -> Iterator[str]:
    for tick in ticks:
        if abs(tick.clock_set_s) > CLOCK_SET_S:
            yield (
                f"the wall clock was set by {tick.clock_set_s:+.1f} s at {tick.at:.0f} s; all is "
                "timed by the monotonic clock, so only the time of day is wrong from there on"
            )


def _sum(ticks: Sequence[Tick], name: str) -> int:
    return sum(getattr(tick, name) for tick in ticks)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
