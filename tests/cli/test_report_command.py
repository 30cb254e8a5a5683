"""`report`: formats, templates, validation; and what a job tells GitHub's runner."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kimi_conformance import suite
from kimi_conformance.cli.keeping.run_folder import read_run
from kimi_conformance.cli.showing import ci
from kimi_conformance.cli.showing.show import answer, say

Run = Callable[..., Any]

OLD = Path(__file__).parents[1] / "reporting" / "runs" / "schema-1.jsonl"
ALL = {
    *("annotations.txt", "badge.json", "ctrf.json", "junit.xml"),
    *("metrics.prom", "report.html", "summary.md"),
}


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("formats", "written"),
    [
        ((), ALL - {"annotations.txt"}),
        (("--format", "junit,ctrf", "--format", "badge"), {"junit.xml", "ctrf.json", "badge.json"}),
        (("--format", "annotations, badge"), {"annotations.txt", "badge.json"}),
    ],
)
def test_formats_are_chosen_by_name(
    run: Run, tmp_path: Path, formats: tuple[str, ...], written: set[str]
) -> None:
    said = run("report", str(OLD), "--out", str(tmp_path / "out"), *formats)

    assert said.code == 0
    assert files(tmp_path / "out") == written
    assert {Path(line).name for line in said.out.splitlines()} == written


@pytest.mark.parametrize("old", ["schema-1.jsonl", "schema-1-load.jsonl"])
def test_a_run_of_an_older_schema_is_rendered_in_every_format(
    run: Run, tmp_path: Path, old: str
) -> None:
    names = "html,junit,md,ctrf,openmetrics,badge,annotations"

    said = run("report", str(OLD.parent / old), "--out", str(tmp_path / "out"), "--format", names)

    assert said.code == 0, said.err
    assert files(tmp_path / "out") == ALL


def test_an_unknown_format_names_the_nearest(run: Run) -> None:
    said = run("report", str(OLD), "--format", "html,junitt")

    assert said.code == 2
    assert "no report format 'junitt'. Did you mean 'junit'?" in said.err


def test_templates_of_ones_own_are_taken(run: Run, tmp_path: Path) -> None:
    (tmp_path / "summary.md.j2").write_text("Ours: {{ report.headline.word }}")

    said = run(
        *("report", str(OLD), "--out", str(tmp_path / "out")),
        *("--format", "md", "--template", str(tmp_path)),
    )

    assert said.code == 0
    assert (tmp_path / "out" / "summary.md").read_text() == "Ours: CONFORMANT"


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_a_folder_without_templates_is_wrong_use(run: Run, folder: str) -> None:
    said = run("report", str(OLD), "--format", "md", "--template", folder)

    assert said.code == 2
    assert "no template that would be used" in said.err


def test_a_sound_run_is_said_to_be(run: Run) -> None:
    said = run("report", str(OLD), "--validate")

    assert said.code == 0
    assert said.out == f"{OLD} is as its schema says.\n"


def test_each_flaw_of_a_run_is_told_and_nothing_is_rendered(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    file.write_bytes(OLD.read_bytes().replace(b'"plane":"adapter"', b'"plane":"\xe2\x80\xae"'))

    said = run("report", str(tmp_path), "--validate")

    assert said.code == 1
    assert "run.jsonl, line 4, sut at plane: '\\u202e' is not one of" in said.out
    assert files(tmp_path) == {"run.jsonl"}


def test_of_many_flaws_the_first_are_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_bytes(b"no\n" * 1000)

    said = run("report", str(tmp_path), "--validate")

    assert len(said.out.splitlines()) == 21
    assert said.out.endswith("… and more.\n")


def test_a_run_that_is_not_there_cannot_be_validated(run: Run) -> None:
    assert run("report", "nowhere.jsonl", "--validate").code == 3


Tell = Callable[..., tuple[str, str]]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Tell:
    """Tells the runner of some runs, and gives what it printed."""

    def tell(*runs: Path, json_file: str | None = None, **environment: str) -> tuple[str, str]:
        found = suite.find()
        ci.tell_ci(
            [read_run(run) for run in runs], found, found.catalogue(), json_file, environment
        )
        out, err = capsys.readouterr()
        return out, err

    return tell


@pytest.fixture
def failed(tmp_path: Path) -> Path:
    """A run with a failure whose reason is an attack on the log."""
    lines = OLD.read_text().splitlines()
    records = [json.loads(line) for line in lines]
    for record in records:
        if record["record"] == "check":
            reason = "::error::a\n::set-env name=PATH::b\r\n##[error]c"
            record.update(verdict="failed", reason=reason, level="MUST")
    file = tmp_path / "failed.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    return file


def test_outside_of_github_nothing_is_told(told: Tell) -> None:
    assert told(OLD) == ("", "")


def test_the_runner_is_given_annotations_and_no_command_of_others(told: Tell, failed: Path) -> None:
    out, err = told(failed, GITHUB_ACTIONS="true")

    lines = out.splitlines()
    assert err == ""
    assert len(lines) == 2
    assert all(line.startswith("::error file=conformance/requirements/") for line in lines)
    assert "set-env" in lines[0]


def test_annotations_stay_out_of_json_on_stdout(told: Tell, failed: Path) -> None:
    out, err = told(failed, json_file="-", GITHUB_ACTIONS="true")

    assert out == ""
    assert err.startswith("::error ")


def test_the_summaries_of_all_editions_are_appended(
    told: Tell, failed: Path, tmp_path: Path
) -> None:
    summary = tmp_path / "summary"
    summary.write_text("from the step before\n")

    told(OLD, failed, GITHUB_STEP_SUMMARY=str(summary))

    text = summary.read_text()
    assert text.startswith("from the step before\n# ✅ CONFORMANT")
    assert "# ❌ NOT CONFORMANT" in text


def test_together_they_stay_below_what_github_takes(
    told: Tell, failed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary"
    monkeypatch.setattr(ci, "SUMMARY_LIMIT", 900)

    told(OLD, failed, GITHUB_STEP_SUMMARY=str(summary))

    assert 0 < summary.stat().st_size <= 900
    assert "cut here" in summary.read_text()


def test_a_summary_that_cannot_be_written_does_not_end_the_job(told: Tell) -> None:
    _, err = told(OLD, GITHUB_STEP_SUMMARY="/nowhere/summary")

    assert "The job summary /nowhere/summary cannot be written: No such file" in err


def test_what_is_printed_for_people_gives_the_runner_no_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say("reason:\n  ::error::x\n\x1b[2J##[command]y")

    assert capsys.readouterr().out == "reason:\n  : :error::x\n␛[2J# #[command]y\n"


@pytest.mark.parametrize("to_stdout", [True, False])
def test_an_answer_with_half_a_surrogate_pair_is_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], to_stdout: bool
) -> None:
    file = tmp_path / "answer.json"

    answer({"reason": "\ud800é"}, "-" if to_stdout else str(file))

    text = capsys.readouterr().out if to_stdout else file.read_text()
    assert json.loads(text) == {"reason": "\ud800é"}


@pytest.mark.heavy
def test_a_gate_under_github_is_valid_and_judged_the_same_again(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "kimi_conformance")
    environment = {"PATH": "/usr/bin:/bin", "GITHUB_ACTIONS": "true"}
    environment["GITHUB_STEP_SUMMARY"] = str(tmp_path / "summary")

    def of(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*command, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
        )

    gate = of("gate", "--edition", "2026-09")
    valid = of("report", "--validate")
    again = of("rejudge", "--json", "again.json")

    assert gate.returncode == 0, gate.stderr
    assert (tmp_path / "summary").read_text().startswith("# ✅ CONFORMANT")
    (folder,) = (tmp_path / "reports" / "out").iterdir()
    assert files(folder) >= ALL - {"annotations.txt"}
    assert (valid.returncode, again.returncode) == (0, 0), valid.stdout + again.stdout
    assert json.loads((tmp_path / "again.json").read_text())["exchanges"] > 2000
