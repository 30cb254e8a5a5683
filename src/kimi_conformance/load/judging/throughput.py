"""
How much was done a second: all that was asked, what brought a reply, and what was good.

Goodput is what meets every promise to a single request at once: a service that answers more by
answering each too late has more throughput and less goodput.

Source: Zhong et al., DistServe: Disaggregating Prefill and Decoding for Goodput-optimized Large
Language Model Serving, OSDI 2024.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

from kimi_conformance.load.judging.judged import Bounds, Judged
from kimi_conformance.load.samples.records import Step

__all__ = ["Window", "throughput"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What is judged of a run, in seconds of it.

    Attributes:
        begin: The end of the warm-up.
        end: The planned end, or where it was cut short.
        aside: Parts of it that are not judged.
    """

    begin: float
    end: float
    aside: Sequence[Step] = ()

    @property
    def length(self) -> float:
        """How long it is; 0 where the run did not get so far."""
        lost = (min(part.end, self.end) - max(part.begin, self.begin) for part in self.aside)
        return max(self.end - self.begin - sum(each for each in lost if each > 0), 0.0)


def throughput(judged: Sequence[Judged], bounds: Bounds, window: Window) -> dict[str, Any]:
    """Counts and rates of what is judged; goodput is of all requests, failures included.

    Args:
        judged: The requests.
        bounds: What a good one keeps.
        window: When they were.
    """
    done = [each for each in judged if each.ok]
    flags = [each.within(bounds) for each in done]
    requests, good = sum(each.count for each in judged), sum(each.count(1) for each in flags)
    return {
        "window_s": window.length,
        "requests_per_s": _rate(requests, window),
        "completed_per_s": _rate(sum(each.count for each in done), window),
        "tokens_per_s": _rate(_tokens(done, [each.chosen for each in done]), window),
        "goodput": {
            "bounds": dict(bounds),
            "good": good,
            "share": good / requests if requests else None,
            "requests_per_s": _rate(good, window),
            "tokens_per_s": _rate(_tokens(done, flags), window),
        },
    }


def _tokens(judged: Sequence[Judged], flags: Sequence[bytes]) -> int:
    pairs = zip(judged, flags, strict=True)
    return sum(sum(compress(each.completion_tokens, chosen)) for each, chosen in pairs)


def _rate(count: int, window: Window) -> float | None:
    return count / window.length if window.length else None
