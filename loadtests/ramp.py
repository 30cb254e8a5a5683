"""
Ramp: how much the service bears.

Question:  what is the highest rate of requests at which every objective is still kept, and which
           one breaks first above it?
Workload:  open; short questions at even intervals, 4 a second, doubled from step to step until
           one breaks an objective, then halving the gap, as a ratio, until it is 1.15 or less.
           Nothing above 256 a second. KIMI_LOAD_FIRST_RATE and KIMI_LOAD_MOST_RATE change these.
Judged by: [ramp] and [all] in slo.toml, each step by itself; the verdict is about the steps up to
           the answer, which stands under `saturation` in the record.
"""

from locust import task

from kimi_conformance.load import KimiUser, Ladder, Search, Stages, option

ANSWER_TOKENS = 32  # at most
SEARCH = Search(
    first=option("first_rate", 4.0),
    most=option("most_rate", 256.0),
    factor=2.0,
    ratio=1.15,
)


class Asker(KimiUser):
    """One of many who ask one short question."""

    arrivals = Ladder(SEARCH, step_s=30, drain_s=10)
    limit_s = 30.0

    @task
    def read_along(self) -> None:
        """Read the answer while it is written."""
        self.read_stream("chat/short_question", max_tokens=ANSWER_TOKENS)


class Crowd(Stages):
    """Enough people for every rate that is tried; the search ends the run."""

    stages = ((600, 400),)
    warm_up = 15
