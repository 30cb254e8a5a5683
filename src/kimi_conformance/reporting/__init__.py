"""
From the evidence of a run to what people and their tools read.

    run + catalogue ─► view (pure, frozen, all arithmetic) ─► HTML, Markdown, JUnit ─► files

A format is one more function of the same `Report`; a section is one more field of it.
"""

from kimi_conformance.reporting.junit import junit
from kimi_conformance.reporting.render import html, markdown
from kimi_conformance.reporting.view import Report, view
from kimi_conformance.reporting.write import FORMATS, write_report

__all__ = ["FORMATS", "Report", "html", "junit", "markdown", "view", "write_report"]
