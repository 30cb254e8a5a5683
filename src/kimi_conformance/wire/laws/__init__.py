"""
The laws, one module a subject; each ends with the table of its laws.

A row of a table says: this law (the id of its requirement), about this plane, has something
to judge when the first function says so, and then the second one names the violations.
"""

from kimi_conformance.wire.laws import (
    batches,
    caching,
    completion,
    files,
    http,
    messages,
    models,
    sent,
    streaming,
    tool_calls,
    usage,
)

__all__ = ["LAWS"]

LAWS = (
    *http.LAWS,
    *streaming.LAWS,
    *completion.LAWS,
    *usage.LAWS,
    *tool_calls.LAWS,
    *models.LAWS,
    *caching.LAWS,
    *files.LAWS,
    *batches.LAWS,
    *messages.LAWS,
    *sent.LAWS,
)
"""Every law of the wire, in the order in which they are judged."""
