"""Fixtures of the project's own; some have names that others use too."""

from collections.abc import Iterator

import pytest

RUNNING: list[str] = []


@pytest.fixture(autouse=True)
def running(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Notes which test is running, around every test of the session."""
    RUNNING.append(request.node.nodeid)
    yield RUNNING
    RUNNING.pop()


@pytest.fixture
def adapter() -> str:
    """A power supply, and no client."""
    return "230 V"


@pytest.fixture
def check() -> str:
    """A cheque, as some spell it."""
    return "paid"
