"""An endpoint that sends the key back wherever something can stand: no command shows it."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.cassettes.canaries import CANARY, FORMS
from tests.hostile.bodies import answer, chunk, head
from tests.hostile.conftest import Rude

from kimi_conformance.cassettes import find_secrets, read
from kimi_conformance.cli.drifting.replaying import Session
from kimi_conformance.errors import TransportError
from kimi_conformance.http import fetch, httpx
from kimi_conformance.stage import Budget, Live, Stage
from kimi_conformance.suite import find
from kimi_conformance.wire.exchange import Answer, Frame, Request

Open = Callable[..., Rude]
ECHO = " ".join(form(CANARY) for form in FORMS.values())
PLAIN = CANARY.encode()
SUITE = find()


def in_json(**more: Any) -> bytes:
    known = [{"id": "moonshot-v1-8k", "context_length": 8192, CANARY: ECHO}]
    return json.dumps({"object": "list", "data": known, CANARY: ECHO, **more}).encode()


def listed_as_the_key() -> Iterator[bytes]:
    ids = ["moonshot-v1-8k", CANARY, f"kimi-{CANARY}", FORMS["url"](CANARY)]
    entries = [{"id": id, "context_length": 8192, "owned_by": CANARY} for id in ids]
    return answer(json.dumps({"data": entries}).encode())()


ECHOES: dict[str, Callable[[], Iterator[bytes]]] = {
    "status line": lambda: iter((b"HTTP/1.1 " + PLAIN + b"\r\n\r\n",)),
    "reason": answer(in_json(), status=b"500 " + PLAIN),
    "reason of a refusal": answer(in_json(), status=b"401 " + PLAIN),
    "header line": lambda: iter((b"HTTP/1.1 200 OK\r\n" + PLAIN + b"\r\n\r\n",)),
    "header name": answer(in_json(), PLAIN + b": a"),
    "header": answer(in_json(), b"Set-Cookie: k=" + PLAIN, b"Date: " + PLAIN),
    "content type": lambda: iter(
        (head(b"Content-Type: text/html; " + PLAIN, b"Content-Length: 0"),)
    ),
    "coding": answer(in_json(), b"Content-Encoding: " + PLAIN),
    "length": lambda: iter((head(b"Content-Length: " + PLAIN),)),
    "transfer coding": lambda: iter((head(b"Transfer-Encoding: " + PLAIN) + b"{}",)),
    "chunk size": lambda: iter((head(b"Transfer-Encoding: chunked") + PLAIN + b"\r\n",)),
    "chunk": lambda: iter((head(b"Transfer-Encoding: chunked") + chunk(in_json()) + b"0\r\n\r\n",)),
    "redirect": answer(b"", b"Location: /" + PLAIN, status=b"302 Found"),
    "error": answer(in_json(error={"message": ECHO, "type": CANARY}), status=b"400 Bad"),
    "busy": answer(ECHO.encode(), b"Retry-After: " + PLAIN, status=b"503 Busy"),
    "no JSON": answer(PLAIN),
    "a body cut": lambda: iter((head(b"Content-Length: 9999") + PLAIN,)),
}
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("models", "list", "--lane", "live"),
    ("models", "compare", "--lane", "live"),
    ("choose", "--lane", "live"),
    ("probe", "--once", "--model", "moonshot-v1-8k"),
    ("check", "--plan", "--topic", "auth", "--plane", "endpoint", "--edition", "2025-09"),
    ("drift", "--from", "cassettes", "--to", "live", "--edition", "2025-09", "--max-requests", "2"),
    ("load", "run", "steady_chat", "--duration", "1s", "--max-requests", "1", "--edition", "x"),
)


def leaks(folder: Path, *texts: str) -> list[str]:
    """Where the key is, in any form."""
    files = {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    said = {f"output {number}": text.encode() for number, text in enumerate(texts)}
    return [place for place, data in {**files, **said}.items() if find_secrets(data, (CANARY,))]


@pytest.mark.parametrize("name", ECHOES)
def test_no_error_quotes_it(stage: Stage, rude: Open, name: str) -> None:
    """Each of these is wrong in a place of its own, and the library tells what stood there."""
    server = rude(ECHOES[name])
    sent = {"Authorization": f"Bearer {CANARY}"}
    lane = stage.open_lane(Live(server.base_url, CANARY, placeholder="sk-x", budget=Budget()))

    try:
        said = str(fetch("GET", server.base_url, headers=sent).status)
    except TransportError as error:
        said = str(error)
    with suppress(httpx.TransportError):
        httpx.get(f"{lane.base_url}/models")

    told = "".join([said, *map(str, lane.troubles)])
    assert find_secrets(told.encode(), (CANARY,)) == []


@pytest.mark.heavy
@pytest.mark.parametrize("name", ECHOES)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: "-".join(command[:2]))
def test_no_command_shows_it(
    run: Callable[..., Any],
    rude: Open,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    name: str,
) -> None:
    monkeypatch.setenv("KIMI_API_KEY", CANARY)
    monkeypatch.setenv("KIMI_BASE_URL", rude(ECHOES[name]).base_url)

    said = run(*command)

    assert leaks(tmp_path, said.out, said.err) == []


async def test_what_is_held_against_recordings_holds_no_key() -> None:
    file = next((SUITE.cassettes / "2025-09" / "endpoint").rglob("*.yaml"))

    class Source:
        kind = "live"

        async def answer(self, _: Request) -> Answer:
            body = in_json()
            frames = (Frame(0.1, body[:100]), Frame(0.2, body[100:]))
            return Answer(headers=(("Vary", CANARY), ("Content-Type", ECHO)), frames=frames)

    session = Session(source=Source(), api_key=CANARY, model_for={}, now=lambda: 0.0)
    told = await session.ask(read(file, "c").interactions[0])

    assert told is not None
    assert find_secrets(repr(told[1].headers).encode() + told[1].body, (CANARY,)) == []
