"""Text in lines of a terminal of 80 columns; a name or URL is never cut in two."""

import textwrap

__all__ = ["WIDTH", "wrapped"]

WIDTH = 80


def wrapped(text: str, first: str = "", others: str = "") -> list[str]:
    """The lines of a text.

    Args:
        text: Of words.
        first: What stands before the first line.
        others: What stands before each other line.
    """
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )
