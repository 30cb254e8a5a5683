"""How many examples: a few in the plain suite, many at night."""

from hypothesis import settings

FEW = settings(max_examples=25 if settings().derandomize else 2000)
