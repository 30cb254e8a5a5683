"""
Keeps an offline run offline.

While it is on, a connection or a name look-up that would leave this machine fails the way
the network itself fails, and is remembered. It listens to the interpreter's audit events,
so it sees every client library, whichever sockets it uses through Python.

Names under ".invalid" (RFC 2606) fail as unknown and are not held against anybody: this is
how a check shows a client a host that does not exist.
"""

import ipaddress
import socket
import sys
from functools import cache
from types import TracebackType

__all__ = ["BlockedError", "SocketGuard"]


class BlockedError(ConnectionRefusedError):
    """A connection that an offline run does not allow."""


class SocketGuard:
    """A context manager; `blocked` holds the addresses that were refused, in order."""

    def __init__(self) -> None:
        self.blocked: list[str] = []

    def __enter__(self) -> "SocketGuard":
        _install()
        _active.append(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _active.remove(self)

    def refuse(self, host: str) -> None:
        """Remember the address and fail."""
        self.blocked.append(host)
        raise BlockedError(f"offline: {host} is not on this machine, so nothing is sent to it")


_active: list[SocketGuard] = []  # audit hooks cannot be removed, so the one hook asks here


@cache
def _install() -> None:
    sys.addaudithook(_listen)


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if not _active:
        return
    if event == "socket.getaddrinfo":
        host = arguments[0]
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if isinstance(name, str) and name.rstrip(".").endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        _allow_only_here(name)
    elif event in {"socket.connect", "socket.sendto"}:
        address = arguments[1]
        if isinstance(address, tuple) and address:
            _allow_only_here(address[0])


def _allow_only_here(host: object) -> None:
    if isinstance(host, str) and host and not _is_here(host):
        _active[-1].refuse(host)


def _is_here(host: str) -> bool:
    if host in {"localhost", "ip6-localhost"}:
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False
