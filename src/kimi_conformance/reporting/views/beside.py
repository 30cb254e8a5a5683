"""What a report shows beside the run itself; all of it may be missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kimi_conformance.reporting.views.causes import Killers
from kimi_conformance.reporting.views.comparison import Priced
from kimi_conformance.reporting.views.history import Point
from kimi_conformance.reporting.views.recordings import Recorded
from kimi_conformance.runs import Run

__all__ = ["Beside"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is known besides.

    Attributes:
        earlier: A run to hold this one against.
        history: How runs of this kind went, this one included.
        killers: What breaks each requirement, by the account of mutants and faults themselves.
        prices: Of models, by their ids.
        recordings: Those that the run could use.
    """

    earlier: Run | None = None
    history: tuple[Point, ...] = ()
    killers: Killers = field(default_factory=dict)
    prices: Mapping[str, Priced] = field(default_factory=dict)
    recordings: tuple[Recorded, ...] = ()
