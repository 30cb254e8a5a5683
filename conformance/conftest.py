"""
Gives the checks below this folder their fixtures, and sets them apart from tests of others.

A user may run them by their own pytest, with settings that were made for other tests; what
pytest calls here, it calls for what is below this folder only.
"""

import inspect
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from kimi_conformance.checks.fixtures import (
    CHECKS,
    adapter,
    bench,
    binding,
    check,
    clock,
    edition,
    endpoint,
    impatient,
    model,
    open_adapter,
    sampling,
    service,
    timed,
    upstream,
)

__all__ = [
    "adapter",
    "bench",
    "binding",
    "check",
    "clock",
    "edition",
    "endpoint",
    "impatient",
    "model",
    "open_adapter",
    "sampling",
    "service",
    "timed",
    "upstream",
]


COMMON = settings(
    derandomize=True,  # the same examples at every run
    deadline=None,  # machines are shared and noisy
    database=None,
    # Not Phase.explain: it traces every line of a client, and makes it slow.
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile("ci", COMMON, max_examples=25, stateful_step_count=20)
# New examples at every run, many of them, and how to see a failing one again.
settings.register_profile(
    "nightly",
    COMMON,
    derandomize=False,
    max_examples=250,
    stateful_step_count=50,
    print_blob=True,
)
# In a matrix a mutant only has to be noticed; the shortest example of it is nobody's concern, and
# what ten examples do not notice of a mutant, an example that is written down does.
settings.register_profile(
    "matrix",
    COMMON,
    max_examples=10,
    stateful_step_count=5,
    phases=[Phase.explicit, Phase.generate],
)


def pytest_configure(config: pytest.Config) -> None:
    """Search for examples as the kind of run asks."""
    matrix = config.getoption("--kimi-matrix")
    settings.load_profile("matrix" if matrix else config.getoption("--kimi-search"))


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Tell the plugin that these are checks: a marker or a fixture may have its name by chance."""
    collector.stash[CHECKS] = True


def pytest_pycollect_makeitem(name: str, obj: Any) -> None:
    """Leave asynchronous checks to pytest-asyncio, whatever its mode and anyio's are."""
    if not name.startswith("test_"):
        return
    searched = getattr(obj, "hypothesis", None)  # its wrapper is a function like any other
    if inspect.iscoroutinefunction(searched.inner_test if searched else obj):
        pytest.mark.asyncio(obj)
        # By this argument anyio's plugin, asked before, takes a test for itself.
        obj.pytestmark = [mark for mark in obj.pytestmark if "anyio_backend" not in mark.args]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep warnings what they are: where a user has them raised, they would pass for verdicts."""
    item.add_marker(pytest.mark.filterwarnings("default"), append=False)
