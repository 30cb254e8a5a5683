"""What tests of commands need that run in this process."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from kimi_conformance import cli


class Said(NamedTuple):
    """What a command did: its exit code, and what it wrote."""

    code: int
    out: str
    err: str


Run = Callable[..., Said]

_SET_UP = (
    *("KIMI_API_KEY", "KIMI_BASE_URL", "KIMI_MODELS_FILE", "XDG_CONFIG_HOME"),
    *("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "KIMI_HISTORY"),
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `kimi-conformance` as in an empty folder of somebody who has set nothing up."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in _SET_UP:
        monkeypatch.delenv(name, raising=False)

    def command(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["kimi-conformance", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, out, err)

    return command
