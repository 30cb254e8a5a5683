"""A cassette: reading it, writing it, and what it says of itself."""

import contextlib
import hashlib
import http
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kimi_conformance.cassettes.document import document_of
from kimi_conformance.errors import CassetteError
from kimi_conformance.wire.exchange import Answer, Ending, Exchange, Frame, Headers, Request

__all__ = ["SIMULATOR_ORIGIN", "Cassette", "Provenance", "digest_of", "name_of", "read", "write"]

SIMULATOR_ORIGIN = "http://simulator.invalid"  # no such host: nobody takes it for the real one
_NOT_KEPT = re.compile(r"[^A-Za-z0-9_.-]")
_LONGEST_NAME = 150  # characters; file systems take 255 bytes, suffix included


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a recording comes from.

    Attributes:
        source: "live" or "simulator".
        edition: The edition of the API that was asked.
        recorded_on: The day, ISO 8601.
        check: The check whose exchanges these are.
        suite: The version of this suite.
        libraries: The versions of what sent and stored them.
        scrubbed: The names of headers and body fields that were removed or replaced.
        digest: SHA-256 over the interactions, as `digest_of` computes it.
    """

    source: str
    edition: str
    recorded_on: str
    check: str
    suite: str
    libraries: Mapping[str, str]
    scrubbed: Sequence[str]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cassette:
    """Interactions in the order they were recorded, `len(interactions) >= 1`."""

    provenance: Provenance
    interactions: Sequence[Exchange]


def name_of(check: str, edition: str) -> str:
    """Where the recording of a check is, below `cassettes/` and without its suffix.

    Of a check's id, which may hold a value of anybody's, ASCII letters, digits, dots and dashes
    are kept; a long one is cut, and told apart by a digest.

    >>> name_of("endpoint/chat/text_comes_back[two parts]", "2025-09")
    '2025-09/endpoint/chat/text_comes_back-two-parts'
    """
    place, bracket, value = check.partition("[")
    folder, slash, sentence = place.rpartition("/")
    name = _NOT_KEPT.sub("-", sentence + bracket + value).strip("-.")
    if len(name) > _LONGEST_NAME:
        name = f"{name[:_LONGEST_NAME]}-{hashlib.sha256(check.encode()).hexdigest()[:12]}"
    return f"{edition}/{folder}{slash}{name}"


def digest_of(interactions: Iterable[Exchange]) -> str:
    """SHA-256 over requests, answers and frame sizes; times do not count."""
    digest = hashlib.sha256()
    for exchange in interactions:
        request, answer = exchange.request, exchange.answer
        line = f"{request.method} {request.path}?{request.query} {answer.status} {answer.ending}"
        sizes = ",".join(str(len(frame.data)) for frame in answer.frames)
        digest.update(f"{line} {sizes}\n".encode())
        digest.update(request.body + b"\n" + answer.body + b"\n")
    return digest.hexdigest()


def write(path: Path, cassette: Cassette, origin: str) -> None:
    """Write a cassette, whole or not at all.

    Args:
        path: Where to.
        cassette: What.
        origin: Scheme and host of the recorded URLs: `SIMULATOR_ORIGIN`, or the live one.

    Raises:
        CassetteError: The folder cannot be written.
    """
    # Slow to import, and only who records needs it.
    from vcr.serialize import CASSETTE_FORMAT_VERSION
    from vcr.serializers import yamlserializer

    document = {
        "version": CASSETTE_FORMAT_VERSION,
        "provenance": {
            **asdict(cassette.provenance),
            "scrubbed": list(cassette.provenance.scrubbed),
        },
        "interactions": [_interaction(exchange, origin) for exchange in cassette.interactions],
    }
    text = yamlserializer.serialize(document)
    temporary = path.with_suffix(".yaml.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise CassetteError(
            f"Cannot write the cassette {os.fspath(path)}: {error.strerror}. "
            "Record into a folder that you may write to."
        ) from error


def read(path: Path, name: str) -> Cassette:
    """Read a cassette.

    Args:
        path: Its file.
        name: What messages call it.

    Raises:
        CassetteError: There is no such file, or it is damaged, or it was changed by hand.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = document_of(text)
    except FileNotFoundError:
        raise CassetteError(
            f"There is no cassette '{name}'. Record it with: kimi-conformance record {name}"
        ) from None
    except (OSError, ValueError) as error:
        raise CassetteError(
            f"Cassette '{name}' cannot be read: {error}. "
            f"Record it anew with: kimi-conformance record {name}"
        ) from error
    try:
        cassette = _cassette(document, len(text.encode()))
        digest = digest_of(cassette.interactions)
    except _OF_VALUES as error:
        raise CassetteError(
            f"Cassette '{name}' is damaged: {type(error).__name__} {error!s:.200}. "
            f"Record it anew with: kimi-conformance record {name}"
        ) from error
    if digest != cassette.provenance.digest:
        raise CassetteError(
            f"Cassette '{name}' is not what was recorded: its digest does not fit. It was "
            f"edited or cut short. Record it anew with: kimi-conformance record {name}"
        )
    return cassette


def _interaction(exchange: Exchange, origin: str) -> dict[str, Any]:
    request, answer = exchange.request, exchange.answer
    query = f"?{request.query}" if request.query else ""
    return {
        "request": {
            "method": request.method,
            "uri": f"{origin}{request.path}{query}",
            "body": _text(request.body),
            "headers": _headers(request.headers),
        },
        "response": {
            "status": {"code": answer.status, "message": _reason(answer.status)},
            "headers": _headers(answer.headers),
            "body": {"string": _text(answer.body)},
        },
        "x-frames": {
            "ending": answer.ending.value,
            "ms": [round(frame.at * 1000, 1) for frame in answer.frames],
            "bytes": [len(frame.data) for frame in answer.frames],
        },
    }


# What a value of another shape than was written raises.
_OF_VALUES = (
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)


def _cassette(document: Mapping[str, Any], size: int) -> Cassette:
    """The cassette of a document, which was read from so many bytes."""
    bodies = [
        body
        for entry in document["interactions"]
        for body in (entry["request"]["body"], entry["response"]["body"]["string"])
    ]
    if sum(len(_bytes(body)) for body in bodies) > size:  # YAML can name a text again and again
        raise ValueError("its bodies are longer than the file")
    interactions = [
        _exchange(entry, number) for number, entry in enumerate(document["interactions"], start=1)
    ]
    if not interactions:
        raise ValueError("it holds no interaction")
    return Cassette(
        provenance=_provenance(**document["provenance"]),
        interactions=tuple(interactions),
    )


def _provenance(libraries: Any, scrubbed: Any, **texts: Any) -> Provenance:
    return Provenance(
        libraries={_text_of(name): _text_of(said) for name, said in libraries.items()},
        scrubbed=[_text_of(name) for name in scrubbed],
        **{name: _text_of(value) for name, value in texts.items()},
    )


def _text_of(value: Any) -> str:
    """The value, which has to be a text: anything else could be nested without end."""
    if not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__} stands where a text belongs")
    return value


def _exchange(entry: Mapping[str, Any], number: int) -> Exchange:
    request, response, frames = entry["request"], entry["response"], entry["x-frames"]
    path = "/" + _text_of(request["uri"]).split("://", 1)[1].partition("/")[2]
    path, _, query = path.partition("?")
    answer = Answer(
        status=int(response["status"]["code"]),
        headers=_flat(response["headers"]),
        frames=tuple(_cut(_bytes(response["body"]["string"]), frames)),
        ending=Ending(frames["ending"]),
    )
    return Exchange(
        id=f"#{number}",
        request=Request(
            method=_text_of(request["method"]),
            path=path,
            query=query,
            headers=_flat(request["headers"]),
            body=_bytes(request["body"]),
        ),
        answer=answer,
        started=0.0,
        source="cassette",
    )


def _cut(body: bytes, frames: Mapping[str, Any]) -> Iterable[Frame]:
    if min(frames["bytes"], default=0) < 0 or sum(frames["bytes"]) != len(body):
        raise ValueError(f"its frames hold {sum(frames['bytes'])} bytes, its body {len(body)}")
    start = 0
    for ms, size in zip(frames["ms"], frames["bytes"], strict=True):
        yield Frame(float(ms) / 1000, body[start : start + size])
        start += size


def _headers(headers: Headers) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name, []).append(value)
    return values


def _flat(headers: Mapping[str, Sequence[str]]) -> Headers:
    return tuple(
        (_text_of(name), _text_of(value)) for name, values in headers.items() for value in values
    )


def _reason(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""


def _text(body: bytes) -> Any:
    """Text where it is text, so that a person can read the file; bytes as YAML's !!binary."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body


def _bytes(value: str | bytes | None) -> bytes:
    if value is None:
        return b""
    return value if isinstance(value, bytes) else _text_of(value).encode()
