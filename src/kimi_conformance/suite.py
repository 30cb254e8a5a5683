"""Where the content is: in the checkout, or inside the installed package."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kimi_conformance.baselines import Baseline
from kimi_conformance.baselines import parse as parse_baseline
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
    def is_installed(self) -> bool:
        """Whether it is part of an installed package, where nothing should be written."""
        return self.root.name == "_suite"

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
        return Catalogue.parse(
            {file.stem: file.read_text("utf-8") for file in files}, self._editions()
        )

    def baseline(self, adapter: str) -> Baseline | None:
        """What is known to fail for an adapter, or None: it has no baseline.

        Raises:
            UsageError: The file is wrong.
        """
        files = {file.stem: file for file in (self.conformance / "baselines").glob("*.toml")}
        file = files.get(adapter)
        if file is None:
            return None
        return parse_baseline(file.read_text("utf-8"), f"baselines/{file.name}", self._editions())

    def read_baseline(self, file: Path) -> Baseline:
        """A baseline that a user has written.

        Raises:
            UsageError: The file cannot be read, or is wrong.
        """
        try:
            text = file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise UsageError(
                f"The baseline {file} cannot be read: {why}. Name a TOML file of known failures "
                "with --baseline; conformance/baselines/README.md shows one."
            ) from error
        return parse_baseline(text, str(file), self._editions())

    def has_topic(self, topic: str) -> bool:
        """Whether there are checks about this: "adapter/listing"."""
        plane, _, name = topic.partition("/")
        return (self.conformance / plane / f"test_{name}.py").is_file()

    def has_recordings(self, edition: str, plane: str) -> bool:
        """Whether anything has been recorded of a plane in an edition."""
        return (self.cassettes / edition / plane).is_dir()

    def scenario(self, name: str) -> Path:
        """The file of a load scenario.

        Raises:
            UsageError: There is none of this name.
        """
        known = sorted(file.stem for file in self.loadtests.glob("*.py"))
        if name not in known:
            raise UsageError(f"There is no load scenario '{name}'. {nearest(name, known)}")
        return self.loadtests / f"{name}.py"

    def _editions(self) -> tuple[str, ...]:
        """The names that requirements may use, oldest first."""
        files = (self.conformance / "editions").glob("*.toml")
        return tuple(sorted(file.stem for file in files))


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
