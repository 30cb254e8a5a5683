import os
import subprocess
import sys

import psutil
import pytest

from kimi_conformance.load.running import resources
from kimi_conformance.load.running.resources import Sampler


def test_a_reading_is_in_percent_of_the_host() -> None:
    reading = Sampler(os.getpid(), os.getpid()).read()

    assert 0 <= reading.host.cpu <= 100
    assert 0 < reading.load.memory <= reading.host.memory <= 100
    assert reading.target is not None
    assert reading.target.memory > 0


def test_a_target_elsewhere_or_gone_has_no_usage() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()

    assert Sampler(os.getpid()).read().target is None
    assert Sampler(os.getpid(), gone.pid).read().target is None


def test_cpu_is_what_was_spent_since_the_last_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    now, counters, spent = [(0.0, 0.0, 0.0)], [(100.0, 1000.0)], [0.0]
    monkeypatch.setattr(psutil, "cpu_count", lambda: 4)
    monkeypatch.setattr(resources, "_host_cpu", lambda: counters[0])
    monkeypatch.setattr(resources, "_clocks", lambda: now[0])
    monkeypatch.setattr(resources._Trees, "spent", lambda _: (spent[0], 0))
    sampler = Sampler(os.getpid())

    now[0], counters[0], spent[0] = (2.0, 2.0, 2.0), (102.0, 1008.0), 1.0
    first = sampler.read()
    now[0], counters[0], spent[0] = (3.0, 3.0, 3.0), (106.0, 1012.0), 0.0
    second = sampler.read()

    assert (first.host.cpu, first.load.cpu) == (25.0, 12.5)
    assert (second.host.cpu, second.load.cpu) == (100.0, 0.0)


@pytest.mark.parametrize(
    ("clocks", "set_s", "asleep_s"),
    [
        ((1.0, 1.0, 1.0), 0.0, 0.0),
        ((1.0, 1.0, 4.0), 3.0, 0.0),
        ((1.0, 1.0, -1.0), -2.0, 0.0),
        ((1.0, 61.0, 61.0), 0.0, 60.0),
    ],
)
def test_a_clock_that_was_set_and_a_machine_that_slept_are_told_apart(
    clocks: tuple[float, float, float],
    set_s: float,
    asleep_s: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [(0.0, 0.0, 0.0)]
    monkeypatch.setattr(resources, "_clocks", lambda: now[0])
    sampler = Sampler(os.getpid())
    now[0] = clocks

    reading = sampler.read()

    assert (reading.clock_set_s, reading.asleep_s) == (set_s, asleep_s)


def test_clocks_that_nobody_touched_agree() -> None:
    reading = Sampler(os.getpid()).read()

    assert abs(reading.clock_set_s) < 0.1
    assert reading.asleep_s < 0.1


def test_the_tree_counts_children() -> None:
    alone = Sampler(os.getpid()).read().load.memory
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        together = Sampler(os.getpid()).read().load.memory
    finally:
        child.communicate(b"\n")

    assert together > alone


def test_several_load_processes_are_added_and_none_is_counted_twice() -> None:
    alone = Sampler([os.getpid(), os.getpid()]).read().load.memory
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        together = Sampler([child.pid, os.getpid()]).read().load.memory
        by_tree = Sampler(os.getpid()).read().load.memory
    finally:
        child.communicate(b"\n")
    without = Sampler([child.pid, os.getpid()]).read().load.memory

    assert alone < together == pytest.approx(by_tree, rel=0.05)
    assert without == pytest.approx(alone, rel=0.05)
