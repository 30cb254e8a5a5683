"""Any order of creating, using, resetting, waiting and deleting keeps to the rules."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from tests.simulator.scene import HELLO, Clock, chat, request, simulator

TEXTS = st.sampled_from(["one", "two"])
SECONDS = st.integers(1, 100)


def system(text: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": text}]


class Caches(RuleBasedStateMachine):
    """A model of what is cached, beside the simulator."""

    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.kimi = simulator(clock=self.clock)
        self.known: dict[str, tuple[str, int]] = {}

    @rule(target=ids, text=TEXTS, ttl=SECONDS)
    def create(self, text: str, ttl: int) -> Any:
        body = {"model": "moonshot-v1", "messages": system(text), "ttl": ttl}
        id = self.kimi.reply(request("POST", "/v1/caching", body)).json["id"]
        assert id not in self.known
        self.known[id] = (text, int(self.clock.now) + ttl)
        return id

    @rule(id=ids, text=TEXTS, ttl=st.none() | SECONDS)
    def use(self, id: str, text: str, ttl: int | None) -> None:
        headers = {"x_msh_context_cache": id}
        if ttl is not None:
            headers["x_msh_context_cache_reset_ttl"] = str(ttl)
        answer = self.kimi.reply(chat([*system(text), *HELLO], headers=headers))

        cached, expired_at = self.known.get(id, ("", 0))
        fits = cached == text
        if fits and ttl is not None:
            expired_at = int(self.clock.now) + ttl
            self.known[id] = (cached, expired_at)
        served = fits and self.clock.now < expired_at
        assert answer.status == 200
        assert answer.header("Msh-Context-Cache-Id") == (id if served else None)
        assert ("cached_tokens" in answer.json["usage"]) is served

    @rule(id=ids, ttl=SECONDS)
    def modify(self, id: str, ttl: int) -> None:
        answer = self.kimi.reply(request("PUT", f"/v1/caching/{id}", {"ttl": ttl}))
        assert answer.status == (200 if id in self.known else 404)
        if id in self.known:
            self.known[id] = (self.known[id][0], int(self.clock.now) + ttl)

    @rule(id=consumes(ids))
    def delete(self, id: str) -> None:
        answer = self.kimi.reply(request("DELETE", f"/v1/caching/{id}"))
        assert answer.status == 200
        del self.known[id]

    @rule(seconds=SECONDS)
    def wait(self, seconds: int) -> None:
        self.clock.now += seconds

    @invariant()
    def the_list_tells_what_is_there(self) -> None:
        listed = self.kimi.reply(request("GET", "/v1/caching?limit=1000&order=asc")).json["data"]
        shown = {cache["id"]: (cache["expired_at"], cache["status"]) for cache in listed}
        assert shown == {
            id: (expired_at, "ready" if self.clock.now < expired_at else "inactive")
            for id, (_, expired_at) in self.known.items()
        }


Caches.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
TestCaches = Caches.TestCase
