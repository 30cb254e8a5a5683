"""
Rate limit: as many requests at a time as the account may have, and then half as many again.

Question:  does every call come through in the end for clients that wait as long as a refusal
           asks, and what share of the requests is refused?
Workload:  closed; as many users as the account has places, then 1.5 times as many, each asking
           again as soon as it was answered. 200 places, those of tier 3; KIMI_LOAD_PLACES says
           how many another account has.
Target:    simulate --tier t3 --ttft 3
Judged by: [rate_limit] and [all] in slo.toml; `steps` in the record has attempts and refusals.
"""

from locust import constant, task

from kimi_conformance.load import KimiUser, Part, Retries, Stages, option

PLACES = option("places", 200)  # requests at a time
AT, ABOVE = 300, 600  # seconds
ANSWER_TOKENS = 8  # at most: what is tested is the gate, so the bill is kept small


class Client(KimiUser):
    """Keeps one request under way, and keeps to what a refusal says."""

    wait_time = constant(0.1)  # seconds
    retries = Retries(attempts=40, cap_s=4.0, longest_s=120.0)

    @task
    def wait_for_it(self) -> None:
        """Take the answer when it is finished."""
        self.ask("chat/greeting", max_tokens=ANSWER_TOKENS)


class Limit(Stages):
    """Five minutes at the limit, five above it."""

    stages = ((AT, PLACES), (ABOVE, PLACES * 3 // 2))
    warm_up = 30
    parts = (Part(AT, "at the limit"), Part(ABOVE, "above the limit"))
