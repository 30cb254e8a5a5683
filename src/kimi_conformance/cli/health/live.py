"""What a live endpoint answers to one request."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from kimi_conformance.cli.health.finding import Finding, broken, hint, well
from kimi_conformance.errors import TransportError

__all__ = ["Answer", "findings", "observe"]

APART = 30.0  # seconds; an answer's Date is in whole seconds, and was on its way for some
_PATIENCE = 20.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to GET /models.

    Attributes:
        url: Of the endpoint, as it may be shown.
        wrong: Why there is none that is of use, or "".
        models: How many are listed; None: it is no list of models.
        ahead: Seconds that this machine's clock is ahead of the answer's Date; None: it has none.
    """

    url: str
    wrong: str = ""
    models: int | None = None
    ahead: float | None = None


def observe(url: str, key: str) -> Answer:
    """Send GET /models, once."""
    from kimi_conformance.cli.asking.target import entries_of
    from kimi_conformance.http import fetch

    headers = {"Authorization": f"Bearer {key}"}
    try:
        reply = fetch("GET", f"{url}/models", headers=headers, seconds=_PATIENCE)
    except TransportError as error:
        return Answer(url=url, wrong=str(error))
    ahead = ahead_of(reply.header("date"), time.time())
    if reply.status != 200:
        return Answer(url=url, wrong=f"answers with {reply.status}", ahead=ahead)
    entries = entries_of(reply.body)
    return Answer(url=url, models=None if entries is None else len(entries), ahead=ahead)


def ahead_of(date: str, now: float) -> float | None:
    """Seconds that `now` is ahead of a Date header; None: it is none that can be read."""
    try:
        return now - parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


def findings(seen: Answer) -> Iterator[Finding]:
    """What is to be said of the answer."""
    if seen.wrong in {"answers with 401", "answers with 403"}:
        yield broken(
            "live",
            f"{seen.url} refuses the key ({seen.wrong[-3:]})",
            "Keys of api.moonshot.cn and api.moonshot.ai are not interchangeable.",
            "Set KIMI_API_KEY to a key of that endpoint, or KIMI_BASE_URL to that of the key",
        )
    elif seen.wrong:
        yield broken(
            "live",
            f"{seen.url}/models: {seen.wrong}",
            "Nothing can be judged there.",
            f"curl -i {seen.url}/models",
        )
    elif seen.models is None:
        yield broken(
            "live",
            f"{seen.url}/models answers with something that is no list of models",
            "What answers there is no Kimi API, or the URL lacks its /v1.",
            "export KIMI_BASE_URL=https://api.moonshot.cn/v1",
        )
    else:
        yield well("live", f"{seen.url} lists {seen.models} models")
    if seen.ahead is not None and abs(seen.ahead) > APART:
        yield hint(
            "wall clock",
            f"{abs(seen.ahead):,.0f} s {'ahead of' if seen.ahead > 0 else 'behind'} the endpoint's",
            "Runs, recordings and alerts are dated wrongly, and certificates may seem invalid.",
            "sudo timedatectl set-ntp true",
        )
