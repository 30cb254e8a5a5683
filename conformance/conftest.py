"""Gives the checks below this folder their fixtures; nothing else happens here."""

import pytest
from hypothesis import HealthCheck, Phase, settings

from kimi_conformance.checks.fixtures import (
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
# In a matrix a mutant only has to be noticed; the shortest example of it is nobody's concern.
settings.register_profile(
    "matrix",
    COMMON,
    max_examples=25,
    stateful_step_count=5,
    phases=[Phase.explicit, Phase.generate],
)


def pytest_configure(config: pytest.Config) -> None:
    """Search for examples as the kind of run asks."""
    matrix = config.getoption("--kimi-matrix")
    settings.load_profile("matrix" if matrix else config.getoption("--kimi-search"))
