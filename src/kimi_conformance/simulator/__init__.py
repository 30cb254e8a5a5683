"""
The embedded Kimi API.

    request ─► Simulator ─► faults that strike it ─► reply_to(request, world, now) ─► answer

The core does no I/O, reads no clock and rolls no dice: what it answers follows from the
request, the world (edition, key, seed, caches, number of answers) and the time it is told.
`Simulator` is a source of the stage and adds the clock and the switches. What an edition says
is data: models, limits, texts, forms.

What it says, and when it calls a tool, is described in `compose`; how it counts tokens in
`tokens`; in which order a stream comes in `streaming`; when a cache serves a chat in
`caching`, and what of a prompt was read before in `prefix_cache`; how long it thinks in
`effort`; what it refuses in the tables of `chat_rules` and `cache_rules`; how it can be wrong
in `faults`.

Source: recordings of the live API and its documents. A recording beats a document, and the
edition says which words of an error nobody knows.
"""

from kimi_conformance.simulator.latency import INSTANT, Latency
from kimi_conformance.simulator.routes import reply_to
from kimi_conformance.simulator.source import Simulator
from kimi_conformance.simulator.world import Cache, World

__all__ = ["INSTANT", "Cache", "Latency", "Simulator", "World", "reply_to"]
