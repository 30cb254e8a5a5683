"""
Which endpoint a command is about, and whether it can be judged at all.

Before a run on a live endpoint one request is sent, GET /models with the key, because the
commonest mistakes (a wrong URL, a wrong key, nobody there) would else make every check
inconclusive, each with its own long story.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import click

from kimi_conformance.cli.asking.offered import PROBES, UNSERVED, unserved
from kimi_conformance.cli.showing.show import say
from kimi_conformance.editions import Edition, detect
from kimi_conformance.errors import KimiConformanceError, TransportError, UsageError, nearest
from kimi_conformance.suite import Suite
from kimi_conformance.wire.json_values import members, parse_json

__all__ = [
    "DEFAULT_BASE_URL",
    "DEFAULT_EDITION",
    "LANES",
    "LiveEndpoint",
    "Target",
    "UnreachableTargetError",
    "UnusableTargetError",
    "entries_of",
    "inspect",
    "known_model",
    "lane_of",
    "listed_models",
    "requests_to_inspect",
    "unasked",
]

LANES = ("cassette", "simulator", "live")
LONGEST_ID, MOST_IDS = 200, 1000  # of models: beyond, an endpoint is having us on
_NOT_YET = (502, 503, 504)  # as a gateway answers for what is not up
DEFAULT_EDITION = "2025-09"
DEFAULT_BASE_URL = "https://api.moonshot.cn/v1"


class UnusableTargetError(KimiConformanceError):
    """The live endpoint cannot be judged: nobody answers, or the key is refused."""


class UnreachableTargetError(UnusableTargetError):
    """Nobody answers there, or not yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveEndpoint:
    """A live endpoint as the user names it; None is what was left open.

    Attributes:
        base_url: Version segment included.
        api_key: Its key.
        model: The model to ask.
    """

    base_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint that answered.

    Attributes:
        lane: "cassette", "simulator" or "live".
        edition: The edition it is judged against.
        base_url: Of a live one, else None.
        api_key: Of a live one, else None.
        model: The model to ask, or None for the edition's default.
        without: The capabilities that it does not claim.
        requests: How many it takes to find out; they count against the limit of a run.
    """

    lane: str
    edition: str
    base_url: str | None
    api_key: str | None
    model: str | None
    without: tuple[str, ...] = ()
    requests: int = 0


def lane_of(lane: str | None, base_url: str | None, *, default: str) -> str:
    """The lane: the one named, else live where a base URL was given, else the default."""
    return lane or ("live" if base_url else default)


def inspect(
    suite: Suite,
    lane: str,
    *,
    edition: str | None = None,
    live: LiveEndpoint = LiveEndpoint(),
    without: Sequence[str] = (),
) -> Target:
    """Find out what is judged, and as what.

    Raises:
        UsageError: No key, no URL, or no such edition.
        UnusableTargetError: Nobody answers there, it is no Kimi API, or it refuses the key.
    """
    if edition is not None:
        suite.edition(edition)
    if lane != "live":
        return Target(lane, edition or DEFAULT_EDITION, None, None, live.model, tuple(without))
    if not live.api_key:
        raise UsageError(
            "The live endpoint needs a key: set KIMI_API_KEY. Without one, judge the embedded "
            "simulator with --lane simulator."
        )
    url, api_key = (live.base_url or DEFAULT_BASE_URL).rstrip("/"), live.api_key
    from kimi_conformance.stage import refuse_unsendable  # slow to import

    refuse_unsendable(url, api_key)
    ids = [] if "models" in without else _models(url, api_key)
    editions = suite.editions()
    found = editions[edition] if edition else (detect(ids, list(editions.values())))
    if found is None:
        raise UsageError(
            f"None of the models at {url} is one that we know ({', '.join(ids[:4])} …), so the "
            f"edition cannot be told. Name it with --edition: {', '.join(editions)}"
        )
    asked = _model(live.model, ids, found)
    missing = _not_claimed(url, api_key, without)
    return Target(lane, found.name, url, api_key, asked, missing, requests_to_inspect(without))


def unasked(
    suite: Suite,
    *,
    edition: str | None = None,
    live: LiveEndpoint = LiveEndpoint(),
    without: Sequence[str] = (),
) -> Target:
    """The same for a run that is only planned: nothing is sent, so the edition must be named.

    Raises:
        UsageError: There is no such edition, or the base URL is none.
    """
    if live.base_url is not None:
        from kimi_conformance.stage import refuse_address  # slow to import

        refuse_address(live.base_url)
    name = suite.edition(edition or DEFAULT_EDITION).name
    if edition is None and live.base_url is not None:
        click.echo(f"Planned for edition {name}: name another one with --edition.", err=True)
    return Target(
        "live",
        name,
        live.base_url,
        None,
        live.model,
        tuple(without),
        requests_to_inspect(without),
    )


def requests_to_inspect(without: Sequence[str] = ()) -> int:
    """How many requests `inspect` sends to a live endpoint."""
    return int("models" not in without) + (UNSERVED in without) * PROBES


def known_model(suite: Suite, target: Target, model_is: str | None) -> str | None:
    """The model of the edition that a target's model is said to be.

    Raises:
        UsageError: The edition has none of this name.
    """
    edition = suite.edition(target.edition)
    if model_is is not None:
        return edition.model(model_is).id
    if target.lane == "live" and target.model and edition.find(target.model) is None:
        say(
            f"Edition {edition.name} does not know {target.model}; say which of its models that "
            "is with --model-is, or what depends on it is inconclusive.",
            "-",
        )
    return None


def _not_claimed(url: str, api_key: str, without: Sequence[str]) -> tuple[str, ...]:
    """What was named, and where that was left to the endpoint, what it does not serve."""
    named = tuple(name for name in without if name != UNSERVED)
    if UNSERVED not in without:
        return named
    return tuple(dict.fromkeys((*named, *unserved(api_key, url))))


def _model(asked: str | None, ids: list[str], edition: Edition) -> str:
    """The model to ask: the one named, else the edition's default, else the first on offer."""
    if asked is not None:
        if ids and asked not in ids:
            raise UsageError(f"The endpoint does not offer '{asked}'. {nearest(asked, ids)}")
        return asked
    if edition.default_model in ids or not ids:
        return edition.default_model
    say(f"{edition.default_model} is not on offer; asking {ids[0]} instead.", "-")
    return ids[0]


def _models(url: str, api_key: str) -> list[str]:
    """The ids at this endpoint; [] where the list is not in the documented form."""
    entries = listed_models(url, api_key) or ()
    ids = [entry.get("id") for entry in entries if isinstance(entry, dict)]
    return [id for id in ids if isinstance(id, str) and len(id) <= LONGEST_ID][:MOST_IDS]


def listed_models(url: str, api_key: str) -> list[Any] | None:
    """The entries of the endpoint's list, as they came; None: it is not in the documented form.

    Raises:
        UsageError: The URL is none, or the key cannot be sent.
        UnusableTargetError: Nobody answers there, it is no Kimi API, or it refuses the key.
    """
    # Slow to import, and needed for a live endpoint only.
    from kimi_conformance.http import fetch
    from kimi_conformance.stage import refuse_unsendable

    refuse_unsendable(url, api_key)
    try:
        reply = fetch("GET", f"{url}/models", headers={"Authorization": f"Bearer {api_key}"})
    except TransportError as error:
        raise UnreachableTargetError(
            f"{url} does not answer: {error}. Is it running, and is KIMI_BASE_URL right?"
        ) from error
    if reply.status in _NOT_YET:
        raise UnreachableTargetError(
            f"{url} is not ready: it answers with {reply.status}. Is what stands behind it running?"
        )
    if reply.status in {401, 403}:
        raise UnusableTargetError(
            f"{url} refuses the key ({reply.status}). Keys of api.moonshot.cn and "
            "api.moonshot.ai are not interchangeable; is KIMI_API_KEY the right one?"
        )
    if "html" in reply.header("content-type"):
        raise UnusableTargetError(
            f"{url}/models answers with a web page ({reply.status}), not with an API. Does "
            "the base URL end with /v1? An endpoint without a list is judged with --without models."
        )
    return entries_of(reply.body)


def entries_of(body: bytes) -> list[Any] | None:
    """The entries of a list of models; None: it is not in the documented form."""
    data = members(parse_json(body)).get("data")
    return data if isinstance(data, list) else None
