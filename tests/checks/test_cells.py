"""Which check is to judge which SUT."""

from pathlib import Path

import pytest

from kimi_conformance.checks.cells import Cells
from kimi_conformance.errors import UsageError

CELLS = Cells({"adapter/filter/kept[a]": ["one"], "adapter/filter/kept[b]": ["two", "three"]})


def test_a_cell_is_a_check_in_one_variant_and_a_sut() -> None:
    assert ("adapter/filter/kept[a]", "one") in CELLS
    assert ("adapter/filter/kept[b]", "one") not in CELLS
    assert ("adapter/filter/kept", "one") not in CELLS


def test_the_suts_of_all_variants_are_known_before_the_variants_are() -> None:
    assert set(CELLS.of_any_variant("adapter/filter/kept")) == {"one", "two", "three"}
    assert set(CELLS.of_any_variant("adapter/filter/dropped")) == set()


@pytest.mark.parametrize("text", [None, "{"])
def test_a_file_that_cannot_be_read_is_named(text: str | None, tmp_path: Path) -> None:
    file = tmp_path / "cells.json"
    if text is not None:
        file.write_text(text)

    with pytest.raises(UsageError, match=r"cells\.json cannot be read"):
        Cells.read(file)
