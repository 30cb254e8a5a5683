"""A history of the test's own; and the tests may import their memories, however pytest started."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kimi_conformance.history.store import History


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "reports" / "history.sqlite"


@pytest.fixture
def history(file: Path) -> Iterator[History]:
    with History(file, create=True) as opened:
        yield opened
