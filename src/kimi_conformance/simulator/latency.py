"""When the frames of a chat completion leave: offsets only, nobody waits here."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from kimi_conformance.errors import UsageError

__all__ = ["INSTANT", "Latency"]


@dataclass(frozen=True, slots=True)
class Latency:
    """How fast the simulated engine is.

    A content chunk holds one token, so the gap between chunks is the inter-token latency. A
    whole answer comes when the last chunk of its stream would have come.

    Attributes:
        ttft: Seconds to the first token, the median.
        itl: Seconds from token to token, the median.
        jitter: The sigma of the lognormal factor on each of these; 0.0 is none.

    Raises:
        UsageError: One is negative, or no number.
    """

    ttft: float = 0.0
    itl: float = 0.0
    jitter: float = 0.0

    def __post_init__(self) -> None:
        for name in ("ttft", "itl", "jitter"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise UsageError(f"The latency's {name} is {value}; it must be 0 or more.")

    @property
    def instant(self) -> bool:
        """Whether everything leaves at once."""
        return self.ttft == 0 and self.itl == 0

    def offsets(self, steps: int, seed: str) -> Sequence[float]:
        """When each of so many tokens leaves, in seconds, never falling; `len == steps`."""
        if self.instant:
            return (0.0,) * steps
        gaps = [self.ttft, *[self.itl] * (steps - 1)][:steps]
        if self.jitter:
            chance = random.Random(seed)  # noqa: S311 - must be repeatable, not secret
            gaps = [gap * chance.lognormvariate(0.0, self.jitter) for gap in gaps]
        return tuple(accumulate(gaps))


INSTANT = Latency()
"""An engine that takes no time."""
