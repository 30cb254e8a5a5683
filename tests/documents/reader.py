"""
A reader who does what a page says, from top to bottom, in a checkout of their own.

The checkout has few checks, so that a gate takes seconds: how commands behave does not depend on
their number. Loads last as long as they must, ports are free ones, `RUN` is the newest run, and
live hosts are nowhere: a page that sends something begins with a simulator, and types the key that
it printed in the place of `sk-…`. All else is typed as it stands.
"""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.documents.pages import ROOT, Command, File

from kimi_conformance import cli

__all__ = ["Reader"]

# The checks that are left, by plane: enough to have something of every verdict.
LEFT = {"adapter": ("auth", "errors"), "endpoint": ("models",)}
CONTENT = ("src", "conformance", "fixtures", "loadtests", "reports", "docs")
LIVE = re.compile(r"https://api\.moonshot\.(ai|cn)/v1")
NOBODY = "https://api.moonshot.invalid/v1"  # where nothing is to be sent
PORT = re.compile(r"\b40[01]\d\b")
# Commands that start no process: they run in this one, which is quicker.
HERE = {
    *("adapters", "choose", "compare", "history", "models", "notify", "probe", "rejudge", "report"),
    *("requirements", "trend"),
}
READY = 60.0  # seconds until a simulator must serve


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it said on both streams."""

    code: int
    said: str


class Reader:
    """Follows one page.

    Args:
        home: An empty folder.
        monkeypatch: For the commands that run in this process.
        capsys: The same.
    """

    def __init__(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.folder = home / "checkout"
        self._patch, self._captured = monkeypatch, capsys
        self._started: list[subprocess.Popen[str]] = []
        self._key = ""  # that the newest simulator printed
        self._ports: dict[str, str] = {}
        self._wrote_source = False
        self._copy()
        paths = (self.folder / "src", ROOT / "tests" / "sample_project")
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("KIMI_", "GITHUB_", "PYTEST", "XDG_"))
        }
        self._environment = {
            **kept,
            "HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}",
            "PYTHONPATH": ":".join(map(str, paths)),
        }

    def close(self) -> None:
        """End what was left running."""
        for process in self._started:
            process.terminate()
            process.communicate(timeout=READY)

    def follow(self, step: Command | File) -> None:
        """Write the file, or type the command and look at what it says."""
        if isinstance(step, File):
            self._write(step)
        elif step.line.startswith("export "):
            name, _, value = shlex.split(step.line, comments=True)[1].partition("=")
            known = self._key if (name, value) == ("KIMI_API_KEY", "sk-…") else value
            self._environment[name] = LIVE.sub(NOBODY, self._with_ports(known))
        elif step.line.endswith("&"):
            self._holds(step, self._start(shlex.split(step.line.removesuffix("&"))))
        else:
            ended = self._run(self._words(step))
            assert ended.code in step.codes, f"{step.line}\n{ended.said}"
            self._holds(step, ended.said)

    def _holds(self, step: Command, said: str) -> None:
        """The output has the lines that the page shows, in this order."""
        left = " ".join(said.split())
        for line in step.prints:
            shown = " ".join(LIVE.sub(NOBODY, self._with_ports(line)).split())
            pattern = ".*?".join(re.escape(part) for part in shown.split("…"))
            found = re.search(pattern, left)
            assert found, f"{step.line}\nshould print: {line}\n{said}"
            left = left[found.end() :]

    def _copy(self) -> None:
        for part in CONTENT:
            # What was compiled of the machinery stays: to compile it anew takes seconds.
            compiled = () if part == "src" else ("__pycache__",)
            gone = shutil.ignore_patterns(*compiled, "out", "*.sqlite", "findings")
            shutil.copytree(ROOT / part, self.folder / part, ignore=gone)
        for plane, left in LEFT.items():
            kept = {f"test_{topic}.py" for topic in left}
            for file in (self.folder / "conformance" / plane).glob("test_*.py"):
                if file.name not in kept:
                    file.unlink()
            for topic in (ROOT / "cassettes").glob(f"*/{plane}/*"):
                if topic.name in left:
                    shutil.copytree(topic, self.folder / topic.relative_to(ROOT))
        for baseline in (self.folder / "conformance" / "baselines").glob("*.toml"):
            baseline.unlink()  # they name checks that are not left

    def _write(self, file: File) -> None:
        if file.path is None:
            patch = ["git", "apply", "--unidiff-zero", "-C1", "-"]
            subprocess.run(patch, cwd=self.folder, input=file.text, text=True, check=True)
            return
        path = self.folder / file.path
        self._wrote_source = self._wrote_source or len(path.relative_to(self.folder).parts) > 1
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a" if file.appended else "w", encoding="utf-8") as lines:
            lines.write(f"\n{file.text}" if file.appended else file.text)

    def _words(self, step: Command) -> list[str]:
        """The words as a shell would hand them on, and as this place needs them."""
        words = []
        for word in shlex.split(self._with_ports(step.line), comments=True):
            if "*" in word:
                words += sorted(str(path) for path in self.folder.glob(word))
            elif word.startswith("reports/out/RUN"):
                newest = max(self.folder.glob("reports/out/*/run.jsonl")).parent
                words.append(word.replace("reports/out/RUN", str(newest)))
            else:
                words.append(word)
        before = dict(enumerate(words, 1))
        briefly = "--plan" not in words and step.codes != {2}
        return [
            "3s" if briefly and before.get(at, "").endswith("duration") else LIVE.sub(NOBODY, word)
            for at, word in enumerate(words)
        ]

    def _run(self, words: Sequence[str]) -> Ended:
        if words[0] == "make":
            done = subprocess.run(
                ["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True
            )
            return Ended(done.returncode, "")
        if words[0] == "kimi-conformance" and _stays(words) and not self._wrote_source:
            return self._run_here(words)
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        return Ended(done.returncode, f"{done.stdout}\n{done.stderr}")

    def _run_here(self, words: Sequence[str]) -> Ended:
        environment = self._environment
        with self._patch.context() as patch:
            patch.chdir(self.folder)
            patch.setattr("sys.argv", list(words))
            for name in {*os.environ, *environment} - {"PATH"}:
                if name in environment:
                    patch.setenv(name, environment[name])
                elif not name.startswith("PYTEST"):
                    patch.delenv(name)
            self._captured.readouterr()
            with pytest.raises(SystemExit) as leaving:
                cli.main()
        said = self._captured.readouterr()
        return Ended(int(leaving.value.code or 0), f"{said.out}\n{said.err}")

    def _start(self, words: Sequence[str]) -> str:
        """Start a simulator; what it says until it serves."""
        typed = [self._with_ports(word) for word in words]
        process = subprocess.Popen(
            typed,
            cwd=self.folder,
            env={**self._environment, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._started.append(process)
        assert process.stdout is not None
        said, until = "", time.monotonic() + READY
        while "Serving" not in said and process.poll() is None and time.monotonic() < until:
            said += process.stdout.readline()
        found = re.search(r"^export KIMI_API_KEY=(\S+)$", said, re.MULTILINE)
        assert found, said
        self._key = found[1]
        return said

    def _with_ports(self, text: str) -> str:
        """The text with free ports in place of those that a page names."""

        def free(found: re.Match[str]) -> str:
            return self._ports.setdefault(found[0], _free_port())

        return PORT.sub(free, text)


def _stays(words: Sequence[str]) -> bool:
    return words[1] in HERE or (words[1] == "sla" and "--from" in words)


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])
