"""The rows of a table of faults: what its faults have in common is said once."""

from collections.abc import Callable
from dataclasses import dataclass

from kimi_conformance.simulator.faults.fault import Change, Fault, anything
from kimi_conformance.wire.exchange import Request

__all__ = ["Rows"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Makes the faults of a table, see `Fault`.

    Attributes:
        touches, edition, benign: Those of a fault of which nothing else is said.
    """

    touches: Callable[[Request], bool] = anything
    edition: str = "2025-09"
    benign: bool = False

    def __call__(
        self,
        name: str,
        text: str,
        change: Change,
        *breaks: str,
        touches: Callable[[Request], bool] | None = None,
        edition: str | None = None,
        benign: bool | None = None,
    ) -> Fault:
        """One fault, and the ids of the laws that it breaks."""
        return Fault(
            name=name,
            text=text,
            change=change,
            touches=touches or self.touches,
            breaks=frozenset(breaks),
            edition=edition or self.edition,
            benign=self.benign if benign is None else benign,
        )
