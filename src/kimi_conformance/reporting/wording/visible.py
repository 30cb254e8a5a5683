"""
Text from outside, made safe to look at: what an eye cannot see is spelt out.

A control character can break XML or a terminal, a bidi mark can make a line read as another
one, a lone surrogate cannot be encoded at all. Each of them is replaced by a sign that says
what stood there; everything else stays as it came.
"""

import re

__all__ = ["INVISIBLE", "one_line", "printable", "shortened", "visible"]

INVISIBLE = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidi marks
    "\u00ad\u034f\u180b-\u180f\u200b\u2028\u2029\u2060-\u206f\ufeff"  # no width, or a line end
    "\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # letters that are blank
    "\ud800-\udfff\ufdd0-\ufdef\ufff9-\uffff"  # surrogates, noncharacters, annotations
    "\U000e0000-\U000e0fff"  # tags: a whole text can hide in them
    "\u200c\u200d\ufe00-\ufe0f"  # joiners and variants
    "]"
    # These belong to scripts and emoji, "1\ufe0f\u20e3" to keys; else behind ASCII, or in a row,
    # they hide.
    "(?<![^\x00-\x7f\u200c\u200d][\u200c\u200d])"
    "(?<![^\x00-\x7f\ufe00-\ufe0f][\ufe00-\ufe0f])"
    "(?<![0-9#*]\ufe0f(?=\u20e3))"
)
_COMMANDS = re.compile(
    r"(?m)^(?P<indent>[^\S\n]*):(?=:)"  # "::error::" is a command to GitHub's runner
    r"|#(?=#\w*\[)"  # as is "##[error]", anywhere in a line, and "##vso[…]" to Azure's
)
_LINE_ENDS = re.compile(r"\s*\n\s*")


def visible(text: str) -> str:
    r"""The text with every character that cannot be seen spelt out.

    Tabs and line feeds stay; control characters become their pictures, all else its code.

    >>> visible("a\x00b\u202ec")
    'a␀b⟨U+202E⟩c'
    """
    return INVISIBLE.sub(_sign, text)


def _sign(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"


def printable(text: str) -> str:
    r"""The text for a terminal or the log of a CI system, of however many lines.

    >>> printable("\x1b[2J\n  ::error::no")
    '␛[2J\n  : :error::no'
    """
    return _COMMANDS.sub(_apart, visible(text))


def _apart(match: re.Match[str]) -> str:
    return f"{match['indent'] or ''}{match[0][-1]} "


def one_line(text: str, limit: int = 300) -> str:
    r"""The text as one line of at most `limit` characters.

    >>> one_line("expected\n  stop\n", limit=12)
    'expected ⏎ …'
    """
    line = _LINE_ENDS.sub(" ⏎ ", text[: 4 * limit].strip("\n"))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def shortened(text: str, limit: int) -> tuple[str, str]:
    """The text's first `limit` characters, and a note on what was left out, or ""."""
    if len(text) <= limit:
        return text, ""
    return text[:limit], f"{len(text) - limit:,} more characters are in the evidence file"
