"""
Adapter in the path: the same questions through the reference adapter, as an application asks them.

Question:  is the service level kept with the client library between, and what do its CPU and its
           memory add to the load process?
Workload:  closed; 10 users with an adapter each, one question a second, so 10 requests/s offered,
           half of them streamed.
Judged by: [adapter_in_path] and [all] in slo.toml: `cpu_percent` and `memory_percent` hold the
           adapter. Its retries are its own and are not counted as attempts.
"""

from locust import constant_pacing, task

from kimi_conformance.load import AdapterUser, Stages

ANSWER_TOKENS = 32  # at most


class Reader(AdapterUser):
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

    stages = ((600, 10),)
    warm_up = 120
