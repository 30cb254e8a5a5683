"""
An edition: the API as of a date, as data.

The simulator serves one, requirements name those they hold in, and a live run picks its own
from the model list. Adding an edition is adding a file to `conformance/editions/`.

`models` has what models differ in, `services` what is offered besides chats, `tiers`
the rate limits, `edition` all else that an edition says; `reading` turns a file into one.
"""

from kimi_conformance.editions.edition import (
    CacheRules,
    Edition,
    ErrorText,
    Limits,
    PrefixCache,
    ReplyForm,
    detect,
)
from kimi_conformance.editions.models import (
    Family,
    Model,
    ModelItem,
    Price,
    RetiredModel,
    Thinking,
)
from kimi_conformance.editions.reading import parse
from kimi_conformance.editions.services import BatchRules, FileRules, Formula, MessagesForm
from kimi_conformance.editions.tiers import Tier

__all__ = [
    "BatchRules",
    "CacheRules",
    "Edition",
    "ErrorText",
    "Family",
    "FileRules",
    "Formula",
    "Limits",
    "MessagesForm",
    "Model",
    "ModelItem",
    "PrefixCache",
    "Price",
    "ReplyForm",
    "RetiredModel",
    "Thinking",
    "Tier",
    "detect",
    "parse",
]
