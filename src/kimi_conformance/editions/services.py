"""What an edition offers besides chats: files, batches, official tools, the Anthropic face."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["BatchRules", "FileRules", "Formula", "MessagesForm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRules:
    """Uploaded files, `/v1/files`.

    Attributes:
        purposes: What a file may be uploaded for.
        status: What is said of a file that can be used.
        file_bytes: The size of one file.
        files: How many a user may keep.
    """

    purposes: tuple[str, ...]
    status: str
    file_bytes: int
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRules:
    """Batches of chats, `/v1/batches`.

    Attributes:
        endpoints: Where their lines may go.
        shortest_window, longest_window: What a batch may take, in seconds.
        metadata_pairs, metadata_key, metadata_value: How many, and how long.
    """

    endpoints: tuple[str, ...]
    shortest_window: int
    longest_window: int
    metadata_pairs: int
    metadata_key: int
    metadata_value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """An official tool that the API itself runs, `/v1/formulas`.

    Attributes:
        uri: "moonshot/date:latest".
        description: Of its function, for the model.
        name: Of its function.
        parameters: The JSON schema of its arguments.
        encrypted: Whether what it found is for the model's eyes only.
    """

    uri: str
    name: str
    description: str
    parameters: Mapping[str, Any]
    encrypted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesForm:
    """How the Anthropic face answers, `/anthropic/v1/messages`.

    Attributes:
        usage: What stands in every usage besides the counts.
        openai_counts: Whether the usage that ends a stream repeats the counts by the names
            that the OpenAI face has for them.
    """

    usage: Mapping[str, str]
    openai_counts: bool
