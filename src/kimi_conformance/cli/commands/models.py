"""`kimi-conformance models`: see, change and verify how the models are configured."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

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
from kimi_conformance.cli.showing.models_tables import (
    LEGEND,
    details_table,
    difference_lines,
    end_of,
    gone_table,
    offered_table,
    value_text,
)
from kimi_conformance.cli.showing.tables import console
from kimi_conformance.editions import Edition, detect
from kimi_conformance.errors import UsageError
from kimi_conformance.models import (
    OVERRIDE,
    ModelBook,
    Overrides,
    Value,
    book_of,
    value_of,
)
from kimi_conformance.models import compare as compare_lists
from kimi_conformance.suite import Suite

__all__ = ["models"]


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
    screen = console(stderr=json_file == "-")
    screen.print(offered_table(book))
    screen.print(f"\n{LEGEND.format(edition=book.edition)}")
    if any(known.source == OVERRIDE for f in book.models.values() for known in f.known.values()):
        screen.print(f"Overrides: {file}", soft_wrap=True)
    gone = [facts for facts in book.models.values() if not facts.offered]
    if gone:
        screen.print()
        screen.print(gone_table(gone))


@models.command("show", example="models show kimi-k2.6")
@click.argument("model", shell_complete=completing.models)
@configuration
@options.json_file
def show_(model: str, configuration: Configuration, json_file: str | None) -> None:
    """Show all that is known of one MODEL, and who says it."""
    facts = configuration.book(suites.find())[model]
    show.answer(facts_answer(facts), json_file)
    screen = console(stderr=json_file == "-")
    screen.print(f"{facts.handle}{end_of(facts)}")
    screen.print(details_table(facts))
    if facts.price_source:
        screen.print(f"Price of the edition: {facts.price_source}")


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
    screen = console(stderr=json_file == "-")
    screen.print(f"{api.name} against edition {book.edition}")
    for line in difference_lines(found):
        screen.print(line, soft_wrap=True)
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
    said = ", ".join(f"{name} {value_text(value)}" for name, value in after.of(id).items())
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
