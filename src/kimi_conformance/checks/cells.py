"""Which check is to judge which SUT, where a run is not to judge all of them by all checks."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path

from kimi_conformance.errors import UsageError

__all__ = ["Cells"]


class Cells:
    """Pairs of a check and a SUT.

    Args:
        suts: The SUTs by the id of the check, its variant included.
    """

    def __init__(self, suts: Mapping[str, Collection[str]]) -> None:
        self._suts = {check: frozenset(judged) for check, judged in suts.items()}
        self._of_any: dict[str, set[str]] = defaultdict(set)
        for check, judged in suts.items():
            self._of_any[check.partition("[")[0]].update(judged)

    @classmethod
    def read(cls, file: Path) -> "Cells":
        """Those that a file holds, as a JSON object.

        Raises:
            UsageError: It cannot be read.
        """
        try:
            return cls(json.loads(file.read_bytes()))
        except (OSError, ValueError) as error:
            raise UsageError(f"The cells in {file} cannot be read: {error}") from error

    def __contains__(self, cell: tuple[str, object]) -> bool:
        check, sut = cell
        return sut in self._suts.get(check, ())

    def of_any_variant(self, check: str) -> Collection[str]:
        """The SUTs that some variant of a check judges; its id without a variant."""
        return self._of_any.get(check, ())
