"""
The simulator beside other fake LLM servers: how many replies a core gives, and how true times are.

Every server gets the same requests from the same load generator, in turn, several rounds; what
is shown are medians. "A core" is a second of the CPU that the server, its children included,
was given, so a busy machine disturbs it less than a rate by the clock does. Ours runs with all
its rules on; it reads and judges each request, and counts tokens, which the others do not.

    python benchmarks/rivals.py --aimock PATH/llmock --guidellm PATH/guidellm
    python benchmarks/rivals.py --install          fetch both into a temporary folder first
"""

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import client
import psutil

READY = 90.0  # seconds that a server may take to come up
TTFT, ITL = 0.2, 0.02  # seconds, of the streams whose times are judged
TOKENS = 100  # of such a stream
SHORT = {"messages": [{"role": "user", "content": "Say hello in one short sentence."}]}
LONG = {"messages": [{"role": "user", "content": f"Write {TOKENS} words."}], "stream": True}


@dataclass(frozen=True, slots=True)
class Server:
    """A fake LLM server.

    Attributes:
        name: As it is shown.
        command: Starts it on a port, with these times in seconds.
        model: Which to ask.
        says_where: Whether its first line of output says base URL and key, as JSON.
    """

    name: str
    command: Callable[[int, float, float], Sequence[str]]
    model: str = "moonshot-v1-8k"
    says_where: bool = False


@dataclass(slots=True)
class Running:
    """One that serves."""

    process: psutil.Process
    base_url: str
    api_key: str

    def cpu(self) -> float:
        """CPU seconds that it and its children were given so far."""
        return sum(sum(each.cpu_times()[:2]) for each in self._family())

    def memory(self) -> float:
        """Megabytes that it and its children hold."""
        return sum(each.memory_info().rss for each in self._family()) / 2**20

    def _family(self) -> Iterator[psutil.Process]:
        yield self.process
        yield from self.process.children(recursive=True)


@dataclass(slots=True)
class Figures:
    """What was measured of a server, a value a round."""

    replies: list[float] = field(default_factory=list)
    chunks: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    times: dict[int, list["Times"]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Times:
    """How far streams were off their plan, in milliseconds.

    Attributes:
        ttft, ttft_p99: Of the first event: the mean, and what 99 % kept below.
        itl, itl_p99: Of the gap between tokens, whichever way.
        length: Of the time from the first to the last token: errors that add up.
        unfinished: Streams that did not come to their end.
    """

    ttft: float
    ttft_p99: float
    itl: float
    itl_p99: float
    length: float
    unfinished: int


def ours(*more: str) -> Server:
    def command(port: int, ttft: float, itl: float) -> Sequence[str]:
        where = ("--port", str(port), "--json", "--tier", "none")
        speed = ("--ttft", str(ttft), "--itl", str(itl))
        return (sys.executable, "-m", "kimi_conformance", "simulate", *where, *speed, *more)

    return Server("kimi-conformance", command, says_where=True)


def aimock(program: str, folder: Path) -> Server:
    def command(port: int, ttft: float, itl: float) -> Sequence[str]:
        paced = {"streamingProfile": {"ttft": ttft * 1000, "tps": 1 / itl}} if itl else {}
        words = "moon " * TOKENS
        fixtures = [
            {"match": {"userMessage": "Say"}, "response": {"content": "Hello! How are you?"}},
            {"match": {"userMessage": "Write"}, "response": {"content": words}, **paced},
        ]
        file = folder / f"aimock-{port}.json"
        file.write_text(json.dumps({"fixtures": fixtures}))
        quiet = ("--chunk-size", "5", "--log-level", "silent")
        return (program, "--port", str(port), "--fixtures", str(file), *quiet)

    return Server("aimock", command)


def guidellm(program: str) -> Server:
    def command(port: int, ttft: float, itl: float) -> Sequence[str]:
        speed = ("--ttft-ms", str(ttft * 1000), "--itl-ms", str(itl * 1000))
        size = ("--output-tokens", str(TOKENS), "--request-latency", "0", "--workers", "1")
        return (program, "mock-server", "--port", str(port), "--model", "mock", *speed, *size)

    return Server("guidellm", command, model="mock")


def free_port() -> int:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return int(holder.getsockname()[1])


@contextmanager
def running(server: Server, ttft: float = 0.0, itl: float = 0.0) -> Iterator[Running]:
    """Start it, wait until it answers, and end it with all its children."""
    port = free_port()
    command = server.command(port, ttft, itl)
    child = subprocess.Popen(
        command,
        stdout=subprocess.PIPE if server.says_where else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        base_url, key = f"http://127.0.0.1:{port}/v1", "sk-none"
        if server.says_where:
            assert child.stdout is not None
            said = json.loads(child.stdout.readline())
            base_url, key = said["base_url"], said["api_key"]
        wait_for(base_url, child)
        yield Running(psutil.Process(child.pid), base_url, key)
    finally:
        os.killpg(child.pid, signal.SIGTERM)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def wait_for(base_url: str, child: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + READY
    while time.monotonic() < until and child.poll() is None:
        try:
            urllib.request.urlopen(f"{base_url}/models", timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit(f"{child.args!r} does not answer at {base_url}")


def request_to(server: Server, at: Running, body: object) -> bytes:
    assert isinstance(body, dict)
    text = json.dumps({"model": server.model, "max_tokens": TOKENS, **body})
    return client.http_request(at.base_url, at.api_key, text.encode())


def speed(server: Server, at: Running, seconds: float, figures: Figures) -> None:
    """Replies and chunks for each second of CPU that the server used."""
    for body, results in ((SHORT, figures.replies), (LONG, figures.chunks)):
        request = request_to(server, at, body)
        client.run(client.ask_for(at.base_url, request, seconds=0.3, connections=8))
        before = at.cpu()
        tally = client.run(client.ask_for(at.base_url, request, seconds=seconds, connections=16))
        used = at.cpu() - before
        if tally.others:
            raise SystemExit(f"{server.name}: {tally.others} replies were no 200")
        results.append((tally.chunks if body is LONG else tally.replies) / used)
    figures.memory.append(at.memory())


def accuracy(server: Server, at: Running, streams: int, figures: Figures) -> None:
    """How far so many streams at the same time are off the plan."""
    over = TTFT + TOKENS * ITL  # all are under way when the last one begins
    request = request_to(server, at, LONG)
    timelines = client.run(client.ask_all(at.base_url, request, streams=streams, over=over))
    done = [each for each in timelines if each.ended and len(each.tokens) > 1]
    first = [abs(each.first - each.sent - TTFT) for each in done]
    gaps = [abs(gap - ITL) for each in done for gap in client.gaps(each)]
    lengths = [
        abs(each.tokens[-1] - each.tokens[0] - ITL * (len(each.tokens) - 1)) for each in done
    ]
    times = Times(
        ttft=1000 * statistics.fmean(first),
        ttft_p99=1000 * p99(first),
        itl=1000 * statistics.fmean(gaps),
        itl_p99=1000 * p99(gaps),
        length=1000 * statistics.fmean(lengths),
        unfinished=len(timelines) - len(done),
    )
    figures.times.setdefault(streams, []).append(times)


def p99(values: Sequence[float]) -> float:
    return sorted(values)[int(0.99 * (len(values) - 1))]


def installed(folder: Path) -> tuple[str, str]:
    """Fetch the others by name; their programs."""
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("npm is needed to install aimock; or name programs with --aimock")
    subprocess.run([npm, "install", "--prefix", folder / "npm", "@copilotkit/aimock"], check=True)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    subprocess.run([folder / "venv/bin/pip", "install", "--quiet", "guidellm"], check=True)
    return str(folder / "npm/node_modules/.bin/llmock"), str(folder / "venv/bin/guidellm")


def table(results: dict[str, Figures], streams: Sequence[int]) -> Iterator[str]:
    """The medians as Markdown."""
    heads = ["server", "short replies a core-second", "chunks a core-second", "MB"]
    for count in streams:
        heads += [f"TTFT off at {count}, mean / p99 ms", "ITL off, mean / p99 ms", "length off, ms"]
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for name, figures in results.items():
        cells = [name]
        cells += [f"{statistics.median(each):,.0f}" for each in (figures.replies, figures.chunks)]
        cells.append(f"{statistics.median(figures.memory):.0f}")
        for count in streams:
            times = figures.times[count]
            cells += [
                f"{middle(times, 'ttft')} / {middle(times, 'ttft_p99')}",
                f"{middle(times, 'itl')} / {middle(times, 'itl_p99')}",
                middle(times, "length"),
            ]
        yield f"| {' | '.join(cells)} |"


def middle(times: Sequence[Times], name: str) -> str:
    return f"{statistics.median(getattr(each, name) for each in times):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--aimock", help="its program llmock")
    parser.add_argument("--guidellm", help="its program")
    parser.add_argument("--install", action="store_true", help="fetch both by name")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement of speed")
    parser.add_argument("--streams", type=int, nargs="*", default=[200, 500])
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if options.install:
            options.aimock, options.guidellm = installed(folder)
        servers = [ours()]
        servers += [aimock(options.aimock, folder)] if options.aimock else []
        servers += [guidellm(options.guidellm)] if options.guidellm else []
        results = {server.name: Figures() for server in servers}
        with ExitStack() as fast:
            up = [(server, fast.enter_context(running(server))) for server in servers]
            for _ in range(options.rounds):
                for server, at in up:
                    speed(server, at, options.seconds, results[server.name])
        with ExitStack() as paced:
            up = [(server, paced.enter_context(running(server, TTFT, ITL))) for server in servers]
            for _ in range(options.rounds):
                for streams in options.streams:
                    for server, at in up:
                        accuracy(server, at, streams, results[server.name])
        print("\n".join(table(results, options.streams)))


if __name__ == "__main__":
    main()
