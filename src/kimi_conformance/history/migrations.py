"""
The tables of a history, as the steps by which they came to be.

Step n brings a file of version n - 1 to version n. A step that has been released is never
changed: there are files that were made by it.
"""

import sqlite3

from kimi_conformance.errors import RunError

__all__ = ["APPLICATION", "STEPS", "migrate", "version_of"]

APPLICATION = 0x4B494D49  # "KIMI": says whose SQLite file it is

STEPS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE run (
            number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, job TEXT NOT NULL,
            started REAL NOT NULL, ended REAL, lane TEXT NOT NULL, source TEXT NOT NULL,
            edition TEXT NOT NULL, version TEXT NOT NULL, verdict TEXT, because TEXT NOT NULL,
            folder TEXT NOT NULL, digest TEXT NOT NULL
        )
        """,
        "CREATE INDEX run_started ON run (started)",
        # A check's id is long and comes again in every run: it is kept once.
        """
        CREATE TABLE checked (
            number INTEGER PRIMARY KEY, id TEXT NOT NULL, requirement TEXT NOT NULL,
            level TEXT NOT NULL, plane TEXT NOT NULL, UNIQUE (id, requirement, level, plane)
        )
        """,
        """
        CREATE TABLE outcome (
            run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
            checked INTEGER NOT NULL REFERENCES checked, sut TEXT NOT NULL,
            verdict TEXT NOT NULL, seconds REAL NOT NULL, reason TEXT NOT NULL, excuse TEXT,
            PRIMARY KEY (run, sut, checked)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX outcome_checked ON outcome (checked)",
        """
        CREATE TABLE load (
            number INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
            scenario TEXT NOT NULL, kind TEXT NOT NULL, base_url TEXT NOT NULL,
            model TEXT NOT NULL, started REAL NOT NULL, duration_s REAL NOT NULL,
            requests INTEGER NOT NULL, counts INTEGER NOT NULL, errors TEXT NOT NULL,
            samples TEXT NOT NULL
        )
        """,
        "CREATE INDEX load_run ON load (run)",
        """
        CREATE TABLE objective (
            load INTEGER NOT NULL REFERENCES load ON DELETE CASCADE, name TEXT NOT NULL,
            metric TEXT NOT NULL, kind TEXT NOT NULL, target REAL NOT NULL,
            comparison TEXT NOT NULL, value REAL, low REAL, high REAL, verdict TEXT NOT NULL,
            good INTEGER, total INTEGER, PRIMARY KEY (load, name)
        ) WITHOUT ROWID
        """,
    ),
    (
        """
        CREATE TABLE probe (
            number INTEGER PRIMARY KEY, at REAL NOT NULL, interval_s REAL NOT NULL,
            base_url TEXT NOT NULL, model TEXT NOT NULL, error TEXT NOT NULL, status INTEGER,
            detail TEXT NOT NULL, ttft_s REAL, response_s REAL NOT NULL, tokens INTEGER NOT NULL
        )
        """,
        "CREATE INDEX probe_at ON probe (at)",
    ),
)


def version_of(connection: sqlite3.Connection, where: str) -> int:
    """The version of a file, 0 of an empty one.

    Raises:
        RunError: It is no history, or a newer suite wrote it. It is left as it is.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION:
        raise RunError(
            f"{where} is a database, but no history of this suite; it was left as it is. "
            "Name another file with --history."
        )
    if version > len(STEPS):
        raise RunError(
            f"{where} has version {version}, this suite reads up to {len(STEPS)}; it was left as "
            "it is. Use a newer kimi-conformance, or another file with --history."
        )
    return int(version)


def migrate(connection: sqlite3.Connection, where: str, steps: int = len(STEPS)) -> None:
    """Bring a file to a version, in one transaction: all of it, or nothing.

    Args:
        connection: In autocommit mode.
        where: How messages name the file.
        steps: The version; the newest, unless somebody needs an old file.

    Raises:
        RunError: As `version_of`.
    """
    if version_of(connection, where) >= steps:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Asked again: somebody else may have done it while we waited.
        for step in STEPS[version_of(connection, where) : steps]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {steps}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
