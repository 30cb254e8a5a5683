"""`kimi-conformance choose`: which model to take, and why."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from kimi_conformance import suite as suites
from kimi_conformance.cli.asking import options
from kimi_conformance.cli.asking.configuration import (
    Configuration,
    configuration,
    facts_answer,
)
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.keeping.speeds import Speeds, measured
from kimi_conformance.cli.showing import show
from kimi_conformance.cli.showing.wrapping import wrapped
from kimi_conformance.errors import UsageError
from kimi_conformance.models import Choice, FallenOut, Need, Suggested, value_of
from kimi_conformance.models import choose as choose_models

__all__ = ["choose"]

_SPOKEN = {"tools": "tools", "vision": "images", "reasoning": "reasoning"}


class _Tokens(click.ParamType[int]):
    """A number of tokens: 200000, or 128K for 131072."""

    name = "tokens"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return int(value_of("context_window", str(value)))
        except UsageError:
            self.fail(f"'{value}' is no number of tokens. Write 200000, or 128K.", param, ctx)


class _Price(click.ParamType[tuple[float, float]]):
    """US dollars a million tokens: "1/5" of prompts and of answers, "3" of either."""

    name = "price"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float]:
        if isinstance(value, tuple):
            return value
        of_input, slash, of_output = str(value).partition("/")
        try:
            return (
                float(value_of("price_input", of_input)),
                float(value_of("price_output", of_output if slash else of_input)),
            )
        except UsageError:
            self.fail(
                f"'{value}' is no price. Write 3, or 1/5 for prompts and answers.", param, ctx
            )


@command(
    "choose --window 128K --tools --max-price 1/5",
    {
        "What it must do": (
            "--window",
            "--tools",
            "--vision",
            "--reasoning",
            "--max-price",
            "--fast",
        ),
        "What is known of the models": ("--edition", "--file", "--runs"),
    },
)
@click.option(
    "--window", type=_Tokens(), metavar="N", help="Tokens of prompt and answer: 200000, or 128K."
)
@click.option("--tools", is_flag=True, help="It must take tools.")
@click.option("--vision", is_flag=True, help="It must take images.")
@click.option("--reasoning", is_flag=True, help="It must show its reasoning.")
@click.option(
    "--max-price",
    type=_Price(),
    metavar="P",
    help="US dollars a million tokens at most: 3, or 1/5 for prompts and answers.",
)
@click.option("--fast", is_flag=True, help="Measured speed goes before price.")
@configuration
@click.option(
    "--runs",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("reports/out"),
    show_default=True,
    help="Where earlier load runs are.",
)
@options.json_file
def choose(
    window: int | None,
    tools: bool,
    vision: bool,
    reasoning: bool,
    max_price: tuple[float, float] | None,
    fast: bool,
    configuration: Configuration,
    runs: Path,
    json_file: str | None,
) -> int:
    """Name the models that meet a need, the best first, and say why the others do not.

    Exit codes: 0 there is one, 1 there is none.
    """
    need = Need(
        window=window,
        tools=tools,
        vision=vision,
        reasoning=reasoning,
        max_input=max_price and max_price[0],
        max_output=max_price and max_price[1],
        fast=fast,
    )
    book = configuration.book(suites.find())
    speeds = measured(runs)
    choice = choose_models(book, need, speeds.by_model)
    show.answer(_answer(book.edition, need, choice, speeds), json_file)
    for line in _lines(book.edition, need, choice, speeds):
        show.say(line, json_file)
    return 0 if choice.suggested else 1


def _lines(edition: str, need: Need, choice: Choice, speeds: Speeds) -> list[str]:
    count = len(choice.suggested)
    fit = "1 model fits" if count == 1 else f"{count or 'no'} models fit"
    lines = wrapped(f"Edition {edition}, {_asked(need)}: {fit}.")
    for place, suggested in enumerate(choice.suggested, start=1):
        lines += ["", *_suggested(place, suggested)]
    if choice.out:
        lines += ["", "Why the others do not:"]
        for why, ids in _by_reason(choice.out).items():
            lines += wrapped(f"{why}: {', '.join(ids)}", "  ", "    ")
    return [*lines, "", *wrapped(_closing(speeds))]


def _asked(need: Need) -> str:
    parts = [
        *((f"a window of {need.window} tokens",) if need.window is not None else ()),
        *(word for name, word in _SPOKEN.items() if getattr(need, name)),
        *(
            (f"at most {need.max_input:.2f} in and {need.max_output:.2f} out",)
            if need.max_output is not None
            else ()
        ),
        *(("the fastest first",) if need.fast else ()),
    ]
    return ", ".join(parts) or "no particular need"


def _suggested(place: int, suggested: Suggested) -> list[str]:
    indent = " " * 5
    lines = [f"{place:>3}. {suggested.facts.id}"]
    lines += wrapped(", ".join(suggested.why), indent, indent)
    if suggested.speed is not None:
        lines += wrapped(suggested.speed.words, indent, indent)
    if suggested.behind is not None:
        lines += wrapped(f"Comes here: {suggested.behind}.", indent, indent)
    return lines


def _by_reason(out: Sequence[FallenOut]) -> dict[str, list[str]]:
    """The ids of those that fell out, by why they did."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for each in out:
        by_reason["; ".join(each.why)].append(each.facts.id)
    return by_reason


def _closing(speeds: Speeds) -> str:
    return f"Prices are US dollars a million tokens. {speeds.words}"


def _answer(edition: str, need: Need, choice: Choice, speeds: Speeds) -> dict[str, Any]:
    return {
        "edition": edition,
        "need": {name: getattr(need, name) for name in Need.__dataclass_fields__},
        "suggested": [_suggested_answer(each) for each in choice.suggested],
        "out": [_out_answer(each) for each in choice.out],
        "speed": {
            "runs": speeds.runs,
            "simulated": speeds.simulated,
            "unusable": speeds.unusable,
            "note": speeds.words,
        },
    }


def _suggested_answer(suggested: Suggested) -> dict[str, Any]:
    speed = suggested.speed
    return {
        **facts_answer(suggested.facts),
        "why": list(suggested.why),
        "behind": suggested.behind,
        "speed": speed
        and {
            "reply_s": speed.reply_s,
            "ttft_s": speed.ttft_s,
            "tokens_per_s": speed.tokens_per_s,
            "replies": speed.replies,
            "run": speed.run,
            "base_url": speed.where,
        },
    }


def _out_answer(out: FallenOut) -> dict[str, Any]:
    return {"id": out.facts.id, "why": list(out.why)}
