"""
Removes what must not be kept, by an allow-list.

Of the headers only those named here are kept; of query and body everything but account
ids, which become stable pseudonyms. The key itself, should it stand anywhere else, is
replaced wherever it occurs, in any form. Whether that was enough is for the detector to say,
which shares no code with this module.
"""

import re
from dataclasses import dataclass, replace

from kimi_conformance.wire.erasing import erase, erase_in_frames
from kimi_conformance.wire.exchange import Exchange, Headers

__all__ = ["KEPT_HEADERS", "Scrubbed", "scrub"]

KEPT_HEADERS = frozenset(
    {
        "accept",
        "content-encoding",
        "content-length",
        "content-type",
        "location",
        "msh-cache",
        "msh-context-cache-id",
        "msh-context-cache-token-exp",
        "msh-context-cache-token-saved",
        "msh-context-cache-token-ttl",
        "msh-cooldown-seconds",
        "msh-request-id",
        "msh-trace-mode",
        "retry-after",
        "vary",
        "x-msh-context-cache",
        "x-msh-context-cache-dryrun",
        "x-msh-context-cache-reset-ttl",
        "x-retry-after",
    }
)
_ACCOUNT = re.compile(rb"\b(org|proj)-[0-9a-f]{32}\b|\b(c?ak)-[0-9a-z]{20}\b")


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """An exchange without secrets, and the names of what was taken out, sorted."""

    exchange: Exchange
    removed: tuple[str, ...]


def scrub(exchange: Exchange, secrets: tuple[str, ...] = ()) -> Scrubbed:
    """The exchange without secrets.

    Args:
        exchange: As the stage saw it.
        secrets: Keys known to this process; each is replaced wherever it stands.
    """
    removed: set[str] = set()
    request, answer = exchange.request, exchange.answer
    clean_request = replace(
        request,
        headers=_kept(request.headers, removed, secrets),
        path=_without(request.path.encode(), secrets, "path", removed).decode(),
        query=_without(request.query.encode(), secrets, "query", removed).decode(),
        body=_without(request.body, secrets, "request body", removed),
    )
    frames = erase_in_frames(
        answer.frames, lambda data: _without(data, secrets, "answer body", removed)
    )
    clean_answer = replace(
        answer,
        headers=_with_length(
            _kept(answer.headers, removed, secrets),
            sum(len(frame.data) for frame in frames) - len(answer.body),
        ),
        frames=frames,
    )
    clean = replace(exchange, request=clean_request, answer=clean_answer)
    return Scrubbed(clean, tuple(sorted(removed)))


def _kept(headers: Headers, removed: set[str], secrets: tuple[str, ...]) -> Headers:
    kept = []
    for name, value in headers:
        if name.lower() not in KEPT_HEADERS:
            removed.add(name.lower())
            continue
        clean = _without(value.encode("latin-1", "replace"), secrets, name.lower(), removed)
        kept.append((name, clean.decode("latin-1")))
    return tuple(kept)


def _with_length(headers: Headers, grown: int) -> Headers:
    """The headers, with a Content-Length that is as right, or wrong, as it was."""
    if not grown:
        return headers
    return tuple(
        (name, str(int(value) + grown))
        if name.lower() == "content-length" and value.isdigit()
        else (name, value)
        for name, value in headers
    )


def _without(data: bytes, secrets: tuple[str, ...], where: str, removed: set[str]) -> bytes:
    clean = _ACCOUNT.sub(_pseudonym, erase(data, secrets))
    if clean != data:
        removed.add(where)
    return clean


def _pseudonym(match: re.Match[bytes]) -> bytes:
    """An id of the same form that names nobody: zeros in place of the account."""
    kind, _, rest = match[0].partition(b"-")
    return kind + b"-" + b"0" * len(rest)
