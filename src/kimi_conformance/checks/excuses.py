"""Which baseline holds for whom in a run: the suite's own by an adapter's name, or the user's."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from kimi_conformance.baselines import Baseline, KnownFailure, excused, topic_of
from kimi_conformance.errors import UsageError, nearest
from kimi_conformance.runs import baseline_record
from kimi_conformance.suite import Suite
from kimi_conformance.verdicts import Outcome

__all__ = ["Excuses"]


class Excuses:
    """What is known to fail in one run.

    A baseline of the user's takes the place of the suite's own for the adapter it is about.

    Args:
        suite: Where the built-in baselines are.
        adapters: The adapters of the run, by their specs.
        own: The user's file, or None.
        edition: The edition of the run; entries of others are left out.
        today: The day by which entries expire.

    Raises:
        UsageError: A file cannot be read or is wrong, or the user's does not say which of
            several adapters it is about.
    """

    def __init__(
        self, suite: Suite, adapters: Sequence[str], own: Path | None, edition: str, today: date
    ) -> None:
        self._suite = suite
        self._edition = edition
        self._today = today
        found = {name: suite.baseline(name) for name in adapters}
        self._by_sut = {
            name: baseline.of("adapter") for name, baseline in found.items() if baseline
        }
        if own is not None:
            given = suite.read_baseline(own)
            if given.adapter is not None or given.of("adapter"):
                self._by_sut[_subject(given, adapters)] = given.of("adapter")
            self._by_sut["endpoint"] = given.of("endpoint")

    def records(self) -> Iterator[Mapping[str, Any]]:
        """What the evidence says of them."""
        for sut in self._by_sut:
            for entry in self._entries(sut):
                yield baseline_record(sut, entry, self._today)

    def verify(self, checks: Collection[str]) -> None:
        """Return if every entry names checks that there are.

        Entries about topics of which this run has none are not looked at.

        Args:
            checks: The ids of all checks of the run's topics, those of other editions included,
                and of the wire laws.

        Raises:
            UsageError: One names none of them.
        """
        at_hand = {topic_of(check) for check in checks}
        for entry in (entry for entries in self._by_sut.values() for entry in entries):
            topic = topic_of(entry.check)
            if topic in at_hand or not self._suite.has_topic(topic):
                entry.verify(checks)

    def judged(self, outcome: Outcome) -> Outcome:
        """An outcome in the light of what is known of its SUT."""
        return excused(outcome, self._entries(outcome.sut), self._today)

    def _entries(self, sut: str) -> list[KnownFailure]:
        return [e for e in self._by_sut.get(sut, ()) if self._edition in e.editions]


def _subject(given: Baseline, adapters: Sequence[str]) -> str:
    """The adapter of the run that a user's baseline is about."""
    if given.adapter is None:
        if len(adapters) > 1:
            raise UsageError(
                f"{given.where} does not say which of {', '.join(adapters)} it is about. Begin it "
                f'with a line like: adapter = "{adapters[0]}"'
            )
        return adapters[0]
    if given.adapter not in adapters:
        raise UsageError(
            f"{given.where} is about the adapter '{given.adapter}', which this run does not "
            f"judge. {nearest(given.adapter, adapters)}"
        )
    return given.adapter
