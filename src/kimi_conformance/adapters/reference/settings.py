"""
Where the API is and with which key to ask it.

    KIMI_API_KEY                  the key
    KIMI_BASE_URL                 default https://api.moonshot.cn/v1
    LETTA_DISABLE_KIMI_PROVIDER   "true" or "1", in any case, hides Kimi's models

Any other value of the switch, "false" and "0" among them, leaves Kimi enabled: the documents
give "false" as its default, although the code that they show takes every text for a yes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from kimi_conformance.adapters.reference.errors import (
    InvalidBaseUrlError,
    InvalidKeyError,
    MissingKeyError,
)
from kimi_conformance.adapters.reference.retry import RetryPolicy
from kimi_conformance.adapters.reference.table import DOCUMENTED, ModelTable
from kimi_conformance.http import httpx

__all__ = ["DEFAULT_BASE_URL", "KimiSettings"]

DEFAULT_BASE_URL = "https://api.moonshot.cn/v1"
OFFICIAL_HOST = "api.moonshot.cn"  # api.moonshot.ai is not the documented one


@dataclass(frozen=True, slots=True, kw_only=True)
class KimiSettings:
    """What a client is told about its user and its API; the key stays out of the repr.

    White space around the values is dropped: a key read from a file ends with a newline.
    An empty key is none, and an empty base URL is the default one.

    Attributes:
        api_key: None where there is none.
        base_url: Version segment included, no slash at the end.
        disabled: Whether the user has switched Kimi off.
        patience_s: Silence after which to give up, where that is sooner than usual.
        retry: When a chat is sent again.
        table: What the client knows of the models without asking.

    Raises:
        InvalidBaseUrlError: The base URL is no http or https URL, or holds a user's name.
    """

    api_key: str | None = field(default=None, repr=False)
    base_url: str = DEFAULT_BASE_URL
    disabled: bool = False
    patience_s: float = math.inf
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    table: ModelTable = DOCUMENTED

    def __post_init__(self) -> None:
        object.__setattr__(self, "api_key", (self.api_key or "").strip() or None)
        base_url = (self.base_url or "").strip().rstrip("/") or DEFAULT_BASE_URL
        object.__setattr__(self, "base_url", base_url)
        _check_base_url(base_url)

    @classmethod
    def from_environment(
        cls,
        environment: Mapping[str, str],
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        patience_s: float | None = None,
        attempts: int | None = None,
        table: ModelTable = DOCUMENTED,
    ) -> "KimiSettings":
        """Read the settings; a key or base URL that is given goes before the environment's.

        Args:
            environment: The variables, for example `os.environ`.
            api_key: None leaves it to the environment, "" is no key.
            base_url: None leaves it to the environment.
            patience_s: None leaves every limit as it is.
            attempts: How often a chat is sent at most; None leaves it at the usual number.
            table: What the client knows of the models without asking.

        Raises:
            InvalidBaseUrlError: As for the class.
        """
        return cls(
            api_key=environment.get("KIMI_API_KEY") if api_key is None else api_key,
            base_url=environment.get("KIMI_BASE_URL", "") if base_url is None else base_url,
            disabled=environment.get("LETTA_DISABLE_KIMI_PROVIDER", "").strip().lower()
            in {"true", "1"},
            patience_s=math.inf if patience_s is None else patience_s,
            retry=RetryPolicy() if attempts is None else RetryPolicy(attempts=attempts),
            table=table,
        )

    def usable_key(self, if_missing: str) -> str:
        """The key, fit for an Authorization header.

        Raises:
            MissingKeyError: There is none; the error says `if_missing`.
            InvalidKeyError: It holds a character that no header value may hold.
        """
        if self.api_key is None:
            raise MissingKeyError(if_missing)
        for position, character in enumerate(self.api_key, start=1):
            if not "!" <= character <= "~":
                raise InvalidKeyError(
                    f"The Kimi API key cannot be sent: its character {position} is no visible "
                    "ASCII character. Copy the key anew from the console."
                )
        return self.api_key

    def url(self, path: str) -> httpx.URL:
        """The URL of a path below the base URL; a query of the base URL stays at the end."""
        base = httpx.URL(self.base_url)
        prefix, mark, query = base.raw_path.partition(b"?")
        raw_path = prefix.rstrip(b"/") + b"/" + path.encode("ascii") + mark + query
        return base.copy_with(raw_path=raw_path, fragment=None)

    @property
    def official(self) -> bool:
        """Whether this is the API that the documents name, and not only looks like it."""
        base = httpx.URL(self.base_url)
        return (
            base.scheme == "https"
            and base.host == OFFICIAL_HOST
            and base.port is None
            and base.raw_path.rstrip(b"/") == b"/v1"
        )


def _check_base_url(base_url: str) -> None:
    example = f"It looks like this: {DEFAULT_BASE_URL}"
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise InvalidBaseUrlError(f"The Kimi base URL is no URL: {error}. {example}") from error
    if url.scheme not in {"http", "https"} or not url.host:
        raise InvalidBaseUrlError(
            f"The Kimi base URL '{url.copy_with(username=None, password=None)}' does not begin "
            f"with http:// or https:// and a host. {example}"
        )
    if url.userinfo:
        raise InvalidBaseUrlError(
            "The Kimi base URL holds a user's name or password, which would go out in place of "
            f"the key. Take out what stands before the '@'. {example}"
        )
