"""Models side by side, where a run loaded more than one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kimi_conformance.reporting.views.service import load
from kimi_conformance.reporting.wording.quantity import seconds, share
from kimi_conformance.reporting.wording.states import State, worst

__all__ = ["Comparison", "ModelRow", "Priced", "side_by_side"]


class Priced(Protocol):
    """A model's price, in US dollars a million tokens."""

    @property
    def input(self) -> float:
        """Of a prompt."""
        ...

    @property
    def output(self) -> float:
        """Of an answer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """One model under one scenario.

    Attributes:
        state: The worst among its objectives; "not_measured" where a load asked several models.
        cells: A text for each column of the comparison.
    """

    model: str
    scenario: str
    state: State
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Models side by side; `columns` are the heads of the cells."""

    columns: tuple[str, ...]
    rows: tuple[ModelRow, ...]


_COLUMNS = (
    "Requests",
    "Success",
    "TTFT p50",
    "TTFT p95",
    "ITL p50",
    "Response p50",
    "Response p95",
    "Tokens/s",
    "Laws broken",
    "Price in / out",
)


def side_by_side(
    records: Sequence[Mapping[str, Any]], prices: Mapping[str, Priced]
) -> Comparison | None:
    """The models of all load records by scenario, or None where there is only one model."""
    found = [
        (str(record["scenario"]), model, figures, record)
        for record in records
        for model, figures in _by_model(record).items()
        if model
    ]
    if len({model for _, model, _, _ in found}) < 2:
        return None
    found.sort(key=lambda each: each[:2])
    return Comparison(
        columns=_COLUMNS,
        rows=tuple(
            _row(scenario, model, figures, record, prices.get(model))
            for scenario, model, figures, record in found
        ),
    )


def _by_model(record: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """The figures of each model: those of the whole record where it asked only one."""
    models = record.get("models") or {}
    return models if len(models) > 1 else {str(record["target"].get("model") or ""): record}


def _row(
    scenario: str,
    model: str,
    figures: Mapping[str, Any],
    record: Mapping[str, Any],
    price: Priced | None,
) -> ModelRow:
    whole = figures is record
    keys = [objective.state.key for objective in load(1, record).objectives] if whole else []
    success = _success(record) if whole else figures["success_share"]
    return ModelRow(
        model=model,
        scenario=scenario,
        state=worst(keys, "not_measured"),
        cells=(
            f"{figures['requests']:,}",
            "–" if success is None else share(success),
            *(_time(figures, metric, place) for metric, place in _TIMES),
            _pace(figures, record),
            _laws(record) if whole else "–",
            "–" if price is None else f"${price.input:g} / ${price.output:g}",
        ),
    )


def _success(record: Mapping[str, Any]) -> float | None:
    return next((e["value"] for e in record["objectives"] if e["name"] == "success_rate"), None)


_TIMES = (
    ("ttft_s", "p50"),
    ("ttft_s", "p95"),
    ("itl_s", "p50"),
    ("response_s", "p50"),
    ("response_s", "p95"),
)


def _time(record: Mapping[str, Any], metric: str, place: str) -> str:
    value = (record["timing"].get(metric) or {}).get(place)
    return "–" if value is None else seconds(value)


def _pace(figures: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """Tokens of answers in each second that was judged."""
    tokens = (figures.get("tokens") or {}).get("completion")
    length = record["duration_s"] - (record.get("warm_up_s") or 0)
    return f"{tokens / length:,.0f}" if tokens and length > 0 else "–"


def _laws(record: Mapping[str, Any]) -> str:
    judged = record.get("conformance") or {}
    if not judged.get("judged"):
        return "–"
    return f"{judged['violating']:,} of {judged['judged']:,}"
