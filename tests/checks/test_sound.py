"""Which faults change nothing of what a check was answered."""

from kimi_conformance import suite
from kimi_conformance.checks.sound import FIXED_TIME, SoundReplay
from kimi_conformance.simulator import Simulator
from kimi_conformance.wire.exchange import Exchange, Request

KEY = "sk-placeholder"
EDITION = suite.find().edition("2025-09")
FAULTS = ("window_missing", "balance_text", "server_error", "server_error:nth=3")


def asked(*paths: str, now: float = FIXED_TIME) -> list[Exchange]:
    """What the sound simulator answers at these paths."""
    sound = Simulator(EDITION, api_key=KEY, clock=lambda: now)
    requests = [
        Request(method="GET", path=path, headers=(("Authorization", f"Bearer {KEY}"),))
        for path in paths
    ]
    return [
        Exchange(
            id=str(number),
            request=request,
            answer=sound.reply(request),
            started=0.0,
            source="simulator",
        )
        for number, request in enumerate(requests)
    ]


def alike(exchanges: list[Exchange]) -> set[str]:
    return set(SoundReplay(EDITION, KEY, FAULTS).alike(exchanges))


def test_a_fault_elsewhere_changes_no_answer() -> None:
    assert alike(asked("/v1/models")) == {"balance_text", "server_error:nth=3"}
    assert alike(asked("/v1/users/me/balance")) == {"window_missing", "server_error:nth=3"}


def test_every_answer_counts() -> None:
    assert alike(asked("/v1/models", "/v1/models", "/v1/users/me/balance")) == set()


def test_a_check_that_asked_nothing_is_the_same_for_all() -> None:
    assert alike([]) == set(FAULTS)


def test_what_cannot_be_replayed_is_the_same_for_none() -> None:
    assert alike(asked("/v1/models", now=0.0)) == set()
