"""The header of a run, as a gate writes it."""

from typing import Any

from kimi_conformance.runs import SCHEMA

__all__ = ["HEADER"]

HEADER: dict[str, Any] = {
    "record": "header",
    "schema": SCHEMA,
    "run": "20260101-000000-gate",
    "job": "gate",
    "started": "2026-01-01T00:00:00+00:00",
    "suite": {"version": "0", "python": "3", "platform": "x"},
    "lane": "cassette",
    "source": "recordings",
    "edition": "2025-09",
    "suts": [],
    "configuration": {},
    "libraries": {},
}
