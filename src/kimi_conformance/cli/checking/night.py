"""
The parts of a night, and how they share one budget: requests, tokens, dollars, time and pace.

    checks   3   what asks no model first, then what MUST hold, then what asks least
    drift    1   what asks no model first, then the shortest recordings; each request twice
    load     1   if it is asked for; its time is its own

They come in this order of value, and each may spend what those before it have left, but for the
share that is kept for those after it. So a night that cannot pay for everything still says
something of each. Pace passes from part to part: what was sent within the last minute counts,
and a limit that was learned is kept.
"""

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kimi_conformance.checks.evidence import answered_by_the_api
from kimi_conformance.cli.asking.load_options import Bounds
from kimi_conformance.cli.asking.target import Target
from kimi_conformance.cli.drifting.found import Found
from kimi_conformance.cli.drifting.looking import look
from kimi_conformance.cli.drifting.recordings import Recording, recordings_of
from kimi_conformance.cli.drifting.target import Target as Asked
from kimi_conformance.cli.drifting.target import live_target, simulated
from kimi_conformance.cli.keeping.drift_evidence import drift_record, looked_record, verdict_of
from kimi_conformance.cli.keeping.recorded_days import ages_of
from kimi_conformance.cli.keeping.run_folder import RunFolder, read_run
from kimi_conformance.cli.loading.plan import spending_of
from kimi_conformance.editions import Edition
from kimi_conformance.errors import UsageError
from kimi_conformance.stage import Budget, Pace
from kimi_conformance.suite import Suite
from kimi_conformance.verdicts import RunVerdict

__all__ = ["Night", "Spent", "look_for_drift", "priced", "recordings_offered"]

WEIGHTS = {"checks": 3, "drift": 1, "load": 1}
TO_REPORT = (0.05, 15.0)  # of the time: this share, and no more than so many seconds
NOT_OFFERED = "the endpoint does not claim to offer it"

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a night has spent so far."""

    requests: int = 0
    tokens: int = 0
    cost: float = 0.0

    @classmethod
    def by(cls, budgets: Iterable[Record]) -> "Spent":
        """The sum of budget records."""
        every = list(budgets)
        return cls(
            requests=sum(each["requests"] for each in every),
            tokens=sum(each["tokens"] for each in every),
            cost=sum(each.get("cost", 0.0) for each in every),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What may be spent, and on what.

    Attributes:
        parts: Some of `WEIGHTS`, in their order.
        bounds: Of all parts together.
        began: Monotonic time.
        seconds: How long it may take, or None.
        load_s: How long of that the load takes.

    Raises:
        UsageError: The load leaves no time for the rest.
    """

    parts: Sequence[str]
    bounds: Bounds
    began: float
    seconds: float | None = None
    load_s: float = 0.0

    def __post_init__(self) -> None:
        if self.seconds is not None and self.load_s >= self.seconds:
            raise UsageError(
                f"The load test of {self.load_s:g} s leaves no time for checks in "
                f"{self.seconds:g} s. Allow more with --time-limit-total, or leave it out with "
                "--no-load."
            )

    def bounds_of(self, part: str, spent: Spent) -> Bounds:
        """What a part may spend of what is left."""
        kept, limits = _kept_after(part, self.parts), self.bounds
        return limits._replace(
            max_requests=_left(limits.max_requests, spent.requests, kept),
            max_tokens=_left(limits.max_tokens, spent.tokens, kept),
            max_cost=(
                None
                if limits.max_cost is None
                else max(limits.max_cost * (1 - kept) - spent.cost, 0.0)
            ),
        )

    def ends(self, part: str) -> float | None:
        """The monotonic time at which checks or drift must be over."""
        if self.seconds is None:
            return None
        share, most = TO_REPORT
        time_s = max(self.seconds - self.load_s - min(self.seconds * share, most), 0.0)
        timed = [each for each in self.parts if each != "load"]
        return self.began + time_s * (1 - _kept_after(part, timed))


def _kept_after(part: str, parts: Sequence[str]) -> float:
    """The share that is kept for the parts after this one."""
    after = parts[parts.index(part) + 1 :]
    return sum(WEIGHTS[each] for each in after) / sum(WEIGHTS[each] for each in parts)


def _left(limit: int | None, spent: int, kept: float) -> int | None:
    return None if limit is None else max(math.floor(limit * (1 - kept)) - spent, 0)


def priced(suite: Suite, target: Target, bounds: Bounds) -> Bounds:
    """The bounds with the prices of the model, where the user has not said them.

    Raises:
        UsageError: There is a limit of dollars, and the price is not known.
    """
    found = spending_of(suite, target.edition, target.model, bounds)
    return bounds._replace(price_in=found.price_in, price_out=found.price_out)


def recordings_offered(suite: Suite, target: Target) -> tuple[list[Recording], int]:
    """The recordings of what a target claims to offer, and how many requests the others have."""
    every = recordings_of(suite, target.edition)
    kept = [
        one
        for one in every
        if len(answered_by_the_api(one.exchanges, target.without)) == len(one.exchanges)
    ]
    return kept, sum(len(one.exchanges) for one in every) - sum(len(o.exchanges) for o in kept)


def look_for_drift(
    suite: Suite, night: Night, target: Target, limits: Mapping[str, Any], folder: RunFolder
) -> tuple[RunVerdict, str]:
    """Hold the recordings against what the target answers now; its verdict and sentence.

    Args:
        suite: Whose recordings.
        night: What may be spent on it.
        target: Who is asked.
        limits: How fast it may be asked, by the names of `Pace`.
        folder: Of the run: what was spent before is read there, what is found is added.

    Raises:
        CassetteError: A recording is damaged.
    """
    now, until = suite.edition(target.edition), night.ends("drift")
    recordings, missing = recordings_offered(suite, target)
    budgets = read_run(folder.evidence).budgets
    budget = _budget(night.bounds_of("drift", Spent.by(budgets)))
    asked = (
        _live(target, now, budget, {**limits, "until": until}, budgets)
        if target.lane == "live"
        else simulated(now)
    )
    found = look(recordings, now, asked, until)
    found.asked += missing
    found.left[NOT_OFFERED] += missing
    _keep(
        folder, found, now, str(target.base_url or "the simulator"), ages=ages_of(suite, now.name)
    )
    if target.lane == "live":
        folder.append({"record": "budget", "part": "drift", **asdict(budget)})
    verdict, because = verdict_of(found)
    return verdict, f"drift: {because}"


def _budget(bounds: Bounds) -> Budget:
    return Budget(
        bounds.max_requests,
        bounds.max_tokens,
        bounds.max_cost,
        bounds.price_in or 0.0,
        bounds.price_out or 0.0,
    )


def _live(
    target: Target,
    edition: Edition,
    budget: Budget,
    limits: Mapping[str, Any],
    before: Sequence[Record],
) -> Asked:
    none: Mapping[str, Any] = {}
    learned = next((each["limits"] for each in reversed(before) if "limits" in each), none)
    known = {name: limit for name, limit in learned.items() if limit is not None}
    wall = time.time()
    return live_target(
        str(target.base_url),
        str(target.api_key),
        edition,
        target.model,
        budget,
        Pace(**{**limits, **known}, completion=edition.model(edition.default_model).max_tokens),
        [(wall - at, tokens) for each in before for at, tokens in each.get("recent", ())],
    )


def _keep(folder: RunFolder, found: Found, edition: Edition, called: str, *, ages: Any) -> None:
    for change in found.changes:
        folder.append(drift_record(change))
    before, after = f"cassettes of edition {edition.name}", f"{called}, edition {edition.name}"
    folder.append(looked_record(found, before, after, ages))
