"""
What is remembered of a run and of a probe: verdicts and numbers, no exchanges.

Moments are seconds since 1970-01-01 in UTC, so that runs of different machines are in order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from kimi_conformance.verdicts import Outcome

__all__ = ["Kind", "LoadResult", "ObjectiveResult", "PastRun", "Probe"]


class Kind(StrEnum):
    """What an objective is of, and so how several results of it become one."""

    SHARE = "share"  # good ones of all are added up
    MEAN = "mean"  # means are weighted by how many values they are of
    OTHER = "other"  # a percentile, or values that nobody counted: results stay apart


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveResult:
    """An objective, and what one load found.

    Attributes:
        name, metric, target, comparison, value, low, high, verdict: As in `slo.Attainment`.
        kind: How it is joined with others.
        good: How many values were good; None unless a share.
        total: How many values there were, or None: nobody counted.
    """

    name: str
    metric: str
    kind: Kind
    target: float
    comparison: str
    value: float | None
    low: float | None
    high: float | None
    verdict: str
    good: int | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """One load scenario of a run.

    Attributes:
        kind: What was loaded: "simulator" or "live".
        counts: Whether it came to its own end, was valid, and asked anything at all.
        errors: How many requests failed, by class.
        samples: The name of the samples file in the run's folder, or "".
    """

    scenario: str
    kind: str
    base_url: str
    model: str
    started: float
    duration_s: float
    requests: int
    counts: bool
    errors: Mapping[str, int]
    objectives: tuple[ObjectiveResult, ...]
    samples: str = ""

    @property
    def ended(self) -> float:
        """When it was over."""
        return self.started + self.duration_s


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """A run as it is remembered.

    Attributes:
        id: The name of its folder, which tells moment and job.
        ended: None where it was cut short.
        verdict: A `RunVerdict`'s value, or None: it was cut short.
        folder: Where its evidence was when it was remembered.
        digest: SHA-256 of the evidence, in hex.
    """

    id: str
    job: str
    started: float
    ended: float | None
    lane: str
    source: str
    edition: str
    version: str
    verdict: str | None
    because: str
    folder: str
    digest: str
    outcomes: tuple[Outcome, ...] = ()
    loads: tuple[LoadResult, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether it came to its own end."""
        return self.verdict is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One small request of `kimi-conformance probe`.

    Attributes:
        at: When it was sent.
        interval_s: When the next one was planned after it: so long it speaks for.
        error: An error class as in load tests; "ok" for a usable, complete reply.
        detail: Why it is no such reply, in a few words of ours.
        ttft_s: To the first generated content, or None: none came.
        response_s: To the last byte, or to giving up.
        tokens: What was asked for, prompt and completion.
    """

    at: float
    interval_s: float
    base_url: str
    model: str
    error: str
    status: int | None
    detail: str
    ttft_s: float | None
    response_s: float
    tokens: int

    @property
    def ok(self) -> bool:
        """Whether it brought a usable and complete reply."""
        return self.error == "ok"
