"""
What is known to fail, why, and until when: the baseline of one adapter.

    [[known_failure]]
    check = "adapter/listing/fetching_raises_at_an_error_status"
    variants = ["429", "5*"]        # of a check that has some; * stands for any text
    editions = ["2026-09"]          # optional: all otherwise
    reason = "…"
    issue = "https://…"
    expires = 2027-03-31            # the last day on which it is excused

A failure that is listed is a known failure, and the run does not become red of it. So that
a list cannot grow old unseen, an entry whose check passes is stale, and one whose day has
passed has expired; both make the run red, whatever the level of the requirement.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from kimi_conformance.errors import UsageError, nearest
from kimi_conformance.toml import NotTOMLError, loads
from kimi_conformance.verdicts import Excuse, Outcome, Verdict

__all__ = ["Baseline", "KnownFailure", "excused", "parse", "topic_of"]

_TEXTS = ("check", "reason", "issue")
_KEYS = (*_TEXTS, "expires", "variants", "editions")
_HOW = 'It is as reports print it: "adapter/<topic>/<sentence>", a variant in brackets after it.'


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFailure:
    """One entry.

    Attributes:
        check: The id of a check, as reports print it; inside its brackets * is any text.
        variants: Which variants of it, each with * for any text; () where `check` says all.
        editions: The editions of the API in which it fails.
        reason: Why it fails, for whoever reads the report.
        issue: Where that is dealt with: a URL, an id, or that no issue is known.
        expires: The last day on which the failure is excused.
        place: Where the entry stands, for messages: "baselines/openai.toml, entry 2".
    """

    check: str
    variants: tuple[str, ...] = ()
    editions: tuple[str, ...]
    reason: str
    issue: str
    expires: date
    place: str

    def covers(self, check: str) -> bool:
        """Whether the entry is about the check with this id.

        >>> entry.covers("adapter/errors/silence_is_a_timeout")
        False
        """
        return any(_fits(pattern, check) for pattern in self._patterns())

    def verify(self, checks: Collection[str]) -> None:
        """Return if each thing that the entry names is among these checks.

        Args:
            checks: The ids of all checks of the topics that are to be run.

        Raises:
            UsageError: One is not; the message names the nearest.
        """
        for pattern in self._patterns():
            if not any(_fits(pattern, check) for check in checks):
                raise UsageError(
                    f"{self.place} names no check: '{pattern}'. {_meant(pattern, checks)}"
                )

    def _patterns(self) -> tuple[str, ...]:
        return tuple(f"{self.check}[{each}]" for each in self.variants) or (self.check,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What a file lists.

    Attributes:
        where: The file, as messages name it.
        adapter: The adapter that it is about, or None where it does not say.
        entries: In the order of the file.
    """

    where: str
    adapter: str | None
    entries: tuple[KnownFailure, ...]

    def of(self, plane: str) -> tuple[KnownFailure, ...]:
        """The entries about checks of this plane."""
        return tuple(entry for entry in self.entries if entry.check.startswith(f"{plane}/"))


def topic_of(check: str) -> str:
    """Plane and topic in the id of a check: "adapter/listing"."""
    return "/".join(check.split("/", 2)[:2])


def excused(outcome: Outcome, entries: Iterable[KnownFailure], today: date) -> Outcome:
    """An outcome in the light of the entries about its SUT and edition.

    The first that covers it counts; where none does, it is returned unchanged.

    What was neither passed nor failed stays as it is: an entry excuses a failure only.
    """
    entry = next((entry for entry in entries if entry.covers(outcome.id)), None)
    if entry is None:
        return outcome
    if outcome.verdict is Verdict.PASSED:
        reason = f"passes, so its excuse is stale: take out {entry.place}"
        return replace(outcome, verdict=Verdict.FAILED, excuse=Excuse.STALE, reason=reason)
    if outcome.verdict is not Verdict.FAILED:
        return outcome
    if today > entry.expires:
        reason = (
            f"{outcome.reason} (known until {entry.expires}, which has passed: mend it, or give "
            f"{entry.place} a new date; issue: {entry.issue})"
        )
        return replace(outcome, excuse=Excuse.EXPIRED, reason=reason)
    reason = (
        f"{entry.reason} Issue: {entry.issue}. Known until {entry.expires}. Found: {outcome.reason}"
    )
    return replace(outcome, verdict=Verdict.KNOWN_FAILURE, excuse=Excuse.KNOWN, reason=reason)


def parse(text: str, where: str, editions: Sequence[str]) -> Baseline:
    """Read a baseline from the text of its file.

    Args:
        text: TOML.
        where: What messages call the file.
        editions: Those that exist.

    Raises:
        UsageError: It is not TOML, an entry lacks a key or has an unknown one, a value is of
            the wrong kind, an edition does not exist, or two entries name the same.
    """
    try:
        table = loads(text)
    except NotTOMLError as error:
        raise UsageError(f"The baseline {where} is not TOML: {error}.") from error
    for key in table:
        if key not in {"adapter", "known_failure"}:
            raise UsageError(
                f"{where} has an unknown key '{key}'. {nearest(key, ['adapter', 'known_failure'])}"
            )
    adapter, listed = table.get("adapter"), table.get("known_failure", [])
    if adapter is not None and not (isinstance(adapter, str) and adapter):
        raise UsageError(f"{where}: adapter is {adapter!r}, not the name of an adapter.")
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise UsageError(f"{where}: begin each entry with the line [[known_failure]].")
    entries = tuple(
        _entry(entry, f"{where}, entry {number}", editions)
        for number, entry in enumerate(listed, start=1)
    )
    _each_once(entries)
    return Baseline(where=where, adapter=adapter, entries=entries)


def _entry(entry: Mapping[str, Any], place: str, editions: Sequence[str]) -> KnownFailure:
    place = f"{place} ({entry.get('check', 'no check')})"
    if missing := [key for key in (*_TEXTS, "expires") if entry.get(key) in (None, "")]:
        raise UsageError(
            f"{place} lacks {', '.join(missing)}. A known failure says which check fails, why, "
            "where that is dealt with, and until which day it is excused."
        )
    for key in entry:
        if key not in _KEYS:
            raise UsageError(f"{place} has an unknown key '{key}'. {nearest(key, _KEYS)}")
    for key in _TEXTS:
        if not isinstance(entry[key], str):
            raise UsageError(f"{place}: {key} is {entry[key]!r}, not a text.")
    check, variants = entry["check"], _texts(entry, "variants", place)
    name, bracket, variant = check.partition("[")
    if name.count("/") != 2 or "*" in name or (bracket and not variant.endswith("]")):
        raise UsageError(f"{place}: '{check}' is no id of a check. {_HOW}")
    if bracket and variants:
        raise UsageError(f"{place} names variants twice: in brackets, and under variants.")
    return KnownFailure(
        check=check,
        variants=variants,
        editions=_known_editions(_texts(entry, "editions", place), editions, place),
        reason=entry["reason"],
        issue=entry["issue"],
        expires=_day(entry["expires"], place),
        place=place,
    )


def _texts(entry: Mapping[str, Any], key: str, place: str) -> tuple[str, ...]:
    value = entry.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
        raise UsageError(f'{place}: {key} is {value!r}, not a list of texts. Write ["…", "…"].')
    return tuple(value)


def _known_editions(named: tuple[str, ...], known: Sequence[str], place: str) -> tuple[str, ...]:
    for edition in named:
        if edition not in known:
            raise UsageError(f"{place} names the edition '{edition}'. {nearest(edition, known)}")
    return named or tuple(known)


def _day(value: object, place: str) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise UsageError(f"{place}: expires is {value!r}, not a day. Write it bare: 2027-03-31.")
    return value


def _each_once(entries: Sequence[KnownFailure]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for entry in entries:
        for pattern in entry._patterns():
            for edition in entry.editions:
                before = seen.setdefault((pattern, edition), entry.place)
                if before != entry.place:
                    raise UsageError(f"{entry.place} is a second entry for {before}. Keep one.")


def _fits(pattern: str, check: str) -> bool:
    """Whether an id fits a pattern, in which * stands for any text and nothing else is special."""
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(".*".join(parts), check, re.DOTALL) is not None


def _meant(pattern: str, checks: Collection[str]) -> str:
    """What was probably meant: a variant, a check of the topic, or a topic."""
    name = pattern.partition("[")[0]
    variants = [check for check in checks if check.partition("[")[0] == name]
    if variants == [name]:
        return f"It has no variants: write '{name}'."
    if variants:
        shown = ", ".join(sorted(variant.removeprefix(name)[1:-1] for variant in variants))
        return f"Its variants: {shown}. Name some under variants, or all with '{name}[*]'."
    topic = topic_of(name)
    in_topic = {check.partition("[")[0] for check in checks if topic_of(check) == topic}
    if in_topic:
        return nearest(name, in_topic)
    return f"There is no topic '{topic}'. {nearest(topic, {topic_of(each) for each in checks})}"
