"""
What can be asked of the API: each request built and its answer read, in one place.

Every operation but a chat sends exactly one request, if it sends any; a chat is sent again as
`retry` says. See `effects` for their form.
"""

import json
import logging
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Any

from kimi_conformance import __version__
from kimi_conformance.adapters.protocol import ChatRequest, Completion, ModelConfig, Provider
from kimi_conformance.adapters.reference.effects import Operation, Send
from kimi_conformance.adapters.reference.errors import (
    HandleNotFoundError,
    LLMError,
    LLMUnusableAnswerError,
)
from kimi_conformance.adapters.reference.models import (
    CATEGORY,
    PROVIDER,
    configs_of,
    retirement,
    table_configs,
    window_mismatches,
)
from kimi_conformance.adapters.reference.refusals import reading
from kimi_conformance.adapters.reference.retry import RetryPolicy, retrying
from kimi_conformance.adapters.reference.settings import KimiSettings
from kimi_conformance.adapters.reference.streaming import ChunkReader
from kimi_conformance.adapters.reference.tools import CallTool, after_calls, offered

__all__ = [
    "NO_CHAT_KEY",
    "OnListFailure",
    "chat",
    "chat_with_tools",
    "check_key",
    "enabled_providers",
    "fetch_models",
    "list_models",
    "resolve",
    "send_of",
    "stream",
]

logger = logging.getLogger(__name__)

NO_KEY = "No API key provided"
NO_CHAT_KEY = "Kimi API key is required. Please set KIMI_API_KEY, or give the key itself."
LIST_SILENCE_S = 5.0
LIST_BUDGET_S = 15.0
CHAT_SILENCE_S = 600.0  # a model that thinks may say nothing for minutes
MOST_ANSWERS = 32  # of one question; a model that calls tools for ever must be stopped
_NOT_OPTIONS = frozenset({"messages", "model", "tools"})


class OnListFailure(StrEnum):
    """What a user sees while the list of models cannot be had.

    HARDCODED is the documented one for Kimi, EMPTY the documented one for other providers.
    """

    HARDCODED = "hardcoded"
    EMPTY = "empty"
    RAISE = "raise"


def send_of(
    settings: KimiSettings,
    key: str,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    silence_s: float,
    budget_s: float,
) -> Send:
    """A request to a path below the base URL.

    Raises:
        TypeError, ValueError: The body cannot be written as JSON.
    """
    return Send(
        method=method,
        url=settings.url(path),
        headers={
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "User-Agent": f"kimi-conformance/{__version__}",
            **(headers or {}),
        },
        content=None if body is None else _json(body),
        silence_s=min(silence_s, settings.patience_s),
        budget_s=budget_s,
    )


def fetch_models(settings: KimiSettings) -> Operation[Sequence[Any]]:
    """The entries of the API's list, as they came.

    Raises:
        MissingKeyError: There is no key.
        InvalidKeyError: It cannot be sent.
        LLMError: The API refused, or what it answered is no list of models.
    """
    key = settings.usable_key(NO_KEY)
    body = reading((yield _list_send(settings, key)), key)
    entries = body.get("data", []) if isinstance(body, Mapping) else None
    if not isinstance(entries, list):
        raise LLMError('Error: the answer is no list of models: {"data": […]} was expected')
    logger.info("Successfully fetched %d models from API", len(entries))
    return entries


def list_models(
    settings: KimiSettings, on_failure: OnListFailure
) -> Operation[tuple[ModelConfig, ...]]:
    """The models that a user can choose from: Kimi's own, with their windows.

    The client's table stands in while the list cannot be had, and where it holds no model
    of Kimi's. A user who has switched Kimi off has none, and nothing is sent.
    """
    if settings.disabled:
        return ()
    try:
        entries = yield from fetch_models(settings)
    except (LLMError, ValueError) as error:
        if on_failure is OnListFailure.RAISE:
            raise
        return _stand_in(settings, on_failure, error)
    for mismatch in window_mismatches(entries, settings):
        logger.warning(
            "The API gives %s a context window of %d tokens, the table %d",
            mismatch.id,
            mismatch.given,
            mismatch.expected,
        )
    configs = configs_of(entries, settings)
    if configs or on_failure is not OnListFailure.HARDCODED:
        return configs
    logger.warning("None of the %d models of the API is Kimi's, using hardcoded list", len(entries))
    return table_configs(settings)


def check_key(settings: KimiSettings) -> Operation[None]:
    """Return if the API accepts the key.

    Raises:
        MissingKeyError: There is no key.
        InvalidKeyError: It cannot be sent.
        LLMAuthenticationError: The API does not accept it.
        LLMError: It cannot be told, for example because something else answered.
    """
    key = settings.usable_key(NO_KEY)
    body = reading((yield _list_send(settings, key)), key)
    if not isinstance(body, Mapping):
        raise LLMError("Error: what answered is not the Kimi API, so the key was not checked")


def enabled_providers(
    settings: KimiSettings, categories: Sequence[str] | None = None
) -> tuple[Provider, ...]:
    """Kimi, if it has a key and is not switched off, and if its category is asked for."""
    asked = not categories or CATEGORY in categories
    enabled = asked and settings.api_key is not None and not settings.disabled
    return (Provider(name=PROVIDER, category=CATEGORY),) if enabled else ()


def resolve(
    settings: KimiSettings, handle: str, on_failure: OnListFailure
) -> Operation[ModelConfig]:
    """The model that a handle names; the first one, where several do.

    Raises:
        ValueError: The handle names no provider, or one that is not enabled.
        HandleNotFoundError: The provider has no such model.
    """
    provider, slash, name = handle.partition("/")
    if not slash:
        raise ValueError(f"The handle '{handle}' names no provider. Write 'kimi/{handle}'.")
    supported = [each.name for each in enabled_providers(settings)]
    if provider not in supported:
        raise ValueError(
            f"Provider {provider} is not supported (supported providers: {', '.join(supported)})"
        )
    configs = yield from list_models(settings, on_failure)
    by_handle = [config for config in configs if config.handle == handle]
    by_name = [config for config in configs if config.id == name]
    if found := by_handle or by_name:
        return found[0]
    raise HandleNotFoundError(handle, [str(config.handle) for config in configs])


def chat(
    settings: KimiSettings, request: ChatRequest, headers: Mapping[str, str]
) -> Operation[Completion]:
    """A whole answer.

    Raises:
        MissingKeyError: There is no key.
        InvalidKeyError: It cannot be sent.
        ValueError, TypeError: The request cannot be sent as it stands.
        LLMError: The API refused, or its answer cannot be read.
    """
    key = settings.usable_key(NO_CHAT_KEY)
    if request.options.get("stream"):
        raise ValueError("A whole answer is not streamed: call stream() for option 'stream'.")
    send = _chat_send(settings, key, _body(request), headers)
    retired = retirement(request.model, settings)
    return (yield from retrying(lambda: _completion(send, key, retired), settings.retry))


def chat_with_tools(
    settings: KimiSettings, request: ChatRequest, call_tool: CallTool
) -> Operation[Completion]:
    """The first answer that calls no tool, the results of those called before handed over.

    Raises:
        LLMError: As for `chat`, or the model calls tools for ever.
        Exception: Whatever `call_tool` raises.
        MissingKeyError, InvalidKeyError, ValueError, TypeError: As for `chat`.
    """
    for _ in range(MOST_ANSWERS):
        answer = yield from chat(settings, request, {})
        following = after_calls(request, answer, call_tool)
        if following is None:
            return answer
        request = following
    raise LLMError(f"Error: the model still calls tools after {MOST_ANSWERS} answers")


def stream(
    settings: KimiSettings, request: ChatRequest, headers: Mapping[str, str]
) -> tuple[Send, Callable[[], ChunkReader], RetryPolicy]:
    """What a streamed answer takes: the request, a reader for each attempt, and how many.

    Raises:
        MissingKeyError: There is no key.
        InvalidKeyError: It cannot be sent.
        ValueError, TypeError: The request cannot be sent as it stands.
    """
    key = settings.usable_key(NO_CHAT_KEY)
    body = {**_body(request), "stream": True}
    reader = partial(ChunkReader, key, retirement(request.model, settings))
    return _chat_send(settings, key, body, headers), reader, settings.retry


def _list_send(settings: KimiSettings, key: str) -> Send:
    return send_of(settings, key, "GET", "models", silence_s=LIST_SILENCE_S, budget_s=LIST_BUDGET_S)


def _chat_send(
    settings: KimiSettings, key: str, body: Mapping[str, Any], headers: Mapping[str, str]
) -> Send:
    return send_of(
        settings,
        key,
        "POST",
        "chat/completions",
        body,
        headers=headers,
        silence_s=CHAT_SILENCE_S,
        budget_s=math.inf,
    )


def _completion(send: Send, key: str, retired: str) -> Operation[Completion]:
    """The answer to one sending of a chat, handed on as it came if it holds a message."""
    body = reading((yield send), key, retired)
    choices = body.get("choices") if isinstance(body, Mapping) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(first, Mapping) or not isinstance(first.get("message"), Mapping):
        raise LLMUnusableAnswerError("Error: the answer is no completion: it holds no message")
    return Completion(body=body)


def _body(request: ChatRequest) -> dict[str, Any]:
    """The body of a chat, with the user's options as they stand."""
    if doubled := sorted(_NOT_OPTIONS & request.options.keys()):
        raise ValueError(f"Give {', '.join(doubled)} to the request itself, not as an option.")
    tools = offered(request)
    return {
        "model": request.model,
        "messages": list(request.messages),
        **({} if tools is None else {"tools": tools}),
        **request.options,
    }


def _stand_in(
    settings: KimiSettings, on_failure: OnListFailure, error: Exception
) -> tuple[ModelConfig, ...]:
    if on_failure is OnListFailure.EMPTY:
        logger.warning("Failed to get model list: %s", error)
        return ()
    logger.warning("Failed to fetch models from API, using hardcoded list: %s", error)
    warnings.warn(
        f"Failed to fetch Kimi models from API, using hardcoded list: {error}", stacklevel=2
    )
    return table_configs(settings)


def _json(body: Mapping[str, Any]) -> bytes:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode()
