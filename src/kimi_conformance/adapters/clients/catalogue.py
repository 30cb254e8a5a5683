"""The clients that the suite can judge as they come from their registry: `clients.toml`."""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from kimi_conformance.adapters.protocol import CAPABILITIES
from kimi_conformance.errors import UsageError, nearest

__all__ = ["BRIDGES", "LANGUAGES", "Client", "client_named", "clients", "parse"]

HERE = Path(__file__).resolve().parent
BRIDGES = HERE / "bridges"
LANGUAGES: Mapping[str, str] = {"python": ".py", "javascript": ".mjs", "program": ".mjs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client that others publish.

    Attributes:
        name: As in `--adapter`, and of its baseline.
        title: For people.
        language: "python", "javascript", or "program": one that the machine has or has not.
        claims: What its documentation says it does: capabilities, and where that stands.
        packages: What to install, each with the versions that the bridge is written for. The
            first one's version is the client's.
        tested: The versions that are installed unless a newer one is asked for.
        program: Of a "program": its name.
        bridge: The file in `bridges/`, without its suffix.
        editions: Those that it is judged in; () is all.
        python: Of one in Python: the lowest that it runs on, or "" for every one that we do.
    """

    name: str
    title: str
    language: str
    claims: Mapping[str, str] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    tested: Mapping[str, str] = field(default_factory=dict)
    program: str = ""
    bridge: str = ""
    editions: tuple[str, ...] = ()
    python: str = ""

    @property
    def package(self) -> str:
        """The package whose version is the client's, without its extras."""
        return next(iter(self.packages)).partition("[")[0]

    @property
    def bridge_file(self) -> Path:
        """What speaks for the client."""
        return BRIDGES / f"{self.bridge}{LANGUAGES[self.language]}"


@cache
def clients() -> Mapping[str, Client]:
    """All of them, by name."""
    return parse((HERE / "clients.toml").read_text("utf-8"))


def client_named(name: str) -> Client:
    """The client of this name.

    Raises:
        UsageError: There is none.
    """
    known = clients()
    if name not in known:
        raise UsageError(f"There is no client '{name}'. {nearest(name, known)}")
    return known[name]


def parse(text: str) -> Mapping[str, Client]:
    """The clients of a catalogue, by name.

    Raises:
        ValueError: An entry is wrong.
    """
    found: dict[str, Client] = {}
    for entry in tomllib.loads(text)["client"]:
        client = Client(**{**entry, "editions": tuple(entry.get("editions", ()))})
        if wrong := "; ".join(_problems(client, found)):
            raise ValueError(f"{client.name}: {wrong}")
        found[client.name] = client
    return found


def _problems(client: Client, before: Collection[str]) -> list[str]:
    unknown = client.claims.keys() - CAPABILITIES.keys()
    is_program = client.language == "program"
    rules: Mapping[str, Any] = {
        "it is there twice": client.name in before,
        "its language is none of ours": client.language not in LANGUAGES,
        f"it claims what there is not: {', '.join(sorted(unknown))}": unknown,
        "it claims nothing": not client.claims,
        "it has no bridge": not client.bridge,
        "it names a program or packages, and not both": is_program == bool(client.packages)
        or is_program != bool(client.program),
        "its tested versions are not those of its packages": bool(
            client.tested.keys() ^ client.packages.keys()
        ),
    }
    return [problem for problem, holds in rules.items() if holds]
