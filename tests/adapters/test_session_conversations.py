"""Sessions of users who edit, reorder and switch, on an API whose caches fail now and then."""

from typing import Any

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.adapters.caching_api import FAILED, SETTINGS, SYSTEM, TOOL, USER, FakeApi, ask

from kimi_conformance.adapters.reference import SyncKimiClient
from kimi_conformance.http import httpx


class Conversations(RuleBasedStateMachine):
    """Users who edit, reorder and switch, on an API whose caches fail now and then."""

    @initialize()
    def begin(self) -> None:
        self.api = FakeApi()
        self.client = SyncKimiClient(SETTINGS, transport=httpx.MockTransport(self.api))
        self.name = "a"
        self.owner: dict[str, str] = {}
        self.system: list[dict[str, Any]] = [dict(SYSTEM), {"role": "system", "content": "Two."}]
        self.tools: list[dict[str, Any]] = [dict(TOOL), {"type": "function", "n": 0}]
        self.sent = 0

    @rule(turns=st.integers(1, 3), model=st.sampled_from(["moonshot-v1-8k", "kimi-latest"]))
    def send(self, turns: int, model: str) -> None:
        before = set(self.api.caches)
        request = ask(*self.system, *[USER] * turns, tools=self.tools, model=model)
        self.client.session(self.name).chat(request)
        self.sent += 1
        for id in set(self.api.caches) - before:
            self.owner[id] = self.name
        self._judge(*self.api.chats[-1], model)

    def _judge(self, id: str | None, body: dict[str, Any], model: str) -> None:
        """What must hold of a chat that has just arrived."""
        assert body["model"] == model
        if id is None:
            return
        cached = self.api.caches[id]
        assert self.owner[id] == self.name
        assert id in self.api.alive
        assert model == "moonshot-v1-8k"
        assert body["messages"][: len(cached["messages"])] == cached["messages"]
        assert body["tools"] == cached.get("tools", [])

    @rule(place=st.integers(0, 1), text=st.sampled_from(["Be brief.", "Two.", "Three."]))
    def edit_system(self, place: int, text: str) -> None:
        if self.system:
            self.system[place % len(self.system)]["content"] = text

    @rule(place=st.integers(0, 1), number=st.integers(0, 2))
    def edit_tool(self, place: int, number: int) -> None:
        if self.tools:
            self.tools[place % len(self.tools)]["n"] = number

    @rule(what=st.sampled_from(["system", "tools"]))
    def reorder(self, what: str) -> None:
        getattr(self, what).reverse()

    @rule(what=st.sampled_from(["system", "tools"]))
    def drop(self, what: str) -> None:
        del getattr(self, what)[1:]

    @rule(name=st.sampled_from("abc"))
    def switch_session(self, name: str) -> None:
        self.name = name

    @rule(failed=st.sampled_from([None, None, *FAILED]))
    def fail_create(self, failed: httpx.Response | Exception | None) -> None:
        self.api.create = failed

    @rule(failed=st.sampled_from([None, httpx.Response(500), httpx.ReadTimeout("slow")]))
    def fail_delete(self, failed: httpx.Response | Exception | None) -> None:
        self.api.delete = failed

    @rule()
    def exit(self) -> None:
        made, deleted_before = self.api.log.count("create"), self.api.log.count("delete")
        in_use = {self.client.session(name).cache_id for name in "abc"} - {None}
        self.client.close()
        assert self.api.log.count("delete") - deleted_before == len(in_use)
        if self.api.delete is None:
            assert not in_use & self.api.alive
        assert self.api.log.count("create") == made
        assert all(self.client.session(name).cache_id is None for name in "abc")
        self.client = SyncKimiClient(SETTINGS, transport=httpx.MockTransport(self.api))

    @invariant()
    def every_request_became_one_chat(self) -> None:
        assert self.api.log.count("chat") == self.sent
        assert self.api.log.count("delete") <= len(self.api.caches)

    def teardown(self) -> None:
        if hasattr(self, "client"):
            self.client.close()


Conversations.TestCase.settings = hypothesis_settings(
    max_examples=hypothesis_settings().max_examples // 3
)
TestConversations = Conversations.TestCase
