"""huey carries the ids of jobs to the workers, in SQLite or Redis.

huey forgets a message once it is read, so what must not be lost is in the ledger. A message that comes twice
finds the job taken; a message that is lost is sent again.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Any

from unfade.queue.ledger import Ledger
from unfade.queue.opening import data_folder
from unfade.queue.records import Kind
from unfade.queue.store import Store
from unfade.settings import Settings

log = logging.getLogger(__name__)
LANES: tuple[Kind, ...] = ("restore", "preview")
POLL_S = 0.1  # how often SQLite is asked for messages, should no server wake the worker; Redis wakes it itself
ORPHAN_S = 3600.0


class Queue:
    """Two lanes of messages: jobs, and previews, which never wait behind jobs. A message is a job's id."""

    def __init__(
        self, settings: Settings, run: Callable[[Kind, str], None] | None = None, *, wake: Callable[[], None] = lambda: None
    ) -> None:
        """`run` is what a worker does with a message; the server, which only sends, gives none.

        `wake` is called once one is sent.
        """
        import sqlite3

        from huey import Huey, RedisHuey
        from huey.registry import Message
        from huey.serializer import Serializer
        from huey.storage import SqliteStorage

        class JsonSerializer(Serializer):  # type: ignore[misc]
            """huey's own is pickle: whoever can write to the queue could run code in the workers."""

            def _serialize(self, data: Any) -> bytes:
                return json.dumps(data).encode()

            def _deserialize(self, data: bytes) -> Any:
                return Message(*json.loads(data))

        class Messages(SqliteStorage):  # type: ignore[misc]
            """Kept by huey with a wait for the disk at each message, or so that a power cut may break the
            file.

            This is neither: a power cut may take the last messages, and what it takes is sent again.
            """

            def _create_connection(self) -> sqlite3.Connection:
                connection: sqlite3.Connection = super()._create_connection()
                connection.execute("PRAGMA synchronous=NORMAL")
                return connection

        def lane(kind: Kind) -> Huey:
            name = f"unfade-{kind}"
            if settings.queue is not None:
                return RedisHuey(name, url=settings.queue, results=False, serializer=JsonSerializer(), read_timeout=1)
            path = str(data_folder(settings) / "queue.sqlite")
            return Huey(
                name, storage_class=Messages, filename=path, results=False, serializer=JsonSerializer(), journal_mode="wal", timeout=10
            )

        self._wake = wake
        self.lanes: dict[Kind, Huey] = {kind: lane(kind) for kind in LANES}
        self._woken: dict[Kind, threading.Event] = {kind: threading.Event() for kind in LANES}
        self._send: dict[Kind, Callable[[str], object]] = {}
        for kind, huey in self.lanes.items():

            def work(job_id: str, kind: Kind = kind) -> None:
                if run is not None:
                    run(kind, job_id)

            self._send[kind] = huey.task(name="work")(work)

    def send(self, kind: Kind, job_id: str) -> None:
        """Send a message."""
        self._send[kind](job_id)
        self._wake()

    def consumers(self) -> list[Any]:
        """huey's threads that read the messages, one for each lane, not started yet."""
        from huey.consumer import Consumer
        from huey.consumer import Worker as Reader

        def consumer(kind: Kind) -> Consumer:
            woken = self._woken[kind]

            class Waking(Reader):  # type: ignore[misc]
                """A reader that looks at once when it is woken."""

                def sleep(self) -> None:
                    woken.wait(POLL_S)
                    woken.clear()  # before the next look: what is sent from now on wakes again

            class Lane(Consumer):  # type: ignore[misc]
                worker_class = Waking

            return Lane(self.lanes[kind], workers=1, periodic=False)

        return [consumer(kind) for kind in LANES]

    def look(self) -> None:
        """Have the readers look for messages now."""
        for woken in self._woken.values():
            woken.set()

    def pending(self, kind: Kind) -> int:
        """How many messages nobody has read."""
        return int(self.lanes[kind].pending_count())

    def close(self) -> None:
        """Let go of connections."""
        for huey in self.lanes.values():
            huey.storage.close()


def recover(ledger: Ledger, queue: Queue, settings: Settings) -> None:
    """Put back the jobs of dead workers, and send again what was lost: a job that waits while no message
    does.
    """
    for job_id in ledger.recover(attempts=settings.job_attempts):
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
