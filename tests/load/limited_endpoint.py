"""
A chat endpoint with limits, in a process of its own, for tests of load scenarios.

`python limited_endpoint.py BEHAVIOUR` prints its port and serves until it is killed:

    serves:20       answers one request after the other, 20 a second
    refuses:header  refuses each second request of a connection, asks for a second in a header, and
                    answers 400 to whoever comes sooner
    refuses:words   the same, and asks in words
    hit:0.2         streams; prompts whose beginning it knows begin 0.2 s sooner
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from typing import Any

WAIT_S = 1.0
TEXT = "request reached organization max RPM: 3, please try again after 1 seconds"
MESSAGE = {"role": "assistant", "content": "The sky scatters."}


class Endpoint:
    def __init__(self, behaviour: str) -> None:
        self.kind, _, self.setting = behaviour.partition(":")
        self.turn = asyncio.Lock()
        self.known: set[str] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        turns, not_before = 0, 0.0
        try:
            while True:
                lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                length = next(line for line in lines if line.lower().startswith("content-length"))
                body = json.loads(await reader.readexactly(int(length.partition(":")[2])))
                turns += 1
                if self.kind == "refuses" and time.monotonic() < not_before:
                    writer.write(answer(400, {"error": {"message": "too early", "type": "x"}}))
                elif self.kind == "refuses" and turns % 2:
                    not_before = time.monotonic() + WAIT_S
                    writer.write(self.refusal())
                elif self.kind == "serves":
                    async with self.turn:
                        await asyncio.sleep(1 / float(self.setting))
                    writer.write(streamed(0))
                elif self.kind == "hit":
                    cached = await self.read(body)
                    writer.write(streamed(cached))
                else:
                    writer.write(answer(200, completion()))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def refusal(self) -> bytes:
        error = {"message": TEXT, "type": "rate_limit_reached_error"}
        if self.setting == "words":
            return answer(429, {"error": error})
        return answer(429, {"error": {**error, "message": "slow down"}}, "Retry-After: 1")

    async def read(self, body: Mapping[str, Any]) -> int:
        beginning = str(body["messages"][0])
        cached = 100 if beginning in self.known else 0
        self.known.add(beginning)
        await asyncio.sleep(0.05 + (0.0 if cached else float(self.setting)))
        return cached


def usage(cached: int) -> dict[str, int]:
    found = {"prompt_tokens": 120, "completion_tokens": 3, "total_tokens": 123}
    return {**found, "cached_tokens": cached} if cached else found


def completion() -> dict[str, Any]:
    choice = {"index": 0, "message": MESSAGE, "finish_reason": "stop"}
    return {"object": "chat.completion", "choices": [choice], "usage": usage(0)}


def streamed(cached: int) -> bytes:
    said: dict[str, Any] = {"index": 0, "delta": MESSAGE, "finish_reason": None}
    ended = {"index": 0, "delta": {}, "finish_reason": "stop", "usage": usage(cached)}
    events = [json.dumps({"choices": [choice]}) for choice in (said, ended)]
    content = "".join(f"data: {event}\n\n" for event in (*events, "[DONE]")).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(content), content)


def answer(status: int, body: Mapping[str, Any], *headers: str) -> bytes:
    content = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + content


async def main(behaviour: str) -> None:
    endpoint = Endpoint(behaviour)
    server = await asyncio.start_server(endpoint.serve, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.sleep(300)  # tests kill it long before; a lost one ends by itself


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
