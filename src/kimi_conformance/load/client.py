"""
How a virtual user reads from the wire.

The seam between the load laboratory and the network: a request goes in, a status and frames
with their times come out. Lines are read as they come (`readline`), not blocks of a fixed
size: a block would wait until it is full, and what waits in it looks late.
"""

import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import gevent
from geventhttpclient import HTTPClient
from geventhttpclient.response import HTTPParseError, HTTPSocketPoolResponse

from kimi_conformance.errors import UsageError
from kimi_conformance.http import ssl_context
from kimi_conformance.wire.exchange import Frame

__all__ = ["Client", "Received"]

_CONNECT_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What came back.

    Attributes:
        status: Of HTTP, or None: no answer began.
        frames: The body line by line; `at` is seconds since the request was sent.
        broken: Why it did not come to its end, in a few words; "" where it did.
    """

    status: int | None
    frames: tuple[Frame, ...]
    broken: str = ""

    @property
    def body(self) -> bytes:
        """All frames joined."""
        return b"".join(frame.data for frame in self.frames)


class Client:
    """One connection to the endpoint, kept alive; it never sends anything twice.

    Args:
        base_url: "https://api.moonshot.ai/v1".
        headers: Sent with every request.
        limit_s: The longest that one request may take.

    Raises:
        UsageError: The base URL is none.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str], limit_s: float) -> None:
        address = urlsplit(base_url)
        if address.scheme not in {"http", "https"} or not address.hostname:
            raise UsageError(
                f"'{base_url}' is no base URL. Write it as in https://api.moonshot.ai/v1"
            )
        if address.username or address.password:
            raise UsageError(
                "The base URL carries a user name or password, which every report would show. "
                "Give the key in KIMI_API_KEY instead."
            )
        self._limit = limit_s
        self._prefix = address.path.rstrip("/")
        self._http = HTTPClient(
            address.hostname,
            port=address.port,
            ssl=address.scheme == "https",
            ssl_context_factory=_shared_context if address.scheme == "https" else None,
            headers=dict(headers),
            concurrency=1,
            connection_timeout=_CONNECT_LIMIT_S,
            network_timeout=limit_s,
        )

    def post(self, path: str, body: bytes) -> Received:
        """Send JSON and read the answer to its end, or to where it broke off."""
        sent = time.perf_counter()
        status = None
        frames: list[Frame] = []
        broken = ""
        try:
            with gevent.Timeout(self._limit, _OutOfTimeError):
                response = self._http.request("POST", self._prefix + path, body=body)
                status = response.status_code
                frames.extend(
                    Frame(time.perf_counter() - sent, line) for line in _lines(response)
                )  # as they come: what a broken answer had brought stays
        except _OutOfTimeError:
            broken = f"took longer than {self._limit:g} s"
        except HTTPParseError:
            broken = "the answer broke off" if status else "no answer, or no HTTP"
        except OSError as error:
            broken = type(error).__name__
        return Received(status=status, frames=tuple(frames), broken=broken)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


class _OutOfTimeError(Exception):
    """Raised by the timer inside a request."""


def _lines(response: HTTPSocketPoolResponse) -> Iterator[bytes]:
    """The lines of a body as they come; the last one may have no line end."""
    with response:
        while line := response.readline(b"\n"):
            yield line
        if rest := response.read():
            yield rest


def _shared_context(**_: Any) -> ssl.SSLContext:
    return ssl_context()
