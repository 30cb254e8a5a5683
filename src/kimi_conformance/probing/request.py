"""The small request of a probe: streamed, so that the time to the first token is known."""

import asyncio
import json
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass

from kimi_conformance.http import httpx, ssl_context
from kimi_conformance.load.client.reply import error_class
from kimi_conformance.load.client.scan import StreamScan
from kimi_conformance.load.samples.records import ErrorClass
from kimi_conformance.wire.exchange import Request

__all__ = ["Found", "Probing"]

PATH = "/v1/chat/completions"
MAX_TOKENS = 16
BODY_LIMIT = 2**20  # bytes of an answer; a few tokens take less

_Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one request brought.

    Attributes:
        error: How it ended; `ok` for a usable, complete reply.
        detail: Why it is none, in a few words of ours; never text of the reply.
        ttft_s: To the first generated content, or None.
        response_s: To the last byte, or to giving up.
    """

    error: ErrorClass
    status: int | None
    detail: str
    ttft_s: float | None
    response_s: float


class Probing:
    """Sends the request; a context manager.

    Args:
        base_url: Of the endpoint, "/v1" included.
        api_key: Its key; it goes into a header and nowhere else.
        limit_s: How long a request may take in all.
        clock: Monotonic seconds.
    """

    def __init__(self, base_url: str, api_key: str, *, limit_s: float, clock: _Clock) -> None:
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._limit_s = limit_s
        self._clock = clock
        self._runner = asyncio.Runner()
        self._client = httpx.AsyncClient(
            verify=ssl_context(),
            timeout=None,  # the whole request has one
            trust_env=False,
            headers={
                "Authorization": f"Bearer {api_key}",
                "Accept": "text/event-stream",
                "Accept-Encoding": "identity",
                "Content-Type": "application/json",
            },
        )

    def __enter__(self) -> "Probing":
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

    @staticmethod
    def request(model: str) -> Request:
        """What is sent to ask a model."""
        body = {
            "model": model,
            "messages": [{"role": "user", "content": "Say yes."}],
            "stream": True,
            "max_tokens": MAX_TOKENS,
        }
        return Request(method="POST", path=PATH, body=json.dumps(body).encode())

    def ask(self, request: Request) -> Found:
        """Send it, and read the answer to its end, or until it has taken too long."""
        return self._runner.run(self._ask(request))

    async def _ask(self, request: Request) -> Found:
        start = self._clock()
        status: int | None = None
        scan = StreamScan()
        flaw = ""
        try:
            async with (
                asyncio.timeout(self._limit_s),  # a head that drips is silent for no moment
                self._client.stream("POST", self._url, content=request.body) as response,
            ):
                status = response.status_code
                if status == 200:
                    flaw = await self._read(response.aiter_raw(), scan)
        except TimeoutError:
            flaw = f"took longer than {self._limit_s:g} s"
        except httpx.HTTPError as broken:
            flaw = f"no answer, or it broke off ({type(broken).__name__})"
        error, detail = _judged(status, flaw, scan)
        first = scan.times[0] - start if scan.times else None
        return Found(
            error=error,
            status=status,
            detail=detail,
            ttft_s=first,
            response_s=self._clock() - start,
        )

    async def _read(self, pieces: AsyncIterable[bytes], scan: StreamScan) -> str:
        """Take the stream; why it was given up, or "": it came to its end."""
        size = 0
        async for data in pieces:
            scan.feed(data, self._clock())
            size += len(data)
            if size > BODY_LIMIT:
                return f"the answer passed {BODY_LIMIT:,} bytes"
        return ""


def _judged(status: int | None, flaw: str, scan: StreamScan) -> tuple[ErrorClass, str]:
    if status is not None and status != 200:
        return error_class(status), f"HTTP {status}"
    if flaw:
        return ErrorClass.TRANSPORT, flaw
    return (ErrorClass.INVALID, scan.flaw) if scan.flaw else (ErrorClass.OK, "")
