"""What a load record says beyond objectives and charts, as tables of texts."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kimi_conformance.reporting.wording.quantity import called, duration, formatter, seconds, share
from kimi_conformance.reporting.wording.visible import one_line

__all__ = ["Table", "load_facts", "load_tables"]

_Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of texts; the first of each row is its head; `prose` is to be read, not compared."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    prose: bool


def load_facts(record: _Record) -> tuple[tuple[str, str, str], ...]:
    """How much was done a second: label, value, explanation; () where nobody counted it."""
    found = record.get("throughput")
    if not found:
        return ()
    good = found["goodput"]
    bounds = ", ".join(
        f"{called(metric)} at most {formatter(metric)(bound)}"
        for metric, bound in good["bounds"].items()
    )
    return (
        ("Asked", _rate(found["requests_per_s"]), "requests a second"),
        ("Answered", _rate(found["completed_per_s"]), "requests a second"),
        ("Goodput", _rate(good["requests_per_s"]), f"requests a second, good: {bounds or 'any'}"),
        ("Good", _share(good["share"]), "of all requests, failures included"),
        ("Tokens", _rate(found["tokens_per_s"]), "of answers, a second"),
    )


def load_tables(record: _Record) -> tuple[Table, ...]:
    """Every table for which the record has rows."""
    made = (
        Table(caption=caption, columns=columns, rows=tuple(rows(record)), prose=rows in _PROSE)
        for caption, columns, rows in _TABLES
    )
    return tuple(table for table in made if table.rows)


def _steps(record: _Record) -> Iterable[tuple[str, ...]]:
    for step in record.get("steps") or ():
        yield (
            str(step["name"]),
            f"{duration(step['begin'])} to {duration(step['end'])}",
            _rate(step["offered_per_s"]),
            _rate(step["goodput_per_s"]),
            _share(step["success_share"]),
            _time(step["ttft_s"], "p95"),
            _time(step["response_s"], "p95"),
            str(step.get("broke") or "–"),
        )


def _names(record: _Record) -> Iterable[tuple[str, ...]]:
    named = record.get("by_name") or {}
    for name, found in named.items() if len(named) > 1 else ():
        yield (
            one_line(name, 80),
            f"{found['requests']:,}",
            _share(found["success_share"]),
            _time(found["ttft_s"], "p50"),
            _time(found["ttft_s"], "p95"),
            _time(found["response_s"], "p50"),
            _time(found["response_s"], "p95"),
        )


def _trends(record: _Record) -> Iterable[tuple[str, ...]]:
    for metric, trend in (record.get("trend") or {}).items():
        if trend:
            write = formatter(metric)
            yield (
                called(metric.removesuffix("_percent")),
                write(trend["begin"]),
                write(trend["end"]),
                f"{_signed(write, trend['per_hour'])} an hour",
                f"{_signed(write, trend['low'])} to {_signed(write, trend['high'])}",
            )


def _recoveries(record: _Record) -> Iterable[tuple[str, ...]]:
    for entry in record.get("recovery") or ():
        found = entry["seconds"]
        yield (str(entry["after"]), "not until the end" if found is None else duration(found))


def _left_out(record: _Record) -> Iterable[tuple[str, ...]]:
    for entry in record.get("not_counted") or ():
        yield (
            str(entry["class"]),
            one_line(str(entry["detail"] or "–")),
            f"{entry['count']:,}",
            str(entry["why"]),
        )


_TABLES: tuple[tuple[str, tuple[str, ...], Callable[[_Record], Iterable[tuple[str, ...]]]], ...] = (
    (
        "Step by step",
        ("Step", "When", "Asked/s", "Goodput/s", "Success", "TTFT p95", "Response p95", "Broke"),
        _steps,
    ),
    ("How long until it was well again", ("After", "Recovered"), _recoveries),
    (
        "By what was asked",
        ("What", "Requests", "Success", "TTFT p50", "TTFT p95", "Response p50", "Response p95"),
        _names,
    ),
    ("What creeps", ("What", "At first", "At last", "Slope", "95 % interval"), _trends),
    ("Failures that do not count", ("Class", "Message", "Count", "Why not"), _left_out),
)


_PROSE = (_left_out, _recoveries)


def _rate(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def _share(value: float | None) -> str:
    return "–" if value is None else share(value)


def _time(summary: Mapping[str, Any] | None, place: str) -> str:
    value = (summary or {}).get(place)
    return "–" if value is None else seconds(value)


def _signed(write: Callable[[float], str], value: float) -> str:
    return f"{'+' if value > 0 else '−' if value < 0 else '±'}{write(abs(value))}"
