"""
The one place where the HTTP client library is named.

Everything that sends takes `httpx` from here, so that a move to its successor is one line.
"""

import asyncio
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

import httpx

from kimi_conformance.errors import TransportError
from kimi_conformance.wire.exchange import Headers, header
from kimi_conformance.wire.inflating import CODINGS, Inflater, TooLargeError

__all__ = ["Fetched", "fetch", "httpx", "is_address", "said_by", "ssl_context"]

MOST_FETCHED = 16 * 2**20  # bytes of an answer


@cache
def ssl_context() -> ssl.SSLContext:
    """The one TLS context that all clients share: each new one costs some 25 ms of CPU."""
    return ssl.create_default_context()


def is_address(url: str) -> bool:
    """Whether something can be sent there: an http(s) URL with a host, and a port if it has one."""
    try:
        parts, host = urlsplit(url), httpx.URL(url).host
        port = parts.port
    except (ValueError, httpx.InvalidURL):
        return False
    plain = url.isprintable() and " " not in url
    return plain and parts.scheme in {"http", "https"} and bool(host) and port != 0


def said_by(error: Exception) -> str:
    """What an error of the library says, without what it quotes: a key may have been sent back."""
    text = str(error)
    if isinstance(error, httpx.LocalProtocolError):
        text = ""
    elif isinstance(error, httpx.RemoteProtocolError):
        text = text.partition(":")[0]  # "illegal status line: bytearray(b'…')"
    return text or type(error).__name__


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """One small answer, whole.

    Attributes:
        body: With the content coding undone.
    """

    status: int
    headers: Headers
    body: bytes

    def header(self, name: str) -> str:
        """The first value of a header, or ""."""
        return header(self.headers, name) or ""


def fetch(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    json: object = None,
    seconds: float = 20.0,
    most: int = MOST_FETCHED,
) -> Fetched:
    """Send one request, and read an answer that is to be small and quick; no redirect is followed.

    Whoever answers may be anybody, so head and body together have `seconds`, however they come,
    and the body has `most` bytes, however they are coded. Not for a thread with an event loop.

    Raises:
        TransportError: No answer came, it broke off, or it is larger or slower than that.
    """
    return asyncio.run(_fetch(method, url, {**headers}, json, seconds, most))


async def _fetch(
    method: str, url: str, headers: dict[str, str], json: object, seconds: float, most: int
) -> Fetched:
    headers.setdefault("Accept-Encoding", "identity")
    try:
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(verify=ssl_context(), timeout=seconds, trust_env=False) as client,
            client.stream(method, url, headers=headers, json=json) as response,
        ):
            body = await _body(response, most)
    except TimeoutError as error:
        raise TransportError(f"it took longer than {seconds:g} s") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TransportError(said_by(error)) from error
    named = tuple((name, value) for name, value in response.headers.multi_items())
    return Fetched(status=response.status_code, headers=named, body=body)


async def _body(response: httpx.Response, most: int) -> bytes:
    body = bytearray()
    async for data in response.aiter_raw():
        body += data
        if len(body) > most:
            raise TransportError(f"its answer passed {most:,} bytes")
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding not in CODINGS:
        return bytes(body)
    try:
        return Inflater(most).feed(bytes(body))
    except zlib.error as error:
        raise TransportError(f"its answer is not {coding}, as it says") from error
    except TooLargeError as error:
        raise TransportError(f"its answer passed {most:,} bytes once inflated") from error
