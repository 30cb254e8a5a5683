"""
Which faults would have answered a check as the sound simulator did, so that none is asked in vain.

The simulator is deterministic: at one fixed moment the same requests get the same answers.
So if every request that a check sent to the sound simulator would be answered to the byte
alike by the faulty one, the check cannot tell them apart, and its verdict is known without
running it. A matrix of some hundred faults and as many checks becomes bearable by this.
"""

from collections.abc import Iterable, Iterator, Sequence

from kimi_conformance.editions import Edition
from kimi_conformance.simulator import Simulator
from kimi_conformance.simulator.faults import FaultSwitch, parse_switch
from kimi_conformance.wire.exchange import Exchange

__all__ = ["FIXED_TIME", "SoundReplay"]

FIXED_TIME = 1_757_462_400.0  # one moment of September 2025


class SoundReplay:
    """Puts to faulty simulators what a check put to the sound one.

    Args:
        edition: The edition that is served.
        api_key: The key that is accepted.
        faults: As the command line has them.
    """

    def __init__(self, edition: Edition, api_key: str, faults: Iterable[str]) -> None:
        self._edition = edition
        self._key = api_key
        self._switches = {fault: parse_switch(fault) for fault in faults}

    def alike(self, exchanges: Sequence[Exchange]) -> Iterator[str]:
        """The faults that change no answer of these; none if the sound one has changed since."""
        requests = [exchange.request for exchange in exchanges]
        sound = self._simulator()
        answers = [sound.reply(request) for request in requests]
        if [each.body for each in answers] != [each.answer.body for each in exchanges]:
            return
        for fault, switch in self._switches.items():
            if any(switch.touches(each) for each in requests):
                faulty = self._simulator(switch)
                asked = zip(requests, answers, strict=True)
                if any(faulty.reply(request) != answer for request, answer in asked):
                    continue
            yield fault

    def _simulator(self, *faults: FaultSwitch) -> Simulator:
        return Simulator(self._edition, api_key=self._key, clock=_fixed, faults=faults)


def _fixed() -> float:
    return FIXED_TIME
