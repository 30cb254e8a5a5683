"""
What an endpoint does not offer, as its user says or as it shows.

A capability is claimed unless somebody says otherwise. `--without caching,files` says so.
`--without unserved` leaves it to the endpoint: each service is asked for once, and one that is
answered like a path that does not exist is taken for not offered. That is not the default,
since what is claimed and then not served is a failure.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import click

from kimi_conformance.errors import TransportError, UsageError, nearest
from kimi_conformance.requirements import ENDPOINT_CAPABILITIES, Catalogue, Plane
from kimi_conformance.verdicts import Outcome, Verdict

__all__ = ["PROBES", "UNSERVED", "hints", "parse_without", "unserved"]

UNSERVED = "unserved"
_ABSENT = {404, 405, 501}  # how servers say that there is no such path, or not for this method

# How each service is asked for, with a request that it would refuse or answer for nothing.
_PROBES: Mapping[str, tuple[str, str]] = {
    "models": ("GET", "/models"),
    "balance": ("GET", "/users/me/balance"),
    "token_estimate": ("POST", "/tokenizers/estimate-token-count"),
    "caching": ("GET", "/caching"),
    "files": ("GET", "/files"),
    "batches": ("GET", "/batches"),
    "formulas": ("GET", "/formulas/moonshot/web-search:latest/tools"),
    "anthropic": ("POST", "/anthropic/v1/messages"),
}
PROBES = len(_PROBES)  # requests


def parse_without(given: Sequence[str]) -> tuple[str, ...]:
    """The names in `--without a,b --without c`, each once.

    Raises:
        UsageError: One is no capability.
    """
    names = [name.strip() for text in given for name in text.split(",") if name.strip()]
    known = [*ENDPOINT_CAPABILITIES, UNSERVED]
    for name in names:
        if name not in known:
            raise UsageError(
                f"There is no capability '{name}' of an endpoint. {nearest(name, known)} "
                f"They are: {', '.join(known)}."
            )
    return tuple(dict.fromkeys(names))


def unserved(api_key: str, base_url: str) -> Iterator[str]:
    """The services that the endpoint answers for like a path that does not exist.

    Args:
        api_key: Its key.
        base_url: Version segment included; the Anthropic face stands beside it.
    """
    from kimi_conformance.http import fetch  # slow to import, and needed for a live endpoint only

    headers = {"Authorization": f"Bearer {api_key}"}
    for name, (method, path) in _PROBES.items():
        root = base_url.removesuffix("/v1") if path.startswith("/anthropic/") else base_url
        body: dict[str, str] | None = {} if method == "POST" else None
        try:
            reply = fetch(method, f"{root}{path}", headers=headers, json=body)
        except TransportError:
            continue  # a service that breaks off is there: its checks say what they found
        if reply.status in _ABSENT:
            click.echo(
                f"{name}: {method} {path} is answered with {reply.status}: not claimed.",
                err=True,
            )
            yield name


def hints(outcomes: Iterable[Outcome], catalogue: Catalogue) -> Iterator[str]:
    """What to type where nothing of a capability that a live endpoint claims holds."""
    found: dict[str, set[Verdict]] = defaultdict(set)
    for outcome in outcomes:
        capability = catalogue[outcome.requirement].capability
        if outcome.plane is Plane.ENDPOINT and outcome.lane == "live" and capability:
            found[capability].add(outcome.verdict)
    green = {Verdict.PASSED, Verdict.NOT_CLAIMED}
    none = [
        name
        for name, verdicts in found.items()
        if Verdict.FAILED in verdicts and not verdicts & green
    ]
    if none:
        yield (
            f"Nothing holds of: {', '.join(none)}. If this endpoint does not offer that, say so: "
            f"--without {','.join(none)}"
        )
