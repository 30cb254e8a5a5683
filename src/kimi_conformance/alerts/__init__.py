"""
Alerts: what is wrong, told once when it begins and once when it ends.

`finding` reads alerts off the history and off runs, `tracking` knows which ones are open,
`issue` decides what becomes of the one rolling GitHub issue, `webhook` is the JSON for
anybody else, and `sending` is the only part that speaks to somebody.
"""

from kimi_conformance.alerts.alert import Alert, AlertKind
from kimi_conformance.alerts.finding import Findings, of_run, of_service
from kimi_conformance.alerts.issue import Issue, IssueCall, decide
from kimi_conformance.alerts.sending import GitHub, SendError, send_webhook
from kimi_conformance.alerts.tracking import Step, read_open, step, write_open
from kimi_conformance.alerts.wording import markdown, webhook_payload

__all__ = [
    "Alert",
    "AlertKind",
    "Findings",
    "GitHub",
    "Issue",
    "IssueCall",
    "SendError",
    "Step",
    "decide",
    "markdown",
    "of_run",
    "of_service",
    "read_open",
    "send_webhook",
    "step",
    "webhook_payload",
    "write_open",
]
