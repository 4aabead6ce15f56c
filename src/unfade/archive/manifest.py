"""The manifest of an archive: every master, what became of it, and what a person decided about it.

It is one SQLite file, for one machine and for many. Only the driver and the review page write to it, and
both run where it lies; workers give their results to the driver. So it needs no database server, and no
merging of parts as a Parquet file for each worker would. It has a rollback journal, not a write-ahead log: a
backup is then a copy of one file.

If it is lost, a run with a new one takes over what lies in the destination, by its records, and does nothing
again.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from unfade.archive.orders import Finished, Order, Place, Task, base_of
from unfade.archive.places import OURS, Found, FullError
from unfade.errors import RecordError, UsageError

NAME = f"{OURS}/manifest.sqlite"
VERSION = 1
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
            self._open.row_factory = sqlite3.Row
            self._open.execute("PRAGMA synchronous=FULL")
            self._open.executescript(_SCHEMA)
            known = self.facts().get("version", VERSION)
            if known != VERSION:
                raise RecordError(f"{path} is a manifest of version {known}; this Unfade reads version {VERSION}")

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
            return self._open.execute(sql, values).fetchall()

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
            open_.executemany("INSERT INTO fact VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", rows)
            return int(open_.execute("INSERT INTO run (began) VALUES (?)", (time.time(),)).lastrowid or 0)

    def end(self, run: int, account: dict[str, Any]) -> None:
        """Note that a run has ended, and how."""
        with self._change() as open_:
            open_.execute("UPDATE run SET ended = ?, account = ? WHERE id = ?", (time.time(), json.dumps(account), run))

    def runs(self) -> list[dict[str, Any]]:
        """Every run: when it began and ended (none: killed), in seconds since 1970, and its account."""
        return [dict(row) | {"account": json.loads(row["account"])} for row in self._rows("SELECT * FROM run ORDER BY id")]

    # --- masters

    def take_in(self, found: Iterable[Found], asked: str) -> None:
        """Enter what the source holds: new masters, and those that changed or of which something else is
        asked, wait; what waited and is gone is marked so."""
        known = {row["name"]: row for row in self._rows("SELECT name, base, stamp, asked, state FROM master")}
        taken = {row["base"].casefold() for row in known.values()}
        new, again, seen = [], [], set()
        for one in sorted(found, key=lambda one: one.name):
            seen.add(one.name)
            row = known.get(one.name)
            if row is None:
                new.append((one.name, base_of(one.name, taken), one.bytes, one.stamp))
            elif row["stamp"] != one.stamp or row["state"] == "gone" or (row["state"] != "waiting" and row["asked"] != asked):
                again.append((one.bytes, one.stamp, one.name))
        gone = [(name,) for name, row in known.items() if name not in seen and row["state"] in ("waiting", "failed")]
        with self._change() as open_:
            open_.executemany("INSERT INTO master (name, base, bytes, stamp) VALUES (?, ?, ?, ?)", new)
            open_.executemany("UPDATE master SET state = 'waiting', deaths = 0, done_count = 0, bytes = ?, stamp = ? WHERE name = ?", again)
            open_.executemany("UPDATE master SET state = 'gone' WHERE name = ?", gone)

    def waiting(self, limit: int | None = None) -> list[Task]:
        """The masters that are still to be done, the largest first among the first `limit` by name: one long
        task at the end would keep the others waiting."""
        sql = "SELECT name, base, bytes, deaths, megapixels FROM master WHERE state = 'waiting' ORDER BY name LIMIT ?"
        rows = self._rows(sql, -1 if limit is None else limit)
        return [Task(**dict(row)) for row in sorted(rows, key=lambda row: (-row["bytes"], row["name"]))]

    def keep(self, finished: Sequence[Finished], asked: str) -> None:
        """Write down what became of masters, all in one transaction."""
        columns = (
            "sentence",
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
            "notes = ?, models = ?, done_count = done_count + ?, decision = CASE WHEN ? THEN coalesce(?, decision) END, "
            f"{places} WHERE name = ?"
        )
        now, rows = time.time(), []
        for one in finished:
            texts = (json.dumps(one.reasons), json.dumps(one.notes), json.dumps(one.models))
            made = int(one.state == "done" and not one.adopted)
            decision = "refused" if one.place == "refused" else None
            values = tuple(getattr(one, column) for column in columns)
            head = (one.state, asked, now, one.worker, int(one.adopted), one.place, one.place)
            rows.append((*head, *texts, made, int(one.adopted), decision, *values, one.name))
        with self._change() as open_:
            open_.executemany(sql, rows)

    def died(self, name: str) -> int:
        """A worker died over this master; gives how often that is now."""
        with self._change() as open_:
            open_.execute("UPDATE master SET deaths = deaths + 1 WHERE name = ?", (name,))
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
