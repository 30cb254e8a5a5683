"""What directed attacks need: a command that runs in this process, and a server without manners."""

import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

from kimi_conformance import cli

EXIT_CODES = (0, 1, 2, 3)
Pieces = Iterable[bytes]


class Said(NamedTuple):
    """What a command did: its exit code, and what it wrote."""

    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `kimi-conformance` in an empty folder; an exception that leaves it fails the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("KIMI_API_KEY", "KIMI_BASE_URL", "KIMI_MODELS_FILE", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "KIMI_HISTORY"):
        monkeypatch.delenv(name, raising=False)

    def command(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["kimi-conformance", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        assert ended.value.code in EXIT_CODES
        return Said(int(ended.value.code), out, err)

    return command


@dataclass
class Rude:
    """A server that writes what it is told to each who asks, whatever that is, until they leave.

    Attributes:
        port: On the loopback address.
        asked: The heads of the requests that came.
        written: How many bytes somebody has taken.
    """

    port: int
    asked: list[bytes] = field(default_factory=list)
    written: int = 0

    @property
    def base_url(self) -> str:
        """As it is given to a command."""
        return f"http://127.0.0.1:{self.port}/v1"


@pytest.fixture
def rude() -> Iterator[Callable[[Callable[[], Pieces]], Rude]]:
    """Opens servers; each calls `pieces` for every request and writes what comes of it."""
    over = threading.Event()
    doors: list[socket.socket] = []

    def open_server(pieces: Callable[[], Pieces]) -> Rude:
        door = socket.create_server(("127.0.0.1", 0))
        doors.append(door)
        server = Rude(port=door.getsockname()[1])

        def serve(client: socket.socket) -> None:
            with client, suppress(OSError):
                server.asked.append(client.recv(65_536))
                for piece in pieces():
                    client.sendall(piece)
                    server.written += len(piece)
                    if over.is_set():
                        return

        def listen() -> None:
            with suppress(OSError):
                while True:
                    client, _ = door.accept()
                    client.settimeout(20)
                    threading.Thread(target=serve, args=(client,), daemon=True).start()

        threading.Thread(target=listen, daemon=True).start()
        return server

    yield open_server
    over.set()
    for door in doors:
        door.close()
