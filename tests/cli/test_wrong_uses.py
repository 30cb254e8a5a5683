"""What people who do not know the suite yet type, and what they are told: one clear message."""

import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
KEY = "sk-wrong-use-0123456789abcdefghij"
NOBODY = "http://127.0.0.1:9/v1"
PROGRAM = [sys.executable, "-m", "kimi_conformance"]

# What is typed, how it ends, and what is said: the last is what to type or to do next.
WRONG_USES: list[tuple[str, int, tuple[str, ...]]] = [
    # misspelt
    ("chek", 2, ("There is no command 'chek'.", "Did you mean 'check'?")),
    ("adapters instal litellm", 2, ("No such command 'instal'", "'install'")),
    ("check --topics chat", 2, ("No such option '--topics'", "Did you mean '--topic'?")),
    ("check --lane tape", 2, ("'tape' is not one of", "'simulator'")),
    ("check --topic chats", 2, ("No checks are about chats.", "Did you mean 'chat'?")),
    ("check --topic chat --topic strem", 2, ("about strem.", "Did you mean 'streaming'?")),
    ("requirements --topic strem", 2, ("about 'strem'.", "Did you mean 'streaming'?")),
    ("check --requirement FILTER-1", 2, ("no requirement 'FILTER-1'", "kimi-conformance req")),
    ("load stedy_chat", 2, ("no load scenario 'stedy_chat'", "Did you mean 'steady_chat'?")),
    ("gate --edition 2025-10", 2, ("There is no edition '2025-10'", "Did you mean '2025-09'?")),
    ("gate --adapter refrence", 2, ("no adapter 'refrence'", "Did you mean 'reference'?")),
    ("gate --adapter no.such.module:open", 2, ("cannot be imported", "on PYTHONPATH?")),
    ("gate --adapter json:lods", 2, ("has no 'lods'", "Did you mean 'load")),
    ("simulate --fault sever_error", 2, ("no fault 'sever_error'", "mean 'server_error'?")),
    ("simulate --fault server_error:q=2", 2, ("no parameter 'q'", "Known: nth, p")),
    ("models show kimi-k99", 2, ("no model 'kimi-k99'", "Did you mean")),
    ("completion powershell", 2, ("'powershell' is not one of", "'fish'")),
    # the endpoint and its key
    ("nightly", 2, ("The live endpoint needs a key", "set KIMI_API_KEY")),
    ("check --lane live", 2, ("The live endpoint needs a key", "--lane simulator")),
    ("probe --model kimi-k2.6", 2, ("A probe needs a key", "set KIMI_API_KEY")),
    (f"check --key {KEY}", 2, ("'--key' is no option", "set KIMI_API_KEY")),
    (f"check --url {NOBODY}", 2, ("'--url' is no option", "--base-url")),
    (f"check --base-url moonshot.cn/v1 --api-key {KEY}", 2, ("is no base URL", "https://")),
    (f"check --base-url {NOBODY} --api-key {KEY}", 3, ("does not answer", "Is it running")),
    # contradictions
    (f"check --lane simulator --base-url {NOBODY}", 2, ("--base-url", "Leave out one of the")),
    (f"load steady_chat --target simulator --base-url {NOBODY}", 2, ("Leave out one of the",)),
    ("check --plane endpoint --adapter openai", 2, ("judges no adapter", "Leave out one of")),
    ("nightly --no-load --load-duration 30s", 2, ("--no-load leaves out", "Leave out one")),
    ("load steady_chat --master --worker host:1", 2, ("leave out one of the two",)),
    ("simulate --workers 2 --tier t1", 2, ("each count for themselves", "Leave out --tier")),
    # numbers
    ("load steady_chat --duration 0s", 2, ("'0s' is no duration above zero", "30s or 1m30s")),
    ("load steady_chat --duration soon", 2, ("'soon' is no duration", "30s or 1m30s")),
    ("load steady_chat --processes 0", 2, ("0 is not in the range 1<=x<=64",)),
    ("load steady_chat --master", 2, ("Say how many workers", "--expect-workers 2")),
    ("check --time-limit 0", 2, ("0.0 is not in the range x>=0.1",)),
    ("check --max-requests 0", 2, ("0 is not in the range x>=1",)),
    ("simulate --port 99999", 2, ("99999 is not in the range 0<=x<=65535",)),
    ("choose --window lots", 2, ("'lots' is no number of tokens", "Write 200000, or 128K")),
    # files and folders
    ("report", 2, ("There is no run below reports/out", "kimi-conformance gate")),
    ("report empty", 3, ("There is no run at empty/run.jsonl", "kimi-conformance gate")),
    ("report runs", 3, ("no run at runs/run.jsonl", "name one of them: runs/first")),
    ("report note.txt", 3, ("note.txt, line 1 is no record", "run.jsonl in it")),
    ("rejudge note.txt", 3, ("note.txt, line 1 is no record", "run.jsonl in it")),
    ("compare first second", 2, ("There is no run at first", "history import reports/out/*")),
    ("trend CHAT-01", 2, ("There is no history", "kimi-conformance history import")),
    ("load export note.txt", 3, ("note.txt does not begin with a header",)),
    ("scan nowhere", 2, ("There is no file or folder nowhere",)),
    ("check --json empty", 2, ("empty is a folder", "Name a file in it: empty/answer.json")),
    ("check --json no/answer.json", 2, ("there is no folder no", "or '-' for stdout")),
    ("check --plane endpoint --topic models --out note.txt", 2, ("'note.txt' is a file",)),
    ("check --plane endpoint --topic models --out note.txt/x", 2, ("another folder with --out",)),
    ("gate --baseline known.toml", 2, ("The baseline known.toml cannot be read", "--baseline")),
    ("nightly --lane simulator --baseline .", 2, ("is a directory",)),
    # what belongs to the tools inside
    ("check -k streaming", 2, ("'-k' is an option of pytest", "--topic and --requirement")),
    ("check --kimi-plane adapter", 2, ("of the pytest plugin", "without 'kimi-'")),
    ("load steady_chat --users 5", 2, ("'--users' is an option of Locust", "--duration")),
    ("load steady_chat -t 5m", 2, ("'-t' is an option of Locust", "--duration: 10m")),
    # what is not there
    ("gate --adapter letta", 2, ("not installed", "kimi-conformance adapters install letta")),
    ("adapters install nope", 2, ("There is no client 'nope'", "Known: ")),
]


@pytest.fixture
def beginner(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command in a folder with a note, an empty folder and one with a run."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "runs" / "first").mkdir(parents=True)
    (tmp_path / "runs" / "first" / "run.jsonl").touch()
    (tmp_path / "note.txt").write_text('{"note": "buy milk"}\n')
    monkeypatch.setenv("KIMI_CLIENTS", str(tmp_path / "clients"))
    return run


@pytest.mark.parametrize(("typed", "code", "told"), WRONG_USES, ids=[use[0] for use in WRONG_USES])
def test_a_wrong_use_is_told_with_what_to_do(
    beginner: Run, tmp_path: Path, typed: str, code: int, told: tuple[str, ...]
) -> None:
    before = sorted(tmp_path.rglob("*"))

    said = beginner(*typed.split(" "))

    assert said.code == code, said.out + said.err
    assert [text for text in told if text not in said.err] == []
    assert said.err.count("Error: ") == 1
    assert KEY not in said.out + said.err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_key_on_the_command_line_is_warned_of(beginner: Run) -> None:
    said = beginner("check", "--base-url", NOBODY, "--api-key", KEY)

    assert "everybody on this machine can read a key on a command line" in said.err
    assert "set KIMI_API_KEY instead" in said.err


def test_a_port_in_use_is_told(beginner: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        said = beginner("simulate", "--port", str(port))

    assert said.code == 2
    assert f"Cannot listen on 127.0.0.1:{port}" in said.err
    assert "Choose another port, or 0 for any free one." in said.err


@pytest.mark.heavy
def test_a_scenario_of_another_edition_is_told(beginner: Run) -> None:
    said = beginner("load", "cache_reuse", "--edition", "2025-09", "--plan", "--duration", "5s")

    assert said.code == 0
    assert "cache_reuse is written for edition 2026-09" in said.err


def test_what_is_missing_of_the_installation_leads_to_the_doctor(
    beginner: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_vcr(_: str) -> None:
        raise ModuleNotFoundError("No module named 'vcr'", name="vcr")

    monkeypatch.setattr("kimi_conformance.cli.importlib.import_module", without_vcr)

    said = beginner("scan")

    assert said.code == 3
    assert said.err.startswith("Error: this installation is not whole: No module named 'vcr'")
    assert "kimi-conformance doctor" in said.err


def test_a_reader_who_goes_away_is_no_failure(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*PROGRAM, "requirements"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.readline()
        program.stdout.close()
        told = program.stderr.read()

    assert told == b""
    assert program.returncode == 141


@pytest.mark.heavy
def test_a_full_disk_is_told(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [*PROGRAM, "requirements"], stdout=full, stderr=subprocess.PIPE, cwd=tmp_path, text=True
        )

    assert ended.returncode == 3
    assert "there is no room left" in ended.stderr
    assert "Traceback" not in ended.stderr


# What is stopped by Ctrl-C once it has begun, by the file that shows it; and how that ends.
STOPPED = {
    "gate": ("gate", "run.jsonl", 130),
    "check": ("check --lane simulator", "run.jsonl", 130),
    "nightly": ("nightly --lane simulator", "run.jsonl", 130),
    "load": ("load steady_chat --duration 60s", "*.samples", 3),
    "sla": ("sla steady_chat --duration 60s", "*.samples", 3),
}


@pytest.mark.heavy
@pytest.mark.parametrize(("typed", "begun", "code"), STOPPED.values(), ids=STOPPED)
def test_what_was_found_before_ctrl_c_is_kept(
    tmp_path: Path, typed: str, begun: str, code: int
) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KIMI_")}
    with subprocess.Popen(
        [*PROGRAM, *typed.split(" ")],
        cwd=tmp_path,
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # the terminal's Ctrl-C reaches all processes of a command
    ) as program:
        last = time.monotonic() + 60
        while time.monotonic() < last and not list(tmp_path.glob(f"reports/out/*/{begun}")):
            time.sleep(0.05)
        time.sleep(1.0)  # into the run
        os.killpg(program.pid, signal.SIGINT)
        said, _ = program.communicate(timeout=60)

    runs = sorted(str(run.parent.relative_to(tmp_path)) for run in tmp_path.rglob("run.jsonl"))
    assert program.returncode == code, said
    assert runs
    assert runs[-1] in said
    assert "Traceback" not in said
    assert said.count("Stopped.") == (code == 130)


@pytest.mark.heavy
@pytest.mark.parametrize("environment", [{"NO_COLOR": "1", "TERM": "xterm-256color"}])
def test_no_color_is_kept_to_on_a_terminal(tmp_path: Path, environment: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*PROGRAM, "check", "--plane", "endpoint", "--topic", "models"],
        cwd=tmp_path,
        env={**os.environ, **environment},
        stdout=theirs,
        stderr=theirs,
    ) as program:
        os.close(theirs)
        said = b""
        while True:
            try:
                said += os.read(ours, 65536)
            except OSError:  # how a terminal ends on Linux
                break
    os.close(ours)

    assert program.returncode == 0
    assert b"CONFORMANT" in said
    assert re.findall(rb"\x1b\[[0-9;]*(?:3[0-7]|9[0-7]|38;)[0-9;]*m", said) == []


@pytest.mark.heavy
def test_where_no_terminal_reads_nothing_steers_one(tmp_path: Path) -> None:
    ended = subprocess.run(
        [*PROGRAM, "check", "--plane", "endpoint", "--topic", "models"],
        cwd=tmp_path,
        capture_output=True,
    )

    assert ended.returncode == 0
    assert b"\x1b" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [("history", "list", "--history"), ("choose", "--runs"), ("record", "--check", "--into")],
)
def test_a_name_that_no_file_can_have_is_wrong_use(run: Any, arguments: tuple[str, ...]) -> None:
    said = run(*arguments, "a" * 300)

    assert said.code == 2
    assert (
        said.err
        == "Error: a file that was named has a longer name than it may have. Name another.\n"
    )
