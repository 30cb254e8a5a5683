"""Files, as checks need them: uploaded, and gone when the check is over."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from kimi_conformance.checks.endpoint import Endpoint, Reply
from kimi_conformance.verdicts import InconclusiveError

__all__ = ["EXTRACT", "form", "upload", "uploaded"]

EXTRACT = "file-extract"
"""The purpose of a file whose text is to be read."""
_BOUNDARY = "kimi-conformance-boundary"  # always the same, so that a recording can be replayed


def form(fields: Mapping[str, str | tuple[str, bytes]]) -> tuple[bytes, Mapping[str, str]]:
    """A form as bytes, and the headers that go with it.

    Args:
        fields: By name: a text, or a file's name and content.
    """
    parts = []
    for name, value in fields.items():
        named = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
        if isinstance(value, str):
            parts.append(f"{named}\r\n\r\n{value}\r\n".encode())
        else:
            head = f'{named}; filename="{value[0]}"\r\nContent-Type: application/octet-stream'
            parts.append(f"{head}\r\n\r\n".encode() + value[1] + b"\r\n")
    body = b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}


async def upload(
    endpoint: Endpoint, name: str, content: bytes, purpose: str = EXTRACT, *, key: str | None = ""
) -> Reply:
    """POST /files."""
    body, headers = form({"purpose": purpose, "file": (name, content)})
    return await endpoint.request("POST", "/files", content=body, headers=headers, key=key)


@contextlib.asynccontextmanager
async def uploaded(
    endpoint: Endpoint, name: str, content: bytes, purpose: str = EXTRACT
) -> AsyncIterator[Mapping[str, Any]]:
    """A file as the endpoint described it; deleted in the end, if it is still there.

    Raises:
        InconclusiveError: It was not taken, or has no id to speak of it by.
    """
    file: Mapping[str, Any] = (await upload(endpoint, name, content, purpose)).control.json
    if not isinstance(file, dict) or not isinstance(file.get("id"), str) or not file["id"]:
        raise InconclusiveError("the file that was uploaded has no id")
    try:
        yield file
    finally:
        with contextlib.suppress(InconclusiveError):  # what the check found counts, not this
            await endpoint.request("DELETE", f"/files/{file['id']}")
