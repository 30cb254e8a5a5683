"""
The requests of a run that are judged, as columns: a million of them in about a second.

A flag is a byte, 1 or 0, for each request of a group in its order; flags are combined and
counted as whole numbers of as many bytes.
"""

import math
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, compress, pairwise
from operator import truediv
from typing import Any

from kimi_conformance.load.judging.time_axis import Axis
from kimi_conformance.load.samples.file import Group, from_halves
from kimi_conformance.load.samples.log import NO_COUNT, halves
from kimi_conformance.load.samples.records import Header, Step
from kimi_conformance.statistics import Ascending, Pooled

__all__ = ["Bounds", "Judged", "Timed", "joined", "pooled", "pooled_column", "timed"]

Bounds = tuple[tuple[str, float], ...]

_NAN = math.nan
_TURNED = bytes([1, 0]) + bytes(254)
_NO_NUMBER = 0x7E00  # NaN as a half-precision float, as struct packs it
_NONE_NEEDED = -1.0  # of a reply of one token, which has no time per further token


class Judged:
    """A group by the order in which its requests ended, and which of them are judged.

    Args:
        group: The requests.
        header: Of the run.
        axis: Of its charts.
        aside: Parts of the run in which nothing is judged that begins there.

    Attributes:
        kind: What they have in common.
        gaps: Of the group.
        ok: Whether they brought a usable and complete reply.
        count: How many are judged.
        chosen: The flags of those that are judged.
        reasoned: Whether any of them reasoned before it answered.
        cuts: Where each bucket of the axis begins among them, and where the last one ends.
    """

    def __init__(
        self, group: Group, header: Header, axis: Axis, aside: Sequence[Step] = ()
    ) -> None:
        self.kind, self.gaps, self.ok = group.kind, group.gaps, group.kind.ok
        self._group = group
        self.reasoned = self.has("thinking")
        self._columns: dict[str, Any] = {}
        self._tokens: dict[str, tuple[int, int]] = {}
        self._good: dict[Bounds, bytes] = {}
        self._compared: dict[tuple[str, float], bytes] = {}
        places = axis.places(group.end)
        self._order = _order(places)
        self.cuts = axis.cuts(self._ordered(places))
        self.chosen = bytes(self._ordered(_chosen(group, header, aside)))
        self.count = self.chosen.count(1)

    def __len__(self) -> int:
        return len(self._group)

    def metric(self, name: str) -> Sequence[float]:
        """A time of each request, in seconds; NaN where it has none, below 0 where it needs none.

        Args:
            name: "response_s", "ttft_s", "first_answer_s", "tpot_s", "stall_s".
        """
        if name == "first_answer_s" and not self.reasoned:
            name = "ttft_s"
        if name not in self._columns:
            self._columns[name] = self._ordered(_METRICS[name](self._group))
        return self._columns[name]  # type: ignore[no-any-return]

    def values(self, name: str) -> Iterable[float]:
        """The times that are known, of those that are judged."""
        column = self.metric(name)
        if name != "tpot_s" and sum(column) >= 0:  # one NaN would make it NaN
            return self.among(column)
        return [value for value in self.among(column) if value >= 0]

    def buckets_of(self, name: str) -> tuple[list[Sequence[float]], list[Sequence[float]]]:
        """The times that are known, by bucket: of all, and of those that are judged.

        Where a bucket is judged as a whole it is the same object in both.
        """
        column, alls, judged = self.metric(name), [], []
        partial = not sum(column) >= 0  # one NaN would make it NaN
        for begin, end in pairwise(self.cuts):
            every = column[begin:end]
            if partial:
                every = [value for value in every if value >= 0]
            alls.append(every)
            if 0 not in self.chosen[begin:end]:
                judged.append(every)
            else:
                some = compress(column[begin:end], self.chosen[begin:end])
                judged.append([value for value in some if value >= 0])
        return alls, judged

    def ended(self, flags: bytes) -> list[int]:
        """How many of those with a flag ended in each bucket."""
        return [flags.count(1, begin, end) for begin, end in pairwise(self.cuts)]

    def among(self, column: Iterable[Any]) -> Iterable[Any]:
        """What an ordered column holds of those that are judged."""
        return column if self.count == len(self) else compress(column, self.chosen)

    def has(self, name: str) -> bool:
        """Whether any request has a number in a column of half-precision floats."""
        return self._group.stored(name).count(_NO_NUMBER) < len(self)

    def stored(self, name: str) -> Iterable[int]:
        """The bits of a column of half-precision floats, of those that are judged."""
        column = self._group.stored(name)
        return column if self.count == len(self) else self.among(self._ordered(column))

    def within(self, bounds: Bounds) -> bytes:
        """The flags of those that are judged and kept every bound, and brought a reply.

        A reply that was not streamed has no bound to keep but that of its whole time.
        """
        return _both(self.chosen, self.good(bounds))

    def good(self, bounds: Bounds) -> bytes:
        """The flags of all that kept every bound, judged or not."""
        if bounds not in self._good:
            self._good[bounds] = self._kept(bounds) if self.ok else bytes(len(self))
        return self._good[bounds]

    def beyond(self, name: str, bound: float) -> bytes:
        """The flags of those that are judged and took longer."""
        known, kept = self.known(name), self._at_most(name, bound)
        return _both(known, kept.translate(_TURNED))

    def besides(self, flags: bytes) -> bytes:
        """The flags of those that are judged and have none of these."""
        others = int.from_bytes(self.chosen, "little") ^ int.from_bytes(flags, "little")
        return others.to_bytes(len(self), "little")

    def known(self, name: str) -> bytes:
        """The flags of those that are judged and have such a time."""
        column = self.metric(name)
        if name != "tpot_s" and sum(column) >= 0:  # one NaN would make it NaN
            return self.chosen
        return _both(self.chosen, bytes(map((0.0).__le__, column)))

    @cached_property
    def completion_tokens(self) -> Sequence[int]:
        """How many tokens each reply has, by its own count; 0 where it does not count them."""
        tokens: Sequence[int] = self._ordered(self._group.column("completion_tokens"))
        return tokens if NO_COUNT not in tokens else [n if n != NO_COUNT else 0 for n in tokens]

    def speeds(self) -> Iterable[float]:
        """Tokens of each reply a second of its whole time; 0 where it does not count them."""
        tokens, seconds = self.completion_tokens, self.metric("response_s")
        if len(self) and min(seconds) > 0:
            return self.among(map(truediv, tokens, seconds))
        pairs = zip(tokens, seconds, strict=True)
        return self.among(count / time if time > 0 else 0.0 for count, time in pairs)

    def tokens(self, name: str) -> tuple[int, int]:
        """How many of those that are judged count their tokens, and their sum.

        Args:
            name: "prompt_tokens" or "completion_tokens".
        """
        if name not in self._tokens:
            counts: Any = self.among(self._ordered(self._group.column(name)))
            known = [count for count in counts if count != NO_COUNT]
            self._tokens[name] = (len(known), sum(known))
        return self._tokens[name]

    def _kept(self, bounds: Bounds) -> bytes:
        flags = b"\1" * len(self)
        for name, bound in bounds:
            if self.kind.streamed or name == "response_s":
                flags = _both(flags, self._at_most(name, bound))
        return flags

    def _at_most(self, name: str, bound: float) -> bytes:
        key = (name, bound)
        if key not in self._compared:
            self._compared[key] = bytes(map(float(bound).__ge__, self.metric(name)))
        return self._compared[key]

    def _ordered(self, column: Any) -> Any:
        if self._order is None:
            return column
        ordered = map(column.__getitem__, self._order)
        return array(column.typecode, ordered) if isinstance(column, array) else list(ordered)


@dataclass(frozen=True, slots=True)
class Timed:
    """A time of good requests, in order.

    Attributes:
        runs: By bucket, of all.
        judged: Of those that are judged, together.
    """

    runs: Sequence[Sequence[float]]
    judged: Ascending


def timed(groups: Sequence[Judged], name: str) -> Timed:
    """A time of the good requests of some groups.

    What is in order by bucket is put together by merging, which is cheaper than sorting it.
    """
    parts = [each.buckets_of(name) for each in groups if each.ok]
    runs = [sorted(chain.from_iterable(each)) for each in zip(*(a for a, _ in parts), strict=True)]
    judged = []
    for number, some in enumerate(zip(*(chosen for _, chosen in parts), strict=True)):
        whole = all(one is alls[number] for one, (alls, _) in zip(some, parts, strict=True))
        judged.append(runs[number] if whole else sorted(chain.from_iterable(some)))
    return Timed(runs, Ascending(chain.from_iterable(judged)))


def joined(parts: Sequence[Timed]) -> Timed:
    """The times of several together."""
    filled = [each for each in parts if each.runs]
    if len(filled) == 1:
        return filled[0]
    runs = zip(*(each.runs for each in filled), strict=True)
    every = Ascending(chain.from_iterable(each.judged for each in filled))
    return Timed([sorted(chain.from_iterable(each)) for each in runs], every)


def pooled(parts: Iterable[Iterable[float]], *, zeros: bool = True) -> Pooled:
    """Numbers from 0 on as half-precision floats, so within 0.05 %.

    Args:
        parts: The numbers.
        zeros: Whether 0 is a number too; else it stands for none.
    """
    pool: Counter[int] = Counter()
    for part in parts:
        pool.update(halves(list(part)))
    if not zeros:
        pool.pop(0, None)
    return _pool(pool)


def pooled_column(judged: Iterable[Judged], name: str) -> Pooled:
    """A column of half-precision floats; below 0 and beyond all measure stands for none."""
    pool: Counter[int] = Counter()
    for each in judged:
        if each.has(name):
            pool.update(each.stored(name))
    return _pool(pool)


def _pool(pool: Mapping[int, int]) -> Pooled:
    floats = zip(from_halves(list(pool)), pool.values(), strict=True)
    return Pooled({value: count for value, count in floats if 0 <= value < math.inf})


def _chosen(group: Group, header: Header, aside: Sequence[Step]) -> bytes:
    """The flags of the requests that count, as `Header.judges` and the parts set aside say."""
    begin, end = header.warm_up_s, header.planned_s
    if len(group) and min(group.end) >= begin and max(group.intended) < end:
        flags = b"\1" * len(group)
    else:
        moments = zip(group.intended, group.end, strict=True)
        flags = bytes([begin <= ended and intended < end for intended, ended in moments])
    for step in aside:
        begin, end = step.begin, step.end
        outside = bytes([not begin <= intended < end for intended in group.intended])
        flags = _both(flags, outside)
    return flags


def _order(places: Sequence[int]) -> Sequence[int] | None:
    """Which request is which in order of the bucket that it ended in; None: they are in order."""
    if places == sorted(places):
        return None
    return sorted(range(len(places)), key=places.__getitem__)


def _both(one: bytes, other: bytes) -> bytes:
    both = int.from_bytes(one, "little") & int.from_bytes(other, "little")
    return both.to_bytes(len(one), "little")


def _first_answer(group: Group) -> Sequence[float]:
    first, thinking = group.column("first"), group.column("thinking")
    return array("f", map(_answered, first, thinking))


def _answered(first: float, thinking: float) -> float:
    """When the answer itself began, by when anything did and how long it was reasoned before."""
    if thinking == math.inf:
        return _NAN  # no answer came
    return first + thinking if thinking > 0 else first


def _tpot(group: Group) -> Sequence[float]:
    columns = map(group.column, ("response", "first", "completion_tokens"))
    times = [
        (response - first) / (count - 1)
        if 1 < count < NO_COUNT
        else _NONE_NEEDED
        if count <= 1
        else _NAN
        for response, first, count in zip(*columns, strict=True)
    ]
    return array("f", times)


_METRICS: Mapping[str, Callable[[Group], Sequence[float]]] = {
    "response_s": lambda group: group.column("response"),
    "ttft_s": lambda group: group.column("first"),
    "first_answer_s": _first_answer,
    "tpot_s": _tpot,
    "stall_s": lambda group: group.column("stall"),
}
