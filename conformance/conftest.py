"""Gives the checks below this folder their fixtures; nothing else happens here."""

from hypothesis import HealthCheck, settings

from kimi_conformance.checks.fixtures import (
    adapter,
    bench,
    binding,
    check,
    clock,
    edition,
    endpoint,
    model,
    open_adapter,
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
    "model",
    "open_adapter",
    "service",
    "upstream",
]

settings.register_profile(
    "ci",
    derandomize=True,  # the same examples at every run
    max_examples=25,
    deadline=None,  # machines are shared and noisy
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("ci")
