"""
The history: one SQLite file, written by several processes, read by whoever asks.

Each run is written in one transaction, each probe likewise. Writers wait for each other
(write-ahead log and a busy timeout), so that two jobs may end at the same moment. What is
damaged is never repaired or replaced: it is said, and left as it is.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any

from kimi_conformance.errors import RunError, UsageError, nearest
from kimi_conformance.history.migrations import migrate
from kimi_conformance.history.past import LoadResult, PastRun, Probe
from kimi_conformance.history.rows import (
    LOAD,
    OBJECTIVE,
    OUTCOME,
    PROBE,
    RUN,
    insert,
    objective_of,
    outcome_of,
    outcome_row,
)
from kimi_conformance.verdicts import Verdict

__all__ = ["BUSY_S", "History"]

BUSY_S = 30.0  # how long a writer waits for another one

# SQLite keeps a text in a column of numbers; and a time may lie beyond all calendars.
_ODD_PROBE = " OR ".join(
    (
        "abs(at) >= 1e11",
        *(f"typeof({name}) <> 'real'" for name in ("at", "interval_s", "response_s")),
        *(f"typeof({name}) <> 'text'" for name in ("base_url", "model", "error", "detail")),
        "typeof(ttft_s) NOT IN ('real', 'null')",
        "typeof(status) NOT IN ('integer', 'null')",
    )
)


class History:
    """An open history; a context manager.

    Raises:
        UsageError: There is no file, and none is to be made.
        RunError: The file is damaged, no history, newer than this suite, or cannot be written.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = path
        if not create and not path.exists():
            raise UsageError(
                f"There is no history at {path}. Begin one with: kimi-conformance history import "
                "reports/out/*; runs then add themselves."
            )
        with self._clearly():
            if create:
                path.parent.mkdir(parents=True, exist_ok=True)
            mode = "rwc" if create else "rw"
            self._connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                timeout=BUSY_S,
                isolation_level=None,
            )
        try:
            with self._clearly():
                self._connection.execute("PRAGMA foreign_keys = ON")
                migrate(self._connection, str(path))
                self._connection.execute("PRAGMA journal_mode = WAL")
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> "History":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def add(self, run: PastRun) -> bool:
        """Remember a run; whether anything is new.

        A run that was cut short when it was added may be added again when it is whole.

        Raises:
            UsageError: There is another run of this name.
            RunError: The file cannot be written; nothing was.
        """
        with self._transaction() as connection:
            row = connection.execute(
                "SELECT number, digest, verdict FROM run WHERE id = ?", (run.id,)
            ).fetchone()
            if row is not None:
                number, digest, verdict = row
                if digest == run.digest:
                    return False
                if verdict is not None:
                    raise UsageError(
                        f"The history {self.path} holds another run named {run.id}. Rename the "
                        'folder and the "run" in the first line of its run.jsonl.'
                    )
                connection.execute("DELETE FROM run WHERE number = ?", (number,))
            self._insert(connection, run)
        return True

    def add_probe(self, probe: Probe) -> None:
        """Remember a probe.

        Raises:
            RunError: The file cannot be written.
        """
        self.add_probes((probe,))

    def add_probes(self, probes: Iterable[Probe]) -> None:
        """Remember several probes, all or none.

        Raises:
            RunError: The file cannot be written.
        """
        with self._transaction() as connection:
            connection.executemany(insert("probe", PROBE), map(astuple, probes))

    def runs(
        self,
        *,
        since: float | None = None,
        until: float | None = None,
        like: PastRun | None = None,
        limit: int | None = None,
    ) -> list[PastRun]:
        """Runs by their start, oldest first, without outcomes and loads.

        Args:
            since: Those that began at this moment or later.
            until: Those that began before this moment.
            like: Those of the same job, edition and lane.
            limit: The newest so many.
        """
        conditions = {
            "started >= ?": since,
            "started < ?": until,
            "job = ?": like and like.job,
            "edition = ?": like and like.edition,
            "lane = ?": like and like.lane,
        }
        given = {text: value for text, value in conditions.items() if value is not None}
        where = " AND ".join(given) or "TRUE"
        with self._clearly():
            rows = self._connection.execute(
                f"SELECT {', '.join(RUN)} FROM run WHERE {where} "  # noqa: S608 - our own names
                "ORDER BY started DESC, number DESC LIMIT ?",
                (*given.values(), -1 if limit is None else limit),
            ).fetchall()
        return [PastRun(**dict(zip(RUN, row, strict=True))) for row in reversed(rows)]

    def filled(self, run: PastRun) -> PastRun:
        """The same run with its outcomes and loads."""
        with self._clearly():
            return self._filled(run)

    def run(self, id: str) -> PastRun:
        """One run, whole.

        Raises:
            UsageError: There is none of this name.
        """
        runs = {run.id: run for run in self.runs()}
        if id not in runs:
            raise UsageError(
                f"The history {self.path} holds no run '{id}'. "
                f"{nearest(id, list(runs)[-20:])} List them with: kimi-conformance history list"
            )
        return self.filled(runs[id])

    def loads(self, since: float, until: float) -> list[LoadResult]:
        """The loads that began in a span of time, `until` left out; oldest first."""
        with self._clearly():
            return self._loads("started >= ? AND started < ?", (since, until))

    def probes(self, since: float, until: float) -> list[Probe]:
        """The probes that were sent in a span of time, `until` left out; oldest first."""
        with self._clearly():
            odd = self._connection.execute(
                f"SELECT number FROM probe WHERE {_ODD_PROBE} LIMIT 1"  # noqa: S608 - our own
            ).fetchone()
            if odd is not None:
                raise ValueError(f"probe {odd[0]} holds values of another type")
            rows = self._connection.execute(
                f"SELECT {', '.join(PROBE)} FROM probe "  # noqa: S608 - our own names
                "WHERE at >= ? AND at < ? ORDER BY at, number",
                (since, until),
            )
            return [Probe(**dict(zip(PROBE, row, strict=True))) for row in rows]

    def verdicts_before(self, run: PastRun, check: str, sut: str, limit: int) -> list[Verdict]:
        """What a check said of a SUT in the runs like this one and before it, oldest first."""
        with self._clearly():
            rows = self._connection.execute(
                "SELECT outcome.verdict FROM outcome JOIN run ON run.number = outcome.run "
                "JOIN checked ON checked.number = outcome.checked WHERE checked.id = ? "
                "AND outcome.sut = ? AND run.job = ? AND run.edition = ? AND run.lane = ? "
                "AND run.started < ? ORDER BY run.started DESC, run.number DESC LIMIT ?",
                (check, sut, run.job, run.edition, run.lane, run.started, limit),
            ).fetchall()
        return [Verdict(verdict) for (verdict,) in reversed(rows)]

    def prune(self, *, before: float | None = None, keep: int | None = None) -> tuple[int, int]:
        """Forget runs and probes; how many of each.

        Args:
            before: Those that began before this moment.
            keep: All runs but the newest so many, and the probes older than those.
        """
        with self._transaction() as connection:
            if keep is not None:
                row = connection.execute(
                    "SELECT started FROM run ORDER BY started DESC, number DESC LIMIT 1 OFFSET ?",
                    (keep - 1,),
                ).fetchone()
                before = row[0] if row else None
                runs = connection.execute(
                    "DELETE FROM run WHERE number NOT IN "
                    "(SELECT number FROM run ORDER BY started DESC, number DESC LIMIT ?)",
                    (keep,),
                ).rowcount
            else:
                runs = connection.execute("DELETE FROM run WHERE started < ?", (before,)).rowcount
            probes = connection.execute("DELETE FROM probe WHERE at < ?", (before,)).rowcount
            connection.execute(
                "DELETE FROM checked WHERE number NOT IN (SELECT checked FROM outcome)"
            )
        with self._clearly():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.execute("VACUUM")
        return runs, probes

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._clearly():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has rolled back already
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _clearly(self) -> Iterator[None]:
        """What goes wrong in SQLite, in words."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise RunError(
                f"The history {self.path} cannot be used: {error}. Nothing was changed. Is there "
                "room, may you write there, and does no other program hold it?"
            ) from error
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            raise RunError(
                f"The history {self.path} is damaged: {error}. It was left as it is. Put it "
                "aside, and begin anew with: kimi-conformance history import reports/out/*"
            ) from error
        except OSError as error:
            raise RunError(
                f"The history {self.path} cannot be made: {error.strerror}. Name another file "
                "with --history."
            ) from error

    def _insert(self, connection: sqlite3.Connection, run: PastRun) -> None:
        values = [getattr(run, name) for name in RUN]
        number = connection.execute(insert("run", RUN), values).lastrowid
        connection.executemany(
            "INSERT OR IGNORE INTO checked (id, requirement, level, plane) VALUES (?, ?, ?, ?)",
            {(each.id, each.requirement, each.level, each.plane) for each in run.outcomes},
        )
        connection.executemany(
            "INSERT OR REPLACE INTO outcome SELECT ?, number, ?, ?, ?, ?, ? FROM checked "
            "WHERE id = ? AND requirement = ? AND level = ? AND plane = ?",
            (outcome_row(number, outcome) for outcome in run.outcomes),
        )
        for load in run.loads:
            row = {name: getattr(load, name) for name in LOAD}
            row["errors"] = json.dumps(dict(load.errors))
            at = connection.execute(
                insert("load", ["run", *LOAD]), (number, *row.values())
            ).lastrowid
            connection.executemany(
                insert("objective", ["load", *OBJECTIVE]),
                ((at, *astuple(objective)) for objective in load.objectives),
            )

    def _filled(self, run: PastRun) -> PastRun:
        (number,) = self._connection.execute(
            "SELECT number FROM run WHERE id = ?", (run.id,)
        ).fetchone()
        rows = self._connection.execute(
            f"SELECT {', '.join(OUTCOME)} FROM outcome "  # noqa: S608 - our own names
            "JOIN checked ON checked.number = outcome.checked WHERE run = ? "
            "ORDER BY sut, checked.id",
            (number,),
        )
        values = {name: getattr(run, name) for name in RUN}
        return PastRun(
            **values,
            outcomes=tuple(outcome_of(row, run) for row in rows),
            loads=tuple(self._loads("run = ?", (number,))),
        )

    def _loads(self, where: str, values: Sequence[Any]) -> list[LoadResult]:
        rows = self._connection.execute(
            f"SELECT number, {', '.join(LOAD)} FROM load WHERE {where} "  # noqa: S608 - ours
            "ORDER BY started, number",
            values,
        ).fetchall()
        return [self._load(number, dict(zip(LOAD, row, strict=True))) for number, *row in rows]

    def _load(self, number: int, row: dict[str, Any]) -> LoadResult:
        objectives = self._connection.execute(
            f"SELECT {', '.join(OBJECTIVE)} FROM objective WHERE load = ?",  # noqa: S608 - ours
            (number,),
        )
        row["counts"] = bool(row["counts"])
        row["errors"] = json.loads(row["errors"])
        return LoadResult(**row, objectives=tuple(map(objective_of, objectives)))
