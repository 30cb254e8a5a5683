"""`kimi-conformance adapters install`, `list` and `remove`: clients that others publish."""

from typing import Any

import click

from kimi_conformance.adapters.clients.catalogue import Client, client_named, clients
from kimi_conformance.adapters.clients.environments import Environments, too_old
from kimi_conformance.cli.asking import completing, options
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.showing import show
from kimi_conformance.errors import UsageError

__all__ = ["install", "list_clients", "remove"]

_names = click.argument("names", nargs=-1, metavar="NAME…", shell_complete=completing.clients)


@command("adapters install litellm")
@_names
@click.option("--all", "all_of_them", is_flag=True, help="Every client that can be installed.")
@click.option(
    "--upgrade", is_flag=True, help="Take the newest versions, not those of the last time."
)
@click.pass_context
def install(
    context: click.Context, names: tuple[str, ...], all_of_them: bool, upgrade: bool
) -> None:
    """Give clients an environment of their own, below KIMI_CLIENTS or the user's cache.

    What was installed once is installed again in the same versions, until --upgrade.
    """
    environments, failed = Environments.of_user(), False
    for client in _chosen(names, all_of_them):
        try:
            state = environments.install(client, upgrade=upgrade)
        except UsageError as error:
            if not all_of_them:
                raise
            show.say(str(error))
            failed = failed or not too_old(client)
        else:
            show.say(f"{client.name:<20} {state.version}")
    context.exit(1 if failed else 0)


@command("adapters list", name="list")
@options.json_flag
def list_clients(as_json: bool) -> None:
    """List the clients that the suite has bridges to, and which are installed."""
    environments = Environments.of_user()
    rows = [_row(environments, client) for client in clients().values()]
    if as_json:
        show.answer({"clients": rows}, "-")
        return
    for row in rows:
        show.say(
            f"{row['name']:<20} {row['version'] or '-':<10} {row['language']:<11} "
            f"{row['problem'] or row['title']}"
        )
    show.say(f"\nIn {environments.folder}. Install: kimi-conformance adapters install NAME…|--all")


@command("adapters remove litellm")
@_names
def remove(names: tuple[str, ...]) -> None:
    """Delete the environments of clients; which versions they had is kept."""
    environments = Environments.of_user()
    for client in _chosen(names, all_of_them=False):
        gone = environments.remove(client)
        show.say(f"{client.name:<20} {'removed' if gone else 'not installed'}")


def _row(environments: Environments, client: Client) -> dict[str, Any]:
    state = environments.state(client)
    return {
        "name": client.name,
        "title": client.title,
        "language": client.language,
        "version": state.version,
        "installed": not state.problem,
        "problem": state.problem or None,
        "capabilities": sorted(client.claims),
    }


def _chosen(names: tuple[str, ...], all_of_them: bool) -> list[Client]:
    if bool(names) == all_of_them:
        raise UsageError(
            "Name the clients, or, to install them, say --all. See: kimi-conformance adapters list"
        )
    return list(clients().values()) if all_of_them else [client_named(name) for name in names]
