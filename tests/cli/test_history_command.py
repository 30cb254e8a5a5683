"""The history as a user sees it: import, list, prune, and runs that add themselves."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.headers import HEADER

from kimi_conformance import suite
from kimi_conformance.cli.keeping.history_file import remember
from kimi_conformance.cli.keeping.run_folder import RunFolder, read_run
from kimi_conformance.history.store import History
from kimi_conformance.runs import encode
from kimi_conformance.verdicts import RunVerdict

FOOTER = {
    "record": "footer",
    "ended": "2026-01-01T00:00:09+00:00",
    "verdict": "CONFORMANT",
    "because": "all held",
    "exit_code": 0,
    "counts": {},
    "seconds": 9.0,
}


def write_run(folder: Path, *records: dict[str, Any], **header: Any) -> Path:
    folder.mkdir(parents=True)
    lines = [{**HEADER, "run": folder.name, **header}, *records]
    (folder / "run.jsonl").write_bytes(b"".join(map(encode, lines)))
    return folder


def check_of(id: str, verdict: str = "passed", **more: Any) -> dict[str, Any]:
    return {
        "record": "check",
        "id": id,
        "requirement": "FILTER-01",
        "level": "MUST",
        "plane": "adapter",
        "sut": "reference",
        "verdict": verdict,
        "seconds": 0.1,
        "reason": "",
        "exchanges": [],
        **more,
    }


def test_runs_are_imported_once(run: Any, tmp_path: Path) -> None:
    one = write_run(tmp_path / "one", check_of("adapter/a"), FOOTER)
    two = write_run(tmp_path / "two", check_of("adapter/a"))

    first = run("history", "import", str(one), str(two / "run.jsonl"))
    again = run("history", "import", str(one), str(two))

    assert first.out.startswith("2 added, 0 there already, 0 refused: reports/history.sqlite")
    assert again.out.startswith("0 added, 2 there already")
    assert first.code == again.code == 0
    with History(Path("reports/history.sqlite")) as history:
        assert [found.verdict for found in history.runs()] == ["CONFORMANT", None]


def test_what_is_no_run_is_refused_and_the_others_are_added(run: Any, tmp_path: Path) -> None:
    good = write_run(tmp_path / "good", FOOTER)
    bad = tmp_path / "bad.jsonl"
    bad.write_text("{}\n")
    lacking = write_run(tmp_path / "lacking", FOOTER, started="yesterday")

    said = run("history", "import", str(bad), str(lacking), str(tmp_path / "none"), str(good))

    assert said.code == 3
    assert "1 added, 0 there already, 3 refused" in said.out
    assert "is no record" in said.err
    assert "lacks what every run has" in said.err
    assert "There is no run at" in said.err


def test_a_folder_that_is_no_run_is_passed_over(run: Any, tmp_path: Path) -> None:
    write_run(tmp_path / "good", FOOTER)
    (tmp_path / "sla-2026-07-01-2026-07-31").mkdir()

    said = run("history", "import", "good", "sla-2026-07-01-2026-07-31")
    nothing = run("history", "import", "sla-2026-07-01-2026-07-31")

    assert (said.code, said.out[:7]) == (0, "1 added")
    assert (nothing.code, "There is no run in" in nothing.err) == (2, True)


def test_the_list_fits_a_terminal_and_cannot_steer_it(run: Any, tmp_path: Path) -> None:
    write_run(tmp_path / "r", FOOTER, edition="[red]\x1b[2J", lane="live")
    run("history", "import", "r")

    said = run("history", "list")

    assert "[red]␛[2J" in said.out
    assert "9 s" in said.out
    assert max(map(len, said.out.splitlines())) <= 80


def test_the_list_is_there_for_machines(run: Any, tmp_path: Path) -> None:
    write_run(tmp_path / "r", FOOTER)
    run("history", "import", "r")

    (entry,) = json.loads(run("history", "list", "--json").out)["runs"]

    assert (entry["run"], entry["verdict"], entry["seconds"]) == ("r", "CONFORMANT", 9.0)


@pytest.mark.parametrize(("keep", "left"), [("1", ["new"]), ("30d", []), ("9", ["old", "new"])])
def test_what_is_old_is_pruned(run: Any, tmp_path: Path, keep: str, left: list[str]) -> None:
    write_run(tmp_path / "old", FOOTER)
    write_run(tmp_path / "new", FOOTER, started="2026-01-02T00:00:00+00:00")
    run("history", "import", "old", "new")

    said = run("history", "prune", "--keep", keep)

    assert said.out == f"Forgotten: runs {2 - len(left)}, probes 0.\n"
    with History(Path("reports/history.sqlite")) as history:
        assert [found.id for found in history.runs()] == left


@pytest.mark.parametrize("keep", ["0", "-3", "3w", "d", "", "9" * 9])
def test_a_retention_that_is_none_is_refused(run: Any, keep: str) -> None:
    said = run("history", "prune", f"--keep={keep}")

    assert said.code == 2
    assert "say 90d or 200" in said.err


def test_without_a_history_the_commands_say_how_to_begin_one(run: Any) -> None:
    said = run("history", "list")

    assert said.code == 2
    assert "history import" in said.err


def test_the_environment_names_the_history(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIMI_HISTORY", str(tmp_path / "mine.sqlite"))
    write_run(tmp_path / "r", FOOTER)

    run("history", "import", "r")

    assert (tmp_path / "mine.sqlite").is_file()


def finished(job: str, out: Path) -> RunFolder:
    folder = RunFolder.begin(
        out, job, lane="cassette", source="recordings", edition="2025-09", configuration={}
    )
    folder.end(RunVerdict.CONFORMANT, "nothing was asked")
    folder.report(suite.find(), read_run(folder.evidence))
    return folder


def test_a_run_adds_itself_where_a_history_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    earlier = write_run(tmp_path / "earlier", FOOTER)
    remember(earlier, "gate", suite.find().catalogue())
    assert not Path("reports").exists()
    History(Path("reports/history.sqlite"), create=True).close()

    folder = finished("gate", tmp_path)
    remember(earlier, "selfcheck", suite.find().catalogue())

    with History(Path("reports/history.sqlite")) as history:
        (found,) = history.runs()
    assert found.id == folder.folder.name
    assert found.folder == str(folder.folder)


def test_a_damaged_history_does_not_harm_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("reports").mkdir()
    Path("reports/history.sqlite").write_text("not a database " * 100)

    remember(write_run(tmp_path / "r", FOOTER), "gate", suite.find().catalogue())

    assert "this run is not in the history" in capsys.readouterr().err
    assert Path("reports/history.sqlite").read_text().startswith("not a database")


@pytest.mark.parametrize("command", ["gate", "check", "nightly", "load", "sla"])
def test_every_run_can_be_told_where_to_add_itself(run: Any, command: str) -> None:
    assert "--history" in run(command, *(["run"] if command == "load" else []), "--help").out
