"""
Texts of a length in tokens, and what stands for something new in each request.

The words have three letters: with the space before it such a word is one token of the tokenizers
that models have, and four bytes, which is one token of the simulator. How many it really were is
read from the usage of the replies.
"""

import random
from functools import cache

__all__ = ["FRESH", "text_of"]

FRESH = "<<fresh>>"
"""In a request body: put something new here each time, so that no cache knows what follows."""

_WORDS = (  # noqa: SIM905 - a text is easier to read and to change
    "the and for are but not you all any can had her was one our out day get has him his how man "
    "new now old see two way who boy did its let put say she too use air arm art bad bag bar bed "
    "big box bus buy car cat cup cut dog dry ear eat egg end eye far few fit fly fun gas god got "
    "gun guy hat hit hot ice job key kid law leg lie lot low map met mix mom net oil pay pen pop"
).split()
_LONGEST = 2**20  # tokens, the largest window there is


@cache
def text_of(tokens: int, seed: int = 0) -> str:
    """So many words that mean nothing, the same ones each time; one string for all who ask.

    Raises:
        ValueError: More than a model can read.
    """
    if not 0 <= tokens <= _LONGEST:
        raise ValueError(f"a text of {tokens} tokens: 0 to {_LONGEST} can be had")
    dice = random.Random(seed)  # noqa: S311 - a text is no secret
    return " " + " ".join(dice.choices(_WORDS, k=tokens)) if tokens else ""
