"""
Trace replay: requests as they came to a service once, in their times and sizes.

Question:  is the traffic of a real day served as promised, with its bursts and its long prompts?
Workload:  open; the arrivals of a file of JSON lines, as many of them as the run is long. The file
           is traces/sample.jsonl, which we made; KIMI_LOAD_TRACE names another one.
Target:    simulate --edition 2026-09
Judged by: [trace_replay] and [all] in slo.toml.
"""

from pathlib import Path

from locust import task

from kimi_conformance.load import FRESH, KimiUser, Stages, option, read_trace, text_of

SAMPLE = Path(__file__).parent / "traces" / "sample.jsonl"
TRACE = read_trace(Path(option("trace", str(SAMPLE))))
UNKNOWN_WINDOW = 32_768  # of a model that no edition knows
AROUND = 64  # tokens of a prompt that are not its text


class Replayed(KimiUser):
    """Whoever asked then: a prompt of that length, and an answer of that length."""

    arrivals = TRACE

    @task
    def read_along(self) -> None:
        """Read the answer while it is written."""
        answer = max(self.arrival.answer_tokens or 1, 1)
        room = (self.window or UNKNOWN_WINDOW) * 31 // 32 - answer - AROUND
        size = max(min((self.arrival.prompt_tokens or 0) - AROUND, room), 0)
        text = f"{FRESH}{TEXT[: 4 * size]}\n\nContinue with {answer} words."
        body = {"messages": [{"role": "user", "content": text}]}
        self.read_stream(body, name="replayed", max_tokens=answer)


TEXT = text_of(max(arrival.prompt_tokens or 0 for arrival in TRACE))


class Crowd(Stages):
    """Enough people for the bursts; the length of the sample."""

    stages = ((300, 200),)
    warm_up = 10
