"""A known secret is taken out in every form, and nothing else is."""

import base64
import gzip
import json
import urllib.parse
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance.wire import Frame, erasing
from kimi_conformance.wire.erasing import LAYERS, REMOVED_KEY, erase, erase_in_frames

SECRET = "kimi-" + "Key+0123456789/=~" * 2
URL = "".join(f"%{byte:02x}" for byte in SECRET.encode())
JSON = "".join(f"\\u{byte:04X}" for byte in SECRET.encode())
FORMS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "url": lambda text: text.replace(SECRET, URL).encode(),
    "url in capitals": lambda text: text.replace(SECRET, URL.upper()).encode(),
    "url twice": lambda text: text.replace(SECRET, URL.replace("%", "%25")).encode(),
    "url three times": lambda text: text.replace(SECRET, URL.replace("%", "%2525")).encode(),
    "json": lambda text: text.replace(SECRET, JSON).encode(),
    "json in capitals": lambda text: text.replace(SECRET, JSON.replace("u", "U")).encode(),
    "json in json": lambda text: json.dumps(text.replace(SECRET, JSON))[1:-1].encode(),
    "hexadecimal escapes": lambda text: text.replace(
        SECRET, JSON.lower().replace("\\u00", "\\x")
    ).encode(),
    "some of each": lambda text: text.replace("k", "%6B").replace("0", "\\u0030").encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_replaced_in_whatever_way_it_is_escaped(form: str) -> None:
    data = FORMS[form](f"a {SECRET}. b")

    assert erase(data, (SECRET,)) == b"a <removed-key>. b"


def test_every_secret_is_taken_out_wherever_it_stands() -> None:
    data = f"{SECRET}{SECRET} two-0123456789 and the rest".encode()

    assert erase(data, ("", SECRET, "two-0123456789")) == REMOVED_KEY * 2 + (
        REMOVED_KEY.join([b" ", b" and the rest"])
    )


@pytest.mark.parametrize("before", ["", "u", "us", "user:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_can_be_decoded_as_before_at_every_alignment(
    before: str, encode: Callable[[bytes], bytes]
) -> None:
    whole = f"{before}{SECRET};and what follows?>".encode()

    clean = erase(b"x " + encode(whole), (SECRET,))
    decoded = base64.b64decode(clean[2:].replace(b"-", b"+").replace(b"_", b"/"))

    assert len(decoded) == len(whole)
    assert decoded.startswith(before.encode())
    assert decoded.endswith(b"and what follows?>")
    assert SECRET[2:-2].encode() not in decoded
    assert decoded[len(before) + 2 : len(before) + len(SECRET) - 2].strip(b"\0") == b""


@pytest.mark.parametrize("text", ["", "a", "abcd", "abcde"])
def test_of_a_short_secret_base64_is_left_where_it_could_be_anything(text: str) -> None:
    """Eight characters of base64 are the least that is no chance."""
    data = base64.b64encode(f"xyz{text}xyz".encode())

    assert erase(data, (text,)) == data


def test_eight_characters_of_base64_are_enough() -> None:
    data = base64.b64encode(b"xyzabcdefxyz")

    assert erase(data, ("abcdef",)) == b"eHl6AAAAAAAAeHl6"


def test_an_archive_holds_the_rest_still() -> None:
    packed = gzip.compress(f"before {SECRET} after".encode())

    clean = erase(b"head" + packed + b"tail", (SECRET,))

    assert clean.startswith(b"head")
    assert clean.endswith(b"tail")
    assert gzip.decompress(clean[4:-4]) == b"before <removed-key> after"


def test_an_archive_without_the_secret_is_left_as_it_is() -> None:
    data = b"head" + gzip.compress(b"nothing in here", compresslevel=1) + b"tail"

    assert erase(data, (SECRET,)) == data


@pytest.mark.parametrize("data", [b"\x1f\x8b\x08 no archive", b"\x1f\x8b\x08", b"H4sI" + b"A" * 40])
def test_what_only_begins_as_an_archive_is_left_as_it_is(data: bytes) -> None:
    assert erase(data, (SECRET,)) == data


@pytest.mark.parametrize("strip", [b"", b"="])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("rest", range(12))
def test_an_archive_in_base64_can_be_decoded_as_before(
    encode: Callable[[bytes], bytes], strip: bytes, rest: int
) -> None:
    noise = "".join(chr(ord("A") + number * 7 % 31) for number in range(rest))
    packed = gzip.compress(f"{noise}before {SECRET} after".encode(), mtime=0)

    clean = erase(b"{" + encode(packed).rstrip(strip) + b"}", (SECRET,))

    assert (clean[:1], clean[-1:]) == (b"{", b"}")
    assert gzip.decompress(base64.b64decode(clean[1:-1])) == (
        f"{noise}before <removed-key> after".encode()
    )


def test_an_archive_is_the_same_whenever_it_is_made() -> None:
    clean = erase(gzip.compress(SECRET.encode()), (SECRET,))

    assert clean[4:8] == b"\0\0\0\0"  # when it was made


def test_base64_for_urls_is_read_in_each_of_its_characters() -> None:
    noise = bytes(range(256)) * 2
    packed = gzip.compress(noise + SECRET.encode() + noise, mtime=0)
    text = base64.urlsafe_b64encode(packed)
    assert b"-" in text
    assert b"_" in text

    clean = gzip.decompress(base64.b64decode(erase(text, (SECRET,))))

    assert clean == noise + REMOVED_KEY + noise


def test_an_archive_in_base64_without_the_secret_is_left_as_it_is() -> None:
    data = b"{" + base64.urlsafe_b64encode(gzip.compress(b"nothing??>>", compresslevel=1)) + b"}"

    assert erase(data, (SECRET,)) == data


def test_half_an_archive_is_looked_into_too() -> None:
    noise = "".join(f"{number:x}" for number in range(4000))
    half = gzip.compress(f"{SECRET} {noise}".encode(), mtime=0)[:3000]

    clean = erase(half, (SECRET,))

    inflater = zlib.decompressobj(wbits=31)
    assert inflater.decompress(clean).startswith(b"<removed-key> 0123")
    assert inflater.eof


def test_an_archive_in_an_archive_is_opened() -> None:
    inner = gzip.compress(SECRET.encode())
    outer = gzip.compress(b"a" + base64.b64encode(inner))

    clean = gzip.decompress(erase(outer, (SECRET,)))

    assert gzip.decompress(base64.b64decode(clean[1:])) == REMOVED_KEY


def layered(layers: int) -> bytes:
    data = SECRET.encode()
    for _ in range(layers):
        data = gzip.compress(data, mtime=0)
    return data


@pytest.mark.parametrize("layers", [1, 8, 9, 12])
def test_of_archives_in_archives_nothing_is_left_however_deep_they_are(layers: int) -> None:
    data = erase(layered(layers), (SECRET,))

    for _ in range(min(layers, LAYERS)):
        data = gzip.decompress(data)
    assert data == REMOVED_KEY


def clean(data: bytes) -> bytes:
    return erase(data, (SECRET,))


def test_frames_without_the_secret_stay_the_same() -> None:
    frames = (Frame(0.1, b"a"), Frame(0.2, b"b"))

    assert erase_in_frames(frames, clean) == frames
    assert erase_in_frames((), clean) == ()


def test_a_secret_within_a_frame_is_taken_out_of_that_frame() -> None:
    frames = (Frame(0.1, b"a"), Frame(0.2, f"b {SECRET}".encode()), Frame(0.3, b"c"))

    assert erase_in_frames(frames, clean) == (
        Frame(0.1, b"a"),
        Frame(0.2, b"b <removed-key>"),
        Frame(0.3, b"c"),
    )


def test_a_frame_of_which_nothing_is_left_is_none() -> None:
    frames = (Frame(0.1, b"a"), Frame(0.2, b"gone"))

    assert erase_in_frames(frames, lambda data: data.replace(b"gone", b"")) == (Frame(0.1, b"a"),)


@given(st.integers(1, len(SECRET) - 1))
def test_a_secret_that_spans_two_frames_makes_one_frame_of_all(place: int) -> None:
    body = f"a{SECRET}b".encode()
    frames = (Frame(0.1, body[: place + 1]), Frame(0.2, body[place + 1 :]), Frame(0.3, b"c"))

    assert erase_in_frames(frames, clean) == (Frame(0.3, b"a<removed-key>bc"),)


@given(st.text(max_size=40))
def test_what_holds_no_secret_is_left_as_it_is(text: str) -> None:
    for data in (text.encode(), urllib.parse.quote(text).encode(), json.dumps(text).encode()):
        assert erase(data, (SECRET,)) == data


def test_an_archive_that_nobody_can_read_to_its_end_is_taken_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(erasing, "LARGEST", 1000)
    data = gzip.compress(b"x" * 1001 + SECRET.encode())

    assert erase(b"a" + data, (SECRET,)) == b"a" + REMOVED_KEY
    assert erase(gzip.compress(b"x" * 1000), (SECRET,)) != REMOVED_KEY
