"""
A chat endpoint that keeps time: what `load_reader` measures load generators against.

Every reply has an absolute schedule from the moment its request was there, and the moment each
chunk was written is noted. What it notes is the truth: the rest is the reader's error. A request
may say in `sent` when it was sent, on the monotonic clock that processes of a machine share: TTFT
is then from that moment, so that it is no error of a reader if this process was late to read.

    python benchmarks/load_target.py --ttft 0.2 --gap 0.02 --chunks 100

The first line of stdout is its base URL. Each line on stdin is an order, answered by a line of
JSON: "mark" begins to count anew, "tell" says what was sent since then, "stall S" answers
nothing for S seconds. It ends with stdin.
"""

import argparse
import asyncio
import json
import re
import ssl
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import uvloop

TICK = 0.001
_SENT = re.compile(rb'"sent": ?([0-9.]+)')
USAGE = {"prompt_tokens": 8, "completion_tokens": 100, "total_tokens": 108}
PLAIN = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "kimi-k2.6",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "The sky scatters blue light."},
            "finish_reason": "stop",
        }
    ],
    "usage": USAGE,
}


def chunk(delta: dict[str, str], **more: Any) -> bytes:
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1700000000,
        "model": "kimi-k2.6",
        "choices": [{"index": 0, "delta": delta, "finish_reason": None, **more}],
    }
    if "finish_reason" in more:
        body["usage"] = USAGE
    return framed(b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n")


def framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


BODY = json.dumps(PLAIN).encode()
SHORT = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
) + BODY
FIRST = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
) + chunk({"role": "assistant", "content": "So"})
NEXT = chunk({"content": " scatters"})
LAST = chunk({}, finish_reason="stop") + framed(b"data: [DONE]\n\n") + b"0\r\n\r\n"


class Clock:
    """Calls what is due, to the millisecond, with one timer for all."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._zero = time.perf_counter()
        self._due: dict[int, list[Any]] = defaultdict(list)
        self._done = 0
        self._turn()

    def at(self, moment: float, stream: "Stream") -> None:
        place = max(round((moment - self._zero) / TICK), self._done + 1)
        self._due[place].append(stream)

    def _turn(self) -> None:
        now = int((time.perf_counter() - self._zero) / TICK)
        for place in range(self._done + 1, now + 1):
            for stream in self._due.pop(place, ()):
                stream.write()
        self._done = max(now, self._done)
        due = self._zero + (self._done + 1) * TICK
        self._loop.call_later(max(due - time.perf_counter(), 0.0), self._turn)


class Target:
    """What all connections share."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.clock = Clock()
        self.open_at = 0.0
        self.mark()

    def mark(self) -> None:
        self.began = time.perf_counter()
        self.ttft: list[float] = []
        self.itl: list[float] = []
        self.chunks = self.replies = 0

    def tell(self) -> dict[str, Any]:
        return {
            "ttft": self.ttft,
            "itl": self.itl,
            "chunks": self.chunks,
            "replies": self.replies,
            "seconds": time.perf_counter() - self.began,
        }


class Stream:
    """One streamed reply."""

    def __init__(self, transport: Any, target: Target, asked: float, wanted: float) -> None:
        self.transport, self.target, self.asked = transport, target, asked
        self.wanted = wanted
        self.number = 0
        self.sent = asked
        target.clock.at(asked + target.options.ttft, self)

    def write(self) -> None:
        target, options = self.target, self.target.options
        if self.transport.is_closing():
            return
        now = time.perf_counter()
        if self.number == 0:
            self.transport.write(FIRST)
            target.ttft.append(now - self.wanted)
        elif self.number < options.chunks:
            self.transport.write(NEXT)
            target.itl.append(now - self.sent)
        else:
            self.transport.write(LAST)
            target.replies += 1
            return
        self.sent = now
        self.number += 1
        target.chunks += 1
        target.clock.at(self.asked + options.ttft + self.number * options.gap, self)


class Connection(asyncio.Protocol):
    """Reads requests by their Content-Length."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.buffer = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self.buffer += data
        head, blank, rest = self.buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        if head.startswith(b"GET"):
            self.buffer = rest
            self.transport.write(self.models())
            return
        lower = head.lower()
        if b"content-length:" in lower:
            length = int(lower.partition(b"content-length:")[2].split(b"\r\n")[0])
        else:  # in chunks
            length = rest.find(b"\r\n0\r\n\r\n") + 7
        if len(rest) < length or length == 6:
            return
        body, self.buffer = rest[:length], rest[length:]
        if b'"stream":true' in body.replace(b" ", b""):
            sent = _SENT.search(body)
            Stream(self.transport, self.target, now, float(sent[1]) if sent else now)
        elif (left := self.target.open_at - now) > 0:
            asyncio.get_running_loop().call_later(left, self.answer)
        else:
            self.answer()

    def answer(self) -> None:
        self.target.replies += 1
        self.transport.write(SHORT)

    def models(self) -> bytes:
        body = b'{"object":"list","data":[{"id":"kimi-k2.6","object":"model"}]}'
        return (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        ) % (len(body), body)


async def main(options: argparse.Namespace) -> None:
    target = Target(options)
    context = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(target), "127.0.0.1", 0, ssl=context, backlog=4096
    )
    scheme, host = ("https", "localhost") if context else ("http", "127.0.0.1")
    print(f"{scheme}://{host}:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    while order := await asyncio.to_thread(sys.stdin.readline):
        name, _, value = order.strip().partition(" ")
        told: dict[str, Any] = {}
        if name == "mark":
            target.mark()
        elif name == "tell":
            told = target.tell()
        elif name == "stall":
            target.open_at = time.perf_counter() + float(value)
            told = {"until": target.open_at}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--ttft", type=float, default=0.2)
    parser.add_argument("--gap", type=float, default=0.02)
    parser.add_argument("--chunks", type=int, default=100)
    parser.add_argument("--certificate", type=Path)
    uvloop.run(main(parser.parse_args()))
