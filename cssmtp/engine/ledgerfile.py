"""The checkpoint's file: an SQLite database that says what is final of the spool files in work.

Promises: `commit` is all or nothing and on the disk when it returns (WAL, synchronous FULL); a database that cannot be
understood is renamed out of the way, never deleted, and a new one begun; nobody else can open it meanwhile.
Never: used by two threads at once; knows the event loop.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from array import array
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cssmtp.clock import Clock
from cssmtp.engine.ledger import NUMBER_CODE, MailState, Numbers
from cssmtp.engine.localdisk import on_network
from cssmtp.errors import CssmtpError
from cssmtp.model import Outcome, Verdict

SCHEMA_VERSION = 1
APPLICATION_ID = 0x424D4731
"""Marks an SQLite file as a checkpoint of ours ("BMG1")."""

DAMAGED = "damaged"
UNMATCHED = "unmatched"
"""How a file that was set aside is called: `<file>.<word>.<time>`."""

_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})

_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE delivered (file TEXT NOT NULL, mails BLOB NOT NULL);
CREATE INDEX delivered_file ON delivered (file);
CREATE TABLE mail (file TEXT NOT NULL, number INTEGER NOT NULL, state TEXT NOT NULL, PRIMARY KEY (file, number)) WITHOUT ROWID;
"""


class CheckpointError(CssmtpError):
    """The checkpoint cannot be used at all: its place is wrong or somebody else works with it. Refuses the start."""


class _Damage(CheckpointError):
    """The file is no checkpoint that can be understood. Its argument says why."""


@dataclass(slots=True)
class Batch:
    """What one commit writes. `forgotten` files go first, so that a file which is forgotten and comes again is not mixed up."""

    forgotten: set[str] = field(default_factory=set)
    delivered: dict[str, Numbers] = field(default_factory=dict)
    states: dict[str, dict[int, MailState]] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not (self.delivered or self.states or self.forgotten)

    def forget(self, file: str) -> None:
        self.delivered.pop(file, None)
        self.states.pop(file, None)
        self.forgotten.add(file)

    def before(self, later: Batch) -> Batch:
        """This batch, which could not be written, followed by a later one."""
        for file in later.forgotten:
            self.forget(file)
        for file, numbers in later.delivered.items():
            self.delivered.setdefault(file, array(NUMBER_CODE)).extend(numbers)
        for file, states in later.states.items():
            self.states.setdefault(file, {}).update(states)
        return self


@dataclass(frozen=True, slots=True)
class Opening:
    """What was found: `files` that have records, with how many mails that is; `aside` where an unusable file went ("" = there was
    none), and `reason`."""

    files: Mapping[str, int]
    aside: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """Everything recorded of one spool file."""

    delivered: list[Numbers]
    states: dict[int, MailState]


class LedgerFile:
    """The database at `path`, for the gateway with this job name and external writer name.

    `connect` makes the connection; tests let it fail. Every method may raise sqlite3.Error, OSError or
    `CheckpointError`.
    """

    def __init__(
        self,
        path: Path,
        job: str,
        writer: str,
        clock: Clock,
        *,
        connect: Callable[..., sqlite3.Connection] = sqlite3.connect,
    ) -> None:
        self.path = path
        self._owner = {"job": job, "writer": writer}
        self._clock = clock
        self._connect = connect
        self._connection: sqlite3.Connection | None = None

    def open(self, *, cold: bool = False) -> Opening:
        """Open or make the database. `cold` forgets all records first (mail-processing.md 17).

        Raises `CheckpointError` when the place is a network file system, not ours to write, or in use.
        """
        kind = on_network(self.path.parent)
        if kind:
            raise CheckpointError(
                f"checkpoint {self.path} is on a network file system ({kind}), where neither locks nor forced writes can be "
                "relied on; put it on a local disk"
            )
        try:
            return self._open(cold)
        except sqlite3.OperationalError as error:
            self.close()
            raise CheckpointError(f"checkpoint {self.path} cannot be opened: {_why(error)}") from error
        except OSError as error:
            self.close()
            raise CheckpointError(f"checkpoint {self.path} cannot be opened: {error.strerror or error}") from error

    def _open(self, cold: bool) -> Opening:
        aside = reason = ""
        try:
            owner = self._begin()
            if owner != self._owner:
                reason = f"it belongs to job {owner.get('job', '?')} with writer {owner.get('writer', '?')}"
                aside = self._set_aside(UNMATCHED)
        except _Damage as damage:
            reason = str(damage)
            aside = self._set_aside(DAMAGED)
        if aside:
            self._begin()
        connection = self._opened()
        files: Counter[str] = Counter()
        for counted in (
            f"SELECT file, SUM(LENGTH(mails)) / {array(NUMBER_CODE).itemsize} FROM delivered",
            "SELECT file, COUNT(*) FROM mail",
        ):
            for name, mails in connection.execute(f"{counted} GROUP BY file"):
                files[name] += int(mails)
        if cold:
            connection.execute("DELETE FROM delivered")
            connection.execute("DELETE FROM mail")
        return Opening(files, aside, reason)

    def _begin(self) -> dict[str, str]:
        """Connect, make or check the tables, and return whose they are. Raises `_Damage`."""
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        connection = self._connection = self._connect(
            self.path, timeout=0, isolation_level=None, check_same_thread=False, cached_statements=16
        )
        try:
            # Exclusive: one gateway at a time, and no shared memory file beside the database.
            connection.execute("PRAGMA locking_mode=EXCLUSIVE")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("BEGIN IMMEDIATE")
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                self._make_tables(connection)
            self._check(connection)
            owner = dict(connection.execute("SELECT name, value FROM meta"))
            connection.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            raise _Damage(_why(error)) from error
        return owner

    def _make_tables(self, connection: sqlite3.Connection) -> None:
        for statement in _TABLES.split(";\n"):
            if statement.strip():
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        connection.executemany("INSERT INTO meta VALUES (?, ?)", self._owner.items())

    @staticmethod
    def _check(connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise _Damage("it is a database, but no checkpoint")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            raise _Damage(f"its version is {version}, this gateway knows {SCHEMA_VERSION}")
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise _Damage(verdict)

    def _set_aside(self, word: str) -> str:
        """Rename the database and what belongs to it; returns its new path."""
        self.close()
        stamp = f"{self._clock.wall():%Y%m%dT%H%M%S}"
        number = 0
        while (target := self.path.with_name(f"{self.path.name}.{word}.{stamp}{f'.{number}' if number else ''}")).exists():
            number += 1
        os.rename(self.path, target)
        for suffix in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.rename(f"{self.path}{suffix}", f"{target}{suffix}")
        return str(target)

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._begin()
        assert self._connection is not None
        return self._connection

    def rows(self, file: str) -> Rows:
        """Everything recorded of a spool file. A row that cannot be understood is left out: its mail is done again."""
        connection = self._opened()
        delivered = []
        for (mails,) in connection.execute("SELECT mails FROM delivered WHERE file = ?", (file,)):
            with contextlib.suppress(ValueError, TypeError):
                delivered.append(array(NUMBER_CODE, mails))
        states = {}
        for number, text in connection.execute("SELECT number, state FROM mail WHERE file = ?", (file,)):
            with contextlib.suppress(ValueError, LookupError, TypeError):
                states[number] = state_from(text)
        return Rows(delivered, states)

    def commit(self, batch: Batch) -> str:
        """Write a batch. Returns "", or where a database went that turned out to be damaged (the batch is in the new one)."""
        try:
            try:
                self._write(self._opened(), batch)
                return ""
            except (sqlite3.DatabaseError, _Damage) as error:
                if not isinstance(error, _Damage) and not _is_damage(error):
                    raise
                aside = self._set_aside(DAMAGED)
                self._write(self._opened(), batch)
                return aside
        except (sqlite3.Error, OSError, _Damage):
            # After a fault of the disk nothing that this connection remembers can be relied on: begin anew next time.
            self.close()
            raise

    @staticmethod
    def _write(connection: sqlite3.Connection, batch: Batch) -> None:
        # Few statements whatever the number of mails: each one hands the interpreter lock to and fro.
        gone = [(file,) for file in batch.forgotten]
        lists = [(file, numbers.tobytes()) for file, numbers in batch.delivered.items()]
        states = [(file, number, state_text(state)) for file, states in batch.states.items() for number, state in states.items()]
        if len(lists) == 1 and not gone and not states:  # by far the most frequent: one statement is a transaction of its own
            connection.execute("INSERT INTO delivered VALUES (?, ?)", lists[0])
            return
        connection.execute("BEGIN IMMEDIATE")
        if gone:
            connection.executemany("DELETE FROM delivered WHERE file = ?", gone)
            connection.executemany("DELETE FROM mail WHERE file = ?", gone)
        if lists:
            connection.executemany("INSERT INTO delivered VALUES (?, ?)", lists)
        if states:
            connection.executemany("INSERT OR REPLACE INTO mail VALUES (?, ?, ?)", states)
        connection.execute("COMMIT")

    def close(self) -> None:
        """Let go of the database. It is opened again when it is needed."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def _why(error: sqlite3.Error) -> str:
    """What to tell people."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_BUSY:
        return "another gateway works with it"
    return str(error)


def state_text(state: MailState) -> str:
    """A state as it is kept: JSON in ASCII, whatever servers said."""
    outcomes = [None if one is None else [one.verdict.value, one.reason, one.target] for one in state.outcomes]
    return json.dumps([state.closed, outcomes], separators=(",", ":"))


def state_from(text: str) -> MailState:
    """The reverse of `state_text`. Raises ValueError, LookupError or TypeError."""
    closed, outcomes = json.loads(text)
    return MailState(
        tuple(None if one is None else Outcome(Verdict(one[0]), str(one[1]), str(one[2])) for one in outcomes), bool(closed)
    )
