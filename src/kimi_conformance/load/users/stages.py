"""How many users there are when."""

from typing import ClassVar, NamedTuple

from locust import LoadTestShape

from kimi_conformance.errors import UsageError
from kimi_conformance.load.samples.records import Step

__all__ = ["Part", "Stages"]

_SPAWN_LIMIT = 100.0  # users a second; Locust warns beyond


class Part(NamedTuple):
    """A part of the run that is shown by itself.

    Attributes:
        until: In seconds; it begins where the part before it ends.
        name: "spike".
        judged: Whether the objectives are about what begins in it.
        rate: Requests a second that it offers, or None: the users decide.
    """

    until: float
    name: str
    judged: bool = True
    rate: float | None = None


class Stages(LoadTestShape):
    """Steps of load, one after the other; scenarios inherit from it.

    A run of another length than the stages' own keeps their shape: every time in it is
    stretched or shortened alike.

    Attributes:
        stages: Until which second there are how many users; ascending, `len(stages) >= 1`.
        warm_up: Seconds at the beginning that are measured but not judged.
        parts: Parts that are shown by themselves, ascending.
        scale: How much longer this run is than the stages' own times.

    Raises:
        UsageError: There are no stages, or they, or the parts, do not ascend.
    """

    abstract = True
    stages: ClassVar[tuple[tuple[float, int], ...]] = ()
    warm_up: ClassVar[float] = 0.0
    parts: ClassVar[tuple[Part, ...]] = ()

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.scale = 1.0
        self._finished = False
        untils = ([until for until, _ in self.stages], [part.until for part in self.parts])
        if not self.stages or any(list(each) != sorted(set(each)) for each in untils):
            raise UsageError(
                f"{type(self).__name__} has stages {self.stages} and parts {self.parts}: there is "
                "one stage or more, and each ends later than the one before it, in seconds."
            )

    @property
    def length(self) -> float:
        """Seconds that a run of these stages lasts."""
        return self.stages[-1][0] * self.scale

    @property
    def warm_up_s(self) -> float:
        """Seconds of it that are warm-up."""
        return self.warm_up * self.scale

    def steps(self) -> list[Step]:
        """The parts as they are noted, in the times of this run."""
        begins = [0.0, *(part.until for part in self.parts)]
        return [
            Step(
                name=part.name,
                begin=begin * self.scale,
                end=part.until * self.scale,
                judged=part.judged,
                rate=part.rate,
            )
            for begin, part in zip(begins, self.parts, strict=False)
        ]

    def finish(self) -> None:
        """End the run before its time: there is nothing more to find out."""
        self._finished = True

    def last(self, seconds: float) -> None:
        """Make a run last this long in all."""
        self.scale = seconds / self.stages[-1][0]

    def tick(self) -> tuple[int, float] | None:
        """How many users there are to be now and how fast they come; None: it is over."""
        now = self.get_run_time()  # type: ignore[no-untyped-call]
        for until, users in () if self._finished else self.stages:
            if now < until * self.scale:
                return users, min(float(max(users, 1)), _SPAWN_LIMIT)
        return None
