"""
One exchange as it is shown: what was sent, what was received, and how to send it again.

Nothing is tidied: a JSON body is only broken into lines between its tokens, so a doubled
key or an odd number stays to be seen.
"""

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from kimi_conformance.reporting.wording.quantity import bytes_text, seconds
from kimi_conformance.reporting.wording.visible import INVISIBLE, shortened

__all__ = ["Body", "ShownExchange", "curl", "indented", "shown_exchange"]

BODY_SHOWN = 20_000  # characters
CURL_BODY = 8_000  # characters; a longer one goes into a file
FOLDED_FROM = 14  # lines

_SOURCES = {
    "script": "written down by the check",
    "cassette": "replayed from a cassette",
    "simulator": "given by the simulator",
    "live": "given by the live API",
}
_LEFT_OUT = {
    "accept-encoding", "authorization", "connection", "content-length", "host",
    "transfer-encoding", "user-agent",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A body as it is shown.

    Attributes:
        text: Its beginning, "" where there was none.
        note: What a reader must know: its size, whether lines were broken or text left out.
        folded: Whether it is too long to be shown at once.
    """

    text: str
    note: str
    folded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownExchange:
    """One request with its answer.

    Attributes:
        id: As in the evidence file.
        line: "POST /v1/chat/completions → 200 OK".
        origin: Who answered.
        request_line, request_headers, request_body: What was sent.
        answer_line, answer_headers, answer_body: What came back.
        frames: In how many pieces and over which time the body came, or "".
        ending: How the body ended where that was no orderly end, or "".
        curl: A shell line that sends the request again, with `$KIMI_API_KEY` for the key.
        curl_note: What that line lacks, or "".
    """

    id: str
    line: str
    origin: str
    request_line: str
    request_headers: tuple[tuple[str, str], ...]
    request_body: Body
    answer_line: str
    answer_headers: tuple[tuple[str, str], ...]
    answer_body: Body
    frames: str
    ending: str
    curl: str
    curl_note: str


def shown_exchange(record: Mapping[str, Any]) -> ShownExchange:
    """An exchange record, ready to be shown."""
    request, answer = record["request"], record["answer"]
    query = f"?{request['query']}" if request.get("query") else ""
    request_line = f"{request['method']} {request['path']}{query}"
    answer_line = _status_line(answer["status"])
    command, note = curl(request)
    ending = answer.get("ending", "complete")
    return ShownExchange(
        id=record["id"],
        line=f"{request_line} → {answer_line}",
        origin=_SOURCES.get(record.get("source", ""), f"given by: {record.get('source')}"),
        request_line=request_line,
        request_headers=_headers(request),
        request_body=_body(request),
        answer_line=answer_line,
        answer_headers=_headers(answer),
        answer_body=_body(answer),
        frames=_frames(answer.get("frames", ())),
        ending="" if ending == "complete" else _ENDINGS.get(ending, str(ending)),
        curl=command,
        curl_note=note,
    )


_ENDINGS = {
    "cut": "The connection was closed before the end of the body.",
    "reset": "The connection was reset before the end of the body.",
    "stalled": "Nothing more came, until the client gave up.",
}


def _status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _headers(message: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((str(name), str(value)) for name, value in message.get("headers", ()))


def _frames(frames: Iterable[Any]) -> str:
    times = [at for at, _ in frames]
    if len(times) < 2:
        return ""
    return f"{len(times)} frames over {seconds((times[-1] - times[0]) / 1000)}"


def _body(message: Mapping[str, Any]) -> Body:
    raw = str(message.get("body") or "")
    size = int(message.get("body_bytes") or 0)
    if not raw:
        return Body(text="", note=_lost(size, 0), folded=False)
    text = indented(raw) if len(raw) <= BODY_SHOWN else raw
    notes = ["lines broken between JSON tokens"] if text != raw else []
    text, left_out = shortened(text, BODY_SHOWN)
    kept = len(raw.encode("utf-8", "surrogatepass"))
    notes = [bytes_text(max(size, kept)), *notes, left_out or _lost(size, kept)]
    return Body(
        text=text,
        note=", ".join(note for note in notes if note),
        folded=text.count("\n") >= FOLDED_FROM or len(text) > 100 * FOLDED_FROM,
    )


def _lost(size: int, kept: int) -> str:
    return f"{bytes_text(size - kept)} were not kept as evidence" if size > kept else ""


def indented(text: str) -> str:
    """JSON with a line end after each member, tokens untouched; other text as it is."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    pieces: list[str] = []
    depth, before = 0, ""
    for piece in _TOKEN.findall(text):
        depth -= piece in _CLOSE
        opens, closes = before in _OPEN, piece in _CLOSE
        if before == "," or opens != closes:
            pieces.append("\n" + "  " * depth)
        pieces.append(": " if piece == ":" else piece)
        depth += piece in _OPEN
        before = piece
    return "".join(pieces)


_OPEN, _CLOSE = ("{", "["), ("}", "]")
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\]:,]|[^\s"{}\[\]:,]+')


def curl(request: Mapping[str, Any]) -> tuple[str, str]:
    """A shell line that sends a recorded request again, and what it lacks, or "".

    The address is taken from `$KIMI_BASE_URL`, which ends in the version segment. Evidence
    holds no key, so the line carries `$KIMI_API_KEY` whether one was sent or not.
    """
    path = request["path"]
    base = '"$KIMI_BASE_URL"'
    if path == "/v1" or path.startswith("/v1/"):
        path = path[3:]
    else:
        base = '"${KIMI_BASE_URL%/v1}"'
    query = f"?{request['query']}" if request.get("query") else ""
    method = "" if request["method"] == "GET" else f"-X {_quoted(request['method'])} "
    lines = [f"curl -sS -i -N {method}{base}{_quoted(path + query) if path + query else ''}"]
    lines.append('-H "Authorization: Bearer $KIMI_API_KEY"')
    lines += [line for name, value in _headers(request) if (line := _header_option(name, value))]
    body, note = _body_option(request)
    return " \\\n  ".join([*lines, *body]), note


def _header_option(name: str, value: str) -> str:
    if name.lower() in _LEFT_OUT:
        return ""
    return f"-H {_quoted(f'{name}: {value}')}"


def _body_option(request: Mapping[str, Any]) -> tuple[list[str], str]:
    body = str(request.get("body") or "")
    size = int(request.get("body_bytes") or 0)
    kept = len(body.encode("utf-8", "surrogatepass"))
    if size > kept:
        return ["--data-binary @request.body"], "The body was not kept whole: write your own file."
    if len(body) > CURL_BODY or "\0" in body:
        return (
            ["--data-binary @request.body"],
            "The body is too long or holds a zero byte: take it from the evidence file.",
        )
    return ([f"--data-raw {_quoted(body)}"] if body else []), ""


def _quoted(text: str) -> str:
    r"""The text as one word of a shell; unseen characters as bytes: $'\xe2\x80\xae'."""
    if not INVISIBLE.search(text):
        return shlex.quote(text)
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return "$'" + INVISIBLE.sub(_as_bytes, escaped) + "'"


def _as_bytes(match: re.Match[str]) -> str:
    return "".join(f"\\x{byte:02x}" for byte in match.group().encode("utf-8", "surrogatepass"))
