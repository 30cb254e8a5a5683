"""
The source that asks a real endpoint.

It forwards what the SUT sent to the endpoint's base URL and hands the answer back as it
arrives. The SUT only ever knows the placeholder key; it is exchanged for the real one here
and nowhere else. Any other key is forwarded as it came, so that refusals can be provoked.
Redirects are handed back, never followed: the key goes to one host only.

The endpoint may be anybody's. What it answers is kept in memory, and inflated by the SUT, so
there is an end to both, and to the time that an answer takes; beyond, nothing can be judged.
"""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from kimi_conformance.errors import BudgetError, TransportError, UsageError
from kimi_conformance.http import httpx, is_address, said_by, ssl_context
from kimi_conformance.wire.exchange import Broken, Ending, Frame, Headers, Relay, Request
from kimi_conformance.wire.inflating import CODINGS, Inflater, TooLargeError

__all__ = ["Budget", "Live", "asked_for", "is_chat", "refuse_address", "refuse_unsendable"]

LARGEST_ANSWER = 32 * 2**20  # bytes of a body, as it comes and inflated
LEAST_PIECE = 256  # bytes that a piece counts for at least: keeping it takes as much
LONGEST_ANSWER = 900.0  # seconds from the request to the last byte

_OTHER_CODINGS = {"br", "zstd", "compress", "x-compress", "dcb", "dcz"}
_HOP_BY_HOP = {
    "connection",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}


@dataclass
class Budget:
    """What a run may spend on a live endpoint; None is no limit.

    Attributes:
        max_requests: Requests that may be sent.
        max_tokens: Tokens that may be asked for, prompt (a token for four bytes of body)
            and completion (`max_tokens`, or 1024 where the request names none).
        max_cost: Dollars that what is asked for may cost.
        price_in: Of a million tokens of prompts.
        price_out: The same of answers.
        requests: Sent so far.
        tokens: Asked for so far.
        cost: Of these tokens.
        refused: Requests that were not sent, since the budget did not cover them.
    """

    max_requests: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
    price_in: float = 0.0
    price_out: float = 0.0
    requests: int = 0
    tokens: int = 0
    cost: float = 0.0
    refused: int = 0

    def spend(self, request: Request) -> None:
        """Account for a request that is about to be sent.

        Raises:
            BudgetError: It would go beyond the budget; it was counted as refused.
        """
        tokens = asked_for(request)
        prompt = min(len(request.body) // 4, tokens)
        cost = (prompt * self.price_in + (tokens - prompt) * self.price_out) / 1_000_000
        if self.max_requests is not None and self.requests + 1 > self.max_requests:
            self.refused += 1
            raise BudgetError(
                f"The budget of {self.max_requests} requests is used up. "
                "Allow more with --max-requests."
            )
        if self.max_tokens is not None and self.tokens + tokens > self.max_tokens:
            self.refused += 1
            raise BudgetError(
                f"The budget of {self.max_tokens} tokens does not cover {tokens} more "
                f"({self.tokens} asked for so far). Allow more with --max-tokens."
            )
        if self.max_cost is not None and self.cost + cost > self.max_cost:
            self.refused += 1
            raise BudgetError(
                f"The budget of ${self.max_cost:.4f} does not cover ${cost:.4f} more "
                f"(${self.cost:.4f} so far). Allow more with --max-cost."
            )
        self.requests += 1
        self.tokens += tokens
        self.cost += cost


_WRITES = ("/chat/completions", "/messages")  # what a model is asked by, on either face


def is_chat(request: Request) -> bool:
    """Whether a model is asked: what the limits of an account count."""
    return request.method == "POST" and request.path.endswith(_WRITES)


def asked_for(request: Request, completion: int = 1024, *, bytes_a_token: int = 4) -> int:
    """The tokens that a request asks for: its prompt by its bytes, and the longest answer.

    Args:
        request: Any; only chats ask for tokens.
        completion: What counts as the answer's where the request names no limit.
        bytes_a_token: Of the prompt.
    """
    if not is_chat(request):
        return 0
    try:
        body = request.json
    except ValueError:
        return 0
    if not isinstance(body, dict):
        return 0
    wanted = body.get("max_completion_tokens", body.get("max_tokens"))
    answer = wanted if isinstance(wanted, int) and wanted > 0 else completion
    return len(request.body) // bytes_a_token + answer


def refuse_address(base_url: str) -> None:
    """Say what is wrong with an address; never show what may be secret in it.

    Raises:
        UsageError: It is no http(s) URL with a host, or holds what may be secret.
    """
    authority = base_url.partition("://")[2].partition("/")[0]
    if "@" in authority or {"?", "#"} & {*base_url}:
        raise UsageError(
            "A base URL holds no user, password or query, since it stands in every report: the "
            "key goes into KIMI_API_KEY. It looks like: https://api.moonshot.cn/v1"
        )
    if not is_address(base_url):
        raise UsageError(f"'{base_url}' is no base URL. It looks like: https://api.moonshot.cn/v1")


def refuse_unsendable(base_url: str, api_key: str) -> None:
    """Say what is wrong with an address or a key before anything is sent; never show the key.

    Raises:
        UsageError: The address is none, or no header can carry the key.
    """
    refuse_address(base_url)
    if not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        raise UsageError(
            "KIMI_API_KEY holds a character that no header can carry (a line end, a space, "
            "or one beyond ASCII). Set it again, without them."
        )


class Live:
    """Forwards to an endpoint.

    Args:
        base_url: Version segment included: "https://api.moonshot.cn/v1".
        api_key: The real key.
        placeholder: The key that SUTs are given in its place.
        budget: What may be spent.
        seconds: How long the endpoint may keep silent.
        longest: How long an answer may take in all.

    Raises:
        UsageError: `base_url` is no http(s) URL with a host, or the key cannot be sent.
    """

    kind = "live"

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        placeholder: str,
        budget: Budget,
        seconds: float = 60.0,
        longest: float = LONGEST_ANSWER,
    ) -> None:
        refuse_unsendable(base_url, api_key)
        parts = urlsplit(base_url)
        self._base_url = base_url.rstrip("/")
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._swap = {f"Bearer {placeholder}": f"Bearer {api_key}", placeholder: api_key}
        self.budget = budget
        self._seconds = seconds
        self._longest = longest
        self._client: httpx.AsyncClient | None = None

    async def answer(self, request: Request) -> Relay:
        """The endpoint's answer.

        Raises:
            BudgetError: The budget does not cover this request.
            TransportError: The endpoint could not be reached or gave no answer, or the path
                is none, or the answer is coded in a way that was not asked for.
        """
        asked = f"{request.method} {request.path}"
        if not request.path.startswith("/"):  # behind a host, it could name another one
            raise TransportError(f"{asked}: that is no path, so nothing was sent.")
        self.budget.spend(request)
        client = self._client or self._open()
        started = time.monotonic()
        until = asyncio.get_running_loop().time() + self._longest
        try:
            outgoing = client.build_request(
                request.method,
                self._url(request),
                headers=self._headers(request),
                content=request.body or None,
            )
            async with asyncio.timeout_at(until):
                response = await client.send(outgoing, stream=True)
        except TimeoutError as error:
            raise self._too_long(asked) from error
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeEncodeError) as error:
            raise TransportError(
                f"{request.method} {self._url(request)} got no answer: "
                f"{said_by(error)}. Is the base URL right?"
            ) from error
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding not in {*CODINGS, "identity"}:
            await response.aclose()
            named = coding if coding in _OTHER_CODINGS else "one of its own"  # it may be a key
            raise TransportError(f"{asked} is answered in a coding nobody asked for: {named}.")
        return Relay(
            status=response.status_code,
            headers=_end_to_end(response.headers.multi_items()),
            frames=self._frames(response, asked, coding, started, until),
        )

    async def _frames(
        self, response: httpx.Response, asked: str, coding: str, started: float, until: float
    ) -> AsyncIterator[Frame]:
        size = _Size(coding)
        pieces = response.aiter_raw()
        try:
            while True:
                async with asyncio.timeout_at(until):
                    data = await anext(pieces, None)
                if data is None:
                    return
                if data:
                    size.add(data)
                    yield Frame(time.monotonic() - started, data)
        except TimeoutError as error:
            raise self._too_long(asked) from error
        except TooLargeError as error:
            raise TransportError(
                f"{asked}: the answer passed {LARGEST_ANSWER // 2**20} MiB, or came in too many "
                "pieces. An endpoint that answers so cannot be judged."
            ) from error
        except httpx.ReadTimeout as error:
            raise Broken(Ending.STALLED) from error
        except httpx.ReadError as error:
            raise Broken(Ending.RESET) from error
        except httpx.HTTPError as error:
            raise Broken(Ending.CUT) from error
        finally:
            await response.aclose()

    def _too_long(self, asked: str) -> TransportError:
        return TransportError(
            f"{asked}: the answer took longer than {self._longest:g} s. An endpoint that answers "
            "so cannot be judged."
        )

    async def aclose(self) -> None:
        """Close the connections to the endpoint."""
        if self._client is not None:
            await self._client.aclose()

    def _open(self) -> httpx.AsyncClient:
        """The client belongs to the stage's loop, so it is made there, at the first request."""
        self._client = httpx.AsyncClient(
            verify=ssl_context(),
            timeout=httpx.Timeout(self._seconds, connect=min(10.0, self._seconds)),
            trust_env=False,
            headers={"Accept-Encoding": "identity"},  # where the SUT says nothing of it
        )
        return self._client

    def _url(self, request: Request) -> str:
        path, query = request.path, f"?{request.query}" if request.query else ""
        if path == "/v1" or path.startswith("/v1/"):
            return f"{self._base_url}{path.removeprefix('/v1')}{query}"
        return f"{self._origin}{path}{query}"

    def _headers(self, request: Request) -> list[tuple[str, str]]:
        return [
            (name, _readable(value) if name.lower() == "accept-encoding" else self._swapped(value))
            for name, value in request.headers
            if name.lower() not in {*_HOP_BY_HOP, "content-length"}  # httpx sets it
        ]

    def _swapped(self, value: str) -> str:
        return self._swap.get(value, value)


def _end_to_end(headers: list[tuple[str, str]]) -> Headers:
    return tuple(
        (name.title(), value) for name, value in headers if name.lower() not in _HOP_BY_HOP
    )


class _Size:
    """Counts what an answer comes to, and what a SUT would make of it."""

    def __init__(self, coding: str) -> None:
        self._left = LARGEST_ANSWER
        self._inflater = Inflater(LARGEST_ANSWER) if coding in CODINGS else None

    def add(self, data: bytes) -> None:
        """Count a piece.

        Raises:
            TooLargeError: It is too much.
        """
        self._left -= max(len(data), LEAST_PIECE)
        if self._left < 0:
            raise TooLargeError
        if self._inflater is not None:
            try:
                self._inflater.feed(data)
            except zlib.error:
                self._inflater = None  # it is no such thing, which is for a law to say


def _readable(accepted: str) -> str:
    """Of the codings that a SUT takes, those that the laws can read; the SUT may get them all."""
    named = [each.strip() for each in accepted.split(",")]
    kept = [each for each in named if each.partition(";")[0].strip().lower() in CODINGS]
    return ", ".join(kept) or "identity"
