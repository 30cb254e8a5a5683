"""`kimi-conformance mutate-cassettes`."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from kimi_conformance import suite as suites
from kimi_conformance.cassettes import Cassette, read
from kimi_conformance.cassettes.cassette import SIMULATOR_ORIGIN, write
from kimi_conformance.cassettes.condition import names_below
from kimi_conformance.cassettes.mutating import MUTATIONS, Mutant, mutant_of
from kimi_conformance.cassettes.unspoken import UNNOTICED, UNSPOKEN
from kimi_conformance.cli.asking import completing, options
from kimi_conformance.cli.asking.helping import command
from kimi_conformance.cli.checking.pytest_child import CheckRun
from kimi_conformance.cli.checking.record_check import play, recorded_requirements
from kimi_conformance.cli.showing import show
from kimi_conformance.suite import Suite
from kimi_conformance.verdicts import Verdict

__all__ = ["Judged", "mutate_cassettes", "report_of"]

ENOUGH = 0.95  # of the mutants must be noticed
TIME_LIMIT = 5.0  # seconds a check


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A mutant, and what became of the check that plays it.

    Attributes:
        name: Of the cassette.
        mutation, request, place: As `Mutant` has them: of what kind the change is.
        noticed: "failed" (the check, or a law in its exchanges), "inconclusive" (it could not be
            played to the end), "elsewhere" (another recording with a change of the same kind was
            noticed: an API that changed so would be too), or None.
        reason: What the check said; of one that nobody noticed, why nobody needs to, or "".
    """

    name: str
    mutation: str
    request: str
    place: str
    noticed: str | None
    reason: str

    @property
    def kind(self) -> tuple[str, str, str]:
        """Of what kind the change is, whatever cassette it was made in."""
        return self.mutation, self.request, self.place


@command("mutate-cassettes streaming --each 3", name="mutate-cassettes")
@click.argument("topics", nargs=-1, shell_complete=completing.topics)
@options.edition
@click.option(
    "--each",
    type=click.IntRange(1, len(MUTATIONS)),
    default=5,
    metavar="N",
    show_default=True,
    help="How many mutations of each cassette.",
)
@click.option(
    "--seed",
    default="1",
    show_default=True,
    metavar="S",
    help="Another one changes other places.",
)
@options.json_file
def mutate_cassettes(
    topics: tuple[str, ...], edition: str | None, each: int, seed: str, json_file: str | None
) -> int:
    """Change what the recordings say, and demand that it is noticed.

    Each cassette is changed in several ways (an event dropped, a field removed, a number altered,
    ids swapped, another status, …), with a digest that fits, and played to its check. Where a
    requirement speaks of what was changed, the check or a law must not hold; what goes unnoticed
    is explained in cassettes/unspoken.py, or makes this end with 1.
    """
    suite = suites.find()
    editions = [suite.edition(edition).name] if edition else list(suite.editions())
    cassettes = {
        name: read(suite.cassettes / f"{name}.yaml", name)
        for name in names_below(suite.cassettes)
        if name.split("/")[0] in editions and (not topics or name.split("/")[2] in topics)
    }
    judged = _settled(
        [
            found
            for number in range(each)
            for found in _round(suite, cassettes, editions, topics, number, seed)
        ]
    )
    report = report_of(judged, len(cassettes))
    for each_left in report["unnoticed"]:
        where = f"{each_left['mutation']} at {each_left['place']} of {each_left['request']}"
        show.say(f"nobody noticed: {where}, in {each_left['cassette']}", json_file)
    show.say(_sentence(report), json_file)
    show.answer(report, json_file)
    return 0 if report["holds"] else 1


def _round(
    suite: Suite,
    cassettes: Mapping[str, Cassette],
    editions: Sequence[str],
    topics: Sequence[str],
    number: int,
    seed: str,
) -> Iterator[Judged]:
    """One mutant of each cassette, all played in one child an edition."""
    kinds = list(MUTATIONS)
    with tempfile.TemporaryDirectory() as place:
        mutants: dict[str, Mutant] = {}
        for turn, (name, cassette) in enumerate(cassettes.items(), start=number):
            mutant = mutant_of(cassette, kinds[turn % len(kinds)], seed)
            if mutant is not None:
                mutants[name] = mutant
                write(Path(place, f"{name}.yaml"), mutant.cassette, SIMULATOR_ORIGIN)
        plans = [_plan(suite, edition, topics, Path(place)) for edition in editions]
        plays = play(plans, suite)
    for name, mutant in mutants.items():
        played = plays[name]
        yield Judged(
            name=name,
            mutation=mutant.mutation,
            request=mutant.request,
            place=mutant.where,
            noticed=None if played.verdict is Verdict.PASSED else played.verdict.value,
            reason=played.reason,
        )


def _plan(suite: Suite, edition: str, topics: Sequence[str], cassettes: Path) -> CheckRun:
    return CheckRun(
        lane="cassette",
        edition=edition,
        adapters=("reference",),
        requirements=recorded_requirements(suite),
        topics=topics,
        cassettes=cassettes,
        time_limit=TIME_LIMIT,
        matrix=True,
    )


def _settled(judged: Sequence[Judged]) -> list[Judged]:
    """The same, where another recording with a change of this kind was noticed counted so."""
    noticed = {each.kind: each.name for each in judged if each.noticed}
    return [_settle(each, noticed.get(each.kind)) for each in judged]


def _settle(each: Judged, elsewhere: str | None) -> Judged:
    if each.noticed:
        return each
    reason = next((rule.reason for rule in UNNOTICED if rule.covers(*each.kind)), "")
    return Judged(
        name=each.name,
        mutation=each.mutation,
        request=each.request,
        place=each.place,
        noticed="elsewhere" if elsewhere else None,
        reason=f"noticed in {elsewhere}" if elsewhere else reason,
    )


def report_of(judged: Sequence[Judged], cassettes: int) -> dict[str, Any]:
    """The answer for machines; it holds if enough is noticed and the rest explained."""
    noticed = [each for each in judged if each.noticed]
    explained = [each for each in judged if not each.noticed and each.reason]
    unnoticed = [each for each in judged if not each.noticed and not each.reason]
    share = len(noticed) / len(judged) if judged else 0.0
    return {
        "holds": share >= ENOUGH and not unnoticed,
        "cassettes": cassettes,
        "mutants": len(judged),
        "share_noticed": round(share, 4),
        "noticed": dict(Counter(each.noticed for each in noticed)),
        "by_mutation": {
            name: {
                "mutants": sum(each.mutation == name for each in judged),
                "noticed": sum(each.mutation == name for each in noticed),
            }
            for name in MUTATIONS
        },
        "explained": [_told(each) for each in explained],
        "unnoticed": [_told(each) for each in unnoticed],
        "left_alone": [
            {
                "mutation": rule.mutation,
                "request": rule.request,
                "place": rule.place,
                "reason": rule.reason,
            }
            for rule in UNSPOKEN
        ],
    }


def _told(each: Judged) -> dict[str, str]:
    return {
        "cassette": each.name,
        "mutation": each.mutation,
        "request": each.request,
        "place": each.place,
        "reason": each.reason,
    }


def _sentence(report: Mapping[str, Any]) -> str:
    ways = ", ".join(f"{count} {way}" for way, count in report["noticed"].items())
    return (
        f"{report['mutants']} mutants of {report['cassettes']} cassettes: "
        f"{report['share_noticed']:.1%} noticed ({ways}), {len(report['explained'])} explained, "
        f"{len(report['unnoticed'])} unnoticed; {ENOUGH:.0%} must be noticed. "
        f"{len(report['left_alone'])} kinds of places that no requirement speaks of are left alone."
    )
