"""Whether this machine can speak to itself, and who would stand in between."""

import errno
import ipaddress
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.request import getproxies_environment

from kimi_conformance.cli.health.finding import Finding, broken, hint, well

__all__ = ["Loopback", "findings", "observe", "observe_proxies", "proxy_findings"]

LOOPBACK = ("127.0.0.1", "localhost")
_PATIENCE = 2.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Loopback:
    """What came of listening on this machine and calling oneself.

    Attributes:
        refused: Why nobody can listen on 127.0.0.1, or "".
        lost: Why nobody who calls there is answered, or "".
        by_name: The addresses of "localhost".
        six: Whether one can listen on ::1.
    """

    refused: str = ""
    lost: str = ""
    by_name: tuple[str, ...] = LOOPBACK[:1]
    six: bool = True


def observe() -> Loopback:
    """Listen on a free port and call it."""
    names: tuple[str, ...] = ()
    with suppress(OSError):
        found = socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)
        names = tuple(dict.fromkeys(str(each[4][0]) for each in found))
    refused, lost = _listen()
    return Loopback(refused=refused, lost=lost, by_name=names, six=_listens_on_six())


def _listen() -> tuple[str, str]:
    with socket.socket() as server:
        server.settimeout(_PATIENCE)
        try:
            server.bind(("127.0.0.1", 0))
            server.listen(1)
        except OSError as error:
            return str(error.strerror or error), ""
        try:
            with socket.create_connection(server.getsockname(), timeout=_PATIENCE) as caller:
                other, _ = server.accept()
                with other:
                    other.sendall(b"x")
                    caller.recv(1)
        except OSError as error:
            return "", str(error.strerror or error)
    return "", ""


def _listens_on_six() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as server:
            server.bind(("::1", 0))
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return True


def observe_proxies() -> Mapping[str, str]:
    """The proxies that the environment names, by scheme; "no" is what goes past them."""
    return getproxies_environment()


def findings(seen: Loopback) -> Iterator[Finding]:
    """What is to be said of it."""
    if seen.refused:
        yield broken(
            "loopback",
            f"no port of 127.0.0.1 can be listened on: {seen.refused}",
            "Every check speaks to a server of the suite's own there.",
            "Allow this user to listen there (sandbox, container or security policy)",
        )
    elif seen.lost:
        yield broken(
            "loopback",
            f"a call to 127.0.0.1 is not answered: {seen.lost}",
            "Every check speaks to a server of the suite's own there.",
            "Let the firewall accept the interface lo: iptables -I INPUT -i lo -j ACCEPT",
        )
    else:
        yield well("loopback", f"answers; ::1 {'does too' if seen.six else 'is not there'}")
    if "127.0.0.1" not in seen.by_name:
        yield hint(
            "localhost",
            f"the name means {', '.join(seen.by_name) or 'nothing'}",
            "Clients that are told http://localhost do not find what listens on 127.0.0.1.",
            "echo '127.0.0.1 localhost' | sudo tee -a /etc/hosts",
        )


def proxy_findings(proxies: Mapping[str, str], environment: Mapping[str, str]) -> Iterator[Finding]:
    """What is to be said of the proxies; their addresses, which may hold a password, are not."""
    named = sorted(scheme for scheme in proxies if scheme in {"http", "https", "all"})
    if not named:
        yield well("proxies", "the environment names none")
        return
    told = ", ".join(
        name
        for scheme in named
        for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY")
        if environment.get(name)
    )
    sent = [host for host in LOOPBACK if not _goes_past(host, proxies.get("no", ""))]
    if sent:
        yield hint(
            "proxies",
            f"{told} is set, and NO_PROXY leaves out {' and '.join(sent)}",
            "A client that is judged may send its requests there, not to the suite.",
            f"export NO_PROXY={','.join(LOOPBACK)}${{NO_PROXY:+,$NO_PROXY}}",
        )
    yield hint(
        "proxies",
        f"{told} is set",
        "Requests to a live endpoint do not go by it: the suite calls the endpoint itself.",
        "Let this machine reach the endpoint, or set KIMI_BASE_URL to a gateway that does",
    )


def _goes_past(host: str, no_proxy: str) -> bool:
    """Whether a list of hosts that are called directly has this one: by name, or in a network."""
    for entry in no_proxy.replace(" ", "").lower().split(","):
        if entry == "*" or host == entry or host.endswith(f".{entry.lstrip('.')}"):
            return True
        with suppress(ValueError):
            if ipaddress.ip_address(host) in ipaddress.ip_network(entry):
                return True
    return False
