"""What a user leaves with the API: files, and batches of chats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Batch", "StoredFile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file.

    Attributes:
        id: 20 characters, as an xid has them: 4 bytes of time, 8 of chance.
        name, purpose: As they were sent.
        content: Its bytes.
        created_at: Seconds since the Unix epoch.
    """

    id: str
    name: str
    purpose: str
    content: bytes
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch, as it was when somebody last looked at it.

    Attributes:
        id: "batch-<24 hex>".
        endpoint, input_file_id, completion_window, metadata: As they were sent.
        created_at, expires_at: Seconds since the Unix epoch.
        ready_at: When its results can be had.
        status: One of the eight documented words.
        lines: The requests in it, in order; () where its file is no good.
        times: When it entered a status, by the name of the field that says so.
        completed, failed: How many of the lines were answered, and refused.
        output_file_id, error_file_id: Of the results, or None: there are none.
    """

    id: str
    endpoint: str
    input_file_id: str
    completion_window: str
    metadata: Mapping[str, Any] | None
    created_at: int
    expires_at: int
    ready_at: float
    status: str
    lines: Sequence[Mapping[str, Any]]
    times: Mapping[str, int]
    completed: int = 0
    failed: int = 0
    output_file_id: str | None = None
    error_file_id: str | None = None
