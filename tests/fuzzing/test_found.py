"""What a search, or a look with its eyes, found once: each is refused now, or read, and in time."""

import base64
import gzip
import time
import zlib
from collections.abc import Callable

import pytest
from tests.fuzzing.readers import READERS, SECRET, folder

from kimi_conformance import runs
from kimi_conformance.adapters.process.lines import LineError, message_of, shown
from kimi_conformance.cassettes import find_secrets, read
from kimi_conformance.errors import CassetteError, RunError, UsageError
from kimi_conformance.load.client.framing import Framing, NotHTTPError
from kimi_conformance.slo import parse as parse_objectives
from kimi_conformance.stage.http1 import LARGEST_HEAD, BadRequestError, RequestReader
from kimi_conformance.wire.erasing import erase

HEADER = runs.encode({"record": "header", "schema": runs.SCHEMA})
LAW = {
    "record": "law",
    "law": "SSE-001",
    "plane": "endpoint",
    "sut": "endpoint",
    "check": "endpoint/chat/x",
    "applied": 1,
    "violations": ["one"],
    "exchanges": [],
}
CHUNKED = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def refusal(sent: list[bytes]) -> int | None:
    reader = RequestReader()
    try:
        for piece in sent:
            reader.feed(piece)
            reader.next()
    except BadRequestError as refused:
        return refused.status
    return None


def in_pieces(data: bytes) -> list[bytes]:
    return [data[start : start + 1000] for start in range(0, len(data), 1000)]


@pytest.mark.parametrize("digits", [19, 5000])
def test_a_length_that_python_cannot_read_is_too_large(digits: int) -> None:
    head = b"POST / HTTP/1.1\r\nContent-Length: %b\r\n\r\n" % (b"9" * digits)

    assert refusal([head]) == 413


@pytest.mark.parametrize("cut", [in_pieces, lambda data: [data]])
@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (CHUNKED + b"0\r\nX: " + b"x" * LARGEST_HEAD, 431),
        (CHUNKED + b"0\r\nX: " + b"x" * LARGEST_HEAD + b"\r\n\r\n", 431),
        (CHUNKED + b"1;" + b"x" * LARGEST_HEAD + b"\r\na\r\n0\r\n\r\n", 400),
    ],
)
def test_what_surrounds_chunks_is_limited_however_it_is_cut(
    sent: bytes, status: int, cut: Callable[[bytes], list[bytes]]
) -> None:
    assert refusal(cut(sent)) == status


@pytest.mark.parametrize("cut", [in_pieces, lambda data: [data]])
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", "head"),
        (ANSWER + b"1;" + b"x" * 70_000 + b"\r\na\r\n", "without a size"),
        (ANSWER + b"0\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", "trailers"),
    ],
)
def test_an_answer_that_is_too_long_is_refused_however_it_is_cut(
    answer: bytes, reason: str, cut: Callable[[bytes], list[bytes]]
) -> None:
    framing = Framing()
    with pytest.raises(NotHTTPError, match=reason):
        list(map(framing.feed, cut(answer)))


def test_many_interim_answers_at_once_are_passed_over() -> None:
    framing = Framing()
    framing.feed(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)

    body = framing.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    assert (body, framing.status, framing.complete) == (b"ok", 200, True)


@pytest.mark.parametrize(
    "line",
    [
        {"record": ["check"]},
        {"record": "check", "id": "endpoint/chat/x"},
        {"record": "check", "id": 5, "requirement": "A", "sut": "s", "level": "MUST"},
        {"record": "law", "law": "SSE-001", "plane": "nowhere"},
        {"record": "baseline", "sut": "s", "today": "yesterday"},
        {**LAW, "violations": [2.5]},
        {**LAW, "violations": "one"},
        {**LAW, "applied": "often"},
        {**LAW, "exchanges": [None]},
        {"record": "exchange"},
        {"record": "exchange", "id": []},
    ],
)
def test_a_record_of_another_make_is_told_with_its_file(line: dict[str, object]) -> None:
    with pytest.raises(RunError, match=r"run\.jsonl"):
        runs.parse([HEADER, runs.encode(line)], "run.jsonl")


def test_the_law_that_these_are_made_of_is_sound() -> None:
    (tally,) = runs.parse([HEADER, runs.encode(LAW)]).laws

    assert (tally.applied, tally.violations) == (1, ("one",))


@pytest.mark.parametrize("schema", ["2", None, [], 2.5])
def test_a_schema_that_is_no_number_is_told(schema: object) -> None:
    with pytest.raises(RunError, match="has schema"):
        runs.parse([runs.encode({"record": "header", "schema": schema})])


def test_a_record_that_is_nested_too_deep_is_told() -> None:
    with pytest.raises(RunError, match="line 2 is not JSON"):
        runs.parse([HEADER, b"[" * 100_000 + b"\n"])


@pytest.mark.parametrize(
    "value", ["9" * 400, "9" * 5000, "0x" + "f" * 5000, "[" * 3000, "-" + "9" * 30]
)
def test_a_number_that_no_arithmetic_takes_is_told(value: str) -> None:
    with pytest.raises(UsageError, match="is not TOML"):
        parse_objectives(f'[all.a]\nmetric = "response_s"\nstatistic = "mean"\nat_most = {value}')


def test_the_largest_integer_of_toml_is_one() -> None:
    found = parse_objectives(
        f'[all.a]\nmetric = "response_s"\nstatistic = "mean"\nat_most = {2**63 - 1}'
    )

    assert found.of("any")[0].target == 2.0**63


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"-1e999"])
def test_a_number_that_json_does_not_have_is_no_message(number: bytes) -> None:
    with pytest.raises(LineError, match="no JSON"):
        message_of(b'{"id": 1, "result": %b}' % number)


@pytest.mark.parametrize("before", range(1560, 1640, 8))
def test_half_a_secret_at_the_end_of_what_is_shown_is_cut_off(before: int) -> None:
    secret = "kimi-" + "0123456789abcdef" * 4

    told = shown(b" " * before + secret.encode() + b"x" * 5000, (secret,))

    assert secret[:8] not in told


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"5",
        b"interactions: 5",
        b"interactions: [5]",
        b"a: " + b"9" * 5000,
        b"[" * 5000,
        b"!!python/object/apply:os.getcwd []",
        b"!!python/object/new:_io.BytesIO {state: 5}",
        b"a: 2025-99-99",
        b"\x00",
    ],
)
def test_a_document_that_is_no_cassette_is_damaged(document: bytes) -> None:
    path = folder() / "found.yaml"
    path.write_bytes(document)

    with pytest.raises(CassetteError, match="kimi-conformance record any"):
        read(path, "any")


def test_an_archive_that_holds_archives_without_end_is_given_up() -> None:
    nested = SECRET.encode()
    for _ in range(3000):
        nested = b"a" + gzip.compress(nested, compresslevel=0, mtime=0)
        if len(nested) > 60_000:
            break

    assert erase(nested, (SECRET,))


def quick(call: Callable[[], object], within: float) -> bool:
    started = time.process_time()
    call()
    return time.process_time() - started < within


@pytest.mark.parametrize(
    "data",
    [
        b"\\" * 100_000,
        b"\\u0073" * 20_000,
        b"%25" * 40_000,
        base64.b64encode(zlib.compress(b"x" * 100_000)) * 100,
    ],
)
def test_runs_of_escapes_take_time_in_proportion(data: bytes) -> None:
    assert quick(lambda: erase(data, (SECRET,)), 1.0)
    assert quick(lambda: find_secrets(data, (SECRET,)), 1.0)


def test_a_header_of_blanks_takes_time_in_proportion() -> None:
    answer = b"HTTP/1.1 200 OK\r\nX: a" + b" " * 60_000 + b"b\r\nContent-Length: 0\r\n\r\n"

    assert quick(lambda: Framing().feed(answer), 0.5)


# Inputs that the guided search left: (reader, input).
FOUND = [("process", b'{"classes": ["ValueErvor", 1e999, "cxp]tihu"], "text": "t"}')]


@pytest.mark.parametrize(("name", "data"), FOUND)
def test_an_input_that_broke_a_reader_does_so_no_more(name: str, data: bytes) -> None:
    READERS[name].property(data)
