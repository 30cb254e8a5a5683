"""What is on a page: its blocks of code, the commands in them, and what those are said to print."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

__all__ = [
    "DOCS",
    "DOCUMENTS",
    "PAGES",
    "ROOT",
    "Block",
    "Command",
    "File",
    "blocks",
    "name_of",
    "steps",
]

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("*/README.md")),
    *sorted(ROOT.glob("conformance/*/README.md")),
    *sorted(path for path in DOCS.glob("*.md") if path.name != "README.md"),
]
# What a reader follows from top to bottom; the others are looked things up in.
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]

_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODES = re.compile(r"\s+# (\d(?: or \d)*)$")
_NAMED = re.compile(r"# ([\w./-]+\.(?:toml|py|yml))(, at its end)?\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block: its language, and what is between the fences."""

    language: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A line that is typed.

    Attributes:
        line: Without prompt and exit codes, in one piece.
        codes: The exit codes that it may end with.
        prints: Lines that its output has in this order; "…" is any text.
    """

    line: str
    codes: frozenset[int]
    prints: list[str] = field(default_factory=list)

    @property
    def is_ours(self) -> bool:
        """Whether it is `kimi-conformance`."""
        return self.line.startswith("kimi-conformance ")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that the reader writes, or appends to; or a patch, where it has no path."""

    path: str | None
    text: str
    appended: bool = False


def name_of(document: Path) -> str:
    """Its path below the root."""
    return document.relative_to(ROOT).as_posix()


def blocks(document: Path) -> Iterator[Block]:
    """The fenced blocks, in order."""
    for language, text in _FENCE.findall(document.read_text("utf-8")):
        yield Block(language=language, text=text)


def steps(document: Path) -> Iterator[Command | File]:
    """What a reader does who follows the page, in order."""
    for block in blocks(document):
        if block.language in {"console", "sh"}:
            yield from _commands(block)
        elif block.language == "diff":
            yield File(path=None, text=block.text)
        elif named := _NAMED.match(block.text):
            yield File(path=named[1], text=block.text, appended=named[2] is not None)


def _commands(block: Block) -> Iterator[Command]:
    command: Command | None = None
    for line in block.text.replace("\\\n", " ").splitlines():
        if block.language == "sh" and line.startswith("#"):
            continue
        if block.language == "sh" or line.startswith("$ "):
            if command is not None:
                yield command
            command = _command(line.removeprefix("$ "))
        elif command is not None and line.strip():
            command.prints.append(line)
    if command is not None:
        yield command


def _command(line: str) -> Command:
    codes = _CODES.search(line)
    found = frozenset(int(code) for code in codes[1].split(" or ")) if codes else frozenset({0})
    return Command(line=_CODES.sub("", line).strip(), codes=found)
