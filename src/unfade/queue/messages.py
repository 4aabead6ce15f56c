"""huey tells workers that there are jobs, through SQLite or Redis.

huey forgets a message once it is read, so what must not be lost is in the ledger. A message only says
that there is something to do: which job is next, the ledger knows. A message too many finds nothing; a
lost one is sent again.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from huey import Huey, RedisHuey
from huey.consumer import Consumer
from huey.consumer import Worker as Reader
from huey.registry import Message
from huey.serializer import Serializer
from huey.storage import SqliteStorage

from unfade.errors import AwayError
from unfade.queue.ledger import Ledger
from unfade.queue.opening import data_folder
from unfade.queue.records import Kind
from unfade.queue.store import Store
from unfade.settings import Settings

log = logging.getLogger(__name__)
LANES: tuple[Kind, ...] = ("restore", "preview")
POLL_S = 0.1  # how often SQLite is asked for messages, should no server wake the worker; Redis wakes it itself
AWAY_S = 1.0  # how long a reader waits before it asks again for messages that cannot be had
ORPHAN_S = 3600.0


class _JsonSerializer(Serializer):  # type: ignore[misc]
    """huey's own is pickle: whoever can write to the queue could run code in the workers."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(data).encode()

    def _deserialize(self, data: bytes) -> Any:
        return Message(*json.loads(data))


class _Messages(SqliteStorage):  # type: ignore[misc]
    """huey syncs every message (slow) or never (a power cut may corrupt the file).

    NORMAL may lose the last messages; `recover` sends them again.
    """

    def _create_connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection = super()._create_connection()
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection


def _lane(settings: Settings, kind: Kind) -> Huey:
    """The messages of one kind."""
    name, serializer = f"unfade-{kind}", _JsonSerializer()
    if settings.queue is not None:
        from unfade.queue.table_redis import connect

        return RedisHuey(name, connection_pool=connect(settings.queue), results=False, serializer=serializer, read_timeout=1)
    path = data_folder(settings) / "queue.sqlite"
    how = {"filename": str(path), "journal_mode": "wal", "timeout": 10, "results": False, "serializer": serializer}
    try:
        return Huey(name, storage_class=_Messages, **how)
    except sqlite3.DatabaseError as error:
        log.warning("the file of messages was damaged (%s) and is made anew; the jobs are in the ledger", error)
        _put_away(path)
        return Huey(name, storage_class=_Messages, **how)


def _put_away(path: Path) -> None:
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    path.replace(path.with_name(path.name + ".damaged"))


@contextmanager
def _reached() -> Iterator[None]:
    """What goes wrong in the block because messages cannot be reached comes out as `AwayError`."""
    try:
        yield
    except (sqlite3.Error, redis.RedisError, OSError) as error:
        raise AwayError(f"the queue's messages cannot be reached: {error}") from error


class Queue:
    """Two lanes of messages: jobs, and previews, which never wait behind jobs. A message is a job's id."""

    def __init__(
        self, settings: Settings, run: Callable[[Kind, str], None] | None = None, *, wake: Callable[[], None] = lambda: None
    ) -> None:
        """`run` is what a worker does with a message; the server, which only sends, gives none.

        `wake` is called once one is sent.
        """
        self._wake = wake
        self.lanes: dict[Kind, Huey] = {kind: _lane(settings, kind) for kind in LANES}
        self._woken: dict[Kind, threading.Event] = {kind: threading.Event() for kind in LANES}
        self._send: dict[Kind, Callable[[str], object]] = {}
        for kind, huey in self.lanes.items():

            def work(job_id: str, kind: Kind = kind) -> None:
                if run is not None:
                    run(kind, job_id)

            self._send[kind] = huey.task(name="work")(work)

    def send(self, kind: Kind, job_id: str) -> None:
        """Send a message. One that cannot be sent now is sent by `recover`: the job is in the ledger."""
        try:
            with _reached():
                self._send[kind](job_id)
        except AwayError as error:
            log.warning("a message could not be sent, and is sent later: %s", error)
        self._wake()

    def consumers(self) -> list[Any]:
        """huey's threads that read the messages, one for each lane, not started yet."""
        return [_consumer(self.lanes[kind], self._woken[kind]) for kind in LANES]

    def look(self) -> None:
        """Have the readers look for messages now."""
        for woken in self._woken.values():
            woken.set()

    def pending(self, kind: Kind) -> int:
        """How many messages nobody has read. Raises `AwayError`."""
        with _reached():
            return int(self.lanes[kind].pending_count())

    def close(self) -> None:
        """Let go of connections."""
        for huey in self.lanes.values():
            huey.storage.close()


def _execute(message: Any) -> None:
    """Do what a message asks for; nothing that goes wrong in it ends the reader, which would end its lane.

    huey's own `execute` also asks the storage whether the message was revoked, before and after. Nothing is
    revoked here, and a Redis that went away while a job ran would end the reader.
    """
    try:
        message.execute()
    except Exception:
        log.exception("a mistake while a message was acted upon")


def _consumer(lane: Huey, woken: threading.Event) -> Consumer:
    class Waking(Reader):  # type: ignore[misc]
        """A reader that looks at once when it is woken, and waits where messages cannot be had."""

        def sleep(self) -> None:
            woken.wait(POLL_S)
            woken.clear()  # before the next look: what is sent from now on wakes again

        def loop(self, now: Any = None) -> None:
            try:
                message = self.huey.dequeue()
            except (sqlite3.Error, redis.RedisError, OSError) as error:
                log.warning("messages cannot be read for now: %s", error)
                time.sleep(AWAY_S)
                return
            except Exception:  # another version's, or nonsense: it is gone, and `recover` sends again what waits
                log.exception("a message cannot be read")
                return
            if message is not None:
                _execute(message)
            elif not self.huey.storage.blocking:
                self.sleep()

    class Lane(Consumer):  # type: ignore[misc]
        worker_class = Waking

    return Lane(lane, workers=1, periodic=False)


def succeeds(chore: Callable[[], object]) -> bool:
    """Do a chore; False where it went wrong, which is logged. So the next one is done all the same: where
    there is no room, nothing can be put back, and what has expired must go.
    """
    try:
        chore()
    except Exception:
        log.exception("sweeping did not succeed; it is tried again")
        return False
    return True


def recover(ledger: Ledger, queue: Queue, settings: Settings) -> None:
    """Put back the jobs of dead workers, and send again what was lost: a job that waits while no message
    does.
    """
    for job_id in ledger.recover(attempts=settings.job_attempts, lease_s=settings.lease_s):
        log.warning("a worker died; its job waits again")
        queue.send("restore", job_id)
    if queue.pending("restore") == 0:
        for job_id in ledger.waiting(limit=100):
            queue.send("restore", job_id)


def sweep(ledger: Ledger, store: Store, *, now: float) -> None:
    """Delete photographs whose time is over, and files that belong to none."""
    for photo_id in ledger.expired_photos():
        store.remove(f"photos/{photo_id}")
        ledger.remove_photo(photo_id)
    for name, changed in store.names("photos"):
        if now - changed > ORPHAN_S and not ledger.has_photo(name):
            store.remove(f"photos/{name}")
