"""
Long context: prompts of 32 to 262 thousand tokens.

Question:  how long do long prompts wait for their first token, by their length, and does their
           reading fill the memory?
Workload:  closed; 4 users, each with one prompt after the other and 2 s from the start of one to
           that of the next: 32,768, 65,536, 131,072 and 262,144 tokens, as far as the model's
           window holds them with the answer. Each begins with something new, so that no cache
           has read it before.
Target:    simulate --edition 2026-09
Judged by: [long_context] and [all] in slo.toml; `by_name` in the record has each length, with the
           tokens that the replies counted.
"""

from itertools import count

from locust import constant_pacing, task

from kimi_conformance.load import FRESH, KimiUser, Stages, text_of

SIZES = (32_768, 65_536, 131_072, 262_144)  # tokens
UNKNOWN_WINDOW = 131_072  # of a model that no edition knows
ANSWER_TOKENS = 32  # at most
AROUND = 28  # tokens of a prompt that are not its text
KEPT_FREE = 1 / 32  # of the window: for the answer, and for tokenizers that count more


def sizes_for(window: int) -> list[int]:
    """The prompts that a window holds, the shortest first; at least one."""
    room = int(window * (1 - KEPT_FREE)) - ANSWER_TOKENS
    return sorted({min(size, room) for size in SIZES})


class Reader(KimiUser):
    """Gives the model something long to read."""

    wait_time = constant_pacing(2)  # seconds
    limit_s = 300.0

    def on_start(self) -> None:
        """Begin with another length than one's neighbours."""
        super().on_start()
        self.sizes = sizes_for(self.window or UNKNOWN_WINDOW)
        self.turns = count(self.number)

    @task
    def read_along(self) -> None:
        """Read the answer while it is written."""
        size = self.sizes[next(self.turns) % len(self.sizes)]
        name = f"{size} tokens"
        self.bodies.add(name, lambda: prompt(size))
        self.read_stream(name, max_tokens=ANSWER_TOKENS)


def prompt(size: int) -> dict[str, object]:
    """A question below so many tokens of text; all users share the one body of a size."""
    text = f"{FRESH}{text_of(size - AROUND)}\n\nWhat is this about? Answer in one sentence."
    return {"messages": [{"role": "user", "content": text}]}


class Plateau(Stages):
    """Ten minutes at one height, the first two of them warm-up."""

    stages = ((600, 4),)
    warm_up = 120
