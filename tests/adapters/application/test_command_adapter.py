"""A command that a user typed becomes an adapter, or the user learns why not."""

import asyncio
import json
import shlex
import sys
from pathlib import Path

import click
import pytest

from kimi_conformance import cli
from kimi_conformance.adapters.application import command_factory
from kimi_conformance.adapters.mutants import application as mutants
from kimi_conformance.adapters.protocol import Binding
from kimi_conformance.adapters.reference.adapter import APPLICATION
from kimi_conformance.adapters.registry import factory_of
from kimi_conformance.errors import UsageError
from kimi_conformance.stage import Script, Stage, replies

PROGRAM = Path(__file__).with_name("odd_program.py")
PYTHON = f"{shlex.quote(sys.executable)} -I -S"
TOLD = Binding(base_url="http://127.0.0.1:9/v1", api_key="sk-none")


def arguments_of(command: str, prompt: str) -> list[str]:
    adapter = command_factory(command)(TOLD)
    found: list[str] = json.loads(asyncio.run(adapter.run_application(prompt)).output)["arguments"]  # type: ignore[attr-defined]
    return found


def test_it_claims_to_be_an_application_and_nothing_else() -> None:
    adapter = factory_of(f"command:{PYTHON} {PROGRAM} tell {{prompt}}")(TOLD)

    assert adapter.capabilities == ("application",)
    assert adapter.name.endswith("odd_program.py tell {prompt}")


def test_places_are_filled_once_and_no_shell_reads_them() -> None:
    prompt = "{base_url} \"quoted\" $HOME; 'it'"

    found = arguments_of(
        f"{PYTHON} {PROGRAM} tell --p={{prompt}} {{base_url}} '{{other}} x'", prompt
    )

    assert found == [f"--p={prompt}", TOLD.base_url, "{other} x"]


def test_files_are_found_from_where_the_command_was_typed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(PROGRAM.parent)

    found = arguments_of(f"{PYTHON} odd_program.py tell odd_program.py {{prompt}} .no", "Hello")

    assert found == [str(PROGRAM), "Hello", ".no"]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("", "There is no command"),
        ("app 'open {prompt}", "cannot be read: No closing quotation"),
        (f"{PYTHON} app.py", "no place for the prompt. Type: --adapter-command 'app"),
        (f"{PYTHON} app.py {{promt}}", "no place for the prompt. Did you mean 'prompt'"),
        (f"{PYTHON} app.py {{prompt}} {{api_key}}", "It is in the environment"),
        ("no-such-program-here {prompt}", "no such program"),
    ],
)
def test_what_is_wrong_with_a_command_is_said(command: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        command_factory(command)

    assert why in str(caught.value)


@pytest.mark.parametrize("job", ["check", "gate", "nightly"])
def test_a_command_is_one_of_the_adapters_of_a_run(job: str) -> None:
    group = cli._command
    assert isinstance(group, click.Group)
    command = group.get_command(click.Context(group), job)
    assert command is not None

    typed = ["--adapter-command", "app {prompt}", "--adapter", "reference"]
    context = command.make_context(job, typed)

    assert context.params["adapters"] == ("reference", "command:app {prompt}")


@pytest.mark.parametrize("option", [[], ["--whole"]], ids=["streamed", "whole"])
def test_the_reference_application_prints_what_it_asked_for(
    stage: Stage, option: list[str]
) -> None:
    streamed = replies.stream_of(replies.text_chunks("It is ", "far."))
    script = Script([streamed if not option else replies.completion("It is far.")])
    lane = stage.open_lane(script)
    words = [sys.executable, "-I", "-S", str(APPLICATION), *option, "--prompt"]
    factory = command_factory(f"{shlex.join(words)} {{prompt}}")

    adapter = factory(Binding(base_url=lane.base_url, api_key="sk-none"))
    found = asyncio.run(adapter.run_application("How far?"))  # type: ignore[attr-defined]

    assert (found.exit_code, found.output, found.errors) == (0, "It is far.\n", "")
    assert lane.journal is not None
    assert [request.json["stream"] for request in lane.journal.requests] == [not option]
    stage.close_lane(lane)


@pytest.mark.parametrize("mutant", mutants.MUTANTS)
def test_a_mutant_of_the_application_is_a_program(mutant: type[mutants.OtherApplication]) -> None:
    source = mutant.source()

    assert source != APPLICATION.read_text("utf-8")
    compile(source, mutant.__name__, "exec")
