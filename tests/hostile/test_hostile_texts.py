"""Texts that do not look like what they are: spelt out where people read them."""

import pytest

from kimi_conformance.reporting.wording.visible import one_line, printable, visible

HIDDEN = {
    "joiner in a name": "kimi\u200d-k2",
    "non-joiner at an end": "kimi-k2\u200c",
    "joiner at the beginning": "\u200dkimi",
    "joiners in a row": "\u0645\u200c\u200c\u200d\u062e",
    "variant of a letter": "k\ufe0fimi",
    "bytes in variants": "\u2764\ufe0f\ufe01\ufe02",
    "variants behind the others": "\u2764\U000e0101\U000e0102",
    "blank letters": "kimi\u3164k2\uffa0\u115f",
    "grapheme joiner": "ki\u034fmi",
    "deprecated formats": "kimi\u206a\u206f",
    "Mongolian": "kimi\u180e",
    "right to left": "kimi\u202e2k",
    "isolates": "\u2066kimi\u2069",
    "tags": "kimi\U000e0041\U000e0042",
    "line end in disguise": "kimi\u2028::error::no",
    "control": "\x1b]0;owned\x07\x9b2J",
}
SEEN = (
    "\u2764\ufe0f\u200d\U0001f525",  # a heart on fire
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # a family
    "1\ufe0f\u20e3",  # a key
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian
    "\u0939\u093f\u0928\u094d\u200d\u0926\u0940",  # Hindi
    "\u6708\u4eae\u79bb\u6211\u4eec\u6709\u591a\u8fdc\uff1f",  # Chinese
)


@pytest.mark.parametrize("name", HIDDEN)
def test_what_hides_is_spelt_out(name: str) -> None:
    hidden = HIDDEN[name]

    assert visible(hidden) != hidden
    assert visible(visible(hidden)) == visible(hidden)
    assert "\u27e8U+" in visible(hidden) or "\u241b" in visible(hidden)
    assert one_line(printable(hidden)) == printable(hidden)


@pytest.mark.parametrize("text", SEEN)
def test_what_is_seen_stays(text: str) -> None:
    assert visible(text) == text
