"""The clients that can be judged here, and the browser that prints reports."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kimi_conformance.cli.health.finding import Finding, broken, hint, well
from kimi_conformance.errors import UsageError

__all__ = ["Clients", "Installed", "browser_findings", "findings", "observe", "observe_browser"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A client as it is on this machine.

    Attributes:
        name: As in `--adapter`.
        version: That is installed.
        tested: That the bridge was tested with; "" for a program, which has no pin.
    """

    name: str
    version: str
    tested: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clients:
    """The clients below one folder.

    Attributes:
        folder: Named by KIMI_CLIENTS, or the user's cache.
        named: Whether it was named.
        there: Whether it exists.
        installed: Those that can be judged.
        damaged: What is wrong with others.
        known: How many the suite can judge where they are installed.
    """

    folder: Path
    named: bool
    there: bool
    installed: tuple[Installed, ...]
    damaged: tuple[str, ...]
    known: int


def observe(*, named: bool) -> Clients:
    """What is installed; a client's program may be started to tell its version.

    Args:
        named: Whether KIMI_CLIENTS is set.
    """
    from kimi_conformance.adapters.clients.catalogue import clients
    from kimi_conformance.adapters.clients.environments import Environments

    environments = Environments.of_user()
    installed, damaged = [], []
    for name, client in clients().items():
        try:
            state = environments.state(client)
        except UsageError as error:
            damaged.append(str(error))
            continue
        if not state.problem:
            tested = next(iter(client.tested.values()), "")
            installed.append(Installed(name=name, version=str(state.version), tested=tested))
    return Clients(
        folder=environments.folder,
        named=named,
        there=environments.folder.is_dir(),
        installed=tuple(installed),
        damaged=tuple(damaged),
        known=len(clients()),
    )


def observe_browser() -> str | None:
    """The browser that prints reports, or None."""
    from kimi_conformance.reporting.formats.pdf import BROWSERS

    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def findings(seen: Clients) -> Iterator[Finding]:
    """What is to be said of the clients."""
    for text in seen.damaged:
        yield broken(
            "clients",
            text,
            "It is not known what is installed of that client.",
            "Delete that file, and install the client again",
        )
    if seen.named and not seen.there:
        yield broken(
            "clients",
            f"KIMI_CLIENTS names {seen.folder}, which is not there",
            "No client of that folder can be judged.",
            "kimi-conformance adapters install --all, or: unset KIMI_CLIENTS",
        )
        return
    for each in seen.installed:
        if each.tested and each.version != each.tested:
            yield hint(
                "clients",
                f"{each.name} is {each.version}, its bridge was tested with {each.tested}",
                "What fails may be the bridge's fault, not the client's.",
                f"rm {seen.folder / each.name}.lock.json; "
                f"kimi-conformance adapters install {each.name}",
            )
    if seen.installed:
        told = ", ".join(f"{each.name} {each.version}" for each in seen.installed)
        yield well("clients", f"{len(seen.installed)} of {seen.known}: {told}")
    else:
        yield well("clients", "none: kimi-conformance adapters install gets those of others")


def browser_findings(browser: str | None) -> Iterator[Finding]:
    """What is to be said of the browser."""
    if browser:
        yield well("Chromium", browser)
    else:
        yield hint(
            "Chromium",
            "not found",
            "sla --format pdf cannot print; all other reports need no browser.",
            "apt install chromium",
        )
