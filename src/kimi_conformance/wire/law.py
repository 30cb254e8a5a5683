"""A law: what it judges, and what it says."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

from kimi_conformance.requirements import Plane
from kimi_conformance.wire.exchange import Exchange
from kimi_conformance.wire.reading import Reading

__all__ = ["MOST_VIOLATIONS", "Finding", "Law"]

MOST_VIOLATIONS = 20  # a law names in one exchange; an endless stream would fill the evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one law says of one exchange.

    Attributes:
        law: Its id.
        applied: Whether there was anything for it to judge.
        violations: One sentence each; () where it holds or did not apply.
    """

    law: str
    applied: bool
    violations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Law:
    """Something that holds in every exchange it applies to.

    Attributes:
        id: Of the requirement that it decides.
        plane: Whose doing it judges: the answer is the endpoint's, the request the adapter's.
        when: Whether there is anything to judge.
        says: Yields one sentence for each violation; called only where `when` holds.
    """

    id: str
    plane: Plane
    when: Callable[[Reading], bool]
    says: Callable[[Reading], Iterator[str]]

    def applies(self, exchange: Exchange) -> bool:
        """Whether there is anything in this exchange for the law to judge."""
        return self.when(Reading(exchange))

    def violations(self, exchange: Exchange) -> tuple[str, ...]:
        """What breaks the law, at most `MOST_VIOLATIONS` sentences and one that says so."""
        return self.find(Reading(exchange)).violations

    def find(self, reading: Reading) -> Finding:
        """Judge an exchange that is read already."""
        if not self.when(reading):
            return _lawful(self.id, applied=False)
        violations = list(islice(self.says(reading), MOST_VIOLATIONS + 1))
        if len(violations) > MOST_VIOLATIONS:
            violations[-1] = f"and more, of which only the first {MOST_VIOLATIONS} are named"
        if not violations:
            return _lawful(self.id, applied=True)
        return Finding(law=self.id, applied=True, violations=tuple(violations))


@cache
def _lawful(law: str, *, applied: bool) -> Finding:
    """One value for all exchanges: nearly every law has nothing to say of nearly every one."""
    return Finding(law=law, applied=applied)
