"""Readers fed with what is nearly sound: one place of a sound document is another thing."""

import base64
import copy
import gzip
import json
import urllib.parse
from collections.abc import Callable
from functools import cache
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.fuzzing.few import FEW
from tests.fuzzing.readers import (
    READERS,
    SECRET,
    a_baseline,
    a_cassette,
    a_line_of_a_process,
    a_run_file,
    cassettes,
    exchange,
    objectives,
    written,
)

from kimi_conformance import runs
from kimi_conformance.cassettes import find_secrets, read, scrub
from kimi_conformance.load.client.framing import Framing
from kimi_conformance.stage.http1 import RequestReader
from kimi_conformance.wire import Event, SSEDecoder

ODD: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**63, 10**400, -1])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.just([])
    | st.just({})
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=3), st.none(), max_size=2)
)


def places(value: Any) -> list[tuple[Any, ...]]:
    """The ways to every part of a value."""
    parts: dict[Any, Any] = {}
    if isinstance(value, dict):
        parts = value
    elif isinstance(value, list):
        parts = dict(enumerate(value))
    return [(), *((key, *way) for key, part in parts.items() for way in places(part))]


def spoilt(value: Any, way: tuple[Any, ...], new: Any) -> Any:
    """A copy with another thing in one place."""
    if not way:
        return new
    value = copy.copy(value)
    value[way[0]] = spoilt(value[way[0]], way[1:], new)
    return value


@st.composite
def nearly(draw: st.DrawFn, sound: Callable[[], list[Any]]) -> Any:
    value = draw(st.sampled_from(sound()))
    return spoilt(value, draw(st.sampled_from(places(value))), draw(ODD))


@cache
def documents() -> list[Any]:
    """Cassettes of one short interaction."""
    return [
        {**yaml.safe_load(path.read_text("utf-8")), "provenance": PROVENANCE}
        for path in cassettes()[:12]
        if len(read(path, "any").interactions) == 1
    ]


PROVENANCE = {
    "source": "simulator",
    "edition": "2026-09",
    "recorded_on": "2026-09-10",
    "check": "endpoint/chat/any",
    "suite": "0.1.0",
    "libraries": {},
    "scrubbed": [],
    "digest": "",
}


@FEW
@given(nearly(documents))
def test_a_cassette_with_one_odd_place_is_refused_or_read(document: Any) -> None:
    a_cassette(yaml.dump(document, allow_unicode=True).encode())


@cache
def records() -> list[Any]:
    return [json.loads(line) for seed in READERS["run"].seeds() for line in seed.splitlines()[1:]]


@FEW
@given(nearly(records))
def test_a_run_with_one_odd_record_is_refused_or_read(record: Any) -> None:
    a_run_file(runs.encode({"record": "header", "schema": runs.SCHEMA}) + runs.encode(record))


@cache
def messages() -> list[Any]:
    return [json.loads(line) for line in READERS["process"].seeds()]


@FEW
@given(nearly(messages))
def test_a_message_with_one_odd_place_is_refused_or_read(message: Any) -> None:
    a_line_of_a_process(json.dumps(message).encode())


def in_toml(value: Any) -> str:
    """A value as TOML has it; what it has no word for as a text."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {in_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(in_toml, value)) + "]"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return json.dumps(str(value))


ENTRY = {
    "check": "adapter/listing/one",
    "variants": ["429", "5*"],
    "editions": ["2026-09"],
    "reason": "r",
    "issue": "i",
    "expires": 5,
}
OBJECTIVES = [
    {"metric": "success", "objective": 0.9},
    {"metric": "ttft_s", "at_most": 1, "objective": 0.9, "requirement": "PERF-01"},
    {"metric": "ttft_s", "at_most": 2, "statistic": "p99"},
    {"metric": "goodput", "bounds": {"ttft_s": 1}, "objective": 0.5},
]


@FEW
@given(nearly(lambda: [ENTRY]))
def test_a_baseline_with_one_odd_place_is_refused_or_read(entry: Any) -> None:
    listed = in_toml([entry]).replace(" 5", " 2027-03-31")
    a_baseline(f"known_failure = {listed}".encode())


@FEW
@given(nearly(lambda: [{"a": dict(zip("wxyz", OBJECTIVES, strict=True))}]))
def test_objectives_with_one_odd_place_are_refused_or_read(tables: Any) -> None:
    document = tables if isinstance(tables, dict) else {"a": tables}
    objectives("".join(f"{json.dumps(k)} = {in_toml(v)}\n" for k, v in document.items()).encode())


# ------------------------------------------------------------------ round trips

NO_LINE_END = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=8
)
EVENTS = st.builds(
    Event,
    data=st.lists(NO_LINE_END, min_size=1, max_size=3).map("\n".join),
    event=st.none() | NO_LINE_END.filter(bool),
    id=st.just("7"),
    retry=st.none() | st.integers(0, 10**17),
    line=st.just(1),
)


@FEW
@given(st.lists(EVENTS, max_size=5))
def test_events_that_are_written_are_read_as_they_were(events: list[Event]) -> None:
    found = SSEDecoder().feed(written(events))

    assert [(e.data, e.event, e.id, e.retry) for e in found] == [
        (e.data, e.event, e.id, e.retry) for e in events
    ]


@FEW
@given(st.lists(st.binary(max_size=20), max_size=5), st.integers(1, 7))
def test_a_body_in_any_chunks_is_the_body_on_both_sides(chunks: list[bytes], size: int) -> None:
    framed = b"".join(b"%x;n=1\r\n%b\r\n" % (len(each), each) for each in chunks if each)
    coding = b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"
    reader, framing = RequestReader(), Framing()

    sent, answered = b"POST / HTTP/1.1\r\n" + coding, b"HTTP/1.1 200 OK\r\n" + coding
    for start in range(0, len(sent), size):
        reader.feed(sent[start : start + size])
        received = reader.next()
    body = b"".join(
        [framing.feed(answered[start : start + size]) for start in range(0, len(answered), size)]
    )

    assert received is not None
    assert received.body == body == b"".join(chunks)
    assert (reader.size, framing.complete) == (0, True)


# ------------------------------------------------------------------ secrets

ESCAPES: tuple[Callable[[str], str], ...] = (
    str,
    lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    lambda text: "".join(f"\\\\u{ord(char):04X}" for char in text),
    lambda text: urllib.parse.quote("".join(f"%{byte:02x}" for byte in text.encode())),
)
CODINGS: tuple[Callable[[bytes], bytes], ...] = (
    bytes,
    gzip.compress,
    lambda data: base64.b64encode(gzip.compress(data)),
    lambda data: base64.urlsafe_b64encode(gzip.compress(data)).rstrip(b"="),
)
FORMS = [(escape, coding) for escape in ESCAPES for coding in CODINGS]
AROUND = st.text('ab {}":,\n=/+', max_size=9)


@FEW
@given(AROUND, AROUND, st.sampled_from(FORMS), st.integers(1, 200))
def test_what_the_scrubber_writes_the_detector_passes(
    before: str,
    after: str,
    form: tuple[Callable[[str], str], Callable[[bytes], bytes]],
    size: int,
) -> None:
    escape, coding = form
    body = coding(f"{before}{escape(SECRET)} {after}".encode())
    assert find_secrets(body, (SECRET,))

    clean = scrub(exchange(body, size), (SECRET,)).exchange

    assert find_secrets(clean.answer.body, (SECRET,)) == []
    assert find_secrets(clean.request.body, (SECRET,)) == []


@FEW
@given(AROUND, AROUND, st.booleans())
def test_a_secret_in_base64_leaves_nothing_that_the_detector_knows(
    before: str, after: str, for_urls: bool
) -> None:
    encode = base64.urlsafe_b64encode if for_urls else base64.b64encode
    body = b'{"basic": "' + encode(f"{before}{SECRET}{after}".encode()) + b'"}'

    clean = scrub(exchange(body, 30), (SECRET,)).exchange

    assert find_secrets(clean.answer.body, (SECRET,)) == []
