"""
What must hold of each reader for any bytes at all.

A property takes bytes and returns; what it raises is a finding. Hypothesis and the guided search
feed the same properties, so that whatever one of them finds, the other can keep.
"""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from kimi_conformance import baselines, runs, slo, suite
from kimi_conformance.adapters.failures import failure_of
from kimi_conformance.adapters.process.lines import LineError, line_of, message_of, shown
from kimi_conformance.adapters.process.messages import problems
from kimi_conformance.adapters.process.thrown import described, rebuilt
from kimi_conformance.cassettes import find_secrets, read, scrub, write
from kimi_conformance.cassettes.cassette import SIMULATOR_ORIGIN
from kimi_conformance.errors import CassetteError, RunError, UsageError
from kimi_conformance.load.client.framing import Framing, NotHTTPError
from kimi_conformance.requirements import Catalogue
from kimi_conformance.stage.http1 import BadRequestError, Received, RequestReader
from kimi_conformance.wire import Answer, Event, Exchange, Frame, Request, SSEDecoder
from kimi_conformance.wire.erasing import erase

ROOT = Path(__file__).parents[2]
EDITIONS = ("2025-09", "2026-09")
SECRET = "sk-" + "FuZz0123456789" * 3
SMALL = 4_000  # bytes; a larger seed only slows the search


def pieces(data: bytes) -> Iterator[bytes]:
    """The bytes one by one; of long data the beginning and the end only."""
    start, stop = 200, max(len(data) - 100, 200)
    yield from (data[place : place + 1] for place in range(min(len(data), start)))
    if data[start:stop]:
        yield data[start:stop]
    yield from (data[place : place + 1] for place in range(stop, len(data)))


# ------------------------------------------------------------------ event streams


def decoded(parts: Iterable[bytes]) -> tuple[list[Event], object]:
    decoder = SSEDecoder()
    events = [event for part in parts for event in decoder.feed(part)]
    return events, decoder.end()


def written(events: Iterable[Event]) -> bytes:
    """A stream of these events."""
    lines = []
    for event in events:
        if event.event is not None:
            lines.append(f"event: {event.event}")
        if event.id is not None:
            lines.append(f"id: {event.id}")
        if event.retry is not None:
            lines.append(f"retry: {event.retry}")
        lines += [f"data: {line}" for line in event.data.split("\n")]
        lines.append("")
    return "".join(f"{line}\n" for line in lines).encode()


def an_event_stream(data: bytes) -> None:
    """Any cut gives the same, a stream that is written again reads the same, nothing is made up."""
    events, remainder = decoded([data])
    assert decoded(pieces(data)) == (events, remainder)
    again, _ = decoded([written(events)])
    plain = [replace(event, line=1, valid_utf8=True) for event in events]
    assert [replace(event, line=1) for event in again] == plain
    assert sum(len(event.data) for event in events) <= len(data)


# ------------------------------------------------------------------ HTTP/1.1


def received(parts: Iterable[bytes]) -> tuple[list[Received], int | None]:
    """The requests, and the status of the refusal that ended them."""
    reader, found = RequestReader(), []
    try:
        for part in parts:
            reader.feed(part)
            while (request := reader.next()) is not None:
                found.append(request)
    except BadRequestError as refused:
        return found, refused.status
    return found, None


def requests_to_the_stage(data: bytes) -> None:
    """Any cut gives the same requests and the same refusal."""
    whole = received([data])
    assert received(pieces(data)) == whole
    for request in whole[0]:
        assert request.method
        assert not any("\n" in name + value for name, value in request.headers)


def framed(parts: Iterable[bytes]) -> tuple[object, ...] | None:
    """What came of an answer, or None where it was refused."""
    framing = Framing()
    try:
        body = b"".join([framing.feed(part) for part in parts])
    except NotHTTPError:
        return None
    return framing.status, framing.headers, body, framing.complete, framing.reusable


def an_answer_under_load(data: bytes) -> None:
    """Any cut gives the same answer, of which no byte is made up."""
    whole = framed([data])
    assert framed(pieces(data)) == whole
    if whole is not None:
        body = whole[2]
        assert isinstance(body, bytes)
        assert len(body) <= len(data)


# ------------------------------------------------------------------ files


@cache
def folder() -> Path:
    held = tempfile.TemporaryDirectory()
    _HELD.append(held)
    return Path(held.name)


_HELD: list[tempfile.TemporaryDirectory[str]] = []  # removed when the process ends


def a_cassette(data: bytes) -> None:
    """It is refused in our words, or reads again as it was written."""
    path = folder() / "any.yaml"
    path.write_bytes(data)
    try:
        cassette = read(path, "any")
    except CassetteError:
        return
    write(path, cassette, SIMULATOR_ORIGIN)
    again = read(path, "any")
    assert again.provenance.digest == cassette.provenance.digest
    assert [each.answer.body for each in again.interactions] == [
        each.answer.body for each in cassette.interactions
    ]


@cache
def catalogue() -> Catalogue:
    return suite.find().catalogue()


def a_run_file(data: bytes) -> None:
    """It is refused in our words, or all its outcomes can be written and read back."""
    try:
        run = runs.parse(data.splitlines(keepends=True))
        outcomes = run.outcomes(catalogue())
    except (RunError, UsageError):  # the second: of a law that the catalogue does not have
        return
    header = runs.encode({"record": "header", "schema": runs.SCHEMA})
    checks = [outcome for outcome in outcomes if outcome in run.checks]
    lines = [header, *(runs.encode(runs.check_record(outcome)) for outcome in checks)]
    assert runs.parse(lines).checks == checks


def a_line_of_a_process(data: bytes) -> None:
    """It is no message, or one that can be written again; whatever it is can be shown."""
    told = shown(data, (SECRET,))
    assert told.isprintable()
    assert len(told) <= 202
    assert SECRET not in told
    try:
        message = message_of(data)
    except LineError:
        return
    line = line_of(message)
    assert line.count(b"\n") == 1
    assert message_of(line) == message
    for name in ("to the process", "from the process", "Error", "hello answered"):
        assert all(problem.isprintable() for problem in problems(name, message))
    with suppress(ValueError):
        error = rebuilt(message)
        again = rebuilt(described(error))
        assert replace(failure_of(again), error=error) == failure_of(error)


def a_baseline(data: bytes) -> None:
    """It is refused in our words, or each entry covers what it names."""
    try:
        baseline = baselines.parse(data.decode("utf-8", "replace"), "mine.toml", EDITIONS)
    except UsageError:
        return
    for entry in baseline.entries:
        names = [f"{entry.check}[{each}]" for each in entry.variants] or [entry.check]
        assert all(entry.covers(name) for name in names)
        entry.verify(names)


def objectives(data: bytes) -> None:
    """They are refused in our words, or each can be explained and judged."""
    try:
        found = slo.parse(data.decode("utf-8", "replace"), "mine.toml")
    except UsageError:
        return
    values = dict.fromkeys(slo.METRICS, (1.0, 0.0, 0.5))
    for scenario in found.tables:
        for objective in found.of(scenario):
            assert objective.definition
            nothing = slo.judge(objective, slo.Measured(values={}))
            assert nothing.verdict is slo.Attained.UNDECIDED
            some = slo.judge(objective, slo.Measured(values=values))
            assert (some.verdict is slo.Attained.UNDECIDED) == bool(some.because)


# ------------------------------------------------------------------ secrets


def exchange(body: bytes, size: int) -> Exchange:
    """One whose answer has this body, in frames of so many bytes."""
    frames = tuple(
        Frame(0.0, body[start : start + size]) for start in range(0, len(body), max(size, 1))
    )
    return Exchange(
        id="x",
        request=Request(method="POST", path="/v1/x", body=body),
        answer=Answer(frames=frames),
        started=0.0,
        source="script",
    )


def what_the_scrubber_leaves(data: bytes) -> None:
    """The known key stands nowhere in plain, and what is clean stays as it is."""
    clean = scrub(exchange(data, 1 + len(data) % 7), (SECRET,)).exchange
    assert clean.answer.body == clean.request.body
    found = find_secrets(clean.answer.body, (SECRET,))
    assert not [each for each in found if each.kind == "known key" and each.form == "plain"]
    if not found:
        assert erase(clean.answer.body, (SECRET,)) == clean.answer.body


# ------------------------------------------------------------------ the table


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One reader.

    Attributes:
        property: Returns where all is well with these bytes.
        seeds: Sound inputs, small ones, from what is committed.
    """

    property: Callable[[bytes], None]
    seeds: Callable[[], Sequence[bytes]]


@cache
def cassettes() -> Sequence[Path]:
    """Some of each topic, the smallest."""
    by_topic: dict[Path, Path] = {}
    for file in sorted((ROOT / "cassettes").glob("*/*/*/*.yaml"), key=lambda f: f.stat().st_size):
        by_topic.setdefault(file.parent, file)
    return list(by_topic.values())


def bodies() -> Sequence[bytes]:
    """The bodies of recorded answers."""
    found = [each.answer.body for path in cassettes() for each in read(path, "any").interactions]
    return list(dict.fromkeys(body for body in found if 0 < len(body) <= SMALL))


def streams() -> Sequence[bytes]:
    """Those of them that are event streams, and the oddities of the grammar."""
    recorded = [body for body in bodies() if body.startswith((b"data:", b":"))][:8]
    odd = b"\xef\xbb\xbf: a\r\nid: 1\nevent: x\rretry: 5\ndata: \xe6\x9c\x88\ndata\n\n\ndata: b\r\r"
    return [*recorded, odd]


def questions() -> Sequence[bytes]:
    """Requests as clients write them, one after another."""
    body = b'{"model":"kimi"}'
    length = b"POST /v1/x?q=1 HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%b" % (
        len(body),
        body,
    )
    chunks = (
        b"POST http://h/c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: t\r\n\r\n"
    )
    return [
        length,
        chunks,
        b"\r\nGET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        length + chunks,
    ]


def answers() -> Sequence[bytes]:
    """The recorded bodies, framed in each way."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    made = []
    for body in [b"hello", *bodies()[:5]]:
        made.append(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        made.append(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\nT: 1\r\n\r\n"
            % (len(body), body)
        )
    return [*made, interim + made[0], b"HTTP/1.0 200 OK\r\n\r\nuntil the end"]


def lines() -> Sequence[bytes]:
    """Messages of a process."""
    error = {"classes": ["ValueError", "Exception"], "text": "t", "causes": ["c"], "code": None}
    return [
        json.dumps(message).encode()
        for message in (
            {"id": 1, "result": {"usage": {"total_tokens": 3}, "text": "月"}},
            {"id": 2, "error": error},
            error,
            {"ask": 1, "client": 1, "method": "clock.sleep", "params": {"seconds": 0.5}},
            {"log": {"level": "INFO", "logger": "l", "text": f"key {SECRET}"}},
            {"protocol": "1.0", "name": "n", "version": "1", "capabilities": ["chat"]},
        )
    ]


def files(pattern: str) -> Callable[[], Sequence[bytes]]:
    """The contents of committed files."""
    return lambda: [file.read_bytes() for file in sorted(ROOT.glob(pattern))]


def runs_of_each_kind() -> Sequence[bytes]:
    """The first record of each kind in the committed runs, as one small run."""
    made = []
    for content in files("tests/reporting/runs/*.jsonl")():
        kinds: dict[str, bytes] = {}
        for line in content.splitlines(keepends=True):
            if len(line) <= SMALL:
                kinds.setdefault(json.loads(line)["record"], line)
        made.append(b"".join(kinds.values()))
    return made


def with_secrets() -> Sequence[bytes]:
    """Bodies in which the key stands."""
    return [f'{{"key": "{SECRET}"}}'.encode(), f"a{SECRET}".encode().hex().encode(), *bodies()[:5]]


READERS = {
    "sse": Reader(property=an_event_stream, seeds=streams),
    "http1": Reader(property=requests_to_the_stage, seeds=questions),
    "framing": Reader(property=an_answer_under_load, seeds=answers),
    "cassette": Reader(
        property=a_cassette,
        seeds=lambda: [data for path in cassettes() if len(data := path.read_bytes()) <= SMALL],
    ),
    "run": Reader(property=a_run_file, seeds=runs_of_each_kind),
    "process": Reader(property=a_line_of_a_process, seeds=lines),
    "baseline": Reader(property=a_baseline, seeds=files("conformance/baselines/*.toml")),
    "slo": Reader(property=objectives, seeds=files("loadtests/slo.toml")),
    "secrets": Reader(property=what_the_scrubber_leaves, seeds=with_secrets),
}
