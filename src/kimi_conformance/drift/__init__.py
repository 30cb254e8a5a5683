"""
Drift: what an endpoint says now that it did not say when it was recorded.

`observing` reads the traits of one answer, `comparing` holds a recording against two answers
to the same request, `changes` names and groups what is left once the noise is taken out,
`models` reads lists of models, `freshness` says how long a recording may be believed. All of
it is pure: who sends the requests is no business of this package.
"""

from kimi_conformance.drift.changes import Attribution, Change, Kind, Seen, grouped
from kimi_conformance.drift.comparing import Answers, compare
from kimi_conformance.drift.freshness import Age, Colour, Subject, ages
from kimi_conformance.drift.models import compare_models
from kimi_conformance.drift.observing import Dimension, Trait, observe, route_of

__all__ = [
    "Age",
    "Answers",
    "Attribution",
    "Change",
    "Colour",
    "Dimension",
    "Kind",
    "Seen",
    "Subject",
    "Trait",
    "ages",
    "compare",
    "compare_models",
    "grouped",
    "observe",
    "route_of",
]
