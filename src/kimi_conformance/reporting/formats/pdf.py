"""A page as PDF, printed by the system's Chromium."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from kimi_conformance.errors import RunError, UsageError

__all__ = ["BROWSERS", "pdf"]

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
LIMIT = 120.0  # seconds
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--no-pdf-header-footer"),
)


def pdf(page: bytes) -> bytes:
    """Print a page that needs nothing from outside.

    Raises:
        UsageError: There is no Chromium or Chrome on this system.
        RunError: It printed nothing.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise UsageError(
            "PDF needs Chromium or Chrome, and none is on the PATH. Install one, or leave out pdf: "
            "--format html,md,json; any browser prints the HTML page."
        )
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "page.html", Path(folder) / "page.pdf"
        source.write_bytes(page)
        command = [browser, *_FLAGS, f"--user-data-dir={folder}/profile"]
        try:
            said = subprocess.run(  # noqa: S603 - our own arguments
                [*command, f"--print-to-pdf={target}", source.as_uri()],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=LIMIT,
                check=False,
            ).stderr
        except subprocess.TimeoutExpired as error:
            raise RunError(f"{browser} did not print the page within {LIMIT:g} s.") from error
        if not target.is_file() or not target.stat().st_size:
            last = (said.strip().splitlines() or ["it said nothing"])[-1]
            raise RunError(f"{browser} printed nothing: {last}")
        return target.read_bytes()
