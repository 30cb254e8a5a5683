"""Lengths of time as people write them: "30s", "10m", "1h", "1h30m"."""

import math
import re

from kimi_conformance.errors import UsageError

__all__ = ["parse_duration"]

_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_PARTS = re.compile(
    r"(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s)?"
)


def parse_duration(text: str) -> float:
    """Seconds, always above zero.

    >>> parse_duration("30s"), parse_duration("10m"), parse_duration("1h30m")
    (30.0, 600.0, 5400.0)

    Raises:
        UsageError: The text is no duration, or it is zero.
    """
    found = _PARTS.fullmatch(text.strip())
    parts = found.groupdict() if found else {}
    seconds = math.fsum(float(parts[unit] or 0) * _SECONDS[unit] for unit in parts)
    if seconds > 0 and math.isfinite(seconds):
        return seconds
    hint = f" Did you mean '{text.strip()}s'?" if text.strip().isdigit() and int(text) else ""
    raise UsageError(
        f"'{text}' is no duration above zero.{hint} Write hours, minutes and seconds as in "
        "1h, 10m, 30s or 1m30s."
    )
