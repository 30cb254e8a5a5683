"""Alerts in words: Markdown for people, JSON for whoever is told by a webhook."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from kimi_conformance.alerts.alert import Alert
from kimi_conformance.alerts.tracking import Step

__all__ = ["markdown", "webhook_payload"]

_STEERING = str.maketrans(
    {**{char: f"\\{char}" for char in "\\`*_{}[]()#|<>!~"}, "@": "@\u200b", "\n": " ", "\r": " "}
)


def markdown(found: Step, link: str | None = None) -> str:
    """The summary; nothing from outside makes structure in it, or calls anybody by name.

    Args:
        found: What has become of alerts.
        link: To the report, or None.
    """
    lines = [_headline(found), ""]
    for title, alerts in (("Open", found.open), ("Ended", found.ended)):
        if alerts:
            lines += [f"### {title}", "", *(_line(alert, found) for alert in alerts), ""]
    if link:
        lines += [f"Report: {link}", ""]
    return "\n".join(lines)


def webhook_payload(found: Step, link: str | None = None) -> dict[str, Any]:
    """What a webhook is told: `text` reads by itself, the rest is for machines."""
    return {
        "text": _headline(found),
        "link": link,
        "begun": _told(found.begun),
        "open": _told(found.open),
        "ended": _told(found.ended),
    }


def _headline(found: Step) -> str:
    if not found.open:
        return "Kimi conformance: all is well again." if found.ended else "Kimi conformance: well."
    count, new = len(found.open), len(found.begun)
    return f"Kimi conformance: {count} open alert{'' if count == 1 else 's'}, {new} of them new."


def _line(alert: Alert, found: Step) -> str:
    new = " (new)" if alert in found.begun else ""
    text = f"{alert.about}: {alert.text}".translate(_STEERING)
    return f"- **{alert.kind.value}**{new}, since {_moment(alert.since)}: {text}"


def _told(alerts: Sequence[Alert]) -> list[dict[str, str]]:
    return [
        {
            "kind": alert.kind.value,
            "about": alert.about,
            "text": alert.text,
            "since": _moment(alert.since),
        }
        for alert in alerts
    ]


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="minutes")
