"""Makes a cassette of what a check exchanged."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kimi_conformance.cassettes.cassette import Cassette, Provenance, digest_of, read, write
from kimi_conformance.cassettes.detector import find_secrets
from kimi_conformance.cassettes.scrubber import scrub
from kimi_conformance.errors import CassetteError
from kimi_conformance.wire.exchange import Exchange

__all__ = ["record", "said"]


def record(
    path: Path,
    exchanges: Sequence[Exchange],
    provenance: Provenance,
    *,
    origin: str,
    secrets: tuple[str, ...] = (),
) -> bool:
    """Scrub the exchanges, make sure that nothing is left, and write them.

    A recording that says the same as the one on disk leaves that file as it is, day and all.

    Args:
        path: Where to.
        exchanges: In order, `len(exchanges) >= 1`.
        provenance: All but `scrubbed` and `digest`, which are computed here.
        origin: Scheme and host of the recorded URLs.
        secrets: Keys known to this process.

    Returns:
        Whether the file was written.

    Raises:
        CassetteError: A secret is left, the exchanges are none, or the file cannot be written.
    """
    if not exchanges:
        raise CassetteError(f"{provenance.check} exchanged nothing that could be recorded.")
    scrubbed = [scrub(exchange, secrets) for exchange in exchanges]
    clean = tuple(each.exchange for each in scrubbed)
    for number, exchange in enumerate(clean, start=1):
        _refuse_secrets(f"exchange {number} of {provenance.check}", exchange, secrets)
    if _on_disk(path) == [said(exchange) for exchange in clean]:
        return False
    removed = sorted({name for each in scrubbed for name in each.removed})
    whole = replace(provenance, scrubbed=removed, digest=digest_of(clean))
    write(path, Cassette(provenance=whole, interactions=clean), origin)
    return True


def _on_disk(path: Path) -> list[object] | None:
    try:
        return [said(exchange) for exchange in read(path, path.stem).interactions]
    except CassetteError:
        return None


def said(exchange: Exchange) -> tuple[object, ...]:
    """All that an exchange says, to be compared; when a frame came differs each time."""
    request, answer = exchange.request, exchange.answer
    return (
        (request.method, request.path, request.query, sorted(request.headers), request.body),
        (answer.status, sorted(answer.headers), answer.ending),
        [frame.data for frame in answer.frames],
    )


def _refuse_secrets(what: str, exchange: Exchange, secrets: tuple[str, ...]) -> None:
    request, answer = exchange.request, exchange.answer
    headers = "\n".join(f"{name}: {value}" for name, value in (*request.headers, *answer.headers))
    line = f"{request.path}?{request.query}\n{headers}\n"
    found = find_secrets(line.encode() + request.body + b"\n" + answer.body, secrets)
    if found:
        raise CassetteError(
            f"The recording of {what} still holds what looks like a secret ({found[0].kind}, "
            f"{found[0].form}). Nothing was written. "
            "Teach cassettes/scrubber.py to remove it."
        )
