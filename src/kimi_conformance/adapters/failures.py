"""
Reads an adapter's error without knowing its class.

Clients name their errors alike: `AuthenticationError`, `LLMAuthenticationError`,
`MoonshotAuthenticationException`. So the kind of a failure is found by the names of the
error's classes, nearest first, through a table; an error may also carry a `kind` of its
own. Nothing is guessed: an error that the table does not know is of the kind "other".
"""

import re
from collections.abc import Awaitable
from dataclasses import dataclass

__all__ = ["Failure", "failing", "failure_of"]

_KIND_BY_NAME = {
    "authentication": "authentication",
    "permissiondenied": "permission",
    "ratelimit": "rate_limit",
    "quota": "quota",
    "timeout": "timeout",
    "apitimeout": "timeout",
    "apiconnectiontimeout": "timeout",
    "contextwindowexceeded": "context_window",
    "badrequest": "bad_request",
    "notfound": "not_found",
    "handlenotfound": "handle_not_found",
    "server": "server",
    "internalserver": "server",
    "connection": "connection",
    "apiconnection": "connection",
    "transport": "connection",
    "value": "value",
}
_DECORATION = re.compile(r"^(LLM|Model|Moonshot|Kimi|OpenAI)|(Error|Exception)$")
# The roots of clients' trees of model errors, as clients name them.
_ROOTS = frozenset(
    {"LLMError", "APIError", "ApiError", "ModelAPIError", "AISDKError", "ChatProviderError"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What an adapter raised.

    Attributes:
        kind: One of the table above, or "other".
        is_llm_error: Whether it belongs to the client's tree of model errors: one of the
            names that clients give its root is among its ancestors.
        status: The HTTP status it names, or None.
        code: The documented error code it carries ("UNAUTHENTICATED"), or None.
        message: Its text.
        causes: The texts of the errors it was raised from, nearest first.
        error: The error itself.
    """

    kind: str
    is_llm_error: bool
    status: int | None
    code: str | None
    message: str
    causes: tuple[str, ...]
    error: BaseException


async def failing(call: Awaitable[object]) -> Failure:
    """Await a call that must fail, and tell how it did.

    Raises:
        AssertionError: It did not fail.
    """
    try:
        result = await call
    except Exception as error:  # noqa: BLE001 - whatever a client raises is what we judge
        return failure_of(error)
    raise AssertionError(f"the call should have failed, but returned {result!r:.200}")


def failure_of(error: BaseException) -> Failure:
    """Read an error by the names of its classes and by its attributes."""
    status = getattr(error, "status", getattr(error, "status_code", None))
    code = getattr(error, "code", None)
    return Failure(
        kind=_kind(error),
        is_llm_error=any(cls.__name__ in _ROOTS for cls in type(error).__mro__),
        status=status if isinstance(status, int) else None,
        code=str(getattr(code, "value", code)) if code is not None else None,
        message=str(error),
        causes=tuple(_causes(error)),
        error=error,
    )


def _kind(error: BaseException) -> str:
    own = getattr(error, "kind", None)
    if isinstance(own, str):
        return own
    for cls in type(error).__mro__:
        name = _DECORATION.sub("", _DECORATION.sub("", cls.__name__)).lower()
        if name in _KIND_BY_NAME:
            return _KIND_BY_NAME[name]
    return "other"


def _causes(error: BaseException) -> list[str]:
    seen: list[BaseException] = [error]
    while (cause := seen[-1].__cause__ or seen[-1].__context__) and cause not in seen:
        seen.append(cause)
    return [str(cause) for cause in seen[1:]]
