"""`kimi-conformance adapters`: which there are, and whether a process speaks as it should."""

import json
from dataclasses import asdict
from typing import Any

import click

from kimi_conformance import suite as suites
from kimi_conformance.adapters.process.messages import schema as protocol_schema
from kimi_conformance.adapters.process.verify import KEY, Finding
from kimi_conformance.adapters.process.verify import verify as verified
from kimi_conformance.adapters.protocol import CAPABILITIES, Binding
from kimi_conformance.adapters.registry import factory_of, installed
from kimi_conformance.cli.asking import options
from kimi_conformance.cli.asking.helping import group
from kimi_conformance.cli.commands.clients import install, list_clients, remove
from kimi_conformance.cli.showing import show
from kimi_conformance.errors import KimiConformanceError
from kimi_conformance.simulator import Simulator
from kimi_conformance.stage import Stage

__all__ = ["adapters"]

EDITION = "2025-09"


@group("adapters list", invoke_without_command=True)
@options.json_flag
@click.pass_context
def adapters(context: click.Context, as_json: bool) -> None:
    """List the adapters of this environment and what each claims."""
    if context.invoked_subcommand is not None:
        return
    rows = [_adapter(name) for name in installed()]
    if as_json:
        show.answer({"adapters": rows}, "-")
        return
    for row in rows:
        click.echo(f"{row['name']:<12} {row['version'] or '-':<10} {row['problem'] or ''}")
        for capability in row["capabilities"]:
            click.echo(f"    {capability:<18} {CAPABILITIES.get(capability, '')}")
    click.echo("\nYour own: --adapter package.module:open_adapter")
    click.echo("In another language: --adapter 'process:node client.mjs'")
    click.echo("A finished application: --adapter-command 'app --prompt {prompt}'")
    click.echo("Those that others publish: kimi-conformance adapters list")


def _adapter(name: str) -> dict[str, Any]:
    row: dict[str, Any] = {"name": name, "version": None, "capabilities": [], "problem": None}
    try:
        found = factory_of(name)(Binding(base_url="http://127.0.0.1:9/v1", api_key="sk-none"))
    except KimiConformanceError as error:
        return {**row, "problem": str(error)}
    return {**row, "version": found.version, "capabilities": sorted(found.capabilities)}


@adapters.command(example="adapters verify 'node client.mjs'")
@click.argument("command")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="That an answer may take.",
)
@options.json_flag
@click.pass_context
def verify(context: click.Context, command: str, seconds: float, as_json: bool) -> None:
    """Start COMMAND, ask it for all that it claims, and say what is wrong with its messages.

    COMMAND is what follows 'process:' in --adapter. It is asked against the embedded API, and
    only the protocol is judged: whether the client is right is for the checks to say.
    """
    edition = suites.find().edition(EDITION)
    found = []
    with Stage() as stage:
        lane = stage.open_lane(Simulator(edition, api_key=KEY))
        for finding in verified(command, lane.base_url, edition.default_model, EDITION, seconds):
            found.append(finding)
            if not as_json:
                show.say(_line(finding))
    wrong = sum(bool(finding.problem) for finding in found)
    if as_json:
        rows = [asdict(finding) for finding in found]
        show.answer({"command": command, "held": not wrong, "findings": rows}, "-")
    else:
        click.echo(f"\n{len(found)} messages, {wrong or 'none'} of them wrong.")
    context.exit(1 if wrong else 0)


def _line(finding: Finding) -> str:
    sign = "wrong" if finding.problem else "ok"
    return f"{sign:<6} {finding.message:<26} {finding.problem or finding.note}".rstrip()


@adapters.command(example="adapters schema")
def schema() -> None:
    """Print the protocol of process adapters as JSON Schema."""
    click.echo(json.dumps(protocol_schema(), indent=2))


for _command in (install, list_clients, remove):
    adapters.add_command(_command)
