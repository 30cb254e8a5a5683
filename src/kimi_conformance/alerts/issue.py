"""
The one rolling issue: opened when something is wrong, kept up to date, closed when all is well.

What is to be done is decided here and sent elsewhere. The body is replaced each time, and a
comment is written only when an alert begins or ends, so that nobody is called twice for one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kimi_conformance.alerts.tracking import Step
from kimi_conformance.alerts.wording import markdown

__all__ = ["LABEL", "MARK", "TITLE", "Issue", "IssueCall", "decide"]

TITLE = "The nightly conformance run is not well"
LABEL = "kimi-conformance"
MARK = "<!-- kimi-conformance: rolling issue -->"  # by which it is known again
LONGEST = 60_000  # characters; GitHub refuses a body of more than 65,536


@dataclass(frozen=True, slots=True)
class Issue:
    """The issue that is open, by its number."""

    number: int


@dataclass(frozen=True, slots=True)
class IssueCall:
    """One call of GitHub's REST API.

    Attributes:
        method: "POST" or "PATCH".
        path: Below the repository: "issues/7/comments".
        body: Its JSON.
    """

    method: str
    path: str
    body: Mapping[str, Any]


def decide(issue: Issue | None, found: Step, link: str | None = None) -> list[IssueCall]:
    """The calls to make, in order; none where nothing is wrong and no issue is open."""
    text = markdown(found, link)
    shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}\n\n… shortened."
    body = f"{MARK}\n{shown}"
    if issue is None:
        if not found.open:
            return []
        return [IssueCall("POST", "issues", {"title": TITLE, "body": body, "labels": [LABEL]})]
    here = f"issues/{issue.number}"
    comment = [IssueCall("POST", f"{here}/comments", {"body": shown})] if found.news else []
    if found.open:
        return [IssueCall("PATCH", here, {"body": body}), *comment]
    closed = {"state": "closed", "state_reason": "completed", "body": body}
    return [*comment, IssueCall("PATCH", here, closed)]
