"""What is to be held against what: who said it before, and who says it now."""

from dataclasses import dataclass

from kimi_conformance.cli.asking.live_options import Allowance
from kimi_conformance.cli.asking.pacing import Pacing
from kimi_conformance.cli.asking.target import LiveEndpoint

__all__ = ["CASSETTES", "LIVE", "SIMULATOR", "Order"]

CASSETTES, LIVE, SIMULATOR = "cassettes", "live", "simulator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked for.

    Attributes:
        from_: "cassettes", or a run's folder or file.
        from_edition: Of the cassettes, or None: that of who says it now.
        to: "live", "simulator", or a run's folder or file.
        edition: Of who says it now, or None: found out, or the oldest.
        live: The live endpoint.
        allowance: How much it may be sent.
        pacing: How fast, and for how long.
        faults: Of the simulator.
        seed: Of the simulator.
    """

    from_: str
    from_edition: str | None
    to: str
    edition: str | None
    live: LiveEndpoint
    allowance: Allowance
    pacing: Pacing
    faults: tuple[str, ...]
    seed: int
