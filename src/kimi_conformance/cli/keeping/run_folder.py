"""The folder of one run: its evidence while it runs, its reports when it is over."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from kimi_conformance import __version__
from kimi_conformance.cli.keeping.history_file import remember
from kimi_conformance.errors import RunError, UsageError
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import SCHEMA, Run, encode, parse
from kimi_conformance.suite import Suite
from kimi_conformance.verdicts import Conclusion, RunVerdict, conclude, worst_of

__all__ = ["RunFolder", "evidence_file", "is_folder", "newest", "read_run"]

Verdicts = tuple[RunVerdict, str]  # and the sentence that belongs to it
_LIBRARIES = ("pytest", "httpx", "vcrpy", "respx", "hypothesis", "locust", "openai")


def evidence_file(path: Path) -> Path:
    """The evidence of a run that is named by its folder, or by that file."""
    return path / "run.jsonl" if is_folder(path) else path


def is_folder(path: Path) -> bool:
    """Whether it is one; a name that no file can have is none."""
    try:
        return path.is_dir()
    except OSError:
        return False


def newest(out: Path) -> Path:
    """The folder of the run that began last.

    Raises:
        UsageError: There is none.
    """
    runs = sorted(path.parent for path in out.glob("*/run.jsonl"))
    if not runs:
        raise UsageError(
            f"There is no run below {out}. Make one with: kimi-conformance gate; or name one."
        )
    return runs[-1]


def read_run(path: Path) -> Run:
    """Read the evidence of a run.

    Args:
        path: Its file, or the folder it stands in.

    Raises:
        RunError: There is none, or it is damaged.
    """
    file = evidence_file(path)
    try:
        with file.open("rb") as lines:
            return parse(lines, str(file))
    except OSError as error:
        runs = path.glob("*/run.jsonl") if is_folder(path) else ()
        below = sorted(str(each.parent) for each in runs)
        told = (
            f"There are {len(below)} below that folder; name one of them: {below[-1]}"
            if below
            else "Runs are written to reports/out by: kimi-conformance gate, nightly, sla, check, "
            "load"
        )
        raise RunError(f"There is no run at {file}: {error.strerror}. {told}") from error
    except RunError as error:
        if ", line 1 " not in str(error):
            raise
        raise RunError(
            f"{error} A run is named by its folder, as they stand below reports/out, or by the "
            "run.jsonl in it."
        ) from error


@dataclass
class RunFolder:
    """A run under way.

    Attributes:
        folder: Made for this run.
        started: When it began.
    """

    folder: Path
    started: datetime

    @classmethod
    def begin(
        cls,
        out: Path,
        job: str,
        *,
        lane: str,
        source: str,
        edition: str,
        configuration: Mapping[str, Any],
        named_by_edition: bool = False,
    ) -> "RunFolder":
        """Make the folder and write the header.

        The folder is named by moment and job, and by the edition where that tells runs apart.

        Raises:
            UsageError: The folder cannot be written.
        """
        started = datetime.now(UTC)
        name = f"{started:%Y%m%d-%H%M%S}-{job}" + f"-{edition}" * named_by_edition
        try:
            folder = _make_folder(out, name)
        except OSError as error:
            raise UsageError(
                f"Cannot write to {out}: {error.strerror}. Name another folder with --out."
            ) from error
        run = cls(folder, started)
        run.append(
            {
                "record": "header",
                "schema": SCHEMA,
                "run": folder.name,
                "job": job,
                "started": started.isoformat(timespec="seconds"),
                "suite": {
                    "version": __version__,
                    "python": platform.python_version(),
                    "platform": f"{platform.system()} {platform.machine()}",
                },
                "lane": lane,
                "source": source,
                "edition": edition,
                "suts": [],
                "configuration": dict(configuration),
                "libraries": _versions(),
            }
        )
        return run

    @property
    def evidence(self) -> Path:
        """The evidence file."""
        return self.folder / "run.jsonl"

    def append(self, record: Mapping[str, Any]) -> None:
        """Add one record, in one write.

        Raises:
            RunError: The disk is full, or the folder is gone.
        """
        try:
            with self.evidence.open("ab", buffering=0) as file:
                file.write(encode(record))
        except OSError as error:
            raise RunError(f"Cannot write {self.evidence}: {error.strerror}.") from error

    def conclude(
        self,
        catalogue: Catalogue,
        run: Run,
        *,
        checks: Verdicts = (RunVerdict.CONFORMANT, ""),
        parts: Mapping[str, Verdicts] | None = None,
    ) -> Conclusion:
        """Judge what was found, and write the footer.

        Args:
            catalogue: The requirements.
            run: The evidence so far.
            checks: What is known of the checks besides their outcomes; the worse one counts.
            parts: Verdict and sentence of each other part of the run, "drift" and "load".
        """
        found = conclude(run.outcomes(catalogue))
        own = _worst([(found.verdict, found.because), checks])
        told = {"checks": own, **(parts or {})}
        verdict, sentence = _worst(list(told.values()))
        self.end(
            verdict,
            sentence,
            {kind.value: count for kind, count in found.counts.items()},
            told if parts else {},
        )
        return replace(found, verdict=verdict, because=sentence)

    def end(
        self,
        verdict: RunVerdict,
        because: str,
        counts: Mapping[str, int] | None = None,
        parts: Mapping[str, Verdicts] | None = None,
    ) -> None:
        """Write the footer."""
        ended = datetime.now(UTC)
        self.append(
            {
                "record": "footer",
                "ended": ended.isoformat(timespec="seconds"),
                "verdict": verdict.value,
                "because": because,
                "exit_code": verdict.exit_code,
                "counts": dict(counts or {}),
                "seconds": round((ended - self.started).total_seconds(), 1),
                **({"parts": [_part(*each) for each in parts.items()]} if parts else {}),
            }
        )

    def report(self, suite: Suite, run: Run) -> dict[str, Path]:
        """Render the run, and add it to the history; the files by their format.

        Args:
            suite: Whose templates are used.
            run: The evidence, with its footer.

        Raises:
            RunError: The folder cannot be written.
        """
        from kimi_conformance.cli.keeping.beside import beside
        from kimi_conformance.reporting import write_report

        catalogue = suite.catalogue()
        files = dict(
            write_report(
                run,
                catalogue,
                self.folder,
                template_folder=suite.reports / "templates",
                beside=beside(run, self.folder, suite),
            )
        )
        remember(self.folder, run.header["job"], catalogue)
        return files


def _make_folder(out: Path, name: str) -> Path:
    """A folder that nobody else uses: two runs of one second get different ones."""
    out.mkdir(parents=True, exist_ok=True)
    for number in range(1, 100):
        folder = out / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(17, os.strerror(17))


def _versions() -> dict[str, str]:
    found = {}
    for package in _LIBRARIES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _worst(found: Sequence[Verdicts]) -> Verdicts:
    worst = worst_of(verdict for verdict, _ in found)
    return worst, "; ".join(text for verdict, text in found if verdict is worst and text)


def _part(name: str, found: Verdicts) -> Mapping[str, str]:
    verdict, because = found
    return {"part": name, "verdict": verdict.value, "because": because}
