"""
What the simulator costs beyond serving its bytes.

Two servers in processes of their own: the stage with the simulator behind it, and a bare
aiohttp server that sends a recorded reply of it. The same clients ask both in turn, several
rounds; the figures are the medians of the ratios within each round.

    python benchmarks/serving.py [--rounds 5] [--requests 1500] [--connections 16]
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from aiohttp import ClientSession, TCPConnector, web

from kimi_conformance import suite
from kimi_conformance.simulator import Simulator
from kimi_conformance.stage import Stage
from kimi_conformance.wire.exchange import Answer, Request

KEY = "sk-benchmark"
PLAIN = {
    "model": "moonshot-v1-8k",
    "messages": [{"role": "user", "content": "Say hello in one short sentence."}],
    "max_tokens": 32,
}
STREAMED = {**PLAIN, "stream": True}


def simulator() -> Simulator:
    return Simulator(suite.find().edition("2025-09"), api_key=KEY)


def serve_simulator(ready: Connection) -> None:
    with Stage() as stage:
        ready.send(stage.open_lane(simulator(), name="", journal=False).base_url)
        ready.recv()


def serve_bytes(ready: Connection) -> None:
    asyncio.run(_serve_bytes(ready))


async def _serve_bytes(ready: Connection) -> None:
    headers = (("Authorization", f"Bearer {KEY}"), ("Content-Type", "application/json"))
    recorded: dict[bool, Answer] = {}
    for body in (PLAIN, STREAMED):
        request = Request(
            method="POST",
            path="/v1/chat/completions",
            headers=headers,
            body=json.dumps(body).encode(),
        )
        recorded[bool(body.get("stream"))] = simulator().reply(request)

    async def handle(incoming: web.BaseRequest) -> web.StreamResponse:
        body = json.loads(await incoming.read())
        answer = recorded[bool(body.get("stream"))]
        if len(answer.frames) == 1:
            return web.Response(body=answer.body)
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(incoming)
        for frame in answer.frames:
            await response.write(frame.data)
        await response.write_eof()
        return response

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ready.send(f"http://127.0.0.1:{runner.addresses[0][1]}/v1")
    await asyncio.to_thread(ready.recv)
    await runner.cleanup()


@contextmanager
def server(target: object) -> Iterator[str]:
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=target, args=(theirs,))  # type: ignore[arg-type]
    child.start()
    yield ours.recv()
    ours.send("stop")
    child.join(10)


async def replies_a_second(url: str, body: object, requests: int, connections: int) -> float:
    """How many whole replies a second these connections get."""
    headers = {"Authorization": f"Bearer {KEY}"}
    async with ClientSession(connector=TCPConnector(limit=connections)) as session:

        async def work() -> None:
            for _ in range(requests // connections):
                async with session.post(
                    f"{url}/chat/completions", json=body, headers=headers
                ) as reply:
                    assert reply.status == 200
                    await reply.read()

        started = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(connections)))
        return requests / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=1500)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    with server(serve_simulator) as simulated, server(serve_bytes) as bare:
        for name, body in (("short replies", PLAIN), ("streams", STREAMED)):
            rates = [
                tuple(
                    asyncio.run(replies_a_second(url, body, options.requests, options.connections))
                    for url in (simulated, bare)
                )
                for _ in range(options.rounds)
            ]
            ratio = statistics.median(ours / theirs for ours, theirs in rates)
            ours, theirs = (statistics.median(side) for side in zip(*rates, strict=True))
            print(f"{name}: {ratio:.2f} of a bare server ({ours:.0f} to {theirs:.0f} a second)")


if __name__ == "__main__":
    main()
