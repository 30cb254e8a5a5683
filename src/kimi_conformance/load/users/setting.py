"""What the virtual users of a process share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from kimi_conformance import suite
from kimi_conformance.editions import Edition
from kimi_conformance.load.client.bodies import Bodies
from kimi_conformance.load.client.client import Pool
from kimi_conformance.load.client.connection import Counts
from kimi_conformance.load.samples.kept import KeptLog
from kimi_conformance.load.samples.log import SampleLog
from kimi_conformance.load.samples.records import Sample
from kimi_conformance.load.users.dispatch import Dispatcher
from kimi_conformance.load.users.spending import Account

__all__ = ["Setting", "Tally"]


@dataclass(slots=True)
class Tally:
    """What the users of a process saw, in numbers.

    Attributes:
        counts: What their connections read.
        chunks: Chunks with generated content, of streams that ended.
        shared: How many of those share their time with another.
        refused: Answers that were HTTP 429.
        cached: Tokens of prompts that were read before, as the replies say.
    """

    counts: Counts = field(default_factory=Counts)
    chunks: int = 0
    shared: int = 0
    refused: int = 0
    cached: int = 0


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What all virtual users of a run share.

    Attributes:
        base_url: "http://127.0.0.1:8000/v1".
        api_key: Sent as the bearer; it is in no sample and no message.
        model: Which model is asked.
        fixtures: Folders of request bodies; the first that has a body gives it.
        log: Where samples go.
        zero: The moment on `time.perf_counter` that all times of samples count from.
        account: What pays for requests, or None: nobody counts.
        kept: Where exchanges go that the laws of the wire are to judge, or None: nowhere.
        tally: Counted up as replies come.
        pools: Connections that users share, by how many there are at most.
        dispatchers: Who hands out arrivals, by the class of users that takes them.
        watchers: Told of every sample.
    """

    base_url: str
    api_key: str = field(repr=False)
    model: str
    fixtures: tuple[Path, ...]
    log: SampleLog
    zero: float
    account: Account | None = None
    kept: KeptLog | None = None
    tally: Tally = field(default_factory=Tally)
    pools: dict[int, Pool] = field(default_factory=dict, repr=False)
    dispatchers: dict[type, Dispatcher] = field(default_factory=dict, repr=False)
    watchers: list[Callable[[Sample], None]] = field(default_factory=list, repr=False)

    @cached_property
    def bodies(self) -> Bodies:
        """The request bodies."""
        return Bodies(model=self.model, fixtures=self.fixtures)

    @cached_property
    def edition(self) -> Edition | None:
        """The newest edition that lists the model; None: none does."""
        editions = reversed(suite.find().editions().values())
        return next((each for each in editions if each.find(self.model)), None)
