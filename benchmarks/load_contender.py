"""
One load generator in a process of its own, for `load_reader`: ours, or one of Locust's clients.

    python benchmarks/load_contender.py ours|fast|http BASE_URL MODE USERS SECONDS

MODE is "streams" (each user reads one stream after the other), "short" (short replies, without
a pause), "idle" (one short reply, then silence) or "arrivals" (short replies, 100 a second).
After a warm-up of three seconds it says "go" on stdout, measures for SECONDS, and then says in a
line of JSON what it saw: TTFT and gaps in seconds, failures, CPU seconds and resident bytes.
"""

import json
import os
import sys
import time
from array import array
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gevent
import gevent.event
import psutil
from locust import FastHttpUser, HttpUser, constant, task
from locust.env import Environment

from kimi_conformance.load.running.garbage import Garbage
from kimi_conformance.load.samples.log import SampleLog
from kimi_conformance.load.samples.records import Header, Sample
from kimi_conformance.load.users.arrivals import Poisson
from kimi_conformance.load.users.dispatch import Dispatcher
from kimi_conformance.load.users.kimi_user import KimiUser
from kimi_conformance.load.users.setting import Setting

WARM_UP = 3.0
MESSAGES = [{"role": "user", "content": "Why is the sky blue?"}]
PLAIN = {"model": "kimi-k2.6", "messages": MESSAGES}


def streamed(sent: float) -> dict[str, Any]:
    return {"model": "kimi-k2.6", "messages": MESSAGES, "stream": True, "sent": sent}


never = gevent.event.Event()


class Seen:
    """What one of Locust's clients saw, and how many of our calls failed."""

    def __init__(self) -> None:
        self.mark()

    def mark(self) -> None:
        self.ttft, self.itl = array("d"), array("d")
        self.failed = 0

    def sample(self, sample: Sample) -> None:
        self.failed += not sample.ok

    def times(self, sent: float, times: list[float]) -> None:
        if times:
            self.ttft.append(times[0] - sent)
            self.itl.extend(two - one for one, two in pairwise(times))


seen = Seen()


def noted(lines: Any, sent: float) -> None:
    """Note when each line with content was there."""
    seen.times(sent, [time.perf_counter() for line in lines if b'"content":"' in line])


class Streams(KimiUser):
    """Ours."""

    abstract = True
    spread_s = 2.0

    @task
    def ask_on(self) -> None:
        self.read_stream(streamed(time.perf_counter()))


class Short(KimiUser):
    """Ours."""

    abstract = True
    spread_s = 0.2

    @task
    def ask_on(self) -> None:
        self.ask("plain")


class Idle(KimiUser):
    """Ours."""

    abstract = True

    @task
    def ask_once(self) -> None:
        self.ask("plain")
        never.wait()


def spread(user: Any) -> None:
    gevent.sleep(id(user) // 64 % 1000 / 500)


class Arriving(KimiUser):
    """Ours, in an open workload."""

    abstract = True
    arrivals = Poisson(100, seed=1)

    @task
    def ask_on(self) -> None:
        self.ask("plain")


class FastStreams(FastHttpUser):
    """Locust's quick client, read line by line."""

    abstract = True
    insecure = True
    wait_time = constant(0)
    on_start = spread

    @task
    def ask_on(self) -> None:
        sent = time.perf_counter()
        with self.client.post(
            "/chat/completions", json=streamed(sent), stream=True, catch_response=True
        ) as reply:
            noted(iter(lambda: reply.stream.readline(b"\n"), b""), sent)


class FastShort(FastHttpUser):
    """Locust's quick client."""

    abstract = True
    wait_time = constant(0)

    @task
    def ask_on(self) -> None:
        self.client.post("/chat/completions", json=PLAIN)


class FastIdle(FastHttpUser):
    """Locust's quick client."""

    abstract = True
    wait_time = constant(0)

    @task
    def ask_once(self) -> None:
        self.client.post("/chat/completions", json=PLAIN)
        never.wait()


class HttpStreams(HttpUser):
    """Locust's usual client, requests."""

    abstract = True
    wait_time = constant(0)
    on_start = spread

    @task
    def ask_on(self) -> None:
        sent = time.perf_counter()
        with self.client.post(
            "/chat/completions", json=streamed(sent), stream=True, catch_response=True, verify=False
        ) as reply:
            noted(reply.iter_lines(chunk_size=None), sent)


CONTENDERS: dict[tuple[str, str], Any] = {
    ("ours", "streams"): Streams,
    ("ours", "short"): Short,
    ("ours", "idle"): Idle,
    ("ours", "arrivals"): Arriving,
    ("fast", "streams"): FastStreams,
    ("fast", "short"): FastShort,
    ("fast", "idle"): FastIdle,
    ("http", "streams"): HttpStreams,
}


def main() -> None:
    name, base_url, mode = sys.argv[1:4]
    users, seconds = int(sys.argv[4]), float(sys.argv[5])
    kind = CONTENDERS[name, mode]
    kind.abstract = False
    kind.host = base_url
    process = psutil.Process(os.getpid())
    with TemporaryDirectory() as folder, Garbage() as garbage:
        if name != "ours":  # theirs runs as Locust runs it
            garbage.__exit__(None, None, None)
        log = _prepare(Path(folder), base_url, seconds)
        environment = Environment(user_classes=[kind])
        runner = environment.create_local_runner()
        before = process.memory_info().rss
        for dispatcher in _dispatchers(kind):
            gevent.spawn(dispatcher.run)
        runner.start(users, spawn_rate=max(users / 2, 1))
        gevent.spawn(_flush, log)
        gevent.sleep(WARM_UP)
        seen.mark()
        environment.stats.reset_all()
        print("go", flush=True)
        spent, began = process.cpu_times(), time.perf_counter()
        gevent.sleep(seconds)
        now, lasted = process.cpu_times(), time.perf_counter() - began
        table = environment.stats.total
        told = {
            "failed": seen.failed or table.num_failures,
            "seconds": lasted,
            "cpu": now.user + now.system - spent.user - spent.system,
            "resident": process.memory_info().rss,
            "grown": process.memory_info().rss - before,
            "table": [table.avg_response_time / 1000, table.get_response_time_percentile(0.99)],
            "ttft": list(seen.ttft),
            "itl": list(seen.itl),
        }
        log.flush()
        if name == "ours" and mode in {"streams", "arrivals"}:
            told.update(_ours(log))
        print(json.dumps(told), flush=True)
        os._exit(0)


def _dispatchers(kind: type) -> list[Dispatcher]:
    setting = KimiUser.setting
    assert setting is not None
    if kind is Arriving:
        setting.dispatchers[Arriving] = Dispatcher(Arriving.arrivals, setting.zero, 1000.0)
    return list(setting.dispatchers.values())


def _flush(log: SampleLog) -> None:
    while True:
        gevent.sleep(0.5)
        log.flush()


def _prepare(folder: Path, base_url: str, seconds: float) -> SampleLog:
    (folder / "plain.json").write_text(json.dumps(PLAIN), "utf-8")
    header = Header(
        scenario="benchmark",
        question="",
        workload="closed",
        kind="simulator",
        base_url=base_url,
        model="kimi-k2.6",
        started="",
        planned_s=seconds + 100,
        warm_up_s=WARM_UP,
    )
    log = SampleLog(folder / "one.samples", header)
    setting = KimiUser.setting = Setting(
        base_url=base_url,
        api_key="sk-benchmark",
        model="kimi-k2.6",
        fixtures=(folder,),
        log=log,
        zero=time.perf_counter(),
    )
    setting.watchers.append(seen.sample)
    return log


def _ours(log: SampleLog) -> dict[str, Any]:
    """What the samples file says."""
    from kimi_conformance.load.samples.file import read_samples

    file = read_samples(log.path.read_bytes())
    assert KimiUser.setting is not None
    tally, zero = KimiUser.setting.tally, KimiUser.setting.zero
    good = [group for group in file.groups if group.kind.ok]
    begins = file.header.warm_up_s
    return {
        "ttft": [
            first
            for group in good
            for start, first in zip(group.intended, group.column("first"), strict=True)
            if start >= begins
        ],
        "arrivals": [
            (zero + sample.intended, sample.response_s, sample.start - sample.intended)
            for sample in file.samples
            if sample.intended >= begins and sample.ok
        ],
        "itl": [gap for group in good for gap, count in group.gaps.items() for _ in range(count)],
        "shared": tally.shared / max(tally.chunks, 1),
        "unstamped": tally.counts.unstamped / max(tally.counts.reads, 1),
    }


if __name__ == "__main__":
    main()
