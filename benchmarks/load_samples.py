"""
A million samples: appended, read, judged. For `load_reader`; prints a line of JSON.

The samples are as a run of ten minutes has them: in the order in which they ended, most of them
good, streamed, of two request bodies, the first minute of them warm-up.

    python benchmarks/load_samples.py
"""

import hashlib
import json
import random
import resource
import time
from dataclasses import replace

from kimi_conformance.load.judging.result import load_record
from kimi_conformance.load.samples.file import read_samples
from kimi_conformance.load.samples.log import Batch, Pile, first_line
from kimi_conformance.load.samples.records import ErrorClass, Header, Kind, Sample, Tick
from kimi_conformance.slo import parse

MANY = 1_000_000
SECONDS = 600
NAN = float("nan")
HEADER = Header(
    scenario="benchmark",
    question="",
    workload="open",
    kind="simulator",
    base_url="http://127.0.0.1/v1",
    model="kimi-k2.6",
    started="",
    planned_s=float(SECONDS),
    warm_up_s=60.0,
)
KIND = Kind("chat/greeting", "kimi-k2.6", True, 200, ErrorClass.OK, "", held=False)
KINDS = (
    *[KIND] * 7,
    *[KIND._replace(name="chat/long")] * 2,
    KIND._replace(status=503, error=ErrorClass.SERVER, detail="HTTP 503"),
)
OBJECTIVES = parse("""
    [all.success_rate]
    metric = "success"
    objective = 0.99
    [all.mean_response_s]
    metric = "response_s"
    statistic = "mean"
    at_most = 2.0
    [all.p99]
    metric = "response_s"
    statistic = "p99"
    at_most = 6.0
    [all.ttft]
    metric = "ttft_s"
    at_most = 1.5
    objective = 0.95
    [all.itl]
    metric = "itl_s"
    at_most = 0.05
    objective = 0.99
    [all.goodput]
    metric = "goodput"
    bounds = { ttft_s = 1.5, tpot_s = 0.1 }
    objective = 0.95
""")


def main() -> None:
    pile = Pile(0)
    append = pile.records.append
    appended = packed = 0.0
    for _ in range(MANY // 1000):  # as in a run, where they are packed twice a second
        began = time.perf_counter()
        for _ in range(1000):
            append((0.0, 0.5, 0.25, 0.0, NAN, 0.1, 0.1, NAN, 0.02, 7, 3))
        middle = time.perf_counter()
        pile.take()
        appended += middle - began
        packed += time.perf_counter() - middle
    del pile, append

    dice = random.Random(1)
    batch, parts = Batch(HEADER), [first_line(HEADER)]
    sample = Sample(kind=KIND, intended=0.0, start=0.0, end=0.0)
    spent = 0.0
    for second in range(SECONDS):
        some = []
        for end in sorted(second + dice.random() for _ in range(MANY // SECONDS)):
            first = end - dice.random()
            at = first - 0.2 - dice.random() / 10
            kind = dice.choice(KINDS)
            tokens = dice.randrange(2, 200)
            some.append(
                replace(
                    sample,
                    kind=kind,
                    intended=at,
                    start=at + dice.random() / 1000,
                    first_answer=first,
                    end=end,
                    prompt_tokens=40,
                    completion_tokens=tokens,
                )
            )
        gaps = [dice.random() / 50 for _ in range(50)]
        began = time.perf_counter()
        for one in some:
            batch.add(one, gaps)
        parts.append(batch.take())
        spent += time.perf_counter() - began
        batch.note(_tick(second + 1.0))
    parts.append(batch.take())
    content = b"".join(parts)
    del parts, batch

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, cpu = time.perf_counter(), time.process_time()
    file = read_samples(content)
    read = time.perf_counter() - began
    digest = hashlib.sha256(content).hexdigest()
    record = load_record(file, OBJECTIVES, name="benchmark", sha256=digest)
    judged, cpu = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        json.dumps(
            {
                "appending a record, µs": 1e6 * appended / MANY,
                "packing it later, µs": 1e6 * packed / MANY,
                "a request with 50 gaps, µs": 1e6 * spent / MANY,
                "bytes a request in the file": len(content) / file.count,
                "reading a million, s": read,
                "reading and judging, s": judged,
                "of it CPU, s": cpu,
                "in the record, kB": len(json.dumps(record)) / 1000,
                "peak before, MB": before / 1000,
                "peak, MB": peak / 1000,
            }
        )
    )


def _tick(at: float) -> Tick:
    return Tick(
        at=at,
        users=1,
        host_cpu=1.0,
        host_memory=1.0,
        load_cpu=1.0,
        load_memory=1.0,
        target_cpu=None,
        target_memory=None,
        own_core=1.0,
        lags=(0.001,) * 20,
    )


if __name__ == "__main__":
    main()
