"""
Cache reuse: many questions below one long beginning.

Question:  what share of the prompts that begin alike is served from the cache, and how much sooner
           does their first token come than that of prompts which nobody has read before?
Workload:  closed; 10 users, one question a second each, so 10 requests/s offered: four of five
           with the shared beginning of 4,000 tokens, one with a beginning of its own.
Target:    simulate --edition 2026-09
Judged by: [cache_reuse] and [all] in slo.toml; `by_name` in the record has hits and misses apart,
           as the replies tell them (`cached_tokens` of their usage).

Where the API caches by itself, the beginning is a message like any other. Where it has explicit
caches for the model (/v1/caching), each process makes one and refers to it; it expires five
minutes after its last use.
"""

from typing import Any, ClassVar

from locust import constant_pacing, task

from kimi_conformance.load import FRESH, KimiUser, Stages, text_of

BEGINNING = f"You know this text by heart.{text_of(4000)}"
QUESTION = {"role": "user", "content": f"Which word comes first? (Request {FRESH})"}
ANSWER_TOKENS = 32  # at most
TTL = 300  # seconds


class Asker(KimiUser):
    """Asks about a long text, mostly the one that all ask about."""

    wait_time = constant_pacing(1)  # seconds
    cache: ClassVar[str | None] = None

    @task(4)
    def ask_alike(self) -> None:
        """Begin as all the others do."""
        if self.family and Asker.cache is None:
            Asker.cache = self.make_cache(self.family)
        self.bodies.add("shared beginning", self.shared)
        self.read_stream("shared beginning", max_tokens=ANSWER_TOKENS)

    @task(1)
    def ask_anew(self) -> None:
        """Begin as nobody has before."""
        beginning = {"role": "system", "content": FRESH + BEGINNING}
        question = {"role": "user", "content": "Which word comes first?"}
        self.bodies.add("own beginning", lambda: {"messages": [beginning, question]})
        self.read_stream("own beginning", max_tokens=ANSWER_TOKENS)

    def label(self, name: str, reply: Any) -> str:
        """Hits and misses have names of their own, failures neither."""
        return f"{name}, {'hit' if reply.cached_tokens else 'miss'}" if reply.ok else name

    def shared(self) -> dict[str, Any]:
        """A question below the shared beginning, or below the cache that holds it."""
        if Asker.cache is None:
            beginning = {"role": "system", "content": BEGINNING}
        else:
            content = f"cache_id={Asker.cache};reset_ttl={TTL}"
            beginning = {"role": "cache", "content": content}
        return {"messages": [beginning, QUESTION]}

    @property
    def family(self) -> str | None:
        """Whose explicit caches serve the model; None: the API caches by itself, or not at all."""
        caching = self.edition.caching if self.edition else None
        families = caching.families if caching else {}
        return next((name for name, models in families.items() if self.model in models), None)

    def make_cache(self, family: str) -> str:
        """Have the API keep the beginning; the id of the cache."""
        messages = [{"role": "system", "content": BEGINNING}]
        body = {"model": family, "messages": messages, "ttl": TTL}
        return str(self.prepare("/caching", body)["id"])


class Plateau(Stages):
    """Ten minutes at one height, the first two of them warm-up."""

    stages = ((600, 10),)
    warm_up = 120
