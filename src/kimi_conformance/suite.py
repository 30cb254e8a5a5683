"""Where the content is: in the checkout, or inside the installed package."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kimi_conformance.editions import Edition
from kimi_conformance.editions import parse as parse_edition
from kimi_conformance.errors import UsageError, nearest
from kimi_conformance.requirements import Catalogue

__all__ = ["Suite", "find"]


@dataclass(frozen=True, slots=True)
class Suite:
    """The content folders below one root.

    Attributes:
        root: The checkout, or `kimi_conformance/_suite` in an installation.
    """

    root: Path

    @property
    def conformance(self) -> Path:
        """What must hold."""
        return self.root / "conformance"

    @property
    def fixtures(self) -> Path:
        """Inputs."""
        return self.root / "fixtures"

    @property
    def cassettes(self) -> Path:
        """Recorded interactions."""
        return self.root / "cassettes"

    @property
    def loadtests(self) -> Path:
        """Load scenarios."""
        return self.root / "loadtests"

    @property
    def reports(self) -> Path:
        """Templates and assets of the reports."""
        return self.root / "reports"

    def editions(self) -> dict[str, Edition]:
        """Every edition by name, oldest first."""
        files = sorted((self.conformance / "editions").glob("*.toml"))
        return {file.stem: parse_edition(file.stem, file.read_text("utf-8")) for file in files}

    def edition(self, name: str) -> Edition:
        """One edition.

        Raises:
            UsageError: There is none of this name.
        """
        editions = self.editions()
        if name not in editions:
            raise UsageError(f"There is no edition '{name}'. {nearest(name, editions)}")
        return editions[name]

    def catalogue(self) -> Catalogue:
        """All requirements.

        Raises:
            UsageError: A file of the catalogue is wrong.
        """
        files = sorted((self.conformance / "requirements").glob("*.toml"))
        names = tuple(file.stem for file in (self.conformance / "editions").glob("*.toml"))
        # Requirements may already name the edition that the simulator does not serve yet.
        known = tuple(sorted({*names, "2025-09", "2026-09"}))
        return Catalogue.parse({file.stem: file.read_text("utf-8") for file in files}, known)

    def scenario(self, name: str) -> Path:
        """The file of a load scenario.

        Raises:
            UsageError: There is none of this name.
        """
        known = sorted(file.stem for file in self.loadtests.glob("*.py"))
        if name not in known:
            raise UsageError(f"There is no load scenario '{name}'. {nearest(name, known)}")
        return self.loadtests / f"{name}.py"


@cache
def find() -> Suite:
    """The suite that this package belongs to.

    Raises:
        UsageError: The content folders are missing: the installation is broken.
    """
    package = Path(__file__).resolve().parent
    for root in (package / "_suite", package.parent.parent):
        if (root / "conformance" / "requirements").is_dir():
            return Suite(root)
    raise UsageError(
        "The content of the suite (conformance, fixtures, cassettes, …) is not beside the "
        "package. Install it again: pip install --force-reinstall kimi-conformance"
    )
