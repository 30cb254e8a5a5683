"""
What the sound simulator answered each check, so that a faulty one need not be asked in vain.

The simulator is deterministic: at one fixed moment the same requests get the same answers.
So if every request that a check sent to the sound simulator would be answered to the byte
alike by the faulty one, the check cannot tell them apart, and its verdict is known without
running it. A matrix of some hundred faults and as many checks becomes bearable by this.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kimi_conformance.editions import Edition
from kimi_conformance.simulator import Simulator
from kimi_conformance.simulator.faults import parse_switch
from kimi_conformance.verdicts import Outcome, Verdict
from kimi_conformance.wire.exchange import Exchange, Request

__all__ = ["FIXED_TIME", "SoundRuns"]

FIXED_TIME = 1_757_462_400.0  # one moment of September 2025


@dataclass(frozen=True, slots=True)
class _SoundRun:
    verdict: Verdict
    requests: tuple[Request, ...]


class SoundRuns:
    """The sound run of each check.

    Args:
        edition: The edition that is served.
        api_key: The key that is accepted.
    """

    def __init__(self, edition: Edition, api_key: str) -> None:
        self._edition = edition
        self._key = api_key
        self._runs: dict[str, _SoundRun] = {}

    def remember(self, outcome: Outcome, exchanges: Sequence[Exchange]) -> None:
        """Keep the run of a check on the sound simulator, if the simulator is as it was then."""
        requests = tuple(exchange.request for exchange in exchanges)
        sound = Simulator(self._edition, api_key=self._key, clock=_fixed)
        bodies = [exchange.answer.body for exchange in exchanges]
        if bodies == [sound.reply(request).body for request in requests]:
            self._runs[outcome.id] = _SoundRun(outcome.verdict, requests)

    def verdict_despite(self, fault: str, check: str) -> Verdict | None:
        """The verdict of the sound run, if this fault changes no answer of it; else None."""
        run = self._runs.get(check)
        if run is None:
            return None
        switch = parse_switch(fault)
        if not any(switch.touches(each) for each in run.requests):
            return run.verdict
        sound = Simulator(self._edition, api_key=self._key, clock=_fixed)
        faulty = Simulator(self._edition, api_key=self._key, clock=_fixed, faults=[switch])
        alike = all(sound.reply(each) == faulty.reply(each) for each in run.requests)
        return run.verdict if alike else None


def _fixed() -> float:
    return FIXED_TIME
