"""
What the bytes of a `data:` address are, told as Go's `http.DetectContentType` would.

Only what a client may want to send is known: the usual images, text, and anything else.
"""

import base64
import binascii

__all__ = ["sniffed"]

LOOKED_AT = 512  # bytes
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
)


def sniffed(url: str) -> str:
    """The content type of a `data:` address in Base64."""
    head, _, text = url.partition(",")
    try:
        data = base64.b64decode(text[: LOOKED_AT // 3 * 4]) if head.endswith(";base64") else b""
    except (binascii.Error, ValueError):
        data = b""
    for start, kind in _IMAGES:
        if data.startswith(start):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    binary = any(byte < 32 and byte not in b"\t\n\f\r\x1b" for byte in data)
    return "application/octet-stream" if binary else "text/plain; charset=utf-8"
