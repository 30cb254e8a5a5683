"""What tests of several parts need."""

from collections.abc import Iterator

import pytest

from kimi_conformance.stage import Stage


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    """One stage for the whole session; each test opens lanes of its own."""
    with Stage() as stage:
        yield stage
