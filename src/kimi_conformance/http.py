"""
The one place where the HTTP client library is named.

Everything that sends takes `httpx` from here, so that a move to its successor is one line.
"""

import ssl
from functools import cache

import httpx

__all__ = ["httpx", "ssl_context"]


@cache
def ssl_context() -> ssl.SSLContext:
    """The one TLS context that all clients share: each new one costs some 25 ms of CPU."""
    return ssl.create_default_context()
