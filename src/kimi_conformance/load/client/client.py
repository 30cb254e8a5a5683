"""
How virtual users speak to an endpoint: one request at a time, over connections kept alive.

Nothing is sent twice, no redirect is followed, and no content coding is asked for. The key is
in the bytes that are sent and nowhere else.
"""

import ssl
import time
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from gevent.lock import Semaphore

from kimi_conformance.errors import UsageError
from kimi_conformance.http import ssl_context
from kimi_conformance.load.client.connection import Address, Connection, Counts
from kimi_conformance.load.client.incoming import Incoming, Limits

__all__ = ["Client", "Pool"]

_JOINED = 65_536  # bytes; what is larger is sent in pieces rather than copied for each request


class Pool:
    """Connections to one endpoint, kept alive between requests.

    A user with a pool of their own is a person with a client of their own; users who share
    one with a limit are an application with so many connections.

    Args:
        base_url: "https://api.moonshot.ai/v1".
        limits: What one request may take.
        most: How many connections there are at once, or None: as many as are needed.
        counts: Counted up.
        tls: How to encrypt; None: as the machine does by default.

    Raises:
        UsageError: The base URL is none.
    """

    def __init__(
        self,
        base_url: str,
        limits: Limits,
        *,
        most: int | None = None,
        counts: Counts | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
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
        secure = address.scheme == "https"
        self.host = address.netloc
        self.prefix = address.path.rstrip("/")
        self.limits = limits
        self.counts = counts or Counts()
        self._address = Address(
            address.hostname,
            address.port or (443 if secure else 80),
            (tls or ssl_context()) if secure else None,
        )
        self._idle: list[Connection] = []
        self._free = Semaphore(most) if most is not None else None

    def exchange(self, request: Sequence[bytes], incoming: Incoming) -> None:
        """Send on a connection that is free, or a new one, and wait for the answer's end."""
        if self._free is None:
            self._exchange(request, incoming)
        elif self._free.acquire(timeout=max(incoming.due() - time.perf_counter(), 0.0)):
            try:
                self._exchange(request, incoming)
            finally:
                self._free.release()
        else:
            incoming.end("no connection was free in time")

    def close(self) -> None:
        """Close all connections that nobody uses."""
        while self._idle:
            self._idle.pop().close()

    def _exchange(self, request: Sequence[bytes], incoming: Incoming) -> None:
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed:
                break
        else:
            started = time.perf_counter()
            try:
                connection = Connection(self._address, self.limits, self.counts)
            except OSError as error:
                incoming.end(_words(error))
                return
            incoming.connect_s = time.perf_counter() - started
        connection.exchange(request, incoming)
        if not connection.closed:
            self._idle.append(connection)


class Client:
    """Speaks JSON to an endpoint.

    Args:
        pool: The connections.
        headers: Sent with every request.
    """

    def __init__(self, pool: Pool, headers: Mapping[str, str]) -> None:
        self._pool = pool
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._fields = f"Host: {pool.host}\r\n{fields}Content-Length: ".encode("latin-1")
        self._lines: dict[tuple[str, str], bytes] = {}

    def post(
        self,
        path: str,
        *body: bytes,
        streamed: bool = False,
        keep: bool = False,
        method: str = "POST",
    ) -> Incoming:
        """Send JSON and read the answer to its end, or to where it broke off.

        Args:
            path: Below the base URL: "/chat/completions".
            body: JSON, in one piece or several.
            streamed: Whether a stream is asked for.
            keep: Whether the answer's body is kept as it came.
            method: Of HTTP.
        """
        pool = self._pool
        incoming = Incoming(time.perf_counter(), streamed=streamed, keep=keep, limits=pool.limits)
        head = self._lines.get((method, path))
        if head is None:
            line = f"{method} {pool.prefix}{path} HTTP/1.1\r\n".encode()
            head = self._lines[method, path] = line + self._fields
        size = sum(map(len, body))
        head = b"%b%d\r\n\r\n" % (head, size)
        pool.exchange((b"".join((head, *body)),) if size < _JOINED else (head, *body), incoming)
        return incoming

    def close(self) -> None:
        """Close its connections."""
        self._pool.close()


def _words(error: OSError) -> str:
    """Why no connection came about, in a few words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or 'broken'}"
    return error.strerror or type(error).__name__
