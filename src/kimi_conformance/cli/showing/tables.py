"""Tables and lines for a terminal of 80 columns: text from outside stays text."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from kimi_conformance.reporting.wording.visible import one_line, printable

__all__ = ["cell", "console", "sparkline"]

WIDEST = 100  # columns, however wide the terminal is
_BLOCKS = "▁▂▃▄▅▆▇█"


def console(*, stderr: bool = False) -> Console:
    """Where tables are printed: as wide as the terminal, within reason; plain in a pipe."""
    return Console(
        width=min(Console().width, WIDEST),
        highlight=False,
        markup=False,
        emoji=False,
        stderr=stderr,
    )


def cell(text: str, limit: int = 300) -> Text:
    """One line of text, whatever it holds: no markup, and nothing that steers a terminal."""
    return Text(printable(one_line(text, limit)))


def sparkline(values: Sequence[float | None], width: int) -> str:
    """The newest values as blocks, one a character; a dot where nothing is known.

    >>> sparkline([1, None, 2, 3], 10)
    '▁·▄█'
    """
    shown = values[-width:]
    known = [value for value in shown if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    top = len(_BLOCKS) - 1

    def block(value: float) -> str:
        return _BLOCKS[int((value - low) / (high - low) * top) if high > low else top // 2]

    return "".join("·" if value is None else block(value) for value in shown)
