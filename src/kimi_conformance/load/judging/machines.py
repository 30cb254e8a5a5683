"""
The machines over time: what several load processes noted, put together second by second.

What processes of one machine took of it is added. Of several machines the one that was used most
is what counts, as is, of the health of processes, the worst.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from kimi_conformance.load.samples.records import Tick
from kimi_conformance.statistics import mean, percentile

__all__ = ["OWNERS", "SECOND", "by_source", "known", "resources", "together"]

SECOND = 1.0  # what a tick covers

Column = Callable[[Tick], float | None]

# CPU and memory, each in percent of the host.
OWNERS: Mapping[str, tuple[Column, Column]] = {
    "host": (lambda tick: tick.host_cpu, lambda tick: tick.host_memory),
    "load": (lambda tick: tick.load_cpu, lambda tick: tick.load_memory),
    "target": (lambda tick: tick.target_cpu, lambda tick: tick.target_memory),
}
_METRICS = ("cpu_percent", "memory_percent")


def by_source(ticks: Iterable[Tick]) -> Mapping[int, Sequence[Tick]]:
    """What each process noted."""
    found: defaultdict[int, list[Tick]] = defaultdict(list)
    for tick in ticks:
        found[tick.source].append(tick)
    return found


def together(ticks: Sequence[Tick], hosts: Mapping[int, str]) -> Sequence[Tick]:
    """One tick a second; as they are where one process noted them.

    Args:
        ticks: Of all processes, by their time.
        hosts: The machine of each process, by its source; all others are on one and the same.
    """
    if len(by_source(ticks)) <= 1:
        return ticks
    seconds: defaultdict[int, list[Tick]] = defaultdict(list)
    for tick in ticks:
        seconds[int(tick.at - SECOND / 2)].append(tick)
    return [_added(among, hosts) for _, among in sorted(seconds.items())]


def resources(ticks: Sequence[Tick], targets: Mapping[str, float]) -> dict[str, Any]:
    """Mean and peak of CPU and memory, in percent of the host, by whose they are.

    Args:
        ticks: One a second.
        targets: By metric of slo.toml, what was promised of it: `over` is the share of the
            seconds above that.
    """
    found: dict[str, Any] = {}
    for owner, columns in OWNERS.items():
        prefix = "" if owner == "load" else f"{owner}_"
        found[owner] = {
            metric: _usage(known(map(column, ticks)), targets.get(prefix + metric))
            for metric, column in zip(_METRICS, columns, strict=True)
        }
    if not any(tick.target_cpu is not None for tick in ticks):
        found["target"] = None
    return found


def known(values: Iterable[float | None]) -> list[float]:
    """Without those that nobody knows."""
    return [value for value in values if value is not None]


def _usage(values: Sequence[float], target: float | None) -> dict[str, float | None]:
    usage = {"mean": mean(values), "p95": percentile(values, 95), "peak": max(values, default=None)}
    if target is None or not values:
        return usage
    return {**usage, "target": target, "over": sum(v > target for v in values) / len(values)}


def _added(among: Sequence[Tick], hosts: Mapping[int, str]) -> Tick:
    machines: defaultdict[str, list[Tick]] = defaultdict(list)
    for tick in among:
        machines[hosts.get(tick.source, "")].append(tick)

    def most(name: str, of: Callable[[Sequence[Tick], str], float | None]) -> Any:
        return max(known(of(ticks, name) for ticks in machines.values()), default=None)

    return replace(
        among[0],
        at=max(tick.at for tick in among),
        users=round(_summed(among, "users")),
        **{name: most(name, _mean_of) for name in ("host_cpu", "host_memory")},
        **{name: most(name, _summed) for name in ("load_cpu", "load_memory")},
        **{name: most(name, _mean_of) for name in ("target_cpu", "target_memory")},
        own_core=max(tick.own_core for tick in among),
        lags=tuple(chain.from_iterable(tick.lags for tick in among)),
        **{name: sum(getattr(tick, name) for tick in among) for name in _COUNTED},
    )


def _summed(ticks: Sequence[Tick], name: str) -> float:
    """Of all processes; one that noted two ticks in a second counts with their mean."""
    return sum(_mean_of(noted, name) or 0.0 for noted in by_source(ticks).values())


_COUNTED = (
    *("reads", "unstamped", "received", "chunks", "shared", "collections"),
    *("refused", "cached"),
)


def _mean_of(ticks: Sequence[Tick], name: str) -> float | None:
    return mean(known(getattr(tick, name) for tick in ticks))
