"""Exchanges that mean harm, as the laws, the eraser and the replayer look at them."""

import base64
import gzip
import json
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from tests.hostile.bodies import VALUES, bomb

from kimi_conformance.cassettes import detector, find_secrets
from kimi_conformance.cli.drifting.replaying import LONGEST_ID, Session
from kimi_conformance.reporting.views import exchanges
from kimi_conformance.requirements import Plane
from kimi_conformance.simulator import multipart
from kimi_conformance.stage.pacing import _told
from kimi_conformance.wire import inflating
from kimi_conformance.wire.erasing import REMOVED_KEY, erase
from kimi_conformance.wire.exchange import Answer, Exchange, Frame, Request
from kimi_conformance.wire.json_values import DEEPEST, NOT_JSON, parse_json
from kimi_conformance.wire.reading import Reading
from kimi_conformance.wire.validators import judge

KEY = "sk-hostile-0123456789abcdef"


def exchange(body: bytes, *headers: tuple[str, str]) -> Exchange:
    answer = Answer(
        headers=(("Content-Type", "application/json"), *headers), frames=(Frame(0.1, body),)
    )
    request = Request(method="POST", path="/v1/chat/completions", body=b"{}")
    return Exchange(id="x", request=request, answer=answer, started=0.0, source="live")


@pytest.mark.parametrize(("coding", "wbits"), [("gzip", 31), ("deflate", 15)])
def test_the_laws_inflate_no_bomb(monkeypatch: pytest.MonkeyPatch, coding: str, wbits: int) -> None:
    assert inflating.LARGEST <= 64 * 2**20
    sent = exchange(bomb(66 * 2**20, wbits), ("Content-Encoding", coding))

    assert Reading(sent).body is None
    assert not [
        each for each in judge(sent, Plane.ENDPOINT) if each.law == "WIRE-009" and each.violations
    ]


@pytest.mark.parametrize("name", VALUES)
def test_the_laws_judge_any_values(name: str) -> None:
    assert judge(exchange(VALUES[name]), Plane.ENDPOINT)


def test_an_archive_in_an_archive_without_end_is_taken_out() -> None:
    packed = KEY.encode()
    for _ in range(500):
        packed = gzip.compress(packed, mtime=0)

    clean = erase(b"before " + packed, (KEY,))

    for _ in range(20):
        clean = gzip.decompress(clean.removeprefix(b"before ")) if b"\x1f\x8b" in clean else clean
    assert clean.removeprefix(b"before ") == REMOVED_KEY


LONG = 100_000
LONG_TEXTS: dict[str, tuple[Callable[[Any], object], Any]] = {
    "JSON of brackets": (parse_json, "[" + "[]," * 300 + '"' + "a\\n" * LONG + '"]'),
    "JSON in a report": (exchanges.indented, '["' + "a\\n" * LONG + '"]'),
    "a form's name": (multipart._parameters, '; name="' + "a\\n" * LONG + '"'),
    "a bearer far away": (find_secrets, b"Bearer" + b" " * LONG),
    "URL coded again and again": (lambda data: erase(data, (KEY,)), b"%" + b"25" * LONG),
}


@pytest.mark.parametrize("name", LONG_TEXTS)
def test_a_long_text_takes_little_memory(name: str) -> None:
    """A pattern that may come back to each place of a text keeps 100 bytes for each."""
    read, text = LONG_TEXTS[name]
    tracemalloc.start()

    read(text)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * len(text)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (b"[" * DEEPEST + b"]" * DEEPEST, True),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), False),
        (b'["' + b"[" * 5000 + b'"]', True),  # in a text it is no nesting
        (b"[" + b"[]," * 5000 + b"[]]", True),
        (b'["\\"' + b"{" * 5000 + b'"]', True),
    ],
)
def test_only_nesting_is_too_deep(text: bytes, read: bool) -> None:
    assert (parse_json(text) is not NOT_JSON) is read


@pytest.mark.parametrize(
    "id",
    ["a\r\nX-Injected: 1", "a" * (LONGEST_ID + 1), "\ud800aaaaaaaa", "\u202eaaaaaaaa", "short"],
)
async def test_an_id_that_no_request_can_carry_is_not_sent_back(id: str) -> None:
    class Source:
        kind = "live"
        asked: list[Request] = []  # noqa: RUF012 - of one test

        async def answer(self, request: Request) -> Answer:
            self.asked.append(request)
            body = json.dumps({"id": id, "created": 10**400})
            return Answer(frames=(Frame(0.0, body.encode()),))

    recorded = exchange(b'{"id": "file-recorded", "created": 7}')
    session = Session(source=Source(), api_key=KEY, model_for={}, now=lambda: 0.0)

    await session.ask(recorded)
    await session.ask(recorded)

    assert session.given == {}
    assert len(Source.asked) == 2


@pytest.mark.parametrize("wait", ["\xb2.5", "9" * 400, "nan", "1.2.3", "-1", "", "\x1b"])
def test_a_wait_of_any_form_is_seconds_or_none(wait: str) -> None:
    found: Any = _told((("Retry-After", wait),), "")

    assert found is None or 0 <= found < 1e18


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "url": lambda data: b"".join(b"%%%02X" % byte for byte in data),
    "json": lambda data: b"".join(b"\\u%04x" % byte for byte in data),
    "base64": lambda data: base64.b64encode(b"a " + data),
    "gzip": lambda data: gzip.compress(b"a " + data, mtime=0),
}


@pytest.mark.parametrize("known", [(KEY,), ()], ids=["known", "by its form"])
@pytest.mark.parametrize("outer", CODINGS)
@pytest.mark.parametrize("inner", CODINGS)
def test_a_key_in_six_codings_is_found(outer: str, inner: str, known: tuple[str, ...]) -> None:
    data = KEY.encode()
    for name in (inner, "gzip", outer, "base64", inner, "gzip"):
        data = CODINGS[name](data)

    assert find_secrets(b"before " + data + b" after", known)


def test_what_nobody_can_look_through_is_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some KB of archives stand for GiB; the work ends, and what is left counts as a secret."""
    monkeypatch.setattr(detector, "MOST_DECODED", 3 * 2**20)
    archives = (gzip.compress(b"%d" % number + bytes(2**20), mtime=0) for number in range(20))
    bombs = b" ".join(map(base64.b64encode, archives))

    kinds = {secret.kind for secret in find_secrets(bombs)}

    assert kinds == {"more than can be looked through"}
    assert find_secrets(b"".join(b"%%%02X" % byte for byte in b"harmless" * 10_000)) == []
