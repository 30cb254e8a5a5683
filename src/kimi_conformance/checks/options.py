"""What a run of checks was asked to do."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from kimi_conformance.errors import UsageError

__all__ = ["Options", "options_from"]

LANES = ("cassette", "simulator", "live")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the run was asked to do; see the plugin's options for their meaning."""

    lane: str = "cassette"
    edition: str = "2025-09"
    adapters: tuple[str, ...] = ("reference",)
    endpoints: tuple[str, ...] = ("endpoint",)
    base_url: str | None = None
    model: str | None = None
    model_is: str | None = None
    without: frozenset[str] = frozenset()
    samples: int | None = None
    max_requests: int | None = None
    sent: int = 0
    max_tokens: int | None = None
    max_cost: float | None = None
    price_in: float = 0.0
    price_out: float = 0.0
    time_limit: float = 30.0
    rpm: int | None = None
    concurrency: int | None = None
    tpm: int | None = None
    time_total: float | None = None
    record_into: Path | None = None
    cassettes: Path | None = None
    evidence: Path | None = None
    baseline: Path | None = None
    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    matrix: bool = False
    despite: tuple[str, ...] = ()
    cells: Path | None = None
    share: int = 1
    api_key: str = field(default="", repr=False)


def options_from(environment: Mapping[str, str] = os.environ, **chosen: Any) -> Options:
    """The options of a run; only the key comes from the environment.

    Raises:
        UsageError: The lane is unknown, or the live lane lacks a key.
    """
    lane = chosen.get("lane", "cassette")
    if lane not in LANES:
        raise UsageError(f"There is no lane '{lane}': choose cassette, simulator or live.")
    key = environment.get("KIMI_API_KEY", "") if lane == "live" else ""
    if lane == "live" and not key:
        raise UsageError(
            "The live lane needs a key: set KIMI_API_KEY. Without one, use the lane "
            "'simulator' or 'cassette'."
        )
    return Options(**{**chosen, "api_key": key})
