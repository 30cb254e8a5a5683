"""
A change: its class, where it is, what was and what is there, and who changed.

What many recordings show is one change; it is named once, with the count of where it was seen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Attribution", "Change", "Kind", "Seen", "grouped"]


class Kind(StrEnum):
    """The classes of changes, the gravest first."""

    BREAKING = "breaking"  # what a client relied on is gone or is another
    MODEL_RETIRED = "model retired"
    WINDOW_CHANGED = "window changed"
    TEXTUAL = "textual"  # an error says the same in other words
    QUANTITATIVE = "quantitative"  # another number of tokens for the same request
    MODEL_ADDED = "model added"
    ADDITIVE = "additive"  # more than before; a client that ignores it loses nothing


class Attribution(StrEnum):
    """Who has to act."""

    PROVIDER_CHANGED = "provider changed"  # no edition says so: look into it
    CASSETTE_STALE = "cassette stale"  # its own edition says what is answered now: record anew
    DOCUMENT_CHANGED = "document changed"  # the target's edition says so: a known change
    VALIDATOR_WRONG = "our validator wrong"  # a law of ours forbids what the edition says


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A difference in one exchange.

    Attributes:
        kind: Its class.
        where: Route and path: "GET /v1/models: data[].context_length".
        before, after: What the recording says, and what the endpoint says now.
        amount: Whether both are amounts, which are another in each exchange.
        attribution: Who changed.
        place: The exchange: "2025-09/endpoint/chat/…#1".
        laws: Ids of the wire laws that both answers break and the recording does not.
    """

    kind: Kind
    where: str
    before: str
    after: str
    amount: bool = False
    attribution: Attribution = Attribution.PROVIDER_CHANGED
    place: str = ""
    laws: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A difference, however often it was seen.

    Attributes:
        kind, where, before, after, attribution: As in `Seen`; of amounts, the first one seen.
        seen: In how many exchanges.
        places: Of some of them, sorted.
        laws: As in `Seen`, of all.
    """

    kind: Kind
    where: str
    before: str
    after: str
    attribution: Attribution
    seen: int
    places: tuple[str, ...] = ()
    laws: tuple[str, ...] = ()


SHOWN_PLACES = 3
_ORDER = tuple(Kind)


@dataclass(slots=True)
class _Group:
    first: Seen
    places: list[str] = field(default_factory=list)
    laws: set[str] = field(default_factory=set)


def grouped(differences: Iterable[Seen]) -> Sequence[Change]:
    """Each change once, the gravest class first.

    Where exchanges disagree on who changed, each of them is a change of its own.
    """
    groups: dict[tuple[object, ...], _Group] = {}
    for one in differences:
        says = () if one.amount else (one.before, one.after)
        group = groups.setdefault((one.kind, one.where, one.attribution, says), _Group(one))
        group.places.append(one.place)
        group.laws.update(one.laws)
    return sorted(
        (_change(group) for group in groups.values()),
        key=lambda change: (_ORDER.index(change.kind), change.where, change.before, change.after),
    )


def _change(group: _Group) -> Change:
    first = group.first
    return Change(
        kind=first.kind,
        where=first.where,
        before=first.before,
        after=first.after,
        attribution=first.attribution,
        seen=len(group.places),
        places=tuple(sorted(set(group.places))[:SHOWN_PLACES]),
        laws=tuple(sorted(group.laws)),
    )
