"""
multipart/form-data (RFC 7578), as far as an upload needs it: bytes in, parts out.

The grammar is read strictly and forgivingly where clients differ: quoted or bare parameters,
CRLF only between headers and body, anything before the first boundary and after the last.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Part", "parts_of"]

_PARAMETER = re.compile(r';\s*([\w*-]+)=(?:"((?:[^"\\]++|\\.)*+)"|([^;\s]*))')


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form.

    Attributes:
        filename: Where it is a file, else None.
        content: Its bytes.
    """

    filename: str | None
    content: bytes

    @property
    def text(self) -> str:
        """Its content as a text."""
        return self.content.decode("utf-8", "replace")


def parts_of(content_type: str, body: bytes) -> Mapping[str, Part] | None:
    """The parts of a form by their names, the first of each; None: it is no such form."""
    kind, _, _ = content_type.partition(";")
    boundary = _parameters(content_type).get("boundary", "")
    if kind.strip().lower() != "multipart/form-data" or not boundary:
        return None
    line = b"--" + boundary.encode("latin-1", "replace")
    begun = body.startswith(line)
    _, *pieces = (b"\r\n" + body if begun else body).split(b"\r\n" + line)
    if not pieces or not pieces[-1].startswith(b"--"):
        return None
    parts: dict[str, Part] = {}
    for piece in pieces[:-1]:
        head, found, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        disposition = _disposition(head)
        if not found or "name" not in disposition:
            return None
        parts.setdefault(disposition["name"], Part(disposition.get("filename"), content))
    return parts


def _disposition(head: bytes) -> Mapping[str, str]:
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            return _parameters(value)
    return {}


def _parameters(value: str) -> Mapping[str, str]:
    return {
        name.lower(): re.sub(r"\\(.)", r"\1", quoted) or bare
        for name, quoted, bare in _PARAMETER.findall(value)
    }
