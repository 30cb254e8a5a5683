"""
Reports as files.

The golden files are what the sample run renders to. After a change that is meant, write
them anew and read the difference before it is committed:

    KIMI_WRITE_GOLDEN=1 python -m pytest tests/reporting/test_report_files.py
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from kimi_conformance.errors import RunError, UsageError
from kimi_conformance.reporting import FORMATS, STANDARD, write_report
from kimi_conformance.requirements import Catalogue
from kimi_conformance.runs import Run

GOLDEN = Path(__file__).parent / "golden"
NAMES = {
    "html": "report.html",
    "junit": "junit.xml",
    "md": "summary.md",
    "ctrf": "ctrf.json",
    "openmetrics": "metrics.prom",
    "badge": "badge.json",
    "annotations": "annotations.txt",
}


@pytest.mark.parametrize("name", FORMATS)
def test_the_sample_run_renders_to_its_golden_file(
    run: Run, catalogue: Catalogue, templates: Path, tmp_path: Path, name: str
) -> None:
    paths = write_report(run, catalogue, tmp_path, [name], template_folder=templates)
    golden = GOLDEN / NAMES[name]
    if os.environ.get("KIMI_WRITE_GOLDEN"):
        golden.write_bytes(paths[name].read_bytes())

    assert paths[name].read_text() == golden.read_text()


def test_a_job_writes_all_formats_but_those_it_prints() -> None:
    assert set(FORMATS) - set(STANDARD) == {"annotations"}


def test_all_formats_are_written_into_a_new_folder(
    run: Run, catalogue: Catalogue, templates: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "new" / "folder"

    paths = write_report(run, catalogue, folder, FORMATS, template_folder=templates)

    assert paths == {name: folder / file for name, file in NAMES.items()}
    assert sorted(file.name for file in folder.iterdir()) == sorted(NAMES.values())


def test_an_old_report_is_replaced(
    run: Run, catalogue: Catalogue, templates: Path, tmp_path: Path
) -> None:
    (tmp_path / "summary.md").write_text("old")

    write_report(run, catalogue, tmp_path, ["md"], template_folder=templates)

    assert (tmp_path / "summary.md").read_text().startswith("# ❌ NOT CONFORMANT")


def test_a_folder_that_is_a_file_is_refused(
    run: Run, catalogue: Catalogue, templates: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("a file")

    with pytest.raises(RunError, match=r"cannot be written to .*out: .* Nothing was written"):
        write_report(run, catalogue, tmp_path / "out", template_folder=templates)


def test_when_one_file_cannot_be_written_none_is(
    run: Run, catalogue: Catalogue, templates: Path, tmp_path: Path
) -> None:
    (tmp_path / "summary.md").mkdir()

    with pytest.raises(RunError, match=r"summary\.md is a folder there"):
        write_report(run, catalogue, tmp_path, template_folder=templates)

    assert [file.name for file in tmp_path.iterdir()] == ["summary.md"]


def test_a_full_disk_leaves_nothing_behind(
    run: Run,
    catalogue: Catalogue,
    templates: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if "summary" in path.name:
            written(path, data[:10])
            raise OSError(28, "No space left on device")
        return written(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)

    with pytest.raises(RunError, match="No space left on device"):
        write_report(run, catalogue, tmp_path, template_folder=templates)

    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_report_whole(
    run: Run,
    catalogue: Catalogue,
    templates: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_report(run, catalogue, tmp_path, template_folder=templates)
    old = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")  # some disks say so only when they write

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(RunError, match="No space left on device"):
        write_report(replace(run, checks=()), catalogue, tmp_path, template_folder=templates)

    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == old


def test_an_unknown_format_is_refused_with_the_nearest(
    run: Run, catalogue: Catalogue, templates: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"no report format 'htm'. Did you mean 'html'\?"):
        write_report(run, catalogue, tmp_path, ["htm"], template_folder=templates)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_templates_is_refused(
    run: Run, catalogue: Catalogue, tmp_path: Path
) -> None:
    for name in ("html", "md"):
        with pytest.raises(UsageError, match="Give a folder that holds this suite's templates"):
            write_report(run, catalogue, tmp_path, [name], template_folder=tmp_path)
