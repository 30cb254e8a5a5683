"""
The reference adapter: a client of the Kimi API on plain httpx.

It does what the documents say of a client, in the form that is left where they contradict
each other, and it is what the checks are tried on first. Inside, everything that decides is
free of I/O (`operations`, `models`, `refusals`, `streaming`, `sessions`); `drivers` sends.
"""

from kimi_conformance.adapters.reference.adapter import ReferenceAdapter, open_adapter
from kimi_conformance.adapters.reference.client import KimiClient, SyncKimiClient
from kimi_conformance.adapters.reference.errors import (
    ErrorCode,
    HandleNotFoundError,
    InvalidBaseUrlError,
    InvalidKeyError,
    LLMAuthenticationError,
    LLMBadRequestError,
    LLMConnectionError,
    LLMContextWindowExceededError,
    LLMError,
    LLMModelRetiredError,
    LLMNotFoundError,
    LLMPermissionDeniedError,
    LLMQuotaError,
    LLMRateLimitError,
    LLMServerError,
    LLMTimeoutError,
    LLMUnusableAnswerError,
    MissingKeyError,
)
from kimi_conformance.adapters.reference.offline import OfflineError
from kimi_conformance.adapters.reference.operations import OnListFailure
from kimi_conformance.adapters.reference.platform_client import KimiPlatform
from kimi_conformance.adapters.reference.providers import MemoryStore, ProviderStore
from kimi_conformance.adapters.reference.retry import RetryPolicy
from kimi_conformance.adapters.reference.sessions import KimiSession, SyncKimiSession
from kimi_conformance.adapters.reference.settings import DEFAULT_BASE_URL, KimiSettings
from kimi_conformance.adapters.reference.streaming import joined

__all__ = [
    "DEFAULT_BASE_URL",
    "ErrorCode",
    "HandleNotFoundError",
    "InvalidBaseUrlError",
    "InvalidKeyError",
    "KimiClient",
    "KimiPlatform",
    "KimiSession",
    "KimiSettings",
    "LLMAuthenticationError",
    "LLMBadRequestError",
    "LLMConnectionError",
    "LLMContextWindowExceededError",
    "LLMError",
    "LLMModelRetiredError",
    "LLMNotFoundError",
    "LLMPermissionDeniedError",
    "LLMQuotaError",
    "LLMRateLimitError",
    "LLMServerError",
    "LLMTimeoutError",
    "LLMUnusableAnswerError",
    "MemoryStore",
    "MissingKeyError",
    "OfflineError",
    "OnListFailure",
    "ProviderStore",
    "ReferenceAdapter",
    "RetryPolicy",
    "SyncKimiClient",
    "SyncKimiSession",
    "joined",
    "open_adapter",
]
