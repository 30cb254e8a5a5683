"""The client against a server that breaks what can; gevent runs in a process of its own."""

import json
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

USAGE = {"prompt_tokens": 7, "completion_tokens": 3}


def event(delta: dict[str, str], **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": None, **more}
    return b"data: " + json.dumps({"id": "c", "choices": [choice]}).encode() + b"\n\n"


EVENTS = [
    event({"role": "assistant", "content": ""}),
    event({"reasoning_content": "Hm"}),
    event({"content": "So"}),
    event({"content": " be it"}),
    event({}, finish_reason="stop", usage=USAGE),
    b"data: [DONE]\n\n",
]
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKS = [b"%x\r\n%b\r\n" % (len(each), each) for each in EVENTS]
STREAM = HEAD + b"".join(CHUNKS) + b"0\r\n\r\n"
EMPTY = b"HTTP/1.1 429 Too Many\r\nContent-Length: 4\r\n\r\nslow"


def piecemeal(connection: socket.socket) -> None:
    for place in range(len(STREAM)):
        connection.sendall(STREAM[place : place + 1])


def cut(connection: socket.socket) -> None:
    connection.sendall(HEAD + CHUNKS[0] + CHUNKS[1][:-9])
    connection.shutdown(socket.SHUT_RDWR)


def reset(connection: socket.socket) -> None:
    connection.sendall(HEAD + CHUNKS[0])
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def close_after(connection: socket.socket) -> None:
    connection.sendall(EMPTY)
    connection.shutdown(socket.SHUT_RDWR)


def stay_silent(connection: socket.socket) -> None:
    connection.recv(1)


def stall(connection: socket.socket) -> None:
    connection.sendall(HEAD + CHUNKS[0] + CHUNKS[1])
    connection.recv(1)


def until_the_end(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"".join(EVENTS))
    connection.shutdown(socket.SHUT_RDWR)


def sends(*pieces: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(b"".join(pieces))


BEHAVIOURS: Mapping[str, Callable[[socket.socket], None]] = {
    "sound": sends(STREAM),
    "piecemeal": piecemeal,
    "interim": sends(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", STREAM),
    "refused": sends(EMPTY),
    "moved": sends(b"HTTP/1.1 302 Found\r\nLocation: /v1/sound\r\nContent-Length: 0\r\n\r\n"),
    "cut": cut,
    "reset": reset,
    "close_after": close_after,
    "silent": stay_silent,
    "stall": stall,
    "until_the_end": until_the_end,
    "long_head": sends(b"HTTP/1.1 200 OK\r\nX: ", b"x" * 100_000),
    "long_event": sends(HEAD, b"20000\r\ndata: ", b"x" * 0x1FFFA),
    "long_body": sends(b"HTTP/1.1 500 No\r\nContent-Length: 200000\r\n\r\n", b"x" * 200_000),
    "no_http": sends(b"* OK IMAP4rev1 ready\r\n"),
    "surplus": sends(EMPTY, b"more than was asked"),
}


def serve(listener: socket.socket, context: ssl.SSLContext | None) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=(connection, context), daemon=True).start()


def answer(connection: socket.socket, context: ssl.SSLContext | None) -> None:
    try:
        if context is not None:
            connection = context.wrap_socket(connection, server_side=True)
        connection.settimeout(20)
        with connection:
            while name := asked_for(connection):
                BEHAVIOURS[name](connection)
    except (OSError, ValueError):
        pass


def asked_for(connection: socket.socket) -> str:
    """The last part of the path of the next request, read to its end; "" for none."""
    with connection.makefile("rb", buffering=0) as stream:
        line = stream.readline()
        if not line:
            return ""
        fields = dict(
            iter(lambda: stream.readline().lower().strip().partition(b": ")[::2], (b"", b""))
        )
        left = int(fields[b"content-length"])
        while left:
            left -= len(stream.read(min(left, 65_536)) or b"")
    return line.split()[1].decode().rpartition("/")[2]


Ask = Callable[..., dict[str, Any]]


def asked(port: int, *groups: list[str], scheme: str = "http", **more: Any) -> dict[str, Any]:
    limits = {"whole_s": 5.0, "silence_s": 0.4, "first_byte_s": 0.3, "body_bytes": 100_000}
    task = {
        "base_url": f"{scheme}://localhost:{port}/v1"
        if scheme == "https"
        else f"http://127.0.0.1:{port}/v1",
        "limits": limits,
        "groups": [[f"/{path}" for path in group] for group in groups],
        **more,
    }
    child = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("asking.py"))],
        input=json.dumps(task) + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "kept-out" not in child.stdout + child.stderr
    found: dict[str, Any] = json.loads(child.stdout)
    return found


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener, None), daemon=True).start()
        yield listener.getsockname()[1]


@pytest.fixture(scope="module")
def alone(port: int) -> dict[str, dict[str, Any]]:
    """Each behaviour, asked for on a connection of its own."""
    found = asked(port, *([name] for name in BEHAVIOURS))
    return {name: answers[0] for name, answers in zip(BEHAVIOURS, found["answers"], strict=True)}


@pytest.mark.parametrize("name", ["sound", "piecemeal", "interim", "until_the_end"])
def test_a_whole_stream_is_read_however_it_comes(
    alone: dict[str, dict[str, Any]], name: str
) -> None:
    found = alone[name]

    assert (found["status"], found["broken"], found["flaw"]) == (200, "", "")
    assert (found["events"], found["tokens"], len(found["times"])) == (6, 3, 3)
    assert found["times"] == sorted(found["times"])
    assert 0 < found["times"][0] <= found["last"]
    assert found["kept"] > 0


def test_other_answers_keep_their_status_and_body(alone: dict[str, dict[str, Any]]) -> None:
    assert (alone["refused"]["status"], alone["refused"]["body"]) == (429, "slow")
    assert (alone["moved"]["status"], alone["moved"]["broken"]) == (302, "")


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("cut", "the answer broke off"),
        ("reset", "Connection reset by peer"),
        ("silent", "no first byte within 0.3 s"),
        ("stall", "silent for 0.4 s"),
        ("long_head", "the answer is no HTTP: a head of more than 64 KiB"),
        ("long_event", "the body passed 100,000 bytes"),
        ("long_body", "the body passed 100,000 bytes"),
        ("no_http", "the answer is no HTTP: no HTTP"),
    ],
)
def test_what_breaks_is_named(alone: dict[str, dict[str, Any]], name: str, broken: str) -> None:
    assert alone[name]["broken"] == broken


def test_a_connection_is_kept_and_used_again(port: int) -> None:
    found = asked(port, ["sound", "refused", "sound", "moved", "sound"])

    assert [one["connected"] for one in found["answers"][0]] == [True, False, False, False, False]
    assert found["counts"]["connected"] == 1


@pytest.mark.parametrize("name", ["cut", "reset", "stall", "surplus", "long_event"])
def test_a_connection_that_broke_is_not_used_again(port: int, name: str) -> None:
    (answers,) = asked(port, [name, "sound"])["answers"]

    assert [one["connected"] for one in answers] == [True, True]
    assert answers[1]["flaw"] == ""


def test_a_connection_that_was_closed_meanwhile_is_not_used_again(port: int) -> None:
    (answers,) = asked(port, ["close_after", "sound"], pause=0.1)["answers"]

    assert [(one["connected"], one["broken"]) for one in answers] == [(True, ""), (True, "")]


@pytest.mark.parametrize("pieces", [1, 4])
def test_a_large_request_is_sent_whole(port: int, pieces: int) -> None:
    each = 8_000_000 // pieces
    (answers,) = asked(port, ["sound", "sound"], size=each, pieces=pieces)["answers"]

    assert [one["flaw"] for one in answers] == ["", ""]


def test_the_kernel_stamps_what_it_received(port: int) -> None:
    counts = asked(port, ["piecemeal"])["counts"]

    assert counts["received"] == len(STREAM)
    assert counts["unstamped"] == 0 or sys.platform != "linux"


def test_nobody_there_is_named() -> None:
    ((found,),) = asked(9, ["sound"])["answers"]

    assert (found["status"], found["broken"]) == (None, "Connection refused")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost and its key, in one file, made for this test run."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = [
        *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        *(
            "-nodes",
            "-days",
            "1",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
        ),
        *("-keyout", str(path), "-out", str(path.with_suffix(".crt"))),
    ]
    subprocess.run(command, check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + path.with_suffix(".crt").read_bytes())
    return path


@pytest.fixture(scope="module")
def tls_port(certificate: Path) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener, context), daemon=True).start()
        yield listener.getsockname()[1]


def test_streams_come_through_tls_on_one_connection(tls_port: int, certificate: Path) -> None:
    found = asked(
        tls_port,
        ["sound", "piecemeal", "sound"],
        scheme="https",
        trust=str(certificate.with_suffix(".crt")),
        size=300_000,
        pieces=2,
    )

    answers = found["answers"][0]
    assert [(one["flaw"], one["broken"]) for one in answers] == [("", "")] * 3
    assert [one["connected"] for one in answers] == [True, False, False]


def test_a_cut_is_seen_through_tls(tls_port: int, certificate: Path) -> None:
    trust = str(certificate.with_suffix(".crt"))

    (answers,) = asked(tls_port, ["cut", "sound"], scheme="https", trust=trust)["answers"]

    assert (answers[0]["broken"], answers[1]["flaw"]) == ("the answer broke off", "")


def test_a_certificate_that_nobody_vouches_for_is_refused(tls_port: int) -> None:
    ((found,),) = asked(tls_port, ["sound"], scheme="https")["answers"]

    assert found["broken"].startswith("TLS: self-signed certificate")
