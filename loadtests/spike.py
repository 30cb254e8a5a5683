"""
Spike: ten times as much as usual, all at once, and then as usual again.

Question:  are the objectives kept before and after the spike, and how long after it until what is
           asked is served as promised again?
Workload:  open; 3 requests/s, for a tenth of the time 30 requests/s, 3 requests/s again.
Judged by: [spike] and [all] in slo.toml; what arrives in the spike is shown, not judged. See
           `steps` and `recovery` in the record.
"""

from locust import task

from kimi_conformance.load import KimiUser, Part, Poisson, Stages

USUAL, SPIKE = 3.0, 30.0  # requests a second
BEGIN, END, LENGTH = 180, 240, 600  # seconds
ANSWER_TOKENS = 32  # at most


class Asker(KimiUser):
    """One of many who ask one short question."""

    arrivals = Poisson(((BEGIN, USUAL), (END, SPIKE), (LENGTH, USUAL)), seed=2)

    @task
    def read_along(self) -> None:
        """Read the answer while it is written."""
        self.read_stream("chat/short_question", max_tokens=ANSWER_TOKENS)


class Crowd(Stages):
    """Enough people for a service that answers the spike within ten seconds."""

    stages = ((LENGTH, 300),)
    warm_up = 30
    parts = (
        Part(BEGIN, "before", rate=USUAL),
        Part(END, "spike", judged=False, rate=SPIKE),
        Part(LENGTH, "after", rate=USUAL),
    )
