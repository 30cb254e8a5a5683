"""Models and what is known of them, as tables of a terminal."""

from collections.abc import Sequence

from rich.table import Table

from kimi_conformance.models import (
    API,
    OVERRIDE,
    SETTINGS,
    Comparison,
    ModelBook,
    ModelFacts,
    Value,
)

__all__ = [
    "LEGEND",
    "details_table",
    "difference_lines",
    "end_of",
    "gone_table",
    "offered_table",
    "value_text",
]

_MARKS = {OVERRIDE: "*", API: "+"}  # behind a value that is not the edition's
_LETTERS = {"tools": "T", "vision": "I", "reasoning": "R", "streaming": "S"}
_UNITS = (("M", 1024 * 1024), ("K", 1024))
LEGEND = (
    "By edition {edition}; * by your overrides, + by the API. In dollars a million tokens. "
    "T takes tools, I images; R shows its reasoning, S streams; - does not, ? not known. "
    "'answer' is as long as one gets if the request does not say. 8K are 8192 tokens."
)


def _table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")


def offered_table(book: ModelBook) -> Table:
    """The models on offer, a row each."""
    table = _table()
    table.add_column("model", no_wrap=True)
    for heading in ("window", "answer"):
        table.add_column(heading, justify="right")
    table.add_column("can", no_wrap=True)
    for heading in ("$ in", "$ out"):
        table.add_column(heading, justify="right")
    table.add_column("gone on", no_wrap=True)
    for facts in book.models.values():
        if facts.offered:
            table.add_row(
                facts.id,
                _cell(facts, "context_window"),
                _cell(facts, "max_tokens"),
                "".join(_letter(facts, name) for name in _LETTERS),
                _cell(facts, "price_input"),
                _cell(facts, "price_output"),
                facts.retired or "",
            )
    return table


def gone_table(gone: Sequence[ModelFacts]) -> Table:
    """Models that are not, and what to use in their place."""
    table = _table()
    for heading in ("not offered", "gone on", "use"):
        table.add_column(heading, no_wrap=True)
    for facts in gone:
        table.add_row(facts.id, facts.retired or "not known", facts.successor or "not known")
    return table


def details_table(facts: ModelFacts) -> Table:
    """All settings of one model: value, who says it, what it means."""
    table = _table()
    for heading in ("setting", "value", "by", "is"):
        table.add_column(heading, no_wrap=heading != "is")
    for name, setting in SETTINGS.items():
        known = facts.known.get(name)
        told = ("not known", "nobody") if known is None else (value_text(known.value), known.source)
        table.add_row(name, *told, setting.means)
    return table


def end_of(facts: ModelFacts) -> str:
    """When a model goes or went, for the end of its title; "" where nothing is known of it."""
    if facts.retired is None:
        return "" if facts.offered else ", not offered"
    tense = "gone since" if not facts.offered else "offered then; gone since"
    return f", {tense} {facts.retired}" + (f"; use {facts.successor}" if facts.successor else "")


def _cell(facts: ModelFacts, name: str) -> str:
    known = facts.known.get(name)
    return "?" if known is None else _short(known.value) + _MARKS.get(known.source, "")


def _letter(facts: ModelFacts, name: str) -> str:
    known = facts.known.get(name)
    if known is None:
        return "?"
    return (_LETTERS[name] if known.value else "-") + _MARKS.get(known.source, "")


def _short(value: Value) -> str:
    """As in a narrow table: 8K for 8192, 0.95 for a price."""
    if isinstance(value, float):
        return f"{value:.2f}"
    unit = next((unit for unit in _UNITS if value >= unit[1] and value % unit[1] == 0), None)
    return str(value) if unit is None else f"{value // unit[1]}{unit[0]}"


def value_text(value: Value) -> str:
    """The value of a setting, in a word."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def difference_lines(found: Comparison) -> list[str]:
    """What an API lists otherwise than it is configured, a line each."""
    if found.equal:
        return ["equal: the same models, with the same windows"]
    return [
        *(f"added    {id}: the edition does not have it" for id in found.added),
        *(
            f"gone     {gone.id}"
            + (f": retired on {gone.retired}" if gone.retired else ": the API does not list it")
            + (f", use {gone.successor}" if gone.successor else "")
            for gone in found.gone
        ),
        *(
            f"window   {other.id}: {other.configured} by {other.source}, {other.given} by the API"
            for other in found.windows
        ),
    ]
