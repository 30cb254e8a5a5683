"""
Whether a version lies in a range, as package metadata writes it: "httpx>=0.28.1,<0.29".

Only what metadata of ours can say is read: numbers, comparisons, and the markers `extra` and
`sys_platform`. The library that reads all of it is no dependency of this package.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Needed", "holds", "parse"]

_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)\s*(?:\[[^]]*\])?\s*\(?(?P<range>[^;)]*)\)?\s*(?:;(?P<marker>.*))?$"
)
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")
_PLATFORM = re.compile(r"""sys_platform\s*(==|!=)\s*['"]([^'"]+)['"]""")
_BOUND = re.compile(r"(~=|==|!=|>=|<=|>|<)\s*([0-9][0-9.]*)")
_RELEASE = re.compile(r"\d+(?:\.\d+)*")
_COMPARE: Mapping[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """A package that this one needs.

    Attributes:
        name: As its index has it.
        range: Its versions: ">=8.4"; "" is any.
        extra: The extra that needs it, or "": everybody does.
    """

    name: str
    range: str
    extra: str = ""


def parse(line: str, platform: str) -> Needed | None:
    """A line of `Requires-Dist`; None where it does not hold on this platform, or is unreadable."""
    match = _REQUIREMENT.match(line.strip())
    if match is None:
        return None
    marker = match["marker"] or ""
    for comparison, name in _PLATFORM.findall(marker):
        if (platform == name) != (comparison == "=="):
            return None
    extra = _EXTRA.search(marker)
    return Needed(name=match["name"], range=match["range"].strip(), extra=extra[1] if extra else "")


def holds(version: str, range: str) -> bool:
    """Whether a version lies in a range, by its numbers: 3.0rc1 counts as 3.0.

    >>> holds("0.28.1", ">=0.28.1,<0.29"), holds("0.29", ">=0.28.1,<0.29")
    (True, False)
    """
    found = _numbers(version)
    for comparison, bound in _BOUND.findall(range):
        least = _numbers(bound)
        if comparison == "~=":
            kept = len(bound.split(".")) - 1
            if found < least or found[:kept] != least[:kept]:
                return False
        elif not _COMPARE[comparison](found, least):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    """The release of a version, padded so that 9.4 and 9.4.0 are equal."""
    match = _RELEASE.match(version.strip().lstrip("v"))
    parts = [int(part) for part in match[0].split(".")] if match else []
    return tuple((parts + [0] * 6)[:6])
