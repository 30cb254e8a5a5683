import os
import subprocess
import sys
import time

import psutil
import pytest

from kimi_conformance.load import resources
from kimi_conformance.load.resources import Sampler


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
    now, counters, spent = [0.0], [(100.0, 1000.0)], [0.0]
    monkeypatch.setattr(psutil, "cpu_count", lambda: 4)
    monkeypatch.setattr(resources, "_host_cpu", lambda: counters[0])
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(resources._Tree, "spent", lambda _: (spent[0], 0))
    sampler = Sampler(os.getpid())

    now[0], counters[0], spent[0] = 2.0, (102.0, 1008.0), 1.0
    first = sampler.read()
    now[0], counters[0], spent[0] = 3.0, (106.0, 1012.0), 0.0
    second = sampler.read()

    assert (first.host.cpu, first.load.cpu) == (25.0, 12.5)
    assert (second.host.cpu, second.load.cpu) == (100.0, 0.0)


def test_the_tree_counts_children() -> None:
    alone = Sampler(os.getpid()).read().load.memory
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        together = Sampler(os.getpid()).read().load.memory
    finally:
        child.communicate(b"\n")

    assert together > alone
