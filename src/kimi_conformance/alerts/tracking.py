"""
Which alerts are open, in a small file.

So each is told once when it begins and once when it ends, whichever process looks next.
"""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from kimi_conformance.alerts.alert import Alert, AlertKind
from kimi_conformance.alerts.finding import Findings
from kimi_conformance.errors import RunError

__all__ = ["Step", "read_open", "step", "write_open"]

_KINDS = tuple(AlertKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What has become of alerts.

    Attributes:
        begun: New ones.
        open: All that are open now, the gravest first; with the words of today and the
            moment at which each began.
        ended: Those that were seen to be right.
    """

    begun: tuple[Alert, ...]
    open: tuple[Alert, ...]
    ended: tuple[Alert, ...]

    @property
    def news(self) -> bool:
        """Whether there is anything that was not told yet."""
        return bool(self.begun or self.ended)


def step(before: Sequence[Alert], found: Findings) -> Step:
    """From the alerts that were open to those that are."""
    known = {alert.key: alert for alert in before}
    active = {alert.key: alert for alert in found.active}
    begun = [alert for key, alert in active.items() if key not in known]
    still = [
        replace(alert, text=active[key].text, places=active[key].places) if key in active else alert
        for key, alert in known.items()
        if key in active or not found.has_looked_at(alert)
    ]
    ended = [
        alert for key, alert in known.items() if key not in active and found.has_looked_at(alert)
    ]
    now_open = sorted([*still, *begun], key=lambda one: (_KINDS.index(one.kind), one.about))
    return Step(begun=tuple(begun), open=tuple(now_open), ended=tuple(ended))


def read_open(file: Path) -> list[Alert]:
    """The alerts that were open; none where there is no file yet.

    Raises:
        RunError: The file is damaged; it is left as it is.
    """
    try:
        entries = json.loads(file.read_text("utf-8"))["open"]
        return [_alert(entry) for entry in entries]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"The open alerts in {file} cannot be read: {error}. Remove the file to begin anew; "
            "alerts that are open are then told once more."
        ) from error


def write_open(file: Path, alerts: Sequence[Alert]) -> None:
    """Remember what is open, whole or not at all.

    Raises:
        RunError: The file cannot be written; it is as it was.
    """
    text = json.dumps({"open": [asdict(alert) for alert in alerts]}, ensure_ascii=False, indent=2)
    partial = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=file.parent, prefix=f".{file.name}.", delete=False
        ) as out:
            partial = Path(out.name)
            out.write(f"{text}\n")
            out.flush()
            os.fsync(out.fileno())
        partial.replace(file)
    except OSError as error:
        if partial is not None:
            partial.unlink(missing_ok=True)
        raise RunError(f"Cannot write the open alerts to {file}: {error.strerror}.") from error


def _alert(entry: Mapping[str, Any]) -> Alert:
    return Alert(
        kind=AlertKind(str(entry["kind"])),
        about=str(entry["about"]),
        text=str(entry["text"]),
        since=float(str(entry["since"])),
        places=tuple(str(place) for place in entry.get("places", ())),
    )
