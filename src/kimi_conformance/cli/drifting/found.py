"""What came of looking for drift."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from kimi_conformance.drift import Change

__all__ = ["Found"]


@dataclass(slots=True)
class Found:
    """What came of looking.

    Attributes:
        changes: Each once.
        asked: How many recorded requests there were.
        places: Those that were answered so that they could be compared.
        left: Why the others were not, with the count of each reason.
        ended: What ended the looking before its end, or "".
    """

    changes: Sequence[Change] = ()
    asked: int = 0
    places: list[str] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    ended: str = ""

    @property
    def compared(self) -> int:
        """How many could be compared."""
        return len(self.places)

    @property
    def looked(self) -> bool:
        """Whether enough was compared to say that there is no drift."""
        return self.compared > 0 and self.compared >= self.left["no answer that tells anything"]
