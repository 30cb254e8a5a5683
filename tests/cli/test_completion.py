"""Shells are offered names that exist, quickly and without a word when something is wrong."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kimi_conformance.cli.asking import completing

Complete = Callable[..., list[str]]

# What is typed before Tab, and what must be among the offers.
TYPED = [
    ("ga", "gate"),
    ("com", "completion"),
    ("check --ad", "--adapter-command"),
    ("check --lane s", "simulator"),
    ("check --topic str", "streaming"),
    ("check --edition 2026", "2026-09"),
    ("check --adapter ref", "reference"),
    ("check --adapter lite", "litellm"),
    ("check --requirement FILTER-0", "FILTER-01"),
    ("check --without caching,fi", "caching,files"),
    ("check --model kimi-k2.6", "kimi-k2.6"),
    ("load st", "steady_chat"),
    ("load ex", "export"),
    ("load steady_chat --dur", "--duration"),
    ("load run st", "steady_chat"),
    ("sla so", "soak"),
    ("simulate --fault server_e", "server_error"),
    ("drift --to simulator --fault server_e", "server_error"),
    ("requirements --topic to", "tools"),
    ("record str", "streaming"),
    ("adapters install li", "litellm"),
    ("models show kimi-k2.6", "kimi-k2.6"),
    ("nightly --tier t", "t5"),
    ("completion f", "fish"),
    ("report rep", "reports/out/20260901-020000-nightly"),
    ("compare rep", "reports/out/20260901-020000-nightly"),
    ("notify --run rep", "reports/out/20260901-020000-nightly"),
]


@pytest.fixture
def complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Complete:
    """What a shell is answered for a line, in a folder with one run."""
    from kimi_conformance import cli

    run = tmp_path / "reports" / "out" / "20260901-020000-nightly"
    run.mkdir(parents=True)
    (run / "run.jsonl").touch()
    monkeypatch.chdir(tmp_path)

    def ask(typed: str, shell: str = "bash") -> list[str]:
        words = ["kimi-conformance", *typed.split(" ")]
        monkeypatch.setenv(completing.VARIABLE, f"{shell}_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(words))
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1) if shell != "fish" else words[-1])
        monkeypatch.setattr(sys, "argv", ["kimi-conformance"])
        with pytest.raises(SystemExit):
            cli.main()
        out, err = capsys.readouterr()
        assert err == ""
        return out.splitlines()

    return ask


@pytest.mark.parametrize(("typed", "offered"), TYPED, ids=[typed for typed, _ in TYPED])
def test_what_exists_is_offered(complete: Complete, typed: str, offered: str) -> None:
    assert f"plain,{offered}" in complete(typed)


def test_zsh_and_fish_are_told_what_a_command_does(complete: Complete) -> None:
    zsh, fish = complete("doc", "zsh"), complete("doc", "fish")

    assert zsh == ["plain", "doctor", "Find out what is wrong with this installation."]
    assert fish[0].startswith("plain\ndoctor") or fish[0].startswith("plain,doctor")


@pytest.mark.parametrize("typed", ["nope --x", "check --nope ", "load nope --x", "check --json "])
def test_what_is_wrong_is_answered_without_a_word(complete: Complete, typed: str) -> None:
    assert not [line for line in complete(typed) if line.startswith("plain,")]


def test_an_error_is_not_told_to_a_shell(
    complete: Complete, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks() -> None:
        raise RuntimeError("the catalogue is damaged")

    monkeypatch.setattr("kimi_conformance.suite.find", breaks)

    assert complete("check --topic str") == []


def test_commands_are_offered_without_importing_one() -> None:
    code = (
        "import os, sys; os.environ.update(_KIMI_CONFORMANCE_COMPLETE='bash_complete', "
        "COMP_WORDS='kimi-conformance ', COMP_CWORD='1'); sys.argv = ['kimi-conformance']\n"
        "from kimi_conformance.cli import main\n"
        "try: main()\n"
        "finally: print(*sorted(sys.modules), file=sys.stderr)"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "plain,gate" in ended.stdout
    assert not {"httpx", "rich", "pytest", "locust", "jinja2", "asyncio"} & set(
        ended.stderr.split()
    )


LINE = "kimi-conformance check --topic str"
# Each prints what the shell would offer for LINE, one a line.
SHELLS = {
    "bash": 'eval "$(kimi-conformance completion bash)"; '
    f"COMP_WORDS=({LINE}); COMP_CWORD=3; _kimi_conformance_completion kimi-conformance; "
    'printf "%s\\n" "${COMPREPLY[@]}"',
    "fish": f'kimi-conformance completion fish | source; complete -C "{LINE}"',
    # zsh completes in its line editor only: what completes there is replaced by echo.
    "zsh": "compdef() { : }; compadd() { print -l -- ${(P)argv[-1]} }; "
    f"_describe() {{ print -l -- ${{(P)3}} }}; words=({LINE}); CURRENT=4; "
    'eval "$(kimi-conformance completion zsh)"; _kimi_conformance_completion',
}


@pytest.mark.heavy
@pytest.mark.parametrize("shell", SHELLS)
def test_real_shells_complete(tmp_path: Path, shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    command = tmp_path / "kimi-conformance"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m kimi_conformance "$@"\n')
    command.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"

    ended = subprocess.run(
        [program, "-c", SHELLS[shell]],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "streaming" in ended.stdout.split(), ended.stderr
    assert "Traceback" not in ended.stderr
