"""
Makes traces/sample.jsonl: a trace in the shape that others publish, with no request of anybody.

    python loadtests/traces/make.py > loadtests/traces/sample.jsonl

Arrivals are Poisson's, at a rate that goes up and down in waves with a burst in the middle;
lengths are lognormal, prompts with a tail of long ones. The same seed gives the same file.
"""

import json
import math
import random
import sys
from collections.abc import Iterator

SEED = 20260901
LENGTH = 300.0  # seconds
RATE, WAVE, PERIOD = 2.0, 0.5, 60.0  # requests a second; up and down by that share; seconds
BURST = (140.0, 150.0, 4.0)  # from, until, and how many times as many
PROMPT = (math.log(900), 1.1)  # of tokens: median and spread
ANSWER = (math.log(60), 0.7)
LONGEST_PROMPT, LONGEST_ANSWER = 60_000, 600


def rate(at: float) -> float:
    """Requests a second at this moment."""
    begin, end, times = BURST
    waves = 1 + WAVE * math.sin(2 * math.pi * at / PERIOD)
    return RATE * waves * (times if begin <= at < end else 1)


def trace(seed: int) -> Iterator[dict[str, int]]:
    """The requests, in order: thinned out of a faster Poisson process."""
    dice = random.Random(seed)  # noqa: S311 - a trace is no secret
    most = RATE * (1 + WAVE) * BURST[2]
    at = 0.0
    while (at := at + dice.expovariate(most)) < LENGTH:
        if dice.random() * most < rate(at):
            yield {
                "timestamp": round(at * 1000),
                "input_length": min(round(dice.lognormvariate(*PROMPT)) + 80, LONGEST_PROMPT),
                "output_length": min(round(dice.lognormvariate(*ANSWER)) + 1, LONGEST_ANSWER),
            }


if __name__ == "__main__":
    for each in trace(SEED):
        sys.stdout.write(json.dumps(each) + "\n")
