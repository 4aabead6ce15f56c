"""The table in one SQLite file."""

from __future__ import annotations

import contextlib
import errno
import shutil
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from unfade.errors import AwayError
from unfade.queue.table import Change, Row

BUSY_S = 10.0
ROOM_BYTES = 1 << 20  # what deleting photographs with many jobs may write, with much to spare
_MEMORY = Path(":memory:")


class SqliteTable:
    """With a write-ahead log: readers never wait, and what was committed survives kill -9.

    With `through_power_cuts` it survives those too, at the price of a wait for the disk at each change.

    Room is taken in advance, in the file and in its log. So a change that makes room, which needs some
    itself, succeeds on a disk that others have filled to its last byte.
    """

    def __init__(self, path: Path, *, through_power_cuts: bool = True) -> None:
        self._path, self._synchronous = path, "FULL" if through_power_cuts else "NORMAL"
        self._free: list[tuple[sqlite3.Connection, tuple[int, int] | None]] = []  # connections that nobody uses, and their file
        self._lock = threading.Lock()
        connection = self._connect("rwc")
        with connection:
            connection.executescript(
                "CREATE TABLE IF NOT EXISTS row (key TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;"
                "CREATE TABLE IF NOT EXISTS member (grp TEXT, key TEXT, rank REAL NOT NULL, PRIMARY KEY (key, grp)) WITHOUT ROWID;"
                "CREATE INDEX IF NOT EXISTS member_by_rank ON member (grp, rank, key);"
            )
        self._take_room(connection)
        self._free.append((connection, self._identity()))

    # --- connections

    def _connect(self, mode: str) -> sqlite3.Connection:
        target = "file::memory:" if self._path == _MEMORY else f"{self._path.resolve().as_uri()}?mode={mode}"
        connection = sqlite3.connect(target, timeout=BUSY_S, isolation_level=None, check_same_thread=False, uri=True)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={self._synchronous}")
        return connection

    def _identity(self) -> tuple[int, int] | None:
        """Which file there is: a connection to one that was moved away would write where nobody reads."""
        if self._path == _MEMORY:
            return None
        try:
            found = self._path.stat()
        except OSError as error:
            raise AwayError("the ledger cannot be reached: its file is gone, or its disk is") from error
        return found.st_dev, found.st_ino

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """A connection that nobody else uses; SQLite's errors come out of the block as ours."""
        identity = self._identity()
        with self._lock:
            connection, file = self._free.pop() if self._free else (None, None)
        try:
            if connection is not None and file != identity:
                connection.close()
                connection = None
            if connection is None:
                connection = self._connect("rw")
            yield connection
        except sqlite3.DatabaseError as error:
            self._drop(connection)
            raise self._ours(error) from error
        except BaseException:
            self._drop(connection)
            raise
        with self._lock:
            self._free.append((connection, identity))

    @staticmethod
    def _drop(connection: sqlite3.Connection | None) -> None:
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _ours(self, error: sqlite3.DatabaseError) -> Exception:
        """What an error of SQLite's is to the ledger: no room, or out of reach."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        no_room = code == sqlite3.SQLITE_FULL
        if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):  # its index in shared memory wants room, too
            with contextlib.suppress(OSError):
                no_room = shutil.disk_usage(self._path.parent).free < 1 << 16
        if no_room:
            return OSError(errno.ENOSPC, "there is no room for the ledger")
        return AwayError(f"the ledger cannot be reached: {error}")

    # --- rows

    def get(self, key: str) -> Row | None:
        """See `Table`."""
        with self._connection() as connection:
            return self._get(connection, key)

    @staticmethod
    def _get(connection: sqlite3.Connection, key: str) -> Row | None:
        found = connection.execute("SELECT document FROM row WHERE key = ?", (key,)).fetchone()
        if found is None:
            return None
        return Row(found[0], dict(connection.execute("SELECT grp, rank FROM member WHERE key = ?", (key,)).fetchall()))

    def get_many(self, keys: Sequence[str]) -> dict[str, Row]:
        """See `Table`."""
        found: dict[str, Row] = {}
        with self._connection() as connection:
            for at in range(0, len(keys), 500):
                some = keys[at : at + 500]
                query = f"SELECT key, document FROM row WHERE key IN ({','.join('?' * len(some))})"
                found |= {key: Row(document) for key, document in connection.execute(query, some).fetchall()}
        return found

    def change(self, key: str, change: Change, *, counts: str | None = None, frees: bool = False) -> Row | None:
        """See `Table`."""
        try:
            return self._change(key, change, counts)
        except OSError as error:
            if not frees or error.errno != errno.ENOSPC:
                raise
            self._begin_log_anew()
            return self._change(key, change, counts)

    def _change(self, key: str, change: Change, counts: str | None) -> Row | None:
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                before = self._get(connection, key)
                after = change(before)
                if after != before:
                    self._write(connection, key, before, after)
                    if counts is not None:
                        connection.execute(
                            "INSERT INTO row (key, document) VALUES (?, '1') "
                            "ON CONFLICT (key) DO UPDATE SET document = CAST(document AS INTEGER) + 1",
                            (f"total:{counts}",),
                        )
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        return after

    @staticmethod
    def _write(connection: sqlite3.Connection, key: str, before: Row | None, after: Row | None) -> None:
        if before is None or after is None or dict(after.groups) != dict(before.groups):
            connection.execute("DELETE FROM member WHERE key = ?", (key,))
            members = [(group, key, rank) for group, rank in ({} if after is None else after.groups).items()]
            connection.executemany("INSERT INTO member (grp, key, rank) VALUES (?, ?, ?)", members)
        if after is None:
            connection.execute("DELETE FROM row WHERE key = ?", (key,))
        else:
            connection.execute("INSERT OR REPLACE INTO row (key, document) VALUES (?, ?)", (key, after.document))

    def counted(self, name: str) -> int:
        """See `Table`."""
        row = self.get(f"total:{name}")
        return 0 if row is None else int(row.document)

    # --- groups

    def keys(self, group: str, *, upto: float | None = None, above: float | None = None, limit: int = 1000) -> list[str]:
        """See `Table`."""
        query = "SELECT key FROM member WHERE grp = ? AND rank <= ? AND rank > ? ORDER BY rank, key LIMIT ?"
        bounds = float("inf") if upto is None else upto, float("-inf") if above is None else above
        with self._connection() as connection:
            return [key for (key,) in connection.execute(query, (group, *bounds, limit)).fetchall()]

    def ranks(self, group: str, *, limit: int = 1000) -> list[tuple[str, float]]:
        """See `Table`."""
        query = "SELECT key, rank FROM member WHERE grp = ? ORDER BY rank, key LIMIT ?"
        with self._connection() as connection:
            return list(connection.execute(query, (group, limit)).fetchall())

    def last_rank(self, group: str) -> float | None:
        """See `Table`."""
        with self._connection() as connection:
            found = connection.execute("SELECT MAX(rank) FROM member WHERE grp = ?", (group,)).fetchone()[0]
        return None if found is None else float(found)

    def count(self, group: str) -> int:
        """See `Table`."""
        with self._connection() as connection:
            return int(connection.execute("SELECT COUNT(*) FROM member WHERE grp = ?", (group,)).fetchone()[0])

    def place(self, group: str, key: str) -> int | None:
        """See `Table`."""
        before = "SELECT COUNT(*) FROM member WHERE grp = ? AND (rank < ? OR (rank = ? AND key < ?))"
        with self._connection() as connection:
            found = connection.execute("SELECT rank FROM member WHERE key = ? AND grp = ?", (key, group)).fetchone()
            if found is None:
                return None
            return int(connection.execute(before, (group, found[0], found[0], key)).fetchone()[0])

    # --- the place itself

    def check(self) -> None:
        """See `Table`."""
        with self._connection() as connection:
            connection.execute("SELECT key FROM row LIMIT 1").fetchone()

    def _take_room(self, connection: sqlite3.Connection) -> None:
        """Let the file and its log grow by `ROOM_BYTES`, if there is room for that, and leave them so."""
        log = self._path.with_name(f"{self._path.name}-wal")
        if self._path == _MEMORY or (log.exists() and log.stat().st_size >= ROOM_BYTES):
            return
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("INSERT OR REPLACE INTO row (key, document) VALUES ('room', ?)", ("x" * ROOM_BYTES,))
            connection.execute("DELETE FROM row WHERE key = 'room'")
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def _begin_log_anew(self) -> None:
        """Bring what the log holds into the file: then it is written from its beginning, without growing."""
        with self._connection() as connection:
            connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()

    def close(self) -> None:
        """See `Table`."""
        with self._lock:
            for connection, _ in self._free:
                connection.close()
            self._free.clear()
