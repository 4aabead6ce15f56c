"""Rows that outlive every process, in SQLite (one machine) or Redis (several), changed one at a time and
atomically.

A row is a document (text) under a key, and a member of groups, in each with a rank. That is all the ledger
needs: "the queue" is a group ranked by time of arrival, "leases" one ranked by when they run out.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    import redis

BUSY_S = 10.0


@dataclass(frozen=True)
class Row:
    """A document, and the groups it is in with its rank in each."""

    document: str
    groups: Mapping[str, float] = field(default_factory=dict)


Change = Callable[[Row | None], Row | None]
"""Gives what a row becomes, from what it is; None: there is none. It may be called more than once, so it does
nothing else."""


class Table(Protocol):
    """Where rows lie. Every method may be called from any thread of any process."""

    def get(self, key: str) -> Row | None:
        """The row under `key`."""

    def change(self, key: str, change: Change) -> Row | None:
        """Change the row under `key` atomically; gives what it became."""

    def keys(self, group: str, *, upto: float | None = None, limit: int = 1000) -> list[str]:
        """The first `limit` keys of a group, by rising rank; `upto`: those of this rank or less."""

    def count(self, group: str) -> int:
        """How many rows are in a group."""

    def place(self, group: str, key: str) -> int | None:
        """How many rows of the group come before `key`; None if it is not in it."""

    def close(self) -> None:
        """Let go of connections."""


class SqliteTable:
    """In one SQLite file, with a write-ahead log: readers never wait, and what was committed survives kill
    -9.

    With `through_power_cuts` it survives those too, at the price of a wait for the disk at each change.
    """

    def __init__(self, path: Path, *, through_power_cuts: bool = True) -> None:
        self._path, self._synchronous = path, "FULL" if through_power_cuts else "NORMAL"
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        with self._connection() as connection:
            connection.executescript(
                "CREATE TABLE IF NOT EXISTS row (key TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;"
                "CREATE TABLE IF NOT EXISTS member (grp TEXT, key TEXT, rank REAL NOT NULL, PRIMARY KEY (key, grp)) WITHOUT ROWID;"
                "CREATE INDEX IF NOT EXISTS member_by_rank ON member (grp, rank, key);"
            )

    def _connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA synchronous={self._synchronous}")
            self._local.connection = connection
            with self._lock:
                self._connections.append(connection)
        return connection

    def get(self, key: str) -> Row | None:
        """See `Table`."""
        connection = self._connection()
        found = connection.execute("SELECT document FROM row WHERE key = ?", (key,)).fetchone()
        if found is None:
            return None
        return Row(found[0], dict(connection.execute("SELECT grp, rank FROM member WHERE key = ?", (key,)).fetchall()))

    def change(self, key: str, change: Change) -> Row | None:
        """See `Table`."""
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            before = self.get(key)
            after = change(before)
            if after != before:
                if before is None or after is None or dict(after.groups) != dict(before.groups):
                    connection.execute("DELETE FROM member WHERE key = ?", (key,))
                    members = [(group, key, rank) for group, rank in ({} if after is None else after.groups).items()]
                    connection.executemany("INSERT INTO member (grp, key, rank) VALUES (?, ?, ?)", members)
                if after is None:
                    connection.execute("DELETE FROM row WHERE key = ?", (key,))
                else:
                    connection.execute("INSERT OR REPLACE INTO row (key, document) VALUES (?, ?)", (key, after.document))
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        return after

    def keys(self, group: str, *, upto: float | None = None, limit: int = 1000) -> list[str]:
        """See `Table`."""
        query = "SELECT key FROM member WHERE grp = ? AND rank <= ? ORDER BY rank, key LIMIT ?"
        bound = float("inf") if upto is None else upto
        return [key for (key,) in self._connection().execute(query, (group, bound, limit)).fetchall()]

    def count(self, group: str) -> int:
        """See `Table`."""
        return int(self._connection().execute("SELECT COUNT(*) FROM member WHERE grp = ?", (group,)).fetchone()[0])

    def place(self, group: str, key: str) -> int | None:
        """See `Table`."""
        found = self._connection().execute("SELECT rank FROM member WHERE key = ? AND grp = ?", (key, group)).fetchone()
        if found is None:
            return None
        query = "SELECT COUNT(*) FROM member WHERE grp = ? AND (rank < ? OR (rank = ? AND key < ?))"
        return int(self._connection().execute(query, (group, found[0], found[0], key)).fetchone()[0])

    def close(self) -> None:
        """See `Table`."""
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
        self._local = threading.local()


class RedisTable:
    """In Redis: a string per row, a sorted set per group, changed by optimistic transactions (WATCH, MULTI,
    EXEC).
    """

    def __init__(self, url: str, prefix: str = "unfade:") -> None:
        import redis

        self._redis: redis.Redis = redis.Redis.from_url(url, decode_responses=True, socket_keepalive=True, health_check_interval=30)
        self._prefix = prefix

    @staticmethod
    def _row(text: str | None) -> Row | None:
        if text is None:
            return None
        fields = json.loads(text)
        return Row(fields["document"], fields["groups"])

    def get(self, key: str) -> Row | None:
        """See `Table`."""
        return self._row(cast("str | None", self._redis.get(f"{self._prefix}row:{key}")))

    def change(self, key: str, change: Change) -> Row | None:
        """See `Table`."""
        import redis

        name = f"{self._prefix}row:{key}"
        with self._redis.pipeline(transaction=True) as pipe:
            while True:
                try:
                    cast("Any", pipe).watch(name)
                    before = self._row(cast("str | None", cast("Any", pipe).get(name)))
                    after = change(before)
                    if after == before:
                        return after
                    pipe.multi()
                    for group in {} if before is None else before.groups:
                        if after is None or group not in after.groups:
                            pipe.zrem(f"{self._prefix}group:{group}", key)
                    if after is None:
                        pipe.delete(name)
                    else:
                        for group, rank in after.groups.items():
                            pipe.zadd(f"{self._prefix}group:{group}", {key: rank})
                        pipe.set(name, json.dumps({"document": after.document, "groups": dict(after.groups)}))
                    pipe.execute()
                    return after
                except redis.WatchError:
                    continue  # someone else changed it meanwhile: look again

    def keys(self, group: str, *, upto: float | None = None, limit: int = 1000) -> list[str]:
        """See `Table`."""
        bound = "+inf" if upto is None else repr(upto)
        return cast("list[str]", self._redis.zrangebyscore(f"{self._prefix}group:{group}", "-inf", bound, start=0, num=limit))

    def count(self, group: str) -> int:
        """See `Table`."""
        return self._redis.zcard(f"{self._prefix}group:{group}")

    def place(self, group: str, key: str) -> int | None:
        """See `Table`."""
        return cast("int | None", self._redis.zrank(f"{self._prefix}group:{group}", key))

    def close(self) -> None:
        """See `Table`."""
        self._redis.close()
