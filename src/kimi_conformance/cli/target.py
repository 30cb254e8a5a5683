"""
Which endpoint a command is about, and whether it can be judged at all.

Before a run on a live endpoint one request is sent, GET /models with the key, because the
commonest mistakes (a wrong URL, a wrong key, nobody there) would else make every check
inconclusive, each with its own long story.
"""

import json
from dataclasses import dataclass
from typing import Any

import click

from kimi_conformance.editions import Edition, detect
from kimi_conformance.errors import KimiConformanceError, UsageError, nearest
from kimi_conformance.http import httpx, ssl_context
from kimi_conformance.stage import refuse_unsendable
from kimi_conformance.suite import Suite

__all__ = [
    "DEFAULT_BASE_URL",
    "LANES",
    "Target",
    "UnusableTargetError",
    "entries_of",
    "inspect",
    "lane_of",
    "listed_models",
]

LANES = ("cassette", "simulator", "live")
DEFAULT_EDITION = "2025-09"
DEFAULT_BASE_URL = "https://api.moonshot.cn/v1"


class UnusableTargetError(KimiConformanceError):
    """The live endpoint cannot be judged: nobody answers, or the key is refused."""


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint that answered.

    Attributes:
        lane: "cassette", "simulator" or "live".
        edition: The edition it is judged against.
        base_url: Of a live one, else None.
        api_key: Of a live one, else None.
        model: The model to ask, or None for the edition's default.
    """

    lane: str
    edition: str
    base_url: str | None
    api_key: str | None
    model: str | None


def lane_of(lane: str | None, base_url: str | None, *, default: str) -> str:
    """The lane: the one named, else live where a base URL was given, else the default."""
    return lane or ("live" if base_url else default)


def inspect(
    suite: Suite,
    lane: str,
    *,
    edition: str | None,
    base_url: str | None,
    api_key: str | None,
    model: str | None,
) -> Target:
    """Find out what is judged, and as what.

    Raises:
        UsageError: No key, no URL, or no such edition.
        UnusableTargetError: Nobody answers there, it is no Kimi API, or it refuses the key.
    """
    if edition is not None:
        suite.edition(edition)
    if lane != "live":
        return Target(lane, edition or DEFAULT_EDITION, None, None, model)
    if not api_key:
        raise UsageError(
            "The live endpoint needs a key: set KIMI_API_KEY. Without one, judge the embedded "
            "simulator with --lane simulator."
        )
    url = (base_url or DEFAULT_BASE_URL).rstrip("/")
    ids = _models(url, api_key)
    editions = suite.editions()
    found = editions[edition] if edition else (detect(ids, list(editions.values())))
    if found is None:
        raise UsageError(
            f"None of the models at {url} is one that we know ({', '.join(ids[:4])} …), so the "
            f"edition cannot be told. Name it with --edition: {', '.join(editions)}"
        )
    return Target(lane, found.name, url, api_key, _model(model, ids, found))


def _model(asked: str | None, ids: list[str], edition: Edition) -> str:
    """The model to ask: the one named, else the edition's default, else the first on offer."""
    if asked is not None:
        if ids and asked not in ids:
            raise UsageError(f"The endpoint does not offer '{asked}'. {nearest(asked, ids)}")
        return asked
    if edition.default_model in ids or not ids:
        return edition.default_model
    click.echo(f"{edition.default_model} is not on offer; asking {ids[0]} instead.", err=True)
    return ids[0]


def _models(url: str, api_key: str) -> list[str]:
    """The ids at this endpoint; [] where the list is not in the documented form."""
    entries = listed_models(url, api_key) or ()
    ids = [entry.get("id") for entry in entries if isinstance(entry, dict)]
    return [id for id in ids if isinstance(id, str)]


def listed_models(url: str, api_key: str) -> list[Any] | None:
    """The entries of the endpoint's list, as they came; None: it is not in the documented form.

    Raises:
        UsageError: The URL is none, or the key cannot be sent.
        UnusableTargetError: Nobody answers there, it is no Kimi API, or it refuses the key.
    """
    refuse_unsendable(url, api_key)
    try:
        with httpx.Client(verify=ssl_context(), timeout=20, trust_env=False) as client:
            reply = client.get(f"{url}/models", headers={"Authorization": f"Bearer {api_key}"})
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnusableTargetError(
            f"{url} does not answer: {str(error) or type(error).__name__}. Is it running, and is "
            "KIMI_BASE_URL right?"
        ) from error
    if reply.status_code in {401, 403}:
        raise UnusableTargetError(
            f"{url} refuses the key ({reply.status_code}). Keys of api.moonshot.cn and "
            "api.moonshot.ai are not interchangeable; is KIMI_API_KEY the right one?"
        )
    if "html" in reply.headers.get("content-type", ""):
        raise UnusableTargetError(
            f"{url}/models answers with a web page ({reply.status_code}), not with an API. Does "
            "the base URL end with /v1?"
        )
    return entries_of(reply.content)


def entries_of(body: bytes) -> list[Any] | None:
    """The entries of a list of models; None: it is not in the documented form."""
    try:
        decoded: Any = json.loads(body)
    except ValueError:
        return None
    data = decoded.get("data") if isinstance(decoded, dict) else None
    return data if isinstance(data, list) else None
