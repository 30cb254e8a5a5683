"""
Automatic caching: a prompt that begins like an earlier one is not read anew.

A whole prompt that came before counts as read in full, however short; of any other, as many
leading blocks count as an earlier prompt of the same model began with. Hits are not promised
by the real API, and sometimes it misses; here they are certain, so that they can be tested.

Source: recordings of 2026 (whole prompts of 8 to 4094 tokens; 256 of 1501 for a prefix).
"""

import hashlib
from collections.abc import Iterator

from kimi_conformance.simulator.go_json import compact
from kimi_conformance.simulator.rules import Case
from kimi_conformance.simulator.tokens import BYTES
from kimi_conformance.simulator.world import World

__all__ = ["recall"]

MOST = 65_536  # beginnings that are remembered; the oldest are forgotten first


def recall(world: World, now: float, case: Case) -> int:
    """How many tokens of a chat's prompt were read before; from now on all of it was."""
    rules = world.edition.prefix_cache
    if rules is None:
        return 0
    *blocks, whole = _beginnings(case, rules.block * BYTES)
    known = world.prompts
    read = 0
    for mark in blocks:
        if known.get(mark, now) <= now:
            break
        read += rules.block
    saved = case.prompt if known.get(whole, now) > now else min(read, _most(case, rules.block))
    for mark in (*blocks, whole):
        known.pop(mark, None)  # to the end: the newest stand there
        known[mark] = now + rules.seconds
    while len(known) > MOST:
        del known[next(iter(known))]
    return saved


def _most(case: Case, block: int) -> int:
    """The whole blocks of a prompt, its last token left out."""
    return (case.prompt - 1) // block * block


def _beginnings(case: Case, step: int) -> Iterator[bytes]:
    """What stands for the prompt up to the end of each block, then for the whole of it."""
    model = str(case.body.get("model") or "")
    texts = [model, compact(list(case.tools)), *map(compact, case.messages)]
    data = "\n".join(texts).encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(digest_size=16)
    for start in range(0, len(data) - step + 1, step):
        digest.update(data[start : start + step])
        yield digest.digest()
    yield hashlib.blake2b(data, digest_size=16, person=b"whole").digest()
