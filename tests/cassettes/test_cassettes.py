"""A cassette keeps what was on the wire, says where it comes from, and replays only that."""

import asyncio
import errno
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
import vcr

from kimi_conformance.cassettes import Cassette, Player, Provenance, read
from kimi_conformance.cassettes.cassette import SIMULATOR_ORIGIN
from kimi_conformance.cassettes.recorder import record
from kimi_conformance.errors import CassetteError
from kimi_conformance.http import httpx
from kimi_conformance.stage import Stage, replies
from kimi_conformance.wire.exchange import Answer, Ending, Exchange, Frame, Request

PROVENANCE = Provenance(
    source="simulator",
    edition="2025-09",
    recorded_on="2025-09-10",
    check="endpoint/streaming/the_last_chunk_names_a_finish_reason",
    suite="0.1.0",
    libraries={"vcrpy": "9.4"},
    scrubbed=(),
    digest="",
)
ASKED = b'{"model":"moonshot-v1-8k","messages":[{"role":"user","content":"Hi"}],"stream":true}'


def exchange(answer: Answer, body: bytes = ASKED, path: str = "/v1/chat/completions") -> Exchange:
    request = Request(
        method="POST",
        path=path,
        headers=(
            ("Authorization", "Bearer sk-0123456789abcdef0123"),
            ("Content-Type", "application/json"),
        ),
        body=body,
    )
    return Exchange(id="x1", request=request, answer=answer, started=0.0, source="simulator")


STREAM = replies.split(replies.stream_of(replies.text_chunks("你好", "!")), 7)  # cuts characters


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "streaming" / "usage.yaml"
    record(path, [exchange(STREAM)], PROVENANCE, origin=SIMULATOR_ORIGIN)
    return path


def play(cassette: Cassette, request: Request) -> Answer:
    return asyncio.run(Player(cassette, "streaming/usage").answer(request))


def test_what_was_recorded_comes_back_frame_by_frame(file: Path) -> None:
    (recorded,) = read(file, "streaming/usage").interactions

    assert [frame.data for frame in recorded.answer.frames] == [f.data for f in STREAM.frames]
    assert recorded.request.body == ASKED
    assert recorded.answer.ending is Ending.COMPLETE


@pytest.mark.parametrize("breaks", [replies.cut, replies.reset, replies.stalled])
def test_how_a_body_ended_is_kept(tmp_path: Path, breaks: object) -> None:
    broken = breaks(STREAM, 3)  # type: ignore[operator]
    record(tmp_path / "c.yaml", [exchange(broken)], PROVENANCE, origin=SIMULATOR_ORIGIN)

    (recorded,) = read(tmp_path / "c.yaml", "c").interactions

    assert recorded.answer.ending is broken.ending
    assert len(recorded.answer.frames) == 3


def test_the_key_is_not_in_the_file(file: Path) -> None:
    assert b"sk-0123456789abcdef0123" not in file.read_bytes()
    assert read(file, "c").provenance.scrubbed == ["authorization"]


def test_a_recording_of_the_simulator_does_not_name_the_real_host(file: Path) -> None:
    text = file.read_text()

    assert "http://simulator.invalid/v1/chat/completions" in text
    assert "moonshot.cn" not in text


def test_stock_vcrpy_replays_it(file: Path) -> None:
    with vcr.use_cassette(str(file), record_mode="none", match_on=["method", "uri", "body"]):
        response = httpx.post(f"{SIMULATOR_ORIGIN}/v1/chat/completions", content=ASKED)

    assert response.content == STREAM.body


def test_the_order_of_keys_does_not_matter_in_replay(file: Path) -> None:
    turned = b'{"stream":true,"messages":[{"content":"Hi","role":"user"}],"model":"moonshot-v1-8k"}'
    asked = Request(method="POST", path="/v1/chat/completions", body=turned)

    assert play(read(file, "c"), asked).body == STREAM.body


def test_another_request_is_refused_and_the_difference_is_named(file: Path) -> None:
    other = ASKED.replace(b'"Hi"', b'"Ho"')

    with pytest.raises(CassetteError) as caught:
        play(read(file, "c"), Request(method="POST", path="/v1/chat/completions", body=other))

    assert "Closest: #1, which differs in messages[0].content" in str(caught.value)
    assert "kimi-conformance record streaming/usage" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"method": "GET"}, "holds no GET /v1/chat/completions"),
        ({"path": "/v1/models"}, "holds no POST /v1/models"),
        ({"query": "a=1"}, "differs in the query"),
        ({"body": b"no json"}, "differs in the body, which is no JSON"),
    ],
)
def test_method_path_query_and_body_must_fit(
    file: Path, changes: dict[str, str], told: str
) -> None:
    asked = Request(method="POST", path="/v1/chat/completions", body=ASKED)

    with pytest.raises(CassetteError, match=told):
        play(read(file, "c"), replace(asked, **changes))  # type: ignore[arg-type]


def test_an_interaction_is_used_once(file: Path) -> None:
    player = Player(read(file, "c"), "streaming/usage")
    asked = Request(method="POST", path="/v1/chat/completions", body=ASKED)
    asyncio.run(player.answer(asked))

    with pytest.raises(CassetteError, match="asked for once more"):
        asyncio.run(player.answer(asked))


def test_what_nobody_asked_for_is_told(file: Path) -> None:
    player = Player(read(file, "c"), "streaming/usage")

    assert [unused.id for unused in player.unused] == ["#1"]


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda text: text[: len(text) // 2], "record streaming/usage"),
        (lambda text: text.replace("finish_reason", "finish_season"), "its digest does not fit"),
        (lambda text: text.replace("x-frames", "y-frames"), "is damaged: KeyError 'x-frames'"),
        (lambda text: "interactions: []\nversion: 1\nprovenance: {}\n", "holds no interaction"),
        (lambda text: "- a\n- b\n", "is damaged"),
        (lambda text: "a: [unclosed", "cannot be read"),
        (lambda text: "", "is damaged"),
    ],
)
def test_a_damaged_file_is_a_clear_error(file: Path, damage: object, told: str) -> None:
    file.write_text(damage(file.read_text()))  # type: ignore[operator]

    with pytest.raises(CassetteError, match=told):
        read(file, "streaming/usage")


def test_a_yaml_tag_runs_nothing(file: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    file.write_text(f"interactions: !!python/object/apply:os.mkdir ['{trap}']\nversion: 1\n")

    with pytest.raises(CassetteError, match="cannot be read"):
        read(file, "c")
    assert not trap.exists()


def test_a_missing_file_says_how_to_record_it(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match="kimi-conformance record streaming/usage"):
        read(tmp_path / "none.yaml", "streaming/usage")


def test_a_recording_that_says_the_same_leaves_the_file_as_it_is(file: Path) -> None:
    before = file.read_bytes()
    later = replace(PROVENANCE, recorded_on="2030-01-01")

    written = record(file, [exchange(STREAM)], later, origin=SIMULATOR_ORIGIN)

    assert not written
    assert file.read_bytes() == before


def test_a_secret_that_was_left_stops_the_recording(tmp_path: Path) -> None:
    leak = replies.completion("your key is sk-fedcba9876543210fedcba98")
    path = tmp_path / "c.yaml"

    with pytest.raises(CassetteError, match="looks like a secret"):
        record(path, [exchange(leak)], PROVENANCE, origin=SIMULATOR_ORIGIN)

    assert not path.exists()


def test_nothing_exchanged_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match="exchanged nothing"):
        record(tmp_path / "c.yaml", [], PROVENANCE, origin=SIMULATOR_ORIGIN)


def test_a_folder_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(CassetteError, match="Cannot write the cassette"):
        record(tmp_path / "file" / "c.yaml", [exchange(STREAM)], PROVENANCE, origin="x://y")

    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_bytes_that_are_no_text_survive(tmp_path: Path) -> None:
    odd = Answer(headers=(("Content-Encoding", "gzip"),), frames=(Frame(0.0, b"\x1f\x8b\xff\x00"),))
    record(tmp_path / "c.yaml", [exchange(odd)], PROVENANCE, origin=SIMULATOR_ORIGIN)

    assert read(tmp_path / "c.yaml", "c").interactions[0].answer.body == b"\x1f\x8b\xff\x00"


def test_a_header_that_changed_is_recorded_anew(file: Path) -> None:
    changed = replace(STREAM, headers=(*STREAM.headers, ("Retry-After", "7")))

    written = record(file, [exchange(changed)], PROVENANCE, origin=SIMULATOR_ORIGIN)

    assert written
    assert read(file, "c").interactions[0].answer.header("Retry-After") == "7"


@pytest.mark.parametrize("fails", ["write_text", "replace"])
def test_a_write_that_fails_leaves_the_recording_as_it_was(
    file: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    before = file.read_bytes()
    monkeypatch.setattr(Path, fails, full_disk)

    with pytest.raises(CassetteError, match="No space left"):
        record(file, [exchange(replies.completion("x"))], PROVENANCE, origin=SIMULATOR_ORIGIN)

    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_write_that_is_killed_leaves_the_recording_as_it_was(file: Path) -> None:
    before = file.read_bytes()
    killed_at_the_rename = (
        "import os, signal, sys; from pathlib import Path\n"
        "from kimi_conformance.cassettes import cassette, read\n"
        "Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "path = Path(sys.argv[1]); cassette.write(path, read(path, 'c'), 'http://x')\n"
    )

    killed = subprocess.run([sys.executable, "-c", killed_at_the_rename, file], check=False)

    assert killed.returncode == -signal.SIGKILL
    assert file.read_bytes() == before
    assert read(file, "c").interactions
    assert [path.name for path in file.parent.glob("*.yaml")] == [file.name]


def full_disk(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("breaks", "noticed"),
    [
        (replies.cut, httpx.RemoteProtocolError),
        (replies.reset, httpx.ReadError),
    ],
)
def test_a_recorded_break_breaks_again(
    tmp_path: Path, stage: Stage, breaks: object, noticed: type[Exception]
) -> None:
    broken = breaks(STREAM, 3)  # type: ignore[operator]
    record(tmp_path / "c.yaml", [exchange(broken)], PROVENANCE, origin=SIMULATOR_ORIGIN)
    lane = stage.open_lane(Player(read(tmp_path / "c.yaml", "c"), "c"))
    received: list[bytes] = []

    with pytest.raises(noticed), ask(f"{lane.base_url}/chat/completions") as response:
        received.extend(response.iter_raw())
    stage.close_lane(lane)

    assert b"".join(received) == b"".join(frame.data for frame in broken.frames)


def test_a_recorded_stall_stalls_again(tmp_path: Path, stage: Stage) -> None:
    broken = replies.stalled(STREAM, 3)
    whole = b"".join(frame.data for frame in broken.frames)
    record(tmp_path / "c.yaml", [exchange(broken)], PROVENANCE, origin=SIMULATOR_ORIGIN)
    lane = stage.open_lane(Player(read(tmp_path / "c.yaml", "c"), "c"))
    received = b""

    with ask(f"{lane.base_url}/chat/completions") as response:
        arriving = response.iter_raw()
        while len(received) < len(whole):
            received += next(arriving)
    assert lane.journal is not None
    (played,) = lane.journal.exchanges
    stage.close_lane(lane)

    assert (received, played.answer.ending) == (whole, Ending.STALLED)


async def test_the_times_of_frames_are_kept_and_nobody_waits_for_them(tmp_path: Path) -> None:
    slow = replace(STREAM, frames=(Frame(0.0, b"data: 1\n\n"), Frame(0.08, b"data: 2\n\n")))
    record(tmp_path / "c.yaml", [exchange(slow)], PROVENANCE, origin=SIMULATOR_ORIGIN)

    cassette = read(tmp_path / "c.yaml", "c")
    played = await Player(cassette, "c").answer(cassette.interactions[0].request)

    assert [frame.at for frame in cassette.interactions[0].answer.frames] == [0.0, 0.08]
    assert played.frames == (Frame(0.0, b"data: 1\n\n"), Frame(0.0, b"data: 2\n\n"))


def ask(url: str) -> AbstractContextManager[httpx.Response]:
    return httpx.stream("POST", url, content=ASKED, timeout=20, trust_env=False)
