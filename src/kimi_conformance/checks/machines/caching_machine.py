"""The steps that Hypothesis chooses from to lead a conversation with caches."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from kimi_conformance.checks.machines.cache_api import DELETING, MAKING
from kimi_conformance.checks.machines.caching import (
    CHANGES,
    FAMILY,
    TEXTS,
    CachingCourse,
    CachingLaw,
)
from kimi_conformance.checks.machines.machine import Machine

__all__ = ["CachingMachine"]

PLACES = st.integers(0, 1)
ASK = st.booleans()


class CachingMachine(Machine):
    """Any course of a conversation with caches."""

    course: CachingCourse

    def change(self, step: str, ask: bool, **what: Any) -> None:
        """Take a step, and perhaps ask at once: what a session got wrong shows in its requests."""
        self.take(step, **what)
        if ask:
            self.take("send")

    @rule()
    def send(self) -> None:
        """Ask."""
        self.take("send")

    @precondition(lambda self: self.course.law is CachingLaw.DESPITE_MAKING)
    @rule(other=st.sampled_from("abc"))
    def send_beside(self, other: str) -> None:
        """Ask while another session waits."""
        self.take("send_beside", other=other)

    @rule(place=PLACES, text=st.sampled_from(sorted(TEXTS)), ask=ASK)
    def edit_system(self, place: int, text: str, ask: bool) -> None:
        """Change a system message."""
        self.change("edit_system", ask, place=place, text=text)

    @rule(place=PLACES, name=st.sampled_from(["li", None]), ask=ASK)
    def rename(self, place: int, name: str | None, ask: bool) -> None:
        """Change its name."""
        self.change("rename", ask, place=place, name=name)

    @rule(place=PLACES, change=st.sampled_from(sorted(CHANGES)), ask=ASK)
    def edit_tool(self, place: int, change: str, ask: bool) -> None:
        """Change a tool."""
        self.change("edit_tool", ask, place=place, change=change)

    @rule(what=st.sampled_from(["system", "tools", "messages"]), ask=ASK)
    def reorder(self, what: str, ask: bool) -> None:
        """Change an order."""
        self.change("reorder", ask, what=what)

    @rule(what=st.sampled_from(["message", "tool"]), ask=ASK)
    def drop(self, what: str, ask: bool) -> None:
        """Take something away."""
        self.change("drop", ask, what=what)

    @rule(ask=ASK)
    def say(self, ask: bool) -> None:
        """Go on."""
        self.change("say", ask)

    @rule(count=st.integers(1, 2), ask=ASK)
    def call_tools(self, count: int, ask: bool) -> None:
        """Let the model call tools."""
        self.change("call_tools", ask, count=count)

    @rule(ask=ASK)
    def begin_again(self, ask: bool) -> None:
        """Go back to the beginning."""
        self.change("begin_again", ask)

    @rule(name=st.sampled_from("abc"), ask=ASK)
    def switch_session(self, name: str, ask: bool) -> None:
        """Go to another session."""
        self.change("switch_session", ask, name=name)

    @rule(model=st.sampled_from([f"{FAMILY}8k", f"{FAMILY}128k", "kimi-latest"]), ask=ASK)
    def switch_model(self, model: str, ask: bool) -> None:
        """Go to another model."""
        self.change("switch_model", ask, model=model)

    @precondition(lambda self: self.course.law is not CachingLaw.DESPITE_DELETING)
    @rule(how=st.sampled_from(["ready", *MAKING]), ask=ASK)
    def fail_create(self, how: str, ask: bool) -> None:
        """Let creations fail, or succeed again."""
        self.change("fail_create", ask, how=how)

    @precondition(lambda self: self.course.law is not CachingLaw.DESPITE_MAKING)
    @rule(how=st.sampled_from(sorted(DELETING)), ask=ASK)
    def fail_delete(self, how: str, ask: bool) -> None:
        """Let deletions fail, or succeed again."""
        self.change("fail_delete", ask, how=how)

    @rule(seconds=st.sampled_from([3000, 3700]), ask=ASK)
    def wait(self, seconds: int, ask: bool) -> None:
        """Let time pass."""
        self.change("wait", ask, seconds=seconds)

    @rule()
    def leave(self) -> None:
        """Exit and come back."""
        self.take("leave")
