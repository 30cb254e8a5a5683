"""How fast models were in earlier load runs, and how much those runs are worth."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kimi_conformance.cli.keeping.run_folder import read_run
from kimi_conformance.errors import RunError
from kimi_conformance.models import Speed, speed_of

__all__ = ["Speeds", "measured"]


@dataclass(frozen=True, slots=True)
class Speeds:
    """What earlier load runs tell.

    Attributes:
        by_model: The speed of each model, from the newest run that is worth something.
        runs: How many load results were found.
        simulated: How many of them were of the simulator, which is as fast as it is told to be.
        unusable: How many were not valid, too short, or not whole.
    """

    by_model: Mapping[str, Speed]
    runs: int
    simulated: int
    unusable: int

    @property
    def words(self) -> str:
        """What they are worth, as a sentence."""
        if self.by_model:
            return "Speeds are those of the newest load run of each model, on the live API."
        if not self.runs:
            return "No speed is known: there is no load run yet. kimi-conformance load makes one."
        why = ", ".join(
            f"{count} {what}"
            for count, what in (
                (self.simulated, "of the simulator, whose speed is no model's"),
                (self.unusable, "not valid, too short or not whole"),
            )
            if count
        )
        return f"No speed is known: of {self.runs} load results, {why}."


def measured(out: Path) -> Speeds:
    """The speeds that the runs below a folder tell; runs are named by date, the newest counts."""
    by_model: dict[str, Speed] = {}
    runs = simulated = unusable = 0
    for file in sorted(out.glob("*/run.jsonl"), reverse=True):
        try:
            loads = read_run(file).loads
        except (RunError, LookupError, TypeError, ValueError):
            continue  # what is no run of this suite tells nothing
        for load in reversed(loads):
            runs += 1
            try:
                model, kind, speed = _told(load, file.parent.name)
            except (LookupError, TypeError, ValueError):
                unusable += 1
                continue
            simulated += kind == "simulator"
            if kind == "live" and speed is not None:
                by_model.setdefault(model, speed)
            elif kind == "live":
                unusable += 1
    return Speeds(by_model, runs, simulated, unusable)


def _told(load: Mapping[str, Any], run: str) -> tuple[str, str, Speed | None]:
    """The model of a load result, what was loaded, and how fast it was, if that can be told."""
    target, timing = load["target"], load["timing"]
    first, whole = timing["ttft_s"], timing["response_s"]
    speed = None
    if load["valid"]:
        speed = speed_of(
            streamed=first["n"],
            replies=whole["n"],
            ttft_s=first["p50"],
            mean_ttft_s=first["mean"],
            mean_reply_s=whole["mean"],
            tokens=load["tokens"]["completion"],
            run=run,
            where=target["base_url"],
        )
    return target["model"], target["kind"], speed
