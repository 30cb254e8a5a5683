"""
Steady chat: twenty people ask short questions, at a pace the service should bear.

Question:  do replies still come soon, and all of them, while twenty people keep asking?
Workload:  closed; 20 users, one question a second each, so 20 requests/s offered, half of
           them streamed. A user whose reply takes longer than a second asks less often.
Judged by: [steady_chat] and [all] in slo.toml.
"""

from locust import constant_pacing, task

from kimi_conformance.load import KimiUser, Stages

ANSWER_TOKENS = 32  # at most; a short answer, and a bounded bill


class Reader(KimiUser):
    """Asks one short question a second and reads the answer to its end."""

    wait_time = constant_pacing(1)  # seconds

    @task
    def read_along(self) -> None:
        """Read the answer while it is written."""
        self.read_stream("chat/short_question", max_tokens=ANSWER_TOKENS)

    @task
    def wait_for_it(self) -> None:
        """Take the answer when it is finished."""
        self.ask("chat/greeting", max_tokens=ANSWER_TOKENS)


class Plateau(Stages):
    """Ten minutes at one height, the first two of them warm-up."""

    stages = ((600, 20),)  # (until second, users)
    warm_up = 120  # seconds
