"""
A badge: the JSON that shields.io draws one from (`https://img.shields.io/endpoint?url=…`).

Source: https://shields.io/badges/endpoint-badge
"""

import json

from kimi_conformance.reporting.views.view import Report
from kimi_conformance.reporting.wording.visible import one_line, visible

__all__ = ["badge"]

LONGEST = 60  # characters of either side

_COLOURS = {"held": "brightgreen", "broken": "red", "open": "yellow"}


def badge(report: Report) -> bytes:
    """The verdict with its edition, and how much of it was decided, in UTF-8."""
    edition = f" {report.edition}" if report.edition else ""
    conclusion = report.conclusion
    decided = f", {conclusion.decided} of {conclusion.applicable}" if conclusion.applicable else ""
    document = {
        "schemaVersion": 1,
        "label": _side(f"Kimi API{edition}"),
        "message": _side(f"{report.headline.word.lower()}{decided}"),
        "color": _COLOURS[report.headline.tone],
        "isError": report.headline.tone == "broken",
    }
    return json.dumps(document, ensure_ascii=False).encode() + b"\n"


def _side(text: str) -> str:
    return visible(one_line(text, LONGEST))
