"""
Recorded interactions: vcrpy's YAML with provenance and frames.

Stock vcrpy can replay every file. What it does not know, it leaves alone: at the top a
`provenance` (where the recording comes from, of which edition, when, made by what, with
what removed), and in each interaction `x-frames` (when each piece of the body was sent,
how large it was, and how the body ended), because one joined body has lost its cuts and
its timing.

A recording made from the simulator says so, in its provenance and by its host name.
"""

from kimi_conformance.cassettes.cassette import Cassette, Provenance, read, write
from kimi_conformance.cassettes.detector import Secret, find_secrets
from kimi_conformance.cassettes.player import Player
from kimi_conformance.cassettes.scrubber import scrub

__all__ = [
    "Cassette",
    "Player",
    "Provenance",
    "Secret",
    "find_secrets",
    "read",
    "scrub",
    "write",
]
