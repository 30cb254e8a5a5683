"""
The HTML report of a large run: 2,000 checks, a tenth of them failed, and a million samples.

The samples are written, read and judged first; what is measured is the rest: from the evidence
to the page, and, where playwright and a Chromium are there, from opening the page to typing into
its search. The figures that it should keep: 5 s, 300 MB, 2 MB, 1 s.

    python benchmarks/report.py
"""

import hashlib
import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kimi_conformance import suite
from kimi_conformance.reporting import write_report
from kimi_conformance.requirements import Requirement
from kimi_conformance.runs import encode, parse

CHECKS = 2_000
EXCHANGES = 2 * CHECKS
BODY = 4_000  # characters
FAILED_EVERY = 10
EDITION = "2026-09"
SUTS = (("adapter", "reference"), ("adapter", "openai"), ("endpoint", "endpoint"))


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = time.perf_counter()
        load = json.loads(own_process("judge", name))
        size = (folder / "samples").stat().st_size / 1e6
        print(
            f"{load['samples']['count']:,} samples, {size:.0f} MB: made and judged in "
            f"{time.perf_counter() - started:.1f} s"
        )
        (folder / "run.jsonl").write_bytes(b"".join(map(encode, evidence(load))))
        print(own_process("render", name), end="")
        opened(folder / "report.html")


def rendered(folder: Path) -> None:
    """Render and tell what it took; the only thing that this process does."""
    found = suite.find()
    started = time.perf_counter()
    with (folder / "run.jsonl").open("rb") as lines:
        run = parse(lines)
    read = time.perf_counter()
    files = write_report(
        run, found.catalogue(), folder, ["html"], template_folder=found.reports / "templates"
    )
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{len(run.checks):,} checks, {len(run.exchanges):,} exchanges, "
        f"{(folder / 'run.jsonl').stat().st_size / 1e6:.0f} MB of evidence\n"
        f"read in {read - started:.2f} s, rendered in {done - read:.2f} s, "
        f"peak {peak:.0f} MB, page {files['html'].stat().st_size / 1e6:.2f} MB"
    )


def own_process(what: str, folder: str) -> str:
    """Do one thing in a process of its own, so that its memory is its own."""
    done = subprocess.run(
        [sys.executable, __file__, what, folder], stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def judged(folder: Path) -> None:
    """Write a million samples, judge them, and print their load record."""
    from load_samples import HEADER, KIND, KINDS, MANY, OBJECTIVES, SECONDS

    from kimi_conformance.load.judging.result import load_record
    from kimi_conformance.load.samples.file import read_samples
    from kimi_conformance.load.samples.log import Batch, first_line
    from kimi_conformance.load.samples.records import Sample

    dice = random.Random(1)
    sample = Sample(kind=KIND, intended=0.0, start=0.0, end=0.0)
    batch, parts = Batch(HEADER), [first_line(HEADER)]
    for second in range(SECONDS):
        for end in sorted(second + dice.random() for _ in range(-(-MANY // SECONDS))):
            at = end - 0.3 - dice.random()
            some = replace(
                sample,
                kind=dice.choice(KINDS),
                intended=at,
                start=at,
                first_answer=at + 0.2,
                end=end,
                prompt_tokens=40,
                completion_tokens=dice.randrange(2, 200),
            )
            batch.add(some, (0.01, 0.02))
        parts.append(batch.take())
    content = b"".join(parts)
    (folder / "samples").write_bytes(content)
    record = load_record(
        read_samples(content),
        OBJECTIVES,
        name="samples",
        sha256=hashlib.sha256(content).hexdigest(),
    )
    print(json.dumps(record))


def evidence(load: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The records of the run."""
    yield {
        "record": "header", "schema": 1, "run": "benchmark", "job": "nightly",
        "started": "2026-11-21T08:00:00+00:00", "lane": "simulator",
        "source": "embedded simulator", "edition": EDITION,
        "suts": [
            {"plane": plane, "name": name, "version": "1", "capabilities": []}
            for plane, name in SUTS
        ],
    }  # fmt: skip
    asked = [
        each for each in suite.find().catalogue() if not each.excluded and EDITION in each.editions
    ]
    yield from checks(asked)
    yield load
    yield {
        "record": "footer", "ended": "", "verdict": "NOT CONFORMANT", "because": "so many failed",
        "exit_code": 1, "counts": {}, "seconds": 60.0,
    }  # fmt: skip


def checks(asked: Sequence[Requirement]) -> Iterator[Mapping[str, Any]]:
    """Checks with two exchanges each."""
    for number in range(CHECKS):
        requirement = asked[number % len(asked)]
        names = [name for plane, name in SUTS if plane == requirement.plane] or ["endpoint"]
        failed = number % FAILED_EVERY == 0
        ids = [f"x{2 * number + more}" for more in range(EXCHANGES // CHECKS)]
        yield from (exchange(id, number) for id in ids)
        yield {
            "record": "check", "id": f"{requirement.plane}/{requirement.topic}/check[{number}]",
            "requirement": requirement.id, "level": requirement.level,
            "plane": requirement.plane, "sut": names[number % len(names)],
            "verdict": "failed" if failed else "passed", "seconds": 0.02,
            "reason": f"the {number % 97}th thing is wrong" if failed else "",
            "detail": "assert 1 == 2\n" * 60 if failed else "", "exchanges": ids,
        }  # fmt: skip


def exchange(id: str, number: int) -> Mapping[str, Any]:
    body = json.dumps({"model": "kimi-k2", "messages": ["x" * 40] * (BODY // 45)})
    message = {"headers": [["Content-Type", "application/json"]], "body": body}
    return {
        "record": "exchange", "id": id, "check": f"check[{number}]", "sut": "endpoint",
        "source": "simulator",
        "request": {
            **message, "method": "POST", "path": "/v1/chat/completions", "query": "",
            "body_bytes": len(body),
        },
        "answer": {
            **message, "status": 200, "body_bytes": len(body), "frames": [[0.4, len(body)]],
            "ending": "complete",
        },
    }  # fmt: skip


def opened(page: Path) -> None:
    """How long a browser takes until the page answers; said to be unknown where there is none."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("not opened: playwright is not installed")
        return
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("not opened: the system has no Chromium")
        return
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page()
        tab.goto("about:blank")
        started = time.perf_counter()
        tab.goto(page.as_uri(), wait_until="commit")
        tab.locator(".toolbar:not([hidden])").wait_for()
        usable = time.perf_counter()
        tab.locator("#find").fill("streaming")
        tab.locator("#found:not(:empty)").wait_for()
        found = time.perf_counter()
        print(
            f"usable in {usable - started:.2f} s, first search answered in {found - usable:.2f} s"
        )
        browser.close()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        {"judge": judged, "render": rendered}[sys.argv[1]](Path(sys.argv[2]))
    else:
        main()
