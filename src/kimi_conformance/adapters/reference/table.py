"""
What a client ships of Kimi's models: the table that it falls back to, and who is gone.

A real client is released for the API of its day and ships one table. This one ships the
documented table (troubleshooting 2.1, processing-flow 3.1.2), and can be any of those releases:
opened for an edition, it takes the table from the edition's data. Nothing else could tell it
which API it faces, since the table is needed while that API does not answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kimi_conformance.editions import Edition

__all__ = ["DOCUMENTED", "ModelTable", "table_of"]


@dataclass(frozen=True, slots=True)
class ModelTable:
    """What is known of the models without asking the API.

    Attributes:
        windows: The models that are shown while the API is down, in that order, with their
            windows in tokens.
        successors: The models that are retired, each with the one to use in its place.
    """

    windows: Mapping[str, int]
    successors: Mapping[str, str] = field(default_factory=dict)


DOCUMENTED = ModelTable(
    {
        "moonshot-v1-8k": 8192,
        "moonshot-v1-32k": 32768,
        "moonshot-v1-128k": 131072,
        "kimi-k2-0905-preview": 262144,
        "kimi-k2-0711-preview": 131072,
        "kimi-k2-turbo-preview": 262144,
        "kimi-thinking-preview": 131072,
        "kimi-latest": 131072,
    }
)


def table_of(edition: Edition) -> ModelTable:
    """The table of a client that was released for this edition of the API."""
    return ModelTable(
        windows={id: edition.window(id) for id in edition.documented_models},
        successors={gone.id: gone.successor for gone in edition.retired},
    )
