"""
A small chat endpoint in a process of its own, for tests of the load laboratory.

`python endpoint.py BEHAVIOUR [FILE]` prints its port and serves until it is killed. It answers
plain and streamed requests; BEHAVIOUR is "sound", or what it does wrong. The file grows by a byte
for each request that came.
"""

import asyncio
import itertools
import json
import sys
from pathlib import Path

USAGE = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
PIECES = ("The ", "sky ", "scatters.")
PLAIN = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "".join(PIECES)},
            "finish_reason": "stop",
        }
    ],
    "usage": USAGE,
}
counter = itertools.count()


def count() -> None:
    if len(sys.argv) > 2:
        with Path(sys.argv[2]).open("ab") as file:
            file.write(b".")


def chunk(delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    choice: dict[str, object] = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    if finish_reason:
        choice["usage"] = USAGE
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def head(status: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode()


async def answer(writer: asyncio.StreamWriter, body: bytes, behaviour: str) -> None:
    turn = next(counter)
    if behaviour == "hangs" and turn % 2:
        await asyncio.sleep(3600)
    if behaviour == "refuses" and turn % 4 == 0:
        writer.write(head("503 Unavailable", "Content-Length: 0"))
    elif json.loads(body).get("stream"):
        writer.write(head("200 OK", "Transfer-Encoding: chunked"))
        events = [chunk({"role": "assistant", "content": ""})]
        events += [chunk({"content": piece}) for piece in PIECES]
        events += [chunk({}, "stop"), b"data: [DONE]\n\n"]
        for event in events[:3] if behaviour == "cuts" else events:
            writer.write(b"%x\r\n%s\r\n" % (len(event), event))
            await writer.drain()
            await asyncio.sleep(0.005)
        if behaviour == "cuts":
            writer.close()
            return
        writer.write(b"0\r\n\r\n")
    else:
        content = json.dumps(PLAIN).encode()
        writer.write(head("200 OK", f"Content-Length: {len(content)}") + content)
    await writer.drain()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, behaviour: str) -> None:
    try:
        while not writer.is_closing():
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            length = next(line for line in lines if line.lower().startswith("content-length"))
            body = await reader.readexactly(int(length.partition(":")[2]))
            count()
            await answer(writer, body, behaviour)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main(behaviour: str) -> None:
    server = await asyncio.start_server(
        lambda reader, writer: serve(reader, writer, behaviour), "127.0.0.1", 0
    )
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.sleep(300)  # tests kill it long before; a lost one ends by itself


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
