"""
From the evidence of a run to what people and their tools read.

    run + catalogue ─► view (pure, frozen, all arithmetic) ─► formats ─► files

A format is one more function of the same `Report`; a section is one more field of it.
"""

from kimi_conformance.reporting.formats.annotations import annotations
from kimi_conformance.reporting.formats.badge import badge
from kimi_conformance.reporting.formats.ctrf import ctrf
from kimi_conformance.reporting.formats.junit import junit
from kimi_conformance.reporting.formats.openmetrics import openmetrics
from kimi_conformance.reporting.formats.render import html, markdown
from kimi_conformance.reporting.formats.write import FORMATS, STANDARD, write_report
from kimi_conformance.reporting.views.view import Report, view

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
