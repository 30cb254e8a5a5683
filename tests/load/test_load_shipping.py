"""What a worker noted gets to the master: all of it, once."""

import random
from pathlib import Path

import pytest

from kimi_conformance.load.samples import shipping
from kimi_conformance.load.samples.shipping import Piece, Receipts, Shipment


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "part"
    path.write_bytes(b"head\n")
    return path


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_what_a_file_grew_by_is_sent_once(file: Path) -> None:
    shipment = Shipment(file, begin=5)

    append(file, b"one")
    first = shipment.pieces()
    append(file, b"two")
    second = shipment.pieces()

    assert (first, second) == ([Piece(0, b"one")], [Piece(3, b"two")])
    assert shipment.pieces() == []


def test_a_file_is_whole_when_all_of_it_was_acknowledged(file: Path) -> None:
    shipment = Shipment(file, begin=5)
    append(file, b"one")
    shipment.pieces()

    before = shipment.whole
    shipment.acknowledge(3)

    assert (before, shipment.whole) == (False, True)


def test_what_is_not_acknowledged_is_sent_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("kimi_conformance.load.samples.shipping.time.monotonic", lambda: now[0])
    shipment = Shipment(file, begin=5)
    append(file, b"onetwo")
    shipment.pieces()
    shipment.acknowledge(3)

    now[0] += 1.0
    soon = shipment.pieces()
    now[0] += 3.0
    late = shipment.pieces()

    assert (soon, late) == ([], [Piece(3, b"two")])


def test_a_long_file_is_sent_in_pieces(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipping, "_MOST", 4)
    append(file, b"abcdefghij")

    assert Shipment(file, begin=5).pieces() == [
        Piece(0, b"abcd"),
        Piece(4, b"efgh"),
        Piece(8, b"ij"),
    ]


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_lost_doubled_or_comes_late_nothing_is_lost_or_doubled(seed: int) -> None:
    dice = random.Random(seed)
    whole = bytes(dice.randrange(256) for _ in range(200))
    receipts, received = Receipts(), b""

    while len(received) < len(whole):
        begin = dice.randrange(len(received) + 3)
        piece = Piece(begin, whole[begin : begin + dice.randrange(1, 30)])
        for _ in range(dice.randrange(3)):
            received += receipts.take(1, "samples", piece)

    assert received == whole
    assert receipts.of(1) == {"samples": len(whole)}


def test_workers_and_kinds_of_files_are_told_apart() -> None:
    receipts = Receipts()

    taken = [
        receipts.take(1, "samples", Piece(0, b"a")),
        receipts.take(2, "samples", Piece(0, b"bb")),
        receipts.take(1, "exchanges", Piece(0, b"ccc")),
    ]

    assert taken == [b"a", b"bb", b"ccc"]
    assert receipts.of(1) == {"samples": 1, "exchanges": 3}
