"""What stands behind a lane where the embedded simulator does: sound, with a fault, or empty."""

import time

from kimi_conformance.checks.sound import FIXED_TIME
from kimi_conformance.editions import Edition
from kimi_conformance.simulator import Simulator
from kimi_conformance.simulator.faults import parse_switch
from kimi_conformance.simulator.vacuum import VACUUMS
from kimi_conformance.stage import Source

__all__ = ["simulated"]


def simulated(endpoint: str, edition: Edition, api_key: str, *, fixed: bool) -> Source:
    """The source of an endpoint: "endpoint", "fault:NAME[:k=v,…]" or "vacuum:NAME".

    Args:
        endpoint: As above.
        edition: Which is served.
        api_key: Which is accepted.
        fixed: Whether time stands still: recordings made twice are then equal, and a fault can be
            compared with the sound simulator.

    Raises:
        UsageError: There is no such fault.
    """
    kind, _, name = endpoint.partition(":")
    if kind == "vacuum":
        return VACUUMS[name]
    return Simulator(
        edition,
        api_key=api_key,
        clock=(lambda: FIXED_TIME) if fixed else time.time,
        faults=[parse_switch(name)] if kind == "fault" else [],
    )
