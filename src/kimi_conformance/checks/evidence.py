"""Appends what checks found out to the run's evidence file, as it happens."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kimi_conformance.cassettes.scrubber import scrub
from kimi_conformance.requirements import Plane
from kimi_conformance.runs import LawTally, check_record, encode, law_record
from kimi_conformance.verdicts import Outcome
from kimi_conformance.wire.erasing import erase
from kimi_conformance.wire.exchange import Answer, Ending, Exchange, Frame, Headers, Request
from kimi_conformance.wire.validators import judge

__all__ = ["Evidence", "answered_by_the_api", "restored", "tallies"]

_OWNERS = {
    "chat": "chat",
    "models": "models",
    "users": "balance",
    "tokenizers": "token_estimate",
    "caching": "caching",
    "files": "files",
    "batches": "batches",
    "formulas": "formulas",
    "anthropic": "anthropic",
}
LONGEST_BODY = 16 * 1024  # characters of a body that are kept


class Evidence:
    """One evidence file, open for appending, or none.

    Args:
        path: The file, or None: nothing is written.
        laws: The ids of the wire laws that hold in this run's edition.
        secrets: Keys that must not reach it.
        keep_exchanges: Whether exchanges are written too.
        without: The capabilities that the endpoint does not claim: what it answers under their
            paths is no answer of the API's.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        laws: Collection[str],
        secrets: tuple[str, ...],
        keep_exchanges: bool,
        without: Collection[str] = (),
    ) -> None:
        self._laws = laws
        self._file = path.open("ab", buffering=0) if path is not None else None
        self._secrets = secrets
        self._keep_exchanges = keep_exchanges
        self._without = without

    def add(self, record: Mapping[str, Any]) -> None:
        """Append one record, in one write; what a check says may quote what it was sent."""
        if self._file is not None:
            self._file.write(erase(encode(record), self._secrets))

    def close(self) -> None:
        """Take no more records."""
        if self._file is not None:
            self._file.close()

    def add_outcome(
        self, outcome: Outcome, exchanges: Sequence[Exchange], alike: Sequence[str] = ()
    ) -> None:
        """What a check said, what it exchanged, and what the wire laws say of that.

        The same outcome holds for the SUTs in `alike`, which the check cannot tell from this one.
        Answers that a script wrote are not the SUT's doing, so on the endpoint plane they are
        not judged; on the adapter plane only the requests are.
        """
        if self._file is None:
            return
        if self._keep_exchanges:
            for exchange in exchanges:
                self.add(self._exchange(outcome, exchange))
        for tally in tallies(outcome, answered_by_the_api(exchanges, self._without)):
            if tally.law in self._laws:
                self.add(law_record(tally))
        told = check_record(outcome)
        self.add({**told, "alike": alike} if alike else told)

    def _exchange(self, outcome: Outcome, exchange: Exchange) -> Mapping[str, Any]:
        clean = scrub(exchange, self._secrets).exchange
        request, answer = clean.request, clean.answer
        return {
            "record": "exchange",
            "id": exchange.id,
            "check": outcome.id,
            "sut": outcome.sut,
            "source": exchange.source,
            "request": {
                "method": request.method,
                "path": request.path,
                "query": request.query,
                "headers": _pairs(request.headers),
                "body": _text(request.body),
                "body_bytes": len(request.body),
                "whole": _is_whole(request.body),
            },
            "answer": {
                "status": answer.status,
                "headers": _pairs(answer.headers),
                "body": _text(answer.body),
                "body_bytes": len(answer.body),
                "whole": _is_whole(answer.body),
                "raw": answer.raw,
                "frames": [[round(f.at * 1000, 1), len(f.data)] for f in answer.frames],
                "ending": answer.ending.value,
            },
        }


def answered_by_the_api(exchanges: Iterable[Exchange], without: Collection[str]) -> list[Exchange]:
    """Those that the laws judge: under the paths of what is not offered, somebody else answers."""
    return [each for each in exchanges if _owner(each.request.path) not in without]


def restored(record: Mapping[str, Any]) -> Exchange | None:
    """An exchange as it was on the wire, or None where its record does not hold it whole.

    Headers that are never kept are missing from it: Authorization above all. Times are as
    exact as the record's, a tenth of a millisecond.
    """
    request, answer = record["request"], record["answer"]
    sent, received = _whole_body(request), _whole_body(answer)
    frames: list[Frame] = []
    begin = 0
    for at, size in answer["frames"]:
        frames.append(Frame(at / 1000, (received or b"")[begin : begin + size]))
        begin += size
    if sent is None or received is None or begin != len(received):
        return None
    return Exchange(
        id=record["id"],
        request=Request(
            method=request["method"],
            path=request["path"],
            query=request["query"],
            headers=tuple((name, value) for name, value in request["headers"]),
            body=sent,
        ),
        answer=Answer(
            status=answer["status"],
            headers=tuple((name, value) for name, value in answer["headers"]),
            frames=frames,
            ending=Ending(answer["ending"]),
            raw=answer.get("raw", False),
        ),
        started=0.0,
        source=record["source"],
    )


def _whole_body(message: Mapping[str, Any]) -> bytes | None:
    """Its bytes, or None; records of schema 1 do not say, but what they cut is longer."""
    text: str = message["body"]
    body = text.encode("utf-8", "surrogatepass")
    whole = message.get("whole", len(text) <= LONGEST_BODY)
    return body if whole and len(body) == message["body_bytes"] else None


def tallies(outcome: Outcome, exchanges: Iterable[Exchange]) -> list[LawTally]:
    """How each law of the check's plane fared in its exchanges, if it had anything to judge."""
    applied: dict[str, int] = {}
    violations: dict[str, list[str]] = {}
    violating: dict[str, list[str]] = {}
    for exchange in exchanges:
        for finding in judge(exchange, outcome.plane):
            if not finding.applied:
                continue
            applied[finding.law] = applied.get(finding.law, 0) + 1
            if finding.violations:
                violations.setdefault(finding.law, []).extend(finding.violations)
                violating.setdefault(finding.law, []).append(exchange.id)
    return [
        LawTally(
            law=law,
            plane=Plane(outcome.plane),
            sut=outcome.sut,
            check=outcome.id,
            applied=count,
            violations=tuple(violations.get(law, ())),
            exchanges=tuple(violating.get(law, ())),
        )
        for law, count in applied.items()
    ]


def _owner(path: str) -> str:
    """The capability that a path belongs to; one that nobody has is the gateway's to answer."""
    first = path.removeprefix("/v1").lstrip("/").partition("/")[0]
    return _OWNERS.get(first, "moonshot")


def _pairs(headers: Headers) -> list[list[str]]:
    return [[name, value] for name, value in headers]


def _is_whole(body: bytes) -> bool:
    """Whether the evidence holds it to the byte: UTF-8, and not shortened."""
    try:
        return len(body.decode()) <= LONGEST_BODY
    except UnicodeDecodeError:
        return False


def _text(body: bytes) -> str:
    text = body.decode("utf-8", "backslashreplace")
    if len(text) <= LONGEST_BODY:
        return text
    return f"{text[:LONGEST_BODY]} … ({len(body)} bytes in all)"
