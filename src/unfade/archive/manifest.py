"""The manifest of an archive: every master, what became of it, and what a person decided about it.

It is one SQLite file, for one machine and for many. Only the driver and the review page write to it, and
both run where it lies; workers give their results to the driver. So it needs no database server, and no
merging of parts as a Parquet file for each worker would. It has a rollback journal, not a write-ahead log: a
backup is then a copy of one file.

A name that is no UTF-8 is kept as the bytes that it is (a BLOB), every other as text.

If it is lost, a run with a new one takes over what lies in the destination, by its records, and does nothing
again.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from unfade.archive.orders import Finished, Order, Place, Task, base_of
from unfade.archive.places import OURS, Found, FullError, PassedOver
from unfade.errors import RecordError, UsageError
from unfade.files.names import readable

NAME = f"{OURS}/manifest.sqlite"
VERSION = 1
_FACT = "INSERT INTO fact VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_BUSY_S = 30.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS master (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, base TEXT NOT NULL UNIQUE, bytes INTEGER NOT NULL, stamp TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting', asked TEXT, deaths INTEGER NOT NULL DEFAULT 0, sentence TEXT NOT NULL DEFAULT '',
  sha256 TEXT, megapixels REAL, ending TEXT NOT NULL DEFAULT '', result_sha256 TEXT, result_bytes INTEGER NOT NULL DEFAULT 0,
  bytes_written INTEGER NOT NULL DEFAULT 0, seconds REAL NOT NULL DEFAULT 0, share REAL NOT NULL DEFAULT 0, risk REAL NOT NULL DEFAULT 0,
  reasons TEXT NOT NULL DEFAULT '[]', notes TEXT NOT NULL DEFAULT '[]', models TEXT NOT NULL DEFAULT '[]',
  adopted INTEGER NOT NULL DEFAULT 0,
  worker TEXT NOT NULL DEFAULT '', finished REAL, done_count INTEGER NOT NULL DEFAULT 0,
  place TEXT NOT NULL DEFAULT 'delivered', wanted TEXT NOT NULL DEFAULT 'delivered', decision TEXT, decided REAL
);
CREATE INDEX IF NOT EXISTS master_by_state ON master (state, risk DESC, id);
CREATE TABLE IF NOT EXISTS run (id INTEGER PRIMARY KEY, began REAL, ended REAL, account TEXT NOT NULL DEFAULT '{}');
"""

_TABLES = frozenset({"fact", "master", "run"})

Decision = Literal["accepted", "refused"]
Which = Literal["open", "decided", "all"]


@dataclass(frozen=True)
class Entry:
    """A master that is done, as a person reviews it."""

    id: int
    name: str
    base: str
    ending: str
    place: Place
    risk: float
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    share: float
    megapixels: float
    decision: Decision | None
    decided: float | None
    made: str
    """The SHA-256 of the result's file."""
    original: str
    """The SHA-256 of the master's."""


class Manifest:
    """An open manifest. Raises `RecordError` where the file is none or is damaged, `FullError` where its disk
    is full."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = path
        if not create and not path.is_file():
            raise UsageError(f"there is no manifest {path}; name the folder that `unfade archive run` wrote to, or its manifest")
        with self._in_words():
            if create:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._open = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            self._open.row_factory = _row
            self._open.execute("PRAGMA synchronous=FULL")
            self._refuse_others(may_be_empty=create)
            if create:
                self._open.executescript(_SCHEMA)
            known = self.facts().get("version", VERSION)
            if known != VERSION:
                raise RecordError(f"{path} is a manifest of version {known}; this Unfade reads version {VERSION}")

    def _refuse_others(self, *, may_be_empty: bool) -> None:
        """Leave a file that is no manifest as it is: an empty one, or a database of another program. Raises
        `RecordError`."""
        tables = {row["name"] for row in self._open.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables >= _TABLES and (tables or not may_be_empty):
            self.close()
            raise RecordError(f"{self.path} is no manifest; name the folder that `unfade archive run` wrote to, or its manifest")

    def close(self) -> None:
        """Let go of the file."""
        self._open.close()

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if "full" in str(error):
                raise FullError(f"the disk of {self.path} is full") from error
            raise RecordError(f"the manifest {self.path} cannot be used: {error}") from error
        except sqlite3.DatabaseError as error:
            raise RecordError(f"{self.path} is no manifest, or is damaged ({error}); put back a copy, or run with a new one") from error

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it lasts, or nothing."""
        with self._in_words():
            self._open.execute("BEGIN IMMEDIATE")
            try:
                yield self._open
                self._open.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.OperationalError):  # on a full disk SQLite has rolled back already
                    self._open.execute("ROLLBACK")
                raise

    def _rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._in_words():
            return self._open.execute(sql, _kept(values)).fetchall()

    # --- what holds for all

    def facts(self) -> dict[str, Any]:
        """What is known of the archive: `order`, the newest (as `asdict`), `source` and `destination`."""
        return {row["name"]: json.loads(row["value"]) for row in self._rows("SELECT name, value FROM fact")}

    def begin(self, order: Order) -> int:
        """Note that a run begins; gives its number. Raises `UsageError` where the manifest is of another
        source or destination."""
        known = self.facts()
        for name, here in (("source", order.source), ("destination", order.destination)):
            if known.get(name, here) != here:
                raise UsageError(f"{self.path} is the manifest of the {name} {known[name]}, not of {here}; name another with --manifest")
        told = {"version": VERSION, "source": order.source, "destination": order.destination, "order": asdict(order) | {"models": None}}
        with self._change() as open_:
            rows = [(name, json.dumps(value)) for name, value in told.items()]
            open_.executemany(_FACT, rows)
            return int(open_.execute("INSERT INTO run (began) VALUES (?)", (time.time(),)).lastrowid or 0)

    def end(self, run: int, account: dict[str, Any]) -> None:
        """Note that a run has ended, and how."""
        with self._change() as open_:
            open_.execute("UPDATE run SET ended = ?, account = ? WHERE id = ?", (time.time(), json.dumps(account), run))

    def runs(self) -> list[dict[str, Any]]:
        """Every run: when it began and ended (none: killed), in seconds since 1970, and its account."""
        return [dict(row) | {"account": json.loads(row["account"])} for row in self._rows("SELECT * FROM run ORDER BY id")]

    # --- masters

    def take_in(self, found: Iterable[Found], asked: str, passed_over: PassedOver | None = None) -> list[Found]:
        """Enter what the source holds: new masters, and those that changed or of which something else is
        asked, wait; what cannot be read is a dead letter; what waited and is gone is marked so.

        Gives the dead letters that are new. `passed_over` is kept to be told.
        """
        known = {row["name"]: row for row in self._rows("SELECT name, base, stamp, asked, state, sentence FROM master")}
        taken = {row["base"].casefold() for row in known.values()}
        masters = {one.name: one for one in sorted(found, key=lambda one: one.name)}
        closed = tuple(name for name in masters if name.endswith("/"))
        new = [(one.name, _base(one, taken), one.bytes, one.stamp) for name, one in masters.items() if name not in known]
        dead = [one for name, one in masters.items() if one.why and _needs(known.get(name), asked)]
        again = [(one.bytes, one.stamp, name) for name, one in masters.items() if not one.why and _is_again(known.get(name), one, asked)]
        unseen = {name: row for name, row in known.items() if name not in masters}
        gone = [(name,) for name, row in unseen.items() if row["state"] in ("waiting", "failed") and not name.startswith(closed)]
        opened = [(name,) for name in unseen if name.endswith("/")]  # folders that were no masters
        with self._change() as open_:
            open_.executemany("INSERT INTO master (name, base, bytes, stamp) VALUES (?, ?, ?, ?)", map(_kept, new))
            open_.executemany(
                "UPDATE master SET state = 'waiting', deaths = 0, done_count = 0, bytes = ?, stamp = ? WHERE name = ?", map(_kept, again)
            )
            open_.executemany(
                "UPDATE master SET state = 'failed', sentence = ?, asked = ?, stamp = '' WHERE name = ?",
                (_kept((readable(one.why), asked, one.name)) for one in dead),
            )
            open_.executemany("UPDATE master SET state = 'gone' WHERE name = ?", map(_kept, gone))
            open_.executemany("DELETE FROM master WHERE name = ?", map(_kept, opened))
            if passed_over is not None:
                open_.execute(_FACT, ("passed_over", json.dumps(asdict(passed_over))))
        told = {(row["name"], row["sentence"]) for row in known.values() if row["state"] == "failed"}
        return [one for one in dead if (one.name, readable(one.why)) not in told]

    def passed_over(self) -> PassedOver | None:
        """What the last run found in the source that is no master; None where no run has told."""
        told = self.facts().get("passed_over")
        return None if told is None else PassedOver(**told)

    def waiting(self, limit: int | None = None) -> list[Task]:
        """The masters that are still to be done, the largest first among the first `limit` by name: one long
        task at the end would keep the others waiting."""
        sql = "SELECT name, base, bytes, deaths, megapixels FROM master WHERE state = 'waiting' ORDER BY name LIMIT ?"
        rows = self._rows(sql, -1 if limit is None else limit)
        return [Task(**dict(row)) for row in sorted(rows, key=lambda row: (-row["bytes"], row["name"]))]

    def keep(self, finished: Sequence[Finished], asked: str) -> None:
        """Write down what became of masters, all in one transaction."""
        columns = (
            "sha256",
            "megapixels",
            "ending",
            "result_sha256",
            "result_bytes",
            "bytes_written",
            "seconds",
            "share",
            "risk",
        )
        places = ", ".join(f"{column} = ?" for column in columns)
        sql = (
            "UPDATE master SET state = ?, asked = ?, finished = ?, worker = ?, adopted = ?, place = ?, wanted = ?, reasons = ?, "
            "notes = ?, models = ?, done_count = done_count + ?, decision = CASE WHEN ? THEN coalesce(?, decision) END, sentence = ?, "
            f"{places} WHERE name = ?"
        )
        now, rows = time.time(), []
        for one in finished:
            texts = (json.dumps(one.reasons), json.dumps(one.notes), json.dumps(one.models))
            made = int(one.state == "done" and not one.adopted)
            decision = "refused" if one.place == "refused" else None
            values = tuple(getattr(one, column) for column in columns)
            head = (one.state, asked, now, one.worker, int(one.adopted), one.place, one.place)
            rows.append((*head, *texts, made, int(one.adopted), decision, readable(one.sentence), *values, one.name))
        with self._change() as open_:
            open_.executemany(sql, map(_kept, rows))

    def died(self, name: str) -> int:
        """A worker died over this master; gives how often that is now."""
        with self._change() as open_:
            open_.execute("UPDATE master SET deaths = deaths + 1 WHERE name = ?", _kept((name,)))
        return int(self._rows("SELECT deaths FROM master WHERE name = ?", name)[0][0])

    def retry(self) -> int:
        """Let the dead letters be tried again; gives how many they are."""
        with self._change() as open_:
            return open_.execute("UPDATE master SET state = 'waiting', deaths = 0, sentence = '' WHERE state = 'failed'").rowcount

    def counts(self) -> dict[str, int]:
        """How many masters are in each state: waiting, done, failed, gone."""
        found = {row[0]: row[1] for row in self._rows("SELECT state, count(*) FROM master GROUP BY state")}
        return {state: found.get(state, 0) for state in ("waiting", "done", "failed", "gone")}

    def sums(self) -> dict[str, float]:
        """Over all that are done: megapixels, seconds of workers, bytes of masters and of what was
        written."""
        sql = "SELECT total(megapixels) megapixels, total(seconds) seconds, total(bytes) bytes, total(bytes_written) written FROM master"
        return dict(self._rows(f"{sql} WHERE state = 'done'")[0])

    def failures(self, limit: int = -1) -> list[tuple[str, str]]:
        """The dead letters: each master's name, and the sentence that says why."""
        rows = self._rows("SELECT name, sentence FROM master WHERE state = 'failed' ORDER BY name LIMIT ?", limit)
        return [(row["name"], row["sentence"]) for row in rows]

    def every(self) -> Iterator[dict[str, Any]]:
        """Every master, with all that is known of it, by name."""
        with self._in_words():
            for row in self._open.execute("SELECT * FROM master ORDER BY name"):
                yield dict(row) | {name: json.loads(row[name]) for name in ("reasons", "notes", "models")}

    # --- review

    def review(self, which: Which, *, limit: int, offset: int = 0, least_risk: float = 0.0) -> list[Entry]:
        """What is done, the riskiest first; `which`: not decided about yet, decided, or all."""
        rows = self._rows(
            f"SELECT * FROM master WHERE state = 'done' AND risk >= ? {_WHICH[which]} ORDER BY risk DESC, id LIMIT ? OFFSET ?",
            least_risk, limit, offset,
        )  # fmt: skip
        return [_entry(row) for row in rows]

    def review_counts(self) -> dict[str, int]:
        """How many results are open, accepted and refused; and held, among the open ones."""
        row = self._rows(
            "SELECT count(*) FILTER (WHERE decision IS NULL) open, count(*) FILTER (WHERE decision = 'accepted') accepted, "
            "count(*) FILTER (WHERE decision = 'refused') refused, count(*) FILTER (WHERE wanted = 'held') held "
            "FROM master WHERE state = 'done'"
        )[0]
        return dict(row)

    def entry(self, number: int) -> Entry | None:
        """One result that is done; none of that number: None."""
        rows = self._rows("SELECT * FROM master WHERE id = ? AND state = 'done'", number)
        return _entry(rows[0]) if rows else None

    def decide(self, number: int, decision: Decision | None) -> Entry | None:
        """A person accepts or refuses a result, or takes that back (None): it is then held until they decide
        anew. `settle` makes the files agree."""
        wanted: dict[Decision | None, Place] = {"accepted": "delivered", "refused": "refused", None: "held"}
        with self._change() as open_:
            sql = "UPDATE master SET decision = ?, decided = ?, wanted = ? WHERE id = ? AND state = 'done'"
            open_.execute(sql, (decision, time.time(), wanted[decision], number))
        return self.entry(number)

    def unsettled(self) -> list[tuple[int, str, str, Place, Place]]:
        """Results whose files are not where they are to be: number, base, ending, where they are, and where
        to."""
        sql = "SELECT id, base, ending, place, wanted FROM master WHERE state = 'done' AND place <> wanted ORDER BY id"
        return [tuple(row) for row in self._rows(sql)]

    def settled(self, number: int, place: Place) -> None:
        """The files of a result are at `place` now."""
        with self._change() as open_:
            open_.execute("UPDATE master SET place = ? WHERE id = ?", (place, number))


_WHICH: dict[Which, str] = {"open": "AND decision IS NULL", "decided": "AND decision IS NOT NULL", "all": ""}


def _kept(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Values as SQLite can hold them: a name that is no UTF-8 as its bytes."""
    return tuple(value if not isinstance(value, str) or _is_utf8(value) else os.fsencode(value) for value in values)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _row(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> sqlite3.Row:
    return sqlite3.Row(cursor, tuple(os.fsdecode(value) if isinstance(value, bytes) else value for value in values))


def _base(found: Found, taken: set[str]) -> str:
    """The base of a new master's result; a folder that cannot be looked into has none."""
    return found.name if found.name.endswith("/") else base_of(found.name, taken)


def _needs(row: sqlite3.Row | None, asked: str) -> bool:
    """Whether there is no result yet of what is asked."""
    return row is None or row["state"] != "done" or row["asked"] != asked


def _is_again(row: sqlite3.Row | None, found: Found, asked: str) -> bool:
    """Whether a known master waits anew."""
    if row is None:
        return False
    return bool(row["stamp"] != found.stamp or row["state"] == "gone" or (row["state"] != "waiting" and row["asked"] != asked))


def _entry(row: sqlite3.Row) -> Entry:
    texts: dict[str, Any] = {name: tuple(json.loads(row[name])) for name in ("reasons", "notes")}
    plain = ("id", "name", "base", "ending", "place", "risk", "share", "decision", "decided")
    texts |= {"made": row["result_sha256"] or "", "original": row["sha256"] or ""}
    return Entry(**{name: row[name] for name in plain}, megapixels=row["megapixels"] or 0.0, **texts)


@contextmanager
def only_one(manifest: Path) -> Iterator[None]:
    """Hold the right to run over this manifest, which one process has at a time; it ends with the process.

    Raises `UsageError` where another has it.
    """
    lock = sqlite3.connect(manifest.with_suffix(".lock"), timeout=0.2, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        raise UsageError(f"another run over {manifest} is under way; wait for it, or end it first") from error
    try:
        yield
    finally:
        lock.close()
