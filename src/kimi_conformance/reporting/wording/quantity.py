"""How numbers, times and moments are written for people."""

import math
from collections.abc import Callable
from datetime import datetime

__all__ = [
    "TARGETS",
    "bytes_text",
    "called",
    "duration",
    "formatter",
    "moment",
    "percent",
    "plain",
    "seconds",
    "share",
]

TARGETS = {
    "success_rate": "Success rate",
    "mean_response_s": "Mean response time",
    "memory_percent": "Memory",
    "cpu_percent": "CPU",
}  # the four that every service level of this suite begins with
_ABBREVIATIONS = {"ttft": "TTFT", "itl": "ITL", "tpot": "TPOT", "cpu": "CPU", "s": ""}


def seconds(value: float) -> str:
    """A latency.

    >>> seconds(0.0123), seconds(0.84), seconds(12.3)
    ('12.3 ms', '840 ms', '12.30 s')
    """
    if abs(value) < 1:
        return f"{value * 1000:.3g} ms" if abs(value) < 0.1 else f"{value * 1000:.0f} ms"
    return f"{value:.2f} s"


def duration(value: float) -> str:
    """How long something took as a whole.

    >>> duration(7.26), duration(5), duration(75), duration(3720)
    ('7.3 s', '5 s', '1 min 15 s', '1 h 2 min')
    """
    if value < 60:
        return f"{value:.1f}".removesuffix(".0") + " s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def percent(value: float) -> str:
    """A percentage that is given as one.

    >>> percent(63.0), percent(63.04)
    ('63 %', '63.04 %')
    """
    return f"{value:.2f}".rstrip("0").rstrip(".") + " %"


def share(value: float) -> str:
    """A share between 0 and 1, never rounded up to a whole that it is not.

    >>> share(0.9951), share(0.99999), share(1.0)
    ('99.51 %', '99.99 %', '100 %')
    """
    return percent(math.floor(value * 10_000 + 1e-9) / 100)


def plain(value: float) -> str:
    """A number of no known unit."""
    return f"{value:,.3f}".rstrip("0").rstrip(".")


_BY_ENDING: tuple[tuple[str, Callable[[float], str]], ...] = (
    ("_s", seconds),
    ("_percent", percent),
    ("_rate", share),
    ("_share", share),
)


def formatter(name: str) -> Callable[[float], str]:
    """The way to write the values of a metric, found by the end of its name.

    >>> formatter("response_s")(1.5), formatter("success_share")(0.995)
    ('1.50 s', '99.5 %')
    """
    return next((write for ending, write in _BY_ENDING if name.endswith(ending)), plain)


def bytes_text(count: int) -> str:
    """A size.

    >>> bytes_text(812), bytes_text(20_480)
    ('812 bytes', '20.5 kB')
    """
    if count < 1000:
        return f"{count} byte{'' if count == 1 else 's'}"
    return f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def moment(text: str) -> str:
    """An ISO 8601 time as a person writes it, or the text itself where it is none.

    >>> moment("2026-11-21T08:13:00+00:00")
    '21 November 2026, 08:13 UTC'
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    zone = at.tzname() or ""
    return f"{at.day} {at:%B %Y, %H:%M} {zone}".rstrip()


def called(name: str) -> str:
    """What an objective or a metric is called, from its name.

    >>> called("mean_response_s"), called("ttft"), called("p99_response_s")
    ('Mean response time', 'TTFT', 'P99 response')
    """
    if name in TARGETS:
        return TARGETS[name]
    words = [_ABBREVIATIONS.get(word, word) for word in name.split("_")]
    shown = " ".join(word for word in words if word)
    return shown[:1].upper() + shown[1:]
