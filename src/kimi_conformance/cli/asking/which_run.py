"""Which run is meant: a folder, a name in the history, "last", and a SUT or model of it."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from kimi_conformance.cli.keeping.history_file import read_past
from kimi_conformance.errors import KimiConformanceError, UsageError, nearest
from kimi_conformance.history.comparison import Side
from kimi_conformance.history.past import PastRun
from kimi_conformance.history.regression import Samples
from kimi_conformance.history.store import History
from kimi_conformance.load.samples.file import read_samples
from kimi_conformance.requirements import Catalogue

__all__ = ["find_side"]

_LAST = re.compile(r"last(?:~(?P<back>\d{1,6}))?")
_METRICS = ("response_s", "ttft_s")


def find_side(text: str, history: History | None, catalogue: Catalogue) -> Side:
    """The run, or the SUT or model of a run, that is meant by `RUN` or `RUN:PART`.

    Args:
        text: A folder, a run.jsonl, a name in the history, "last", or "last~2": two before
            the last of the same job, edition and lane. With a colon, a SUT or model of it.
        history: The history, or None: there is none.
        catalogue: The requirements.

    Raises:
        UsageError: There is no such run, or it has no such SUT or model.
        RunError: It is damaged.
    """
    names = list(_splits(text))
    for name, part in names:
        run = _run(name, history, catalogue)
        if run is not None:
            return _side(run, part)
    if history is None:
        raise UsageError(
            f"There is no run at {text}, and no history to look for it. Name the folder of a run "
            "below reports/out, or begin a history: kimi-conformance history import reports/out/*"
        )
    known = [run.id for run in history.runs()][-50:]
    raise UsageError(
        f"There is no run '{text}': neither a run's folder, nor in {history.path}. "
        f"{nearest(text, [*known, 'last'])}"
    )


def _splits(text: str) -> Iterator[tuple[str, str | None]]:
    """The whole text, then all before and after each of its colons."""
    yield text, None
    for match in re.finditer(":", text):
        yield text[: match.start()], text[match.end() :]


def _run(name: str, history: History | None, catalogue: Catalogue) -> PastRun | None:
    if name and _holds_run(Path(name)):
        return read_past(Path(name), catalogue)
    if history is None:
        return None
    if match := _LAST.fullmatch(name):
        return _last(history, int(match["back"] or 0))
    found = [run for run in history.runs() if run.id == name]
    return history.filled(found[0]) if found else None


def _holds_run(path: Path) -> bool:
    try:
        return path.is_file() or (path / "run.jsonl").is_file()
    except OSError:
        return False  # a name that no file can have


def _last(history: History, back: int) -> PastRun:
    newest = history.runs(limit=1)
    if not newest:
        raise UsageError(f"The history {history.path} holds no run yet.")
    like = history.runs(like=newest[0], limit=back + 1)
    if len(like) <= back:
        raise UsageError(
            f"Runs like {newest[0].id} (job {newest[0].job}, edition {newest[0].edition}, lane "
            f"{newest[0].lane}) in the history: {len(like)}, so there is no last~{back}."
        )
    return history.filled(like[0])


def _side(run: PastRun, part: str | None) -> Side:
    samples = _samples(run)
    if part is None:
        return Side(run=run, samples=samples)
    suts = {outcome.sut for outcome in run.outcomes}
    models = {load.model for load in run.loads}
    if part in suts:
        return Side(run=run, sut=part, samples=samples)
    if part in models:
        return Side(run=run, model=part, samples=samples)
    raise UsageError(
        f"{run.id} has neither a SUT nor a model '{part}'. {nearest(part, suts | models)}"
    )


def _samples(run: PastRun) -> Samples:
    """The values behind the loads of a run, where their files are still there and readable."""
    found: dict[tuple[str, str], dict[str, Sequence[float]]] = {}
    for load in run.loads:
        file = Path(run.folder) / Path(load.samples).name
        if not load.samples or not file.is_file():
            continue
        try:
            read = read_samples(file.read_bytes(), file.name)
        except (KimiConformanceError, OSError):
            continue  # the summary in the record still tells
        judged = [
            sample
            for sample in read.samples
            if sample.ok and read.header.judges(sample.intended, sample.end)
        ]
        values: dict[str, Sequence[float]] = {
            metric: [v for each in judged if (v := getattr(each, metric)) is not None]
            for metric in _METRICS
        }
        found[load.scenario, load.model] = values
    return found
