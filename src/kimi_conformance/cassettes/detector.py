"""
Finds what looks like a secret in what was written.

It shares no code with the scrubber: what one overlooks, the other should not. It knows the
form of keys and, where it is told one, the key itself, plain and as URL, base64, JSON
escapes and gzip would write it.
"""

import base64
import re
import urllib.parse
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Secret", "find_secrets"]

_PATTERNS = {
    "key": re.compile(r"\bsk-[A-Za-z0-9_-]{16,}"),
    "bearer": re.compile(r"[Bb]earer(?:\s|%20|\+)++(?!\$|<)[A-Za-z0-9._~+/-]{16,}"),
    "basic": re.compile(r"(?i)\bauthorization\W{1,6}basic\s+[a-z0-9+/=]{8,}"),
    "organisation": re.compile(r"\borg-(?!0{32})[0-9a-f]{32}\b"),
    "project": re.compile(r"\bproj-(?!0{32})[0-9a-f]{32}\b"),
    "access key": re.compile(r"\bc?ak-(?!0{20})[0-9a-z]{20}\b"),
}
_BASE64_RUN = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")
_GZIP = b"\x1f\x8b\x08"
# Not from within a run of backslashes: of n that would take n² steps.
_ESCAPE = re.compile(rb"(?<!\\)\\+(?:u00|x)([0-9a-fA-F]{2})")
LAYERS = 6  # of encodings that are taken off
MOST_DECODED = 64 * 2**20  # bytes in all layers, and as many as the data has eight times
LARGEST_INFLATED = 16 * 2**20  # bytes; a larger archive is no recording of ours


@dataclass(frozen=True, slots=True)
class Secret:
    """One finding.

    Attributes:
        kind: What it looks like, or "more than can be looked through".
        form: "plain", "url", "json", "base64" or "gzip", several joined by "+".
        near: The text just before it; never the secret itself, but maybe another one.
        line: On which line of the data, or of what the data is in that form.
    """

    kind: str
    form: str
    near: str
    line: int


def find_secrets(data: bytes, known: Sequence[str] = ()) -> list[Secret]:
    """Everything in `data` that looks like a secret; what nobody can look through counts as one.

    Args:
        data: Bytes of any file.
        known: Keys of this process, found in any form whatever they look like.
    """
    found: list[Secret] = []
    for form, text in _readings(data):
        if text is None:
            found.append(Secret("more than can be looked through", form, "", 1))
        else:
            found += (*_by_pattern(text, form), *_by_value(text, form, known))
    return list(dict.fromkeys(found))


def _by_pattern(text: str, form: str) -> Iterator[Secret]:
    for kind, pattern in _PATTERNS.items():
        for match in pattern.finditer(text):
            yield _secret(kind, form, text, match.start())


def _by_value(text: str, form: str, known: Sequence[str]) -> Iterator[Secret]:
    for secret in known:
        place = text.find(secret) if secret else -1
        if place >= 0:
            yield _secret("known key", form, text, place)


def _secret(kind: str, form: str, text: str, place: int) -> Secret:
    near = text[max(0, place - 40) : place]
    return Secret(kind, form, near, text.count("\n", 0, place) + 1)


def _readings(data: bytes) -> Iterator[tuple[str, str | None]]:
    """The data as it stands, and as each encoding would have it; None: there is too much of it."""
    left = MOST_DECODED + 8 * len(data)
    pending, seen = [("plain", data)], {data}
    for depth in range(LAYERS + 1):
        deeper: list[tuple[str, bytes]] = []
        for form, layer in pending:
            yield form, layer.decode("utf-8", "replace")
            for name, inner in _decoded(layer) if depth < LAYERS else ():
                left -= len(inner)
                if left < 0:
                    yield _joined(form, name), None
                    return
                if inner not in seen:
                    seen.add(inner)
                    deeper.append((_joined(form, name), inner))
        pending = deeper


def _joined(outer: str, inner: str) -> str:
    return inner if outer == "plain" else f"{outer}+{inner}"


def _decoded(layer: bytes) -> Iterator[tuple[str, bytes]]:
    if b"%" in layer:
        yield "url", urllib.parse.unquote_to_bytes(layer)
    if b"\\u" in layer or b"\\x" in layer:
        yield "json", _unescaped(layer)
    for run in _BASE64_RUN.finditer(layer):
        text = run[0].rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
        for start in range(4):
            piece = text[start:]
            if len(piece) % 4 == 1:  # no whole byte is in the last character
                piece = piece[:-1]
            inner = base64.b64decode(piece + b"=" * (-len(piece) % 4))
            if _GZIP in inner or _mostly_text(inner):
                yield "base64", inner
    start = layer.find(_GZIP)
    if start >= 0:
        inflater = zlib.decompressobj(wbits=31)
        try:
            yield "gzip", inflater.decompress(layer[start:], LARGEST_INFLATED)
        except zlib.error:
            return


def _mostly_text(data: bytes) -> bool:
    printable = sum(32 <= byte < 127 for byte in data)
    return len(data) > 8 and printable >= 0.9 * len(data)


def _unescaped(layer: bytes) -> bytes:
    return _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), layer)
