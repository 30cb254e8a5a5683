"""
From the evidence of a run to what people and their tools read.

    run + catalogue ─► view (pure, frozen, all arithmetic) ─► formats ─► files

A format is one more function of the same `Report`; a section is one more field of it.
"""

from kimi_conformance.reporting.annotations import annotations
from kimi_conformance.reporting.badge import badge
from kimi_conformance.reporting.ctrf import ctrf
from kimi_conformance.reporting.junit import junit
from kimi_conformance.reporting.openmetrics import openmetrics
from kimi_conformance.reporting.render import html, markdown
from kimi_conformance.reporting.view import Report, view
from kimi_conformance.reporting.write import FORMATS, STANDARD, write_report

__all__ = [
    "FORMATS",
    "STANDARD",
    "Report",
    "annotations",
    "badge",
    "ctrf",
    "html",
    "junit",
    "markdown",
    "openmetrics",
    "view",
    "write_report",
]
