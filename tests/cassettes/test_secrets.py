"""What the scrubber removes, and what the detector finds when it did not."""

import base64
import gzip
import urllib.parse

import pytest

from kimi_conformance.cassettes import find_secrets, scrub
from kimi_conformance.wire.exchange import Answer, Exchange, Frame, Request

KEY = "sk-AbCdEf0123456789AbCdEf0123456789"
ORG = "org-0123456789abcdef0123456789abcdef"


def exchange(request: Request, answer: Answer) -> Exchange:
    return Exchange(id="x1", request=request, answer=answer, started=0.0, source="live")


def frames(*data: bytes) -> tuple[Frame, ...]:
    return tuple(Frame(float(number), piece) for number, piece in enumerate(data))


def test_only_allowed_headers_are_kept() -> None:
    request = Request(
        method="GET",
        path="/v1/models",
        headers=(("Authorization", f"Bearer {KEY}"), ("Cookie", "a=b"), ("Accept", "*/*")),
    )
    answer = Answer(headers=(("Msh-Uid", "cn0ps"), ("Retry-After", "1"), ("Set-Cookie", "c")))

    scrubbed = scrub(exchange(request, answer))

    assert scrubbed.exchange.request.headers == (("Accept", "*/*"),)
    assert scrubbed.exchange.answer.headers == (("Retry-After", "1"),)
    assert scrubbed.removed == ("authorization", "cookie", "msh-uid", "set-cookie")


def test_account_ids_become_ids_that_name_nobody() -> None:
    body = f"Your account {ORG}<ak-abcdefghij0123456789> request reached".encode()
    answer = Answer(headers=(("Content-Length", str(len(body))),), frames=frames(body))

    clean = scrub(exchange(Request(method="GET", path="/"), answer)).exchange.answer

    assert (
        clean.body == b"Your account org-" + b"0" * 32 + b"<ak-" + b"0" * 20 + b"> request reached"
    )
    assert clean.header("Content-Length") == str(len(clean.body))


def test_a_known_key_is_removed_wherever_it_stands() -> None:
    request = Request(
        method="POST", path=f"/v1/{KEY}", query=f"key={KEY}", body=f'{{"a":"{KEY}"}}'.encode()
    )
    body = f'{{"error":"{KEY}"}}'.encode()
    answer = Answer(headers=(("Content-Length", str(len(body))),), frames=frames(body))

    clean = scrub(exchange(request, answer), (KEY,)).exchange

    assert KEY not in repr(clean)
    assert clean.answer.header("Content-Length") == str(len(clean.answer.body))


def test_a_key_that_spans_two_frames_is_removed() -> None:
    text = f"data: {KEY}\n\n".encode()
    answer = Answer(frames=frames(text[:12], text[12:]))

    clean = scrub(exchange(Request(method="GET", path="/"), answer), (KEY,)).exchange.answer

    assert KEY.encode() not in clean.body
    assert clean.body == b"data: <removed-key>\n\n"


def in_every_form(key: str) -> dict[str, bytes]:
    return {
        "plain": key.encode(),
        "url": "".join(f"%{byte:02X}" for byte in key.encode()).encode(),
        "double url": urllib.parse.quote("".join(f"%{byte:02x}" for byte in key.encode())).encode(),
        "json": b'"' + "".join(f"\\u{ord(char):04x}" for char in key).encode() + b'"',
        "base64": base64.b64encode(f"user:{key}".encode()),
        "base64, shifted": b"x" + base64.b64encode(f"user:{key}".encode()),
        "gzip": gzip.compress(b"some text " + key.encode()),
        "base64 of gzip": base64.b64encode(gzip.compress(key.encode() * 3)),
    }


@pytest.mark.parametrize("data", in_every_form(KEY).values(), ids=in_every_form(KEY))
def test_a_key_is_found_in_any_form(data: bytes) -> None:
    assert find_secrets(b"before " + data + b" after")


ODD = "a key of another form, 0815"


@pytest.mark.parametrize("data", in_every_form(ODD).values(), ids=in_every_form(ODD))
def test_a_known_key_is_found_whatever_it_looks_like(data: bytes) -> None:
    found = find_secrets(b"before " + data + b" after", known=(ODD,))

    assert {secret.kind for secret in found} == {"known key"}
    assert ODD not in found[0].near


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {KEY}",
        ORG,
        "ak-abcdefghij0123456789",
        "proj-0123456789abcdef0123456789abcdef",
    ],
)
def test_what_names_an_account_is_found(text: str) -> None:
    assert find_secrets(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "org-" + "0" * 32,
        "Authorization: Bearer $KIMI_API_KEY",
        "sk-removed",
        "sk-placeholder",
        "a risk-averse task-force",
        "chatcmpl-68c0c5000000000000000001",
        "the header Authorization carries the key",
    ],
)
def test_what_names_nobody_is_left_alone(text: str) -> None:
    assert find_secrets(text.encode()) == []
