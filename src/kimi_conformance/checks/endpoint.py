"""
An endpoint as a check sees it: raw HTTP, never a client library of somebody's.

A client would default, retry and coerce, and so hide what a check is looking for. Here an
answer is what was received. What stands in the way of a judgement (no answer, 429, 5xx) is
told apart from an answer that is wrong.
"""

import json
import time
import zlib
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from kimi_conformance.editions import Edition, Model
from kimi_conformance.http import httpx, ssl_context
from kimi_conformance.verdicts import InconclusiveError, is_outage
from kimi_conformance.wire.exchange import Headers, header
from kimi_conformance.wire.inflating import CODINGS, LARGEST, Inflater, TooLargeError
from kimi_conformance.wire.sse import SSEDecoder

__all__ = ["GREETING", "WRONG_KEY", "Endpoint", "Reply", "StreamedChunk", "aggregate"]

GREETING: Mapping[str, Any] = {
    "messages": [{"role": "user", "content": "Say hello in one short sentence."}],
    "max_tokens": 64,
}
"""The fields of a short chat."""
WRONG_KEY = "sk-never-issued"
"""A key that nobody was ever given."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer as received.

    Attributes:
        status: The HTTP status.
        headers: As received, in order.
        body: Its bytes after content decoding.
        asked: Method and path, for messages.
    """

    status: int
    headers: Headers
    body: bytes
    asked: str

    def header(self, name: str) -> str | None:
        """The first value of a header, or None."""
        return header(self.headers, name)

    @cached_property
    def json(self) -> Any:
        """The decoded body.

        Raises:
            AssertionError: The body is not JSON.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise AssertionError(
                f"{self.asked} was answered with {self.status} and no JSON: {self.body[:200]!r}"
            ) from None

    @property
    def accepted(self) -> "Reply":
        """This reply, if the endpoint took the request.

        Raises:
            AssertionError: It refused.
            InconclusiveError: It was busy or broken (429, 5xx), or the account is empty.
        """
        self._must_be_settled()
        assert 200 <= self.status < 300, (
            f"{self.asked} was refused with {self.status}: {self.body[:300]!r}"
        )
        return self

    @property
    def control(self) -> "Reply":
        """This reply, if the endpoint took the request that a refusal is compared with.

        Raises:
            InconclusiveError: It did not, so a refusal would prove nothing.
        """
        if not 200 <= self.status < 300:
            raise InconclusiveError(
                f"the positive control, {self.asked}, was answered with {self.status}"
            )
        return self

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and `error.type` of a refusal in Kimi's envelope.

        Raises:
            AssertionError: The request was taken, or the refusal is not in that envelope.
            InconclusiveError: The endpoint was busy or broken (429, 5xx), or the account is empty.
        """
        self._must_be_settled()
        assert self.status >= 400, f"{self.asked} was accepted with {self.status}"
        error = self.json.get("error") if isinstance(self.json, dict) else None
        assert isinstance(error, dict), f"{self.asked}: no error envelope: {self.body[:300]!r}"
        return self.status, str(error.get("type"))

    @property
    def error_message(self) -> str:
        """`error.message` of a refusal."""
        return str(self.json["error"]["message"])

    @property
    def settled(self) -> "Reply":
        """This reply, whatever its status, if the endpoint was in a state to judge the request.

        Raises:
            InconclusiveError: It was busy or broken (429, 5xx), or the account is empty.
        """
        self._must_be_settled()
        return self

    @property
    def choice(self) -> Any:
        """The first choice of a completion, as received."""
        return self.json["choices"][0]

    @property
    def message(self) -> Any:
        """`message` of the first choice."""
        return self.choice["message"]

    @property
    def usage(self) -> Any:
        """`usage` of a completion."""
        return self.json["usage"]

    def _must_be_settled(self) -> None:
        if is_outage(self.status, self.body):
            raise InconclusiveError(f"{self.asked} was answered with {self.status}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedChunk:
    """One event of a streamed reply.

    Attributes:
        at: Seconds since the request was sent, on a monotonic clock.
        body: The decoded JSON as received.
    """

    at: float
    body: Mapping[str, Any]

    @property
    def finish_reason(self) -> Any:
        """`finish_reason` of the first choice, as received; None where it is null or absent."""
        return self.body["choices"][0].get("finish_reason")

    @property
    def delta(self) -> Mapping[str, Any]:
        """`delta` of the first choice."""
        delta: Mapping[str, Any] = self.body["choices"][0]["delta"]
        return delta


class Endpoint:
    """A Kimi endpoint, by its base URL.

    Args:
        base_url: On the stage, version segment included.
        api_key: What requests carry unless told otherwise.
        model: The model that `chat` asks unless told otherwise.
        edition: The edition of the API it is judged against.
        model_is: Which model of the edition that is, where the endpoint names it otherwise.
        seconds: How long it may keep silent.
        patience: How many seconds a check may wait for something to become ready.
        without: The capabilities that it does not claim.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        model: str,
        edition: Edition,
        seconds: float = 30.0,
        patience: float = 20.0,
        model_is: str | None = None,
        without: Collection[str] = (),
    ) -> None:
        self._without = without
        self.patience = patience
        self.base_url = base_url
        self.model = model
        self.edition = edition
        self.model_is = model_is or model
        self._key = api_key
        self._client = httpx.AsyncClient(
            timeout=seconds,
            trust_env=False,
            verify=ssl_context(),
            headers={"Accept-Encoding": "identity"},
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    @property
    def known_model(self) -> Model:
        """What the edition says of the model that is asked.

        Raises:
            InconclusiveError: The edition does not know a model of this name.
        """
        found = self.edition.find(self.model_is)
        if found is None:
            raise InconclusiveError(
                f"edition {self.edition.name} knows nothing of a model '{self.model_is}': say "
                "which of its models that is with --model-is"
            )
        return found

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        key: str | None = "",
    ) -> Reply:
        """Send one request.

        Args:
            method: The HTTP method.
            path: Below the base URL: "/models"; "/anthropic/…" stands beside it.
            json: A body to encode, or None for no body.
            content: A body to send as it stands.
            headers: Further headers.
            key: "" sends the run's key, None sends no Authorization at all.

        Raises:
            InconclusiveError: No answer came, or it broke off.
        """
        given = {"Authorization": f"Bearer {self._key if key == '' else key}"}
        named = {**(given if key is not None else {}), **(headers or {})}
        if content is not None:
            named.setdefault("Content-Type", "application/json")
        asked = f"{method} {path}"
        try:
            async with self._client.stream(
                method, self._url(path), json=json, content=content, headers=named
            ) as response:
                return await _whole(response, asked)
        except httpx.TransportError as error:
            raise InconclusiveError(
                f"{asked} got no whole answer: {str(error) or type(error).__name__}"
            ) from error

    def key_as(self, header: str) -> Mapping[str, str]:
        """The run's key in another header than Authorization, for `request`."""
        return {header: self._key}

    def _url(self, path: str) -> str:
        beside = path.startswith("/anthropic/")
        return f"{self.base_url.removesuffix('/v1') if beside else self.base_url}{path}"

    async def get(self, path: str, *, key: str | None = "") -> Reply:
        """GET below the base URL."""
        return await self.request("GET", path, key=key)

    async def knock(self, *, key: str | None = "") -> Reply:
        """The simplest that it answers: its models, or a chat where it does not list them."""
        if "models" in self._without:
            return await self.chat(GREETING, key=key)
        return await self.get("/models", key=key)

    async def post(self, path: str, json: object, *, key: str | None = "") -> Reply:
        """POST JSON below the base URL."""
        return await self.request("POST", path, json=json, key=key)

    async def chat(
        self,
        body: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        key: str | None = "",
    ) -> Reply:
        """POST /chat/completions; the model is added where the body names none."""
        whole = {"model": self.model, **body}
        return await self.request("POST", "/chat/completions", json=whole, headers=headers, key=key)

    async def stream(self, body: Mapping[str, Any]) -> list[StreamedChunk]:
        """The chunks of a streamed chat, in order; `[DONE]` is not among them.

        Raises:
            AssertionError: The endpoint refused, or an event is not JSON.
            InconclusiveError: No answer came, it broke off, or it was 429 or 5xx.
        """
        return [chunk async for chunk in self._chunks({"model": self.model, **body})]

    async def _chunks(self, body: Mapping[str, Any]) -> AsyncIterator[StreamedChunk]:
        asked = "POST /chat/completions, streamed"
        decoder = SSEDecoder()
        started = time.monotonic()
        try:
            async with self._client.stream(
                "POST",
                f"{self.base_url}/chat/completions",
                json={**body, "stream": True},
                headers={"Authorization": f"Bearer {self._key}"},
            ) as response:
                if response.status_code != 200:
                    reply = await _whole(response, asked)
                    raise AssertionError(f"{reply.accepted.asked}: {reply.status}, no stream")
                async for data in _decoded(response, asked):
                    at = time.monotonic() - started
                    for event in decoder.feed(data):
                        if event.data != "[DONE]":
                            yield StreamedChunk(at=at, body=_chunk_body(event.data))
        except httpx.TransportError as error:
            raise InconclusiveError(
                f"{asked}, broke off: {str(error) or type(error).__name__}"
            ) from error


async def _whole(response: httpx.Response, asked: str) -> Reply:
    body = b"".join([data async for data in _decoded(response, asked)])
    raw = tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in response.headers.raw)
    return Reply(status=response.status_code, headers=raw, body=body, asked=asked)


async def _decoded(response: httpx.Response, asked: str) -> AsyncIterator[bytes]:
    """The pieces of a body with the content coding undone, where it is one that we can read.

    Raises:
        AssertionError: It is not coded as it says.
        InconclusiveError: It is larger than anything that is asked for here.
    """
    coding = (response.headers.get("content-encoding") or "").strip().lower()
    inflater = Inflater() if coding in CODINGS else None
    async for data in response.aiter_raw():  # of which the stage sees to it that there is an end
        try:
            yield data if inflater is None else inflater.feed(data)
        except TooLargeError:
            raise InconclusiveError(
                f"{asked} got an answer of more than {LARGEST // 2**20} MiB once inflated"
            ) from None
        except zlib.error:
            raise AssertionError(f"{asked}: the answer is not {coding}, as it says") from None


def _chunk_body(data: str) -> Mapping[str, Any]:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        raise AssertionError(f"an event of the stream is not JSON: {data[:200]!r}") from None
    assert isinstance(body, dict), f"an event of the stream is no object: {data[:200]!r}"
    return body


def aggregate(chunks: Sequence[StreamedChunk]) -> dict[int, str]:
    """The joined content of each choice of a stream, by its index."""
    texts: dict[int, str] = {}
    for choice in _choices(chunks):
        piece = choice.get("delta", {}).get("content") or ""
        texts[choice["index"]] = texts.get(choice["index"], "") + piece
    return texts


def _choices(chunks: Sequence[StreamedChunk]) -> Iterator[Mapping[str, Any]]:
    for chunk in chunks:
        yield from chunk.body["choices"]
