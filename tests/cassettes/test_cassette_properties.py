"""Whatever was exchanged: a recording holds no secret, and plays back what it holds, once each."""

import asyncio
import itertools
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.cassettes.provenance import PROVENANCE

from kimi_conformance.cassettes import Player, find_secrets, read, scrub
from kimi_conformance.cassettes.cassette import SIMULATOR_ORIGIN
from kimi_conformance.cassettes.recorder import record
from kimi_conformance.errors import CassetteError
from kimi_conformance.wire.exchange import Answer, Ending, Exchange, Frame, Request

KEY = "sk-AbCdEf0123456789AbCdEf0123456789"
SECRETS = (
    KEY,
    f"Bearer {KEY}",
    "org-0123456789abcdef0123456789abcdef",
    "ak-abcdefghij0123456789",
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WORD = st.text("abcxyz-_.", min_size=1, max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT | st.sampled_from(SECRETS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
BODY = JSON.map(lambda value: json.dumps(value, ensure_ascii=False).encode()) | st.binary(
    max_size=30
)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    header = draw(st.sampled_from(["Authorization", "X-Own", "Accept"]))
    return Request(
        method=draw(st.sampled_from(["GET", "POST", "DELETE"])),
        path="/v1/" + draw(WORD | st.sampled_from(SECRETS[2:])),
        query=draw(st.just("") | WORD.map(lambda word: f"q={word}")),
        headers=((header, draw(st.sampled_from(SECRETS))), ("Content-Type", "application/json")),
        body=draw(BODY),
    )


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    body = draw(BODY)
    size = draw(st.integers(1, 20))
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return Answer(
        status=draw(st.sampled_from([200, 201, 400, 401, 429, 500])),
        headers=(("Content-Type", "application/json"), ("Set-Cookie", draw(WORD))),
        frames=tuple(Frame(float(number), piece) for number, piece in enumerate(pieces)),
        ending=draw(st.sampled_from(list(Ending)[:4])),
    )


EXCHANGES = st.lists(st.tuples(requests(), answers()), min_size=1, max_size=3)


@pytest.fixture(scope="module")
def files() -> Iterator[Iterator[Path]]:
    with tempfile.TemporaryDirectory() as folder:
        yield (Path(folder) / f"{number}.yaml" for number in itertools.count())


def exchanged(pairs: Sequence[tuple[Request, Answer]]) -> list[Exchange]:
    return [
        Exchange(id=f"x{number}", request=request, answer=answer, started=0.0, source="simulator")
        for number, (request, answer) in enumerate(pairs)
    ]


def recorded(pairs: Sequence[tuple[Request, Answer]], path: Path) -> bytes:
    """The file; what the scrubber leaves and the detector takes for a secret is not recorded."""
    try:
        record(path, exchanged(pairs), PROVENANCE, origin=SIMULATOR_ORIGIN, secrets=(KEY,))
    except CassetteError:
        assert not path.exists()
        assume(False)
    return path.read_bytes()


@given(pairs=EXCHANGES)
def test_a_recording_holds_no_secret(
    pairs: Sequence[tuple[Request, Answer]], files: Iterator[Path]
) -> None:
    data = recorded(pairs, next(files))

    assert find_secrets(data, (KEY,)) == []
    assert b"0123456789abcdef0123456789abcdef" not in data
    assert b"Set-Cookie" not in data


@given(pairs=EXCHANGES)
def test_a_recording_plays_back_what_was_exchanged_but_for_its_secrets(
    pairs: Sequence[tuple[Request, Answer]], files: Iterator[Path]
) -> None:
    path = next(files)
    recorded(pairs, path)
    player = Player(read(path, "any"), "any")
    clean = [scrub(exchange, (KEY,)).exchange for exchange in exchanged(pairs)]

    for exchange in clean:
        played = asyncio.run(player.answer(replace(exchange.request, headers=())))
        twins = [each.answer for each in clean if same(each.request, exchange.request)]
        assert [frame.data for frame in played.frames] in [
            [frame.data for frame in twin.frames] for twin in twins
        ]
        assert (played.status, played.ending) in [(twin.status, twin.ending) for twin in twins]

    assert player.unused == ()


@given(pairs=EXCHANGES, asked=st.integers(0, 2))
def test_what_nobody_asks_for_again_is_told(
    pairs: Sequence[tuple[Request, Answer]], asked: int, files: Iterator[Path]
) -> None:
    path = next(files)
    recorded(pairs, path)
    player = Player(read(path, "any"), "any")
    clean = [scrub(exchange, (KEY,)).exchange for exchange in exchanged(pairs)]

    for exchange in clean[:asked]:
        asyncio.run(player.answer(exchange.request))

    assert len(player.unused) == max(len(pairs) - asked, 0)


def same(one: Request, other: Request) -> bool:
    return (one.method, one.path, one.query) == (other.method, other.path, other.query)
