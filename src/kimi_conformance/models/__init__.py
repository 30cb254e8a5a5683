"""
The models as they are configured: facts from editions, the API and users, and which to choose.

`overrides` is what a user may say of a model, `book` brings it together with what the API and
the editions say, `choice` finds the models that meet a need. Nothing here reads or writes.
"""

from kimi_conformance.models.book import (
    API,
    OVERRIDE,
    Comparison,
    Gone,
    Known,
    ModelBook,
    ModelFacts,
    OtherWindow,
    book_of,
    compare,
    handle_of,
    told_by_api,
)
from kimi_conformance.models.choice import (
    REPLY_TOKENS,
    Choice,
    FallenOut,
    Need,
    Speed,
    Suggested,
    choose,
    speed_of,
)
from kimi_conformance.models.overrides import (
    SETTINGS,
    Overrides,
    Setting,
    Value,
    checked,
    value_of,
)

__all__ = [
    "API",
    "OVERRIDE",
    "REPLY_TOKENS",
    "SETTINGS",
    "Choice",
    "Comparison",
    "FallenOut",
    "Gone",
    "Known",
    "ModelBook",
    "ModelFacts",
    "Need",
    "OtherWindow",
    "Overrides",
    "Setting",
    "Speed",
    "Suggested",
    "Value",
    "book_of",
    "checked",
    "choose",
    "compare",
    "handle_of",
    "speed_of",
    "told_by_api",
    "value_of",
]
