"""What the documents name is there: commands with their options, targets of make, folders."""

import asyncio
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from tests.documents.pages import DOCUMENTS, ROOT, Command, blocks, name_of, steps

from kimi_conformance import cli
from kimi_conformance.adapters.protocol import Adapter, Binding, ChatRequest, Completion


def code(document: Path, language: str) -> list[str]:
    return [block.text for block in blocks(document) if block.language == language]


def typed(document: Path) -> Iterator[str]:
    """Each command in a block, also of a workflow."""
    yield from (step.line for step in steps(document) if isinstance(step, Command))
    for text in code(document, "yaml"):
        yield from re.findall(r"run: (.+)", text)


def named(document: Path) -> Iterator[str]:
    """Each command in running text between back-quotes."""
    prose = re.sub(r"^```.*?^```", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for text in re.findall(r"`([^`]+)`", prose):
        line = re.sub(r"\s+", " ", text).removeprefix(".venv/bin/")
        if re.match(r"(kimi-conformance|make) [a-z]", line) and "<" not in line:
            yield line


def found(read: Callable[[Path], Iterator[str]], program: str) -> list[tuple[str, str]]:
    lines = dict.fromkeys((name_of(page), line) for page in DOCUMENTS for line in read(page))
    return [(where, line) for where, line in lines if line.startswith(f"{program} ")]


OURS = found(typed, "kimi-conformance")
NAMED = found(named, "kimi-conformance")
MAKES = [*found(typed, "make"), *found(named, "make")]
# Words of the pages that stand for what a reader puts there.
PLACEHOLDERS = {"COMMAND", "SHELL"}


def parse(command: click.Command, name: str, arguments: list[str]) -> None:
    """Read the arguments as the command would, down to the last subcommand.

    Raises:
        click.ClickException: A command, an option or a value is wrong.
    """
    context = command.make_context(name, arguments)
    left = [*context._protected_args, *context.args]
    if isinstance(command, click.Group) and left:
        found, inner, rest = command.resolve_command(context, left)
        assert inner is not None, found
        parse(inner, str(found), rest)


@pytest.mark.parametrize(("where", "line"), OURS)
def test_a_command_in_a_block_is_understood(where: str, line: str) -> None:
    arguments = shlex.split(line.removesuffix("&"), comments=True)[1:]

    parse(cli._command, "kimi-conformance", arguments)  # raises where something is wrong


@pytest.mark.parametrize(("where", "line"), NAMED)
def test_a_command_that_a_sentence_names_is_there(where: str, line: str) -> None:
    """It may be named without what it needs."""
    arguments = shlex.split(line, comments=True)[1:]
    given = [each for each in arguments if each not in {*PLACEHOLDERS, "--help"}]

    with suppress(click.MissingParameter):
        parse(cli._command, "kimi-conformance", given)


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


def test_every_folder_named_in_the_readme_exists() -> None:
    folders = re.findall(
        r"^\| `([a-z_/]+)/` \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE
    )

    assert len(folders) >= 7
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []
