"""
Takes a known secret out of bytes, in whatever form it is written there.

Each character may stand plain, as URL or double URL encoding has it, or as an escape of JSON;
the whole in base64 at any of the three alignments, or inside gzip, itself in base64 or not. What
is left can be decoded as before. The detector shares nothing with this module.
"""

import base64
import binascii
import gzip
import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from functools import cache

from kimi_conformance.wire.exchange import Frame
from kimi_conformance.wire.inflating import LARGEST

__all__ = ["REMOVED_KEY", "erase", "erase_in_frames"]

REMOVED_KEY = b"<removed-key>"  # what follows it can make no key of it
LAYERS = 8  # of archives in archives that are looked into; what is deeper is taken out
_GZIP = b"\x1f\x8b\x08"
_GZIP_IN_BASE64 = re.compile(rb"H4sI[A-Za-z0-9+/_-]{16,}={0,2}")


def erase(data: bytes, secrets: Iterable[str]) -> bytes:
    """The data without these secrets, `len(secret) >= 1`."""
    for secret in filter(None, secrets):
        data = _erase_one(data, secret.encode())
    return data


def erase_in_frames(frames: Sequence[Frame], clean: Callable[[bytes], bytes]) -> tuple[Frame, ...]:
    """The frames, each clean; where what is cleaned off spans two, all in one frame.

    Args:
        frames: Of one body, `len(frames) >= 1` where there is something to clean.
        clean: Takes secrets out of bytes.
    """
    body = b"".join(frame.data for frame in frames)
    cleaned = clean(body)
    if cleaned == body:
        return tuple(frames)
    each = tuple(Frame(frame.at, data) for frame in frames if (data := clean(frame.data)))
    if b"".join(frame.data for frame in each) == cleaned:
        return each
    return (Frame(frames[-1].at, cleaned),)


def _erase_one(data: bytes, secret: bytes, layers: int = LAYERS) -> bytes:
    data = _written_out(secret).sub(REMOVED_KEY, data)
    for core in _in_base64(secret):
        data = data.replace(core, b"A" * len(core))
    if b"H4sI" in data:  # gzip, in base64
        data = _GZIP_IN_BASE64.sub(lambda match: _of_base64(match[0], secret, layers), data)
    start = data.find(_GZIP)
    return data if start < 0 else data[:start] + _of_gzip(data[start:], secret, layers)


@cache
def _written_out(secret: bytes) -> re.Pattern[bytes]:
    """The secret, each of its bytes plain or escaped in one of several ways."""
    # Not from within a run of backslashes: of n that would take n² steps.
    first = _one_of(secret[0], rb"(?<!\\)")
    return re.compile(first + b"".join(map(_one_of, secret[1:])))


def _one_of(byte: int, begins: bytes = b"") -> bytes:
    code = b"".join(b"[%c%c]" % (ord(c.lower()), ord(c.upper())) for c in f"{byte:02x}")
    plain = re.escape(bytes([byte]))
    return rb"(?:%b|%%(?:25){0,64}%b|%b\\+(?:[uU]00|x)%b)" % (plain, code, begins, code)


@cache
def _in_base64(secret: bytes) -> tuple[bytes, ...]:
    """What base64, in both alphabets, makes of the secret wherever it begins.

    Its first and last characters, which hold bits of a neighbour too, are left out.
    """
    found = []
    for before in range(3):
        text = base64.b64encode(b"\0" * before + secret)
        first, last = -(-before * 8 // 6), (before + len(secret)) * 8 // 6
        core = text[first:last]
        found += [core, core.replace(b"+", b"-").replace(b"/", b"_")]
    return tuple(dict.fromkeys(core for core in found if len(core) >= 8))


def _of_base64(text: bytes, secret: bytes, layers: int) -> bytes:
    standard = text.replace(b"-", b"+").replace(b"_", b"/")
    try:
        packed = base64.b64decode(standard + b"=" * (-len(standard) % 4))
    except binascii.Error:
        return text
    clean = _of_gzip(packed, secret, layers)
    return text if clean == packed else base64.b64encode(clean)


def _of_gzip(packed: bytes, secret: bytes, layers: int) -> bytes:
    """An archive, or what arrived of it, without the secret."""
    if not layers:  # some archives hold themselves
        return REMOVED_KEY
    inflater = zlib.decompressobj(wbits=31)
    try:
        inner = inflater.decompress(packed, LARGEST)
    except zlib.error:
        return packed
    if inflater.unconsumed_tail:  # what nobody has read may hold it
        return REMOVED_KEY
    clean = _erase_one(inner, secret, layers - 1)
    return packed if clean == inner else gzip.compress(clean, mtime=0) + inflater.unused_data
