"""
Fault storm: a service of which every sixth answer is a failure.

Question:  how many logical calls succeed in spite of it, for clients that try again, and how long
           do they take?
Workload:  closed; 10 users, one question a second each, so 10 logical calls/s offered, half of
           them streamed; each takes up to 6 attempts.
Target:    simulate --fault rate_limited:p=0.04,path=/v1/chat/completions
           --fault server_error:p=0.04 --fault server_unavailable:p=0.02 --fault cut:p=0.04
           --fault reset:p=0.02 --fault stall:p=0.02
Judged by: [fault_storm] and [all] in slo.toml; `by_name` in the record has the attempts.
"""

from locust import constant_pacing, task

from kimi_conformance.load import KimiUser, Retries, Stages

ANSWER_TOKENS = 32  # at most


class Patient(KimiUser):
    """Tries again where that may help, a stream that broke off included."""

    wait_time = constant_pacing(1)  # seconds
    retries = Retries(attempts=6, factor_s=0.25)
    silence_s = 2.0  # then a reply that has begun is given up

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

    stages = ((600, 10),)
    warm_up = 120
