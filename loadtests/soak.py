"""
Soak: the same pace for two hours.

Question:  do response times, or the memory of load or target, creep while nothing changes?
Workload:  closed; 10 users, one question a second each, so 10 requests/s offered, all streamed.
Judged by: [soak] and [all] in slo.toml; the slopes, each with its interval, stand under `trend`
           in the record.
"""

from locust import constant_pacing, task

from kimi_conformance.load import KimiUser, Stages

ANSWER_TOKENS = 32  # at most


class Reader(KimiUser):
    """Asks one short question a second and reads the answer to its end."""

    wait_time = constant_pacing(1)  # seconds

    @task
    def read_along(self) -> None:
        """Read the answer while it is written."""
        self.read_stream("chat/short_question", max_tokens=ANSWER_TOKENS)


class Plateau(Stages):
    """Two hours at one height, the first ten minutes of them warm-up."""

    stages = ((7200, 10),)
    warm_up = 600
