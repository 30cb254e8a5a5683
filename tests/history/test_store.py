"""The history file: what goes in comes out, in any order, from several writers, or not at all."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from tests.history.memories import DAY, at, load, mean_of, outcome, past, probe, share

from kimi_conformance.errors import RunError, UsageError
from kimi_conformance.history.migrations import APPLICATION, STEPS, migrate
from kimi_conformance.history.store import History
from kimi_conformance.verdicts import Excuse, Verdict

FULL = past(
    outcomes=(
        outcome("adapter/a", "failed", reason="\u202eno\x00\n", excuse=Excuse.EXPIRED),
        outcome("adapter/b", sut="openai"),
    ),
    loads=(load(at("2026-08-01 02:05"), mean_of(1.2), share(990, 1000), errors={"server": 10}),),
)


def test_a_run_comes_out_as_it_went_in(history: History) -> None:
    run = replace(FULL, outcomes=tuple(replace(o, lane=FULL.lane) for o in FULL.outcomes))

    assert history.add(run) is True

    (found,) = history.runs()
    assert found == replace(run, outcomes=(), loads=())
    whole = history.run(run.id)
    assert set(whole.outcomes) == set(run.outcomes)
    assert whole.loads == run.loads
    assert history.loads(0, 9e9) == list(run.loads)


def test_adding_a_run_again_changes_nothing(history: History) -> None:
    history.add(FULL)

    assert history.add(FULL) is False
    assert len(history.runs()) == 1


def test_a_run_that_was_cut_short_may_be_completed(history: History) -> None:
    history.add(past("r", verdict=None, ended=None, digest="half", outcomes=(outcome(),)))

    assert history.add(past("r", digest="whole", outcomes=(outcome(verdict="failed"),))) is True
    assert [o.verdict for o in history.run("r").outcomes] == [Verdict.FAILED]


def test_another_run_of_the_same_name_is_refused(history: History) -> None:
    history.add(past("r", digest="one"))

    with pytest.raises(UsageError, match="holds another run named r"):
        history.add(past("r", digest="two"))


def test_a_name_that_is_not_there_is_told_with_the_nearest(history: History) -> None:
    history.add(past("20260801-020000-nightly"))

    with pytest.raises(UsageError, match="Did you mean '20260801-020000-nightly'"):
        history.run("20260801-020000-nightl")


def test_a_broken_write_leaves_nothing(history: History) -> None:
    twice = load(1.0, share(1, 1), share(1, 1))  # two objectives of one name cannot be kept

    with pytest.raises(RunError):
        history.add(past(loads=(twice,)))

    assert history.runs() == []
    assert history.add(past()) is True


def test_two_writers_wait_for_each_other(file: Path) -> None:
    def write(name: str) -> None:
        with History(file, create=True) as mine:
            for number in range(10):
                mine.add(past(f"{name}-{number}", outcomes=(outcome(),)))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, ["one", "two"]))

    with History(file) as found:
        assert len(found.runs()) == 20


def test_a_full_disk_is_told_and_leaves_what_was_there(history: History) -> None:
    history.add(past("first"))
    history._connection.execute("PRAGMA max_page_count = 1")  # as it is now, and no page more

    with pytest.raises(RunError, match="full"):
        history.add(past("big", outcomes=tuple(outcome(f"adapter/{n:0100}") for n in range(2000))))

    assert [run.id for run in history.runs()] == ["first"]


@pytest.mark.parametrize("keep", [{"before": at("2026-08-03 00:00")}, {"keep": 2}])
def test_what_is_old_is_forgotten(history: History, keep: dict[str, float]) -> None:
    for day in range(4):
        start = at("2026-08-01 02:00") + day * DAY
        history.add(past(f"r{day}", started=start, outcomes=(outcome(f"adapter/{day}"),)))
        history.add_probe(probe(start))

    forgotten = history.prune(**keep)  # type: ignore[arg-type]

    assert forgotten == (2, 2)
    assert [run.id for run in history.runs()] == ["r2", "r3"]
    assert len(history.probes(0, 9e9)) == 2
    (checks,) = history._connection.execute("SELECT count(*) FROM checked").fetchone()
    assert checks == 2


def test_keeping_more_than_there_is_forgets_nothing(history: History) -> None:
    history.add(past())
    history.add_probe(probe(1.0))

    assert history.prune(keep=5) == (0, 0)


def test_probes_of_a_span_come_out_in_order(history: History) -> None:
    probes = [probe(30.0, "server", status=503), probe(10.0), probe(20.0, ttft_s=None)]
    history.add_probes(probes)

    assert history.probes(10.0, 30.0) == [probes[1], probes[2]]


def test_the_verdicts_before_are_of_runs_like_it(history: History) -> None:
    for number, verdict in enumerate(["passed", "failed", "passed"]):
        history.add(past(f"r{number}", started=float(number), outcomes=(outcome("c", verdict),)))
    history.add(past("g", started=1.5, job="gate", outcomes=(outcome("c", "error"),)))
    newest = past("new", started=9.0)

    assert history.verdicts_before(newest, "c", "reference", 2) == [Verdict.FAILED, Verdict.PASSED]
    assert history.verdicts_before(newest, "c", "openai", 2) == []


def test_a_missing_history_says_how_to_begin_one(file: Path) -> None:
    with pytest.raises(UsageError, match="history import"):
        History(file)

    assert not file.exists()


@pytest.mark.parametrize("content", [b"SQLite format 3\x00" + b"\xff" * 5000, b"hello " * 500])
def test_what_is_no_database_is_left_as_it_is(file: Path, content: bytes) -> None:
    file.parent.mkdir()
    file.write_bytes(content)

    with pytest.raises(RunError, match=r"left as it (was|is)"):
        History(file, create=True)

    assert file.read_bytes() == content


def test_a_damaged_page_is_told_and_left(file: Path) -> None:
    with History(file, create=True) as history:
        history.add(past(outcomes=tuple(outcome(f"adapter/{n}") for n in range(500))))
    content = bytearray(file.read_bytes())
    content[4096 : len(content)] = b"\x55" * (len(content) - 4096)
    file.write_bytes(content)

    with pytest.raises(RunError, match=r"damaged|cannot be used"), History(file) as history:
        history.runs()

    assert file.read_bytes() == content


def test_somebody_elses_database_is_left_as_it_is(file: Path) -> None:
    file.parent.mkdir()
    other = sqlite3.connect(file)
    other.execute("CREATE TABLE theirs (x)")
    other.close()

    with pytest.raises(RunError, match="no history of this suite"):
        History(file, create=True)


def test_a_newer_file_is_refused(file: Path) -> None:
    History(file, create=True).close()
    newer = sqlite3.connect(file)
    newer.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    newer.close()

    with pytest.raises(RunError, match="Use a newer kimi-conformance"):
        History(file)


@pytest.mark.parametrize("version", range(len(STEPS)))
def test_every_older_version_is_brought_up_to_date(file: Path, version: int) -> None:
    file.parent.mkdir()
    old = sqlite3.connect(file, isolation_level=None)
    migrate(old, str(file), version)
    if version:
        old.execute(
            "INSERT INTO run VALUES (1, 'old', 'gate', 1.0, 2.0, 'l', 's', 'e', 'v', NULL, '', "
            "'f', 'd')"
        )
    old.close()

    with History(file) as history:
        assert [run.id for run in history.runs()] == ["old"] * bool(version)
        history.add(FULL)
        history.add_probe(probe(1.0))
        assert history._connection.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
        assert history._connection.execute("PRAGMA application_id").fetchone() == (APPLICATION,)


def test_a_step_that_breaks_leaves_the_old_version(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    History(file, create=True).close()
    broken = (*STEPS, ("CREATE TABLE more (x)", "CREATE TABLE run (x)"))
    monkeypatch.setattr("kimi_conformance.history.migrations.STEPS", broken)
    connection = sqlite3.connect(file, isolation_level=None)

    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, str(file), len(broken))

    assert connection.execute("PRAGMA user_version").fetchone() == (len(STEPS),)
    assert connection.execute("SELECT count(*) FROM run").fetchone() == (0,)
    connection.close()
