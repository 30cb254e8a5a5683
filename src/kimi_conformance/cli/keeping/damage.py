"""
What is wrong with a run that somebody else may have written, told as damage of the file.

A run is held against its schema only where it could not be worked with: that takes a
second for each few thousand records. Where the schema has nothing against it, the mistake is
ours, and stays what it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kimi_conformance.cli.keeping.run_folder import evidence_file
from kimi_conformance.errors import RunError
from kimi_conformance.suite import Suite

__all__ = ["OF_VALUES", "damage_told", "verify"]

OF_VALUES = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)  # what a value of another shape than expected raises, sooner or later


def verify(file: Path, suite: Suite) -> None:
    """Return if the records are such that they can be judged.

    Raises:
        RunError: One is not as the schema says.
    """
    from kimi_conformance.reporting.formats.evidence_schema import (
        flaws,  # jsonschema is slow to import
    )

    with file.open("rb") as lines:
        flaw = next(flaws(lines, suite.reports / "schemas"), None)
    if flaw is not None:
        raise RunError(
            f"{file} is not as its schema says, {flaw}. "
            f"All that is wrong: kimi-conformance report {file} --validate"
        )


@contextmanager
def damage_told(suite: Suite, *runs: Path) -> Iterator[None]:
    """Blame the runs that are worked with inside for what goes wrong, if they are to blame.

    Args:
        suite: Has the schema.
        runs: Folders or files; what is neither is passed over.

    Raises:
        RunError: A value could not be worked with, and a run is not as the schema says.
    """
    try:
        yield
    except OF_VALUES:
        for run in runs:
            with suppress(OSError):
                verify(evidence_file(run), suite)
        raise
