"""An alert: something that is wrong from a moment on, until it is seen to be right again."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Alert", "AlertKind"]


class AlertKind(StrEnum):
    """What may be wrong, the gravest first."""

    UNREACHABLE = "endpoint unreachable"
    NOT_CONFORMANT = "not conformant"
    MISSED = "objective missed"
    BURNING = "error budget burns fast"
    SLOWER = "latency regression"
    DRIFT = "drift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that is wrong.

    Attributes:
        kind: What sort of thing.
        about: What it is wrong with; kind and this make one alert.
        text: What was seen, in one sentence; it may change while the alert is open.
        since: When it was first seen, in seconds since the Unix epoch.
        places: Where it was seen, if it ends only when all of them were looked at again.
    """

    kind: AlertKind
    about: str
    text: str
    since: float
    places: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """By which it is known again."""
        return f"{self.kind.value}: {self.about}"
