"""What README, ARCHITECTURE and CONTRIBUTING say can be done, can be done."""

import asyncio
import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

from kimi_conformance import cli
from kimi_conformance.adapters.protocol import Adapter, Binding, ChatRequest, Completion

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("*/README.md"))


def code(document: Path, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", document.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )


def shell_lines() -> list[tuple[str, str]]:
    """Each command in a console block, and each in running text between back-quotes."""
    found = []
    for document in DOCUMENTS:
        blocks = code(document, "console")
        lines = [line[2:] for block in blocks for line in block.splitlines() if line[:2] == "$ "]
        prose = re.sub(
            r"^```.*?^```", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
        )
        quoted = [re.sub(r"\s+", " ", text) for text in re.findall(r"`([^`]+)`", prose)]
        lines += [
            text.removeprefix(".venv/bin/")
            for text in quoted
            if re.match(r"(\.venv/bin/)?(kimi-conformance|make) [a-z]", text) and "<" not in text
        ]
        found += [(document.relative_to(ROOT).as_posix(), line) for line in lines]
    return found


OURS = [(where, line) for where, line in shell_lines() if line.startswith("kimi-conformance ")]
MAKES = [(where, line) for where, line in shell_lines() if line.startswith("make ")]


@pytest.mark.parametrize(("where", "line"), OURS)
def test_a_command_in_a_document_is_understood(where: str, line: str) -> None:
    name, *arguments = shlex.split(line, comments=True)[1:]
    group = cli._command
    assert isinstance(group, click.Group), where

    command = group.get_command(click.Context(group), name)

    assert command is not None, f"{where}: {line}"
    command.make_context(name, arguments)  # raises where an option or a value is wrong


@pytest.mark.parametrize(("where", "line"), MAKES)
def test_a_make_target_in_a_document_exists(where: str, line: str) -> None:
    target = shlex.split(line, comments=True)[1]

    result = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, check=False)

    assert result.returncode == 0, f"{where}: {result.stderr.decode()}"


def test_the_documents_name_commands_at_all() -> None:
    assert len(OURS) > 10
    assert len(MAKES) > 2


def test_the_readmes_adapter_is_an_adapter() -> None:
    (example,) = code(ROOT / "README.md", "python")

    class MyClient:
        def __init__(self, base_url: str, api_key: str) -> None:
            self.bound = (base_url, api_key)

        async def ask(self, model: str, messages: object, **options: object) -> Mapping[str, Any]:
            return {"model": model, "messages": messages, **options}

        async def close(self) -> None:
            self.bound = ("", "")

    names = {"MyClient": MyClient, "Completion": Completion}
    exec(example, names)  # it is our own README
    adapter: Any = SimpleNamespace(**names).MyAdapter(Binding(base_url="u", api_key="k"))
    reply = asyncio.run(adapter.chat(ChatRequest(model="m", messages=(), options={"n": 1})))

    assert reply.body == {"model": "m", "messages": (), "n": 1}
    assert adapter._client.bound == ("u", "k")
    assert isinstance(adapter, Adapter)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_link_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text("utf-8"))

    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_every_folder_named_in_the_readme_exists() -> None:
    folders = re.findall(
        r"^\| `([a-z_/]+)/` \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE
    )

    assert len(folders) >= 7
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []
