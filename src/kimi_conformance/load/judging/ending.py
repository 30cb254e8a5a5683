"""Who ran a load test, what it spent, and why it was over: for its record, and in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from kimi_conformance.load.samples.file import SampleFile
from kimi_conformance.load.samples.merge import Collected
from kimi_conformance.load.samples.records import End, Ended

__all__ = ["account_of", "words_of"]

_WORDS = {
    Ended.COMPLETE: "",
    Ended.INTERRUPTED: "it was stopped before its time",
    Ended.TIME_LIMIT: "it did not end by itself and was stopped",
    Ended.KILLED: "its process was killed",
}


def account_of(found: Collected, file: SampleFile) -> dict[str, Any]:
    """What the record of a load says of its processes.

    Keys: "ended_because", a phrase, "" where it came to its own end; "workers", one a process
    where there were several; "spent", or None where nothing was limited; "parts", the files of
    workers that had more than the run's own.
    """
    workers = _workers(found)
    spent = _spent(found.rows.get("spent", ()))
    because = _because(file.end, workers, spent)
    return {
        "ended_because": because,
        "workers": workers,
        "spent": spent,
        "parts": list(found.parts),
    }


def _workers(found: Collected) -> list[dict[str, Any]]:
    lost = {row["source"]: row["at"] for row in found.rows.get("lost", ())}
    return [
        {
            "worker": row["worker"],
            "of": row["of"],
            "host": row["host"],
            "pid": row["pid"],
            "clock_error_s": row["clock_error_s"],
            "requests": found.counts.get(row["source"], 0),
            "until_s": round(found.until.get(row["source"], 0.0), 3),
            "lost_at_s": lost.get(row["source"]),
        }
        for row in sorted(found.rows.get("source", ()), key=lambda row: int(row["source"]))
        if "worker" in row  # the master is none
    ]


def _spent(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The sum of what each process noted last; of a killed one that is what it began with."""
    last = {row["source"]: row for row in rows}
    if not last:
        return None
    among = list(last.values())
    limits: dict[str, float] = {}
    for row in among:
        for option, limit in row["limits"].items():
            limits[option] = limits.get(option, 0) + limit
    priced = all(row["dollars"] is not None for row in among)
    return {
        "limits": {option: round(limit, 9) for option, limit in limits.items()},
        "requests": sum(row["requests"] for row in among),
        "tokens": sum(row["tokens"] for row in among),
        "dollars": round(sum(row["dollars"] for row in among), 9) if priced else None,
        "refused": sum(row["refused"] for row in among),
        "reached": next((row["reached"] for row in among if row["reached"]), ""),
    }


def _because(
    end: End | None, workers: Sequence[Mapping[str, Any]], spent: Mapping[str, Any] | None
) -> str:
    why = end.why if end else Ended.KILLED
    if end is not None and end.faults:
        return "; ".join(end.faults)
    if why is Ended.BUDGET and spent is not None:
        limit = spent["limits"].get(spent["reached"], 0)
        cost = "" if spent["dollars"] is None else f", ${spent['dollars']:.4g}"
        return (
            f"the budget of {spent['reached']} {limit:,.10g} did not cover another request "
            f"({spent['requests']:,} requests, {spent['tokens']:,} tokens{cost} were spent)"
        )
    lost = [worker for worker in workers if worker["lost_at_s"] is not None]
    if lost:
        return "; ".join(
            f"worker {each['worker']} of {each['of']} ({each['host']}) was lost at "
            f"{each['lost_at_s']:.1f} s; its samples until {each['until_s']:.1f} s are kept"
            for each in lost
        )
    return _WORDS.get(why, str(why))


def words_of(record: Mapping[str, Any]) -> list[str]:
    """What the record of a load says of its processes, a sentence each, for people."""
    words = []
    if workers := record.get("workers"):
        each = "; ".join(_worker(worker) for worker in workers)
        words.append(f"The load came from {len(workers)} workers: {each}.")
    if spent := record.get("spent"):
        cost = "" if spent["dollars"] is None else f" and ${spent['dollars']:,.4f}"
        limits = [f"{option} {limit:,.10g}" for option, limit in spent["limits"].items()]
        words.append(
            f"Spent: {spent['requests']:,} requests, {spent['tokens']:,} tokens{cost}, of "
            f"{' and '.join(limits)}."
        )
    return words


def _worker(worker: Mapping[str, Any]) -> str:
    text = f"{worker['worker']} ({worker['host']}), {worker['requests']:,} requests"
    if worker["lost_at_s"] is not None:
        return f"{text}, lost at {worker['lost_at_s']:.1f} s"
    error = worker["clock_error_s"]
    return f"{text}, clock within {1000 * error:.1f} ms" if error else text
