"""What git knows, or would: the files that are, or are about to be, committed."""

import subprocess
from pathlib import Path

import pytest

__all__ = ["ROOT", "committed"]

ROOT = Path(__file__).parents[1]


def committed() -> list[str]:
    """Their names, below `ROOT`; skips where there is no git checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: there is no list of committed files")
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]
