"""How many users there are when."""

from typing import ClassVar

from locust import LoadTestShape

__all__ = ["Stages"]

_SPAWN_LIMIT = 100.0  # users a second; Locust warns beyond


class Stages(LoadTestShape):
    """Steps of load, one after the other; scenarios inherit from it.

    A run of another length than the stages' own keeps their shape: every time in it is
    stretched or shortened alike.

    Attributes:
        stages: Until which second there are how many users; ascending, `len(stages) >= 1`.
        warm_up: Seconds at the beginning that are measured but not judged.
        scale: How much longer this run is than the stages' own times.
    """

    abstract = True
    stages: ClassVar[tuple[tuple[float, int], ...]] = ()
    warm_up: ClassVar[float] = 0.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.scale = 1.0

    @property
    def length(self) -> float:
        """Seconds that a run of these stages lasts."""
        return self.stages[-1][0] * self.scale

    @property
    def warm_up_s(self) -> float:
        """Seconds of it that are warm-up."""
        return self.warm_up * self.scale

    def last(self, seconds: float) -> None:
        """Make a run last this long in all."""
        self.scale = seconds / self.stages[-1][0]

    def tick(self) -> tuple[int, float] | None:
        """How many users there are to be now and how fast they come; None: it is over."""
        now = self.get_run_time()  # type: ignore[no-untyped-call]
        for until, users in self.stages:
            if now < until * self.scale:
                return users, min(float(max(users, 1)), _SPAWN_LIMIT)
        return None
