"""
One loopback server between a SUT and what answers it.

    SUT ─► stage ─► source: cassette | script | simulator | live
            └► journal: every exchange, frame by frame

The stage knows nothing of the Kimi API; a source knows nothing of sockets.
"""

from kimi_conformance.stage.journal import Journal
from kimi_conformance.stage.live import Budget, Live, refuse_address, refuse_unsendable
from kimi_conformance.stage.pacing import Pace, Paced
from kimi_conformance.stage.script import Script
from kimi_conformance.stage.server import Lane, Stage
from kimi_conformance.stage.source import Source

__all__ = [
    "Budget",
    "Journal",
    "Lane",
    "Live",
    "Pace",
    "Paced",
    "Script",
    "Source",
    "Stage",
    "refuse_address",
    "refuse_unsendable",
]
