import json
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance.errors import RunError
from kimi_conformance.load.client.incoming import Incoming, Limits
from kimi_conformance.load.samples import kept as kept_module
from kimi_conformance.load.samples.kept import MOST, KeptLog, conformance

REPLY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1789000000,
    "model": "kimi-k2.6",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
}
WRONG = {**REPLY, "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 99}}
BODY = b'{"model": "kimi-k2.6", "messages": [{"role": "user", "content": "Hi"}]}'


def answered(reply: Any) -> Incoming:
    body = json.dumps(reply).encode()
    incoming = Incoming(0.0, streamed=False, keep=True, limits=Limits())
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    incoming.take(head % len(body) + body, 0.5)
    return incoming


def kept(path: Path, *exchanges: tuple[Incoming, int]) -> Path:
    log = KeptLog(path)
    for incoming, under_way in exchanges:
        log.add("/chat/completions", BODY, incoming, under_way)
    log.close()
    return path


def test_violations_are_counted_by_law_and_by_what_was_under_way(tmp_path: Path) -> None:
    path = kept(
        tmp_path / "one.exchanges",
        *((answered(REPLY), under_way) for under_way in (1, 2, 3)),
        (answered(WRONG), 4),
    )

    found = conformance(path, 16)

    assert found is not None
    assert (found["judged"], found["share"], found["violating"]) == (4, 0.25, 1)
    assert found["per_1000"] == 250
    assert len(found["laws"]) == 1
    assert found["by_requests_under_way"] == [
        {"up_to": 1, "judged": 1, "violating": 0, "per_1000": 0},
        {"up_to": 2, "judged": 1, "violating": 0, "per_1000": 0},
        {"up_to": 4, "judged": 2, "violating": 1, "per_1000": 500},
    ]


def test_a_torn_last_line_and_requests_without_an_answer_are_left_out(tmp_path: Path) -> None:
    nothing = Incoming(0.0, streamed=False, keep=True, limits=Limits())
    nothing.end("Connection refused")
    path = kept(tmp_path / "one.exchanges", (nothing, 1), (answered(REPLY), 1))
    path.write_bytes(path.read_bytes() + b'{"path": "/ch')

    found = conformance(path, 2)

    assert found is not None
    assert found["judged"] == 1


def test_the_file_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = kept(tmp_path / "one.exchanges", (answered(REPLY), 1)).read_bytes()
    monkeypatch.setattr(kept_module, "_BYTES", 2 * len(one) + 1)
    log = KeptLog(tmp_path / "log.exchanges")

    for under_way in (1, 2, 3):
        log.add("/chat/completions", BODY, answered(REPLY), under_way)
    log.flush()

    assert not log.wants(10.0)
    log.close()
    found = conformance(tmp_path / "log.exchanges", 3)
    assert found is not None
    assert found["judged"] == 2


@pytest.mark.parametrize("pieces", [[b"x" * 5000], [b"x"] * 40])
def test_an_answer_that_takes_much_to_keep_is_not_kept(tmp_path: Path, pieces: list[bytes]) -> None:
    incoming = Incoming(0.0, streamed=False, keep=True, limits=Limits(kept_bytes=4096))
    incoming.take(b"HTTP/1.1 200 OK\r\n\r\n", 0.1)

    for piece in pieces:
        incoming.take(piece, 0.2)

    assert incoming.frames == []
    assert incoming.body == b"".join(pieces)
    assert conformance(kept(tmp_path / "one.exchanges", (incoming, 1)), 1) is None


def test_without_kept_exchanges_nothing_is_said(tmp_path: Path) -> None:
    assert conformance(tmp_path / "none.exchanges", 5) is None
    assert conformance(kept(tmp_path / "empty.exchanges"), 5) is None


def test_a_share_is_kept_evenly_in_time_and_never_more_than_the_most(tmp_path: Path) -> None:
    log = KeptLog(tmp_path / "one.exchanges")

    first_second = [log.wants(moment / 100) for moment in range(100)]
    later = [log.wants(float(moment)) for moment in range(10, 10 + 2 * MOST)]
    log.close()

    assert sum(first_second) == 5
    assert sum(first_second) + sum(later) == MOST


def test_earlier_exchanges_are_never_overwritten(tmp_path: Path) -> None:
    path = kept(tmp_path / "one.exchanges")

    with pytest.raises(RunError, match="File exists"):
        KeptLog(path)
