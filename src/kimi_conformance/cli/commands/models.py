"""`kimi-conformance models`: see, change and verify how the models are configured."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from kimi_conformance import suite as suites
from kimi_conformance.adapters.reference.overrides import MODELS_FILE_VARIABLE, write
from kimi_conformance.cli.asking import completing, options
from kimi_conformance.cli.asking.configuration import (
    LANES,
    Api,
    Configuration,
    configuration,
    edition_option,
    facts_answer,
    file_option,
    make_book,
    overrides_file,
    read_overrides,
    the_edition,
)
from kimi_conformance.cli.asking.helping import group
from kimi_conformance.cli.showing import show
from kimi_conformance.editions import Edition, detect
from kimi_conformance.errors import UsageError
from kimi_conformance.models import (
    API,
    OVERRIDE,
    SETTINGS,
    Comparison,
    ModelBook,
    ModelFacts,
    Overrides,
    Value,
    book_of,
    value_of,
)
from kimi_conformance.models import compare as compare_lists
from kimi_conformance.suite import Suite

__all__ = ["models"]

WIDEST = 100  # columns, however wide the terminal is
_MARKS = {OVERRIDE: "*", API: "+"}  # behind a value that is not the edition's
_LETTERS = {"tools": "T", "vision": "I", "reasoning": "R", "streaming": "S"}
_UNITS = (("M", 1024 * 1024), ("K", 1024))
_LEGEND = (
    "By edition {edition}; * by your overrides, + by the API. In dollars a million tokens. "
    "T takes tools, I images; R shows its reasoning, S streams; - does not, ? not known. "
    "'answer' is as long as one gets if the request does not say. 8K are 8192 tokens."
)


@group("models list")
def models() -> None:
    """See, change and verify how the models are configured, while clients use them.

    What you set is kept in a file of your own. A client that runs with KIMI_MODELS_FILE set to
    its path takes a change at once, without a restart.
    """


@models.command("list", example="models list --edition 2026-09")
@configuration
@options.json_file
def list_(configuration: Configuration, json_file: str | None) -> None:
    """List the models, and what is known of each."""
    book = configuration.book(suites.find())
    file = overrides_file(configuration.file)
    show.answer(
        {
            "edition": book.edition,
            "file": str(file),
            "models": [facts_answer(facts) for facts in book.models.values()],
        },
        json_file,
    )
    console = _console(json_file)
    console.print(_offered(book))
    console.print(f"\n{_LEGEND.format(edition=book.edition)}")
    if any(known.source == OVERRIDE for f in book.models.values() for known in f.known.values()):
        console.print(f"Overrides: {file}", soft_wrap=True)
    gone = [facts for facts in book.models.values() if not facts.offered]
    if gone:
        console.print()
        console.print(_gone(gone))


@models.command("show", example="models show kimi-k2.6")
@click.argument("model", shell_complete=completing.models)
@configuration
@options.json_file
def show_(model: str, configuration: Configuration, json_file: str | None) -> None:
    """Show all that is known of one MODEL, and who says it."""
    facts = configuration.book(suites.find())[model]
    show.answer(facts_answer(facts), json_file)
    console = _console(json_file)
    console.print(f"{facts.handle}{_end(facts)}")
    console.print(_details(facts))
    if facts.price_source:
        console.print(f"Price of the edition: {facts.price_source}")


@models.command("set", example="models set kimi-k2.6 context_window=128K")
@click.argument("model", shell_complete=completing.models)
@click.argument("settings", nargs=-1, required=True, metavar="KEY=VALUE...")
@click.option("--force", is_flag=True, help="Also what is known to be wrong, or of no known model.")
@edition_option
@file_option
@options.json_file
def set_(
    model: str,
    settings: tuple[str, ...],
    force: bool,
    edition: str | None,
    file: Path | None,
    json_file: str | None,
) -> None:
    """Override what is known of a MODEL.

    For example context_window=128K, where K counts 1024, or price_output=2.5.
    `kimi-conformance models show MODEL` names all settings.
    """
    suite = suites.find()
    before = read_overrides(file)
    values = dict(_pair(setting) for setting in settings)
    id = _known_id(book_of(the_edition(suite, edition), suite.editions().values()), model, force)
    after = before.set(id, values)
    if not force:
        _verify(suite, edition, id, after)
    _keep(file, after, id, json_file)


@models.command("unset", example="models unset kimi-k2.6")
@click.argument("model", shell_complete=completing.models)
@click.argument("settings", nargs=-1, metavar="[KEY...]")
@file_option
@options.json_file
def unset(model: str, settings: tuple[str, ...], file: Path | None, json_file: str | None) -> None:
    """Take back what was set of a MODEL.

    Everything, where no KEY is named.
    """
    before = read_overrides(file)
    id = model if model in before.models else model.removeprefix("kimi/")
    _keep(file, before.unset(id, settings), id, json_file)


@models.command("compare", example="models compare --lane simulator")
@edition_option
@file_option
@click.option("--lane", type=click.Choice(LANES), default="live", help="Default: live.")
@click.option("--simulated", metavar="E", help="The edition that the simulator serves.")
@options.endpoint
@options.json_file
def compare(
    edition: str | None,
    file: Path | None,
    lane: str,
    simulated: str | None,
    base_url: str | None,
    api_key: str | None,
    json_file: str | None,
) -> int:
    """Hold the API's list of models against the configuration.

    Exit codes: 0 they are equal, 1 they differ, 3 the API could not be asked.
    """
    suite = suites.find()
    overrides = read_overrides(file)
    api = Api(lane, base_url, api_key, simulated)
    configured = the_edition(suite, edition)
    entries = api.entries(suite, configured)
    if lane == "live" and edition is None:
        configured = _fitting(suite, entries)
    book = make_book(suite, configured, overrides)
    found = compare_lists(book, entries)
    show.answer(
        {
            "edition": book.edition,
            "api": api.name,
            "equal": found.equal,
            "added": list(found.added),
            "gone": [
                {"id": gone.id, "retired": gone.retired, "successor": gone.successor}
                for gone in found.gone
            ],
            "windows": [
                {
                    "id": other.id,
                    "configured": other.configured,
                    "source": other.source,
                    "given": other.given,
                }
                for other in found.windows
            ],
        },
        json_file,
    )
    console = _console(json_file)
    console.print(f"{api.name} against edition {book.edition}")
    for line in _differences(found):
        console.print(line, soft_wrap=True)
    return 0 if found.equal else 1


def _pair(setting: str) -> tuple[str, Value]:
    name, equals, text = setting.partition("=")
    if not equals:
        raise UsageError(f"'{setting}' sets nothing. Write it like this: context_window=131072")
    return name, value_of(name, text)


def _known_id(book: ModelBook, model: str, force: bool) -> str:
    """The id that a model is kept by.

    Raises:
        UsageError: Nobody knows it, and that is not wanted all the same.
    """
    if force and model not in book.models and model.removeprefix("kimi/") not in book.models:
        return model
    return book[model].id


def _verify(suite: Suite, edition: str | None, id: str, after: Overrides) -> None:
    """Hold what is going to be said of a model against what is known without it."""
    known = book_of(the_edition(suite, edition), suite.editions().values())
    try:
        known[id].verify(after.of(id))
    except UsageError as error:
        raise UsageError(f"{error} If it is so all the same, say --force.") from error


def _keep(file: Path | None, after: Overrides, id: str, json_file: str | None) -> None:
    path = overrides_file(file)
    write(path, after)
    show.answer({"file": str(path), "model": id, "settings": dict(after.of(id))}, json_file)
    said = ", ".join(f"{name} {_text(value)}" for name, value in after.of(id).items())
    show.say(f"{id}: {said or 'nothing is overridden'}\nWritten to {path}", json_file)
    if os.environ.get(MODELS_FILE_VARIABLE) != str(path):
        show.say(f"Clients use it with: export {MODELS_FILE_VARIABLE}={path}", json_file)


def _fitting(suite: Suite, entries: Sequence[Any]) -> Edition:
    """The edition that this list is of; the newest one where that cannot be told."""
    ids = [entry.get("id") for entry in entries if isinstance(entry, dict)]
    try:
        return detect([id for id in ids if isinstance(id, str)], suite.editions().values())
    except UsageError:
        return the_edition(suite, None)


def _console(json_file: str | None) -> Console:
    console = Console(stderr=json_file == "-", markup=False, highlight=False, emoji=False)
    console.width = min(console.width, WIDEST)
    return console


def _table() -> Table:
    return Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")


def _offered(book: ModelBook) -> Table:
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


def _gone(gone: Sequence[ModelFacts]) -> Table:
    table = _table()
    for heading in ("not offered", "gone on", "use"):
        table.add_column(heading, no_wrap=True)
    for facts in gone:
        table.add_row(facts.id, facts.retired or "not known", facts.successor or "not known")
    return table


def _details(facts: ModelFacts) -> Table:
    table = _table()
    for heading in ("setting", "value", "by", "is"):
        table.add_column(heading, no_wrap=heading != "is")
    for name, setting in SETTINGS.items():
        known = facts.known.get(name)
        told = ("not known", "nobody") if known is None else (_text(known.value), known.source)
        table.add_row(name, *told, setting.means)
    return table


def _end(facts: ModelFacts) -> str:
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


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _differences(found: Comparison) -> list[str]:
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
