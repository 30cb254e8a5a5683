"""
How well load generators measure, and what it costs them: ours beside others, in one run.

The target notes when it wrote each chunk, so every figure is a difference to what was true, or a
ratio within one round. Each contender has the target for itself, in turn, several rounds; shown
are medians. Other work on the machine moves all of them: the load is shown beside.

    python benchmarks/load_reader.py [--rounds 3] [--streams 500] [--seconds 6] [--only ours,fast]
                [--tool FOLDER]… [accuracy held tls short idle stall samples tools]

`tls` needs openssl. `tools` runs aiperf and guidellm, for those that are installed in an
environment whose `bin` is a FOLDER; what they saw is held against what was true while they ran.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import certifi
from load_tools import TOOLS

HERE = Path(__file__).parent
Figures = dict[str, float]
STEPS = (60, 125, 250, 500, 750, 1000, 1250, 1500, 1750, 2000)
PRECISE_S = 0.001


class Target:
    """The target, in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin, process.stdout
        self.base_url = self._out.readline().strip()

    def order(self, order: str) -> dict[str, Any]:
        self._in.write(order + "\n")
        self._in.flush()
        told: dict[str, Any] = json.loads(self._out.readline())
        return told


@contextmanager
def target(*arguments: str) -> Iterator[Target]:
    process = subprocess.Popen(
        [sys.executable, str(HERE / "load_target.py"), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Target(process)
    finally:
        process.communicate()


def contend(
    name: str,
    mode: str,
    users: int,
    seconds: float,
    *more: str,
    orders: Sequence[tuple[float, str]] = (),
) -> dict[str, Any]:
    """Let one contender run against a target of its own; what it saw, and the truth.

    Orders are given to the target so many seconds after the measuring began.
    """
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    if more:
        environment["SSL_CERT_FILE"] = str(Path(more[1]).with_suffix(".crt"))
    with target(*more) as served:
        child = subprocess.Popen(
            [
                *(sys.executable, str(HERE / "load_contender.py"), name, served.base_url, mode),
                *(str(users), str(seconds)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "go\n", f"{name} did not begin"
        served.order("mark")
        began, answers = time.perf_counter(), []
        for at, order in orders:
            time.sleep(max(began + at - time.perf_counter(), 0.0))
            answers.append(served.order(order))
        told: dict[str, Any] = json.loads(child.stdout.readline())
        truth = served.order("tell")
        child.wait()
    return {**told, "truth": truth, "orders": answers}


def p99(values: Sequence[float]) -> float:
    return sorted(values)[max(-(-len(values) * 99 // 100) - 1, 0)] if values else float("nan")


def mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else float("nan")


def accuracy(names: Sequence[str], options: argparse.Namespace, *more: str) -> None:
    rounds: dict[str, list[Figures]] = {name: [] for name in names}
    for _ in range(options.rounds):
        for name in names:
            found = contend(name, "streams", options.streams, options.seconds, *more)
            truth = found["truth"]
            rounds[name].append(
                {
                    "TTFT mean off by, ms": 1e3 * (mean(found["ttft"]) - mean(truth["ttft"])),
                    "TTFT p99 off by, ms": 1e3 * (p99(found["ttft"]) - p99(truth["ttft"])),
                    "ITL p99 off by, ms": 1e3 * (p99(found["itl"]) - p99(truth["itl"])),
                    "true TTFT mean, ms": 1e3 * mean(truth["ttft"]),
                    "true TTFT p99, ms": 1e3 * p99(truth["ttft"]),
                    "true ITL p99, ms": 1e3 * p99(truth["itl"]),
                    "Locust's table: mean, ms": 1e3 * found["table"][0],
                    "Locust's table: p99, ms": float(found["table"][1] or 0),
                    "CPU a chunk, µs": 1e6 * found["cpu"] / max(truth["chunks"], 1),
                    "resident, MB": found["resident"] / 1e6,
                    "shared stamps, %": 100 * found.get("shared", float("nan")),
                    "without kernel stamp, %": 100 * found.get("unstamped", float("nan")),
                    "chunks a second": truth["chunks"] / truth["seconds"],
                }
            )
    show(f"{options.streams} streams{' over TLS' if more else ''}", rounds)


def tls(names: Sequence[str], options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        both = Path(folder) / "both.pem"
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"]
        command += ["ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
        command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(both)]
        subprocess.run(
            [*command, "-out", str(both.with_suffix(".crt"))], check=True, capture_output=True
        )
        certificate = both.with_suffix(".crt")
        both.write_text(both.read_text() + certificate.read_text())
        accuracy(names, options, "--certificate", str(both))
        # On any machine it stands beside the authorities that everybody trusts: they are most of
        # what clients hold in memory that have TLS settings of their own for each user.
        certificate.write_text(Path(certifi.where()).read_text("utf-8") + certificate.read_text())
        trusting(names, options, "--certificate", str(both))


def held(names: Sequence[str], options: argparse.Namespace) -> None:
    """How many streams at once each measures to a millisecond: TTFT and ITL, the p99 of both.

    The number goes up step by step; a step that is missed is tried anew as often as there are
    rounds, and one that is missed each time is the end.
    """
    print(f"\nstreams held to 1 ms; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name in names:
        most = 0
        for streams in STEPS:
            missed = [_misses(name, streams, options.seconds)]
            while missed[-1] > PRECISE_S and len(missed) < options.rounds:
                missed.append(_misses(name, streams, options.seconds))
            print(f"  {name:6} {streams:6,} streams: off by {1e3 * min(missed):.2f} ms", flush=True)
            if min(missed) > PRECISE_S:
                break
            most = streams
        print(f"  {name:6} {most:6,} held", flush=True)


def _misses(name: str, streams: int, seconds: float) -> float:
    """The larger error of the two p99, in seconds; without end where streams were left unread.

    Streams that are still under way at the end are known to the target only: a third of them.
    """
    found = contend(name, "streams", streams, seconds)
    truth = found["truth"]
    if len(found["ttft"]) < 0.5 * len(truth["ttft"]):
        return float("inf")
    return max(abs(p99(found[key]) - p99(truth[key])) for key in ("ttft", "itl"))


def trusting(names: Sequence[str], options: argparse.Namespace, *more: str) -> None:
    """What TLS takes with the authorities of everybody; others still connect when they are told."""
    rounds: dict[str, list[Figures]] = {}
    for name in names:
        found = contend(name, "streams", options.streams, options.seconds, *more)
        rounds[name] = [{"resident, MB": found["resident"] / 1e6}]
    show(f"{options.streams} streams over TLS, the usual authorities trusted", rounds)


def short(names: Sequence[str], options: argparse.Namespace) -> None:
    rounds: dict[str, list[Figures]] = {name: [] for name in names if name != "http"}
    for _ in range(options.rounds):
        for name, figures in rounds.items():
            found = contend(name, "short", 50, options.seconds)
            replies = found["truth"]["replies"]
            figures.append(
                {
                    "replies a second": replies / found["truth"]["seconds"],
                    "CPU a reply, µs": 1e6 * found["cpu"] / max(replies, 1),
                    "core used, %": 100 * found["cpu"] / found["seconds"],
                    "failed": found["failed"],
                }
            )
    show("short replies, 50 users", rounds)


def idle(names: Sequence[str], options: argparse.Namespace) -> None:
    del options
    rounds: dict[str, list[Figures]] = {name: [] for name in names if name != "http"}
    for name, figures in rounds.items():
        few, many = (contend(name, "idle", users, 3.0)["grown"] for users in (100, 1100))
        figures.append({"a virtual user, kB": (many - few) / 1000 / 1000})
    show("1,000 more users with a connection each", rounds)


def stall(_: Sequence[str], options: argparse.Namespace) -> None:
    """Two seconds in which the endpoint stands still, four users, 100 requests a second.

    Ideal is the p99 of someone who sends each request when it is due, over as many connections
    as that takes: it waits for the end of the stall, and for nothing else.
    """
    rounds: dict[str, list[Figures]] = {"ours": []}
    for _round in range(options.rounds):
        found = contend("ours", "arrivals", 4, 14.0, orders=((4.0, "stall 2"),))
        until = found["orders"][0]["until"]
        rows = found["arrivals"]
        ideal = p99([until - due if until - 2 <= due < until else 0.0 for due, _, _ in rows])
        judged = p99([response for _, response, _ in rows])
        rounds["ours"].append(
            {
                "ideal p99, ms": 1e3 * ideal,
                "judged p99, ms": 1e3 * judged,
                "judged over ideal": judged / ideal,
                "naive p99 (from sending), ms": 1e3 * p99([took - late for _, took, late in rows]),
            }
        )
    show("two seconds of stall, four connections, 100 requests a second", rounds)


def samples(_: Sequence[str], options: argparse.Namespace) -> None:
    """What a sample costs to append; a million of them read and judged, with the memory it took."""
    rounds: dict[str, list[Figures]] = {"ours": []}
    for _round in range(options.rounds):
        child = subprocess.run(
            [sys.executable, str(HERE / "load_samples.py")], stdout=subprocess.PIPE, check=True
        )
        rounds["ours"].append(json.loads(child.stdout))
    show("samples", rounds)


def tools(_: Sequence[str], options: argparse.Namespace) -> None:
    """Programs of others at the same number of streams."""
    found = {name: folder for name in TOOLS for folder in options.tool if (folder / name).is_file()}
    rounds: dict[str, list[Figures]] = {name: [] for name in found}
    for _round in range(options.rounds):
        for name, programs in found.items():
            with target() as served, tempfile.TemporaryDirectory() as folder:
                before = os.times()
                seen = TOOLS[name](
                    programs, served.base_url, options.streams, options.seconds, Path(folder)
                )
                after, truth = os.times(), served.order("tell")
            spent = after.children_user + after.children_system
            spent -= before.children_user + before.children_system
            rounds[name].append(
                {
                    "TTFT mean off by, ms": 1e3 * (seen["ttft_mean"] - mean(truth["ttft"])),
                    "TTFT p99 off by, ms": 1e3 * (seen["ttft_p99"] - p99(truth["ttft"])),
                    "ITL p99 off by, ms": 1e3 * (seen["itl_p99"] - p99(truth["itl"])),
                    "true TTFT mean, ms": 1e3 * mean(truth["ttft"]),
                    "true ITL p99, ms": 1e3 * p99(truth["itl"]),
                    "CPU a chunk, all of it, µs": 1e6 * spent / max(truth["chunks"], 1),
                    "streams": float(len(truth["ttft"])),
                }
            )
    if rounds:
        show(f"{options.streams} streams, by programs of others", rounds)
    else:
        print("\nNeither aiperf nor guidellm is in a folder named by --tool.")


def show(title: str, rounds: dict[str, list[Figures]]) -> None:
    print(f"\n{title}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    names = list(rounds)
    print(f"  {'':28}" + "".join(f"{name:>10}" for name in names))
    for key in next(iter(rounds.values()))[0]:
        row = [statistics.median(figures[key] for figures in rounds[name]) for name in names]
        print(f"  {key:28}" + "".join(f"{value:10.2f}" for value in row))
    sys.stdout.flush()


PARTS = {
    "accuracy": accuracy,
    "held": held,
    "tls": tls,
    "short": short,
    "idle": idle,
    "stall": stall,
    "samples": samples,
    "tools": tools,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("parts", nargs="*", default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--only", default="ours,fast,http")
    parser.add_argument("--tool", type=Path, action="append", default=[])
    options = parser.parse_args()
    for part in options.parts:
        PARTS[part](options.only.split(","), options)


if __name__ == "__main__":
    main()
