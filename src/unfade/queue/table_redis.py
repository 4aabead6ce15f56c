"""The table in Redis: a string for each row, a sorted set for each group."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from unfade.errors import AwayError
from unfade.queue.table import Change, Row

TIMEOUT_S = 5.0


def connect(url: str, *, decode_responses: bool = False) -> redis.ConnectionPool:
    """Connections to a Redis that say within `TIMEOUT_S` where it cannot be reached.

    Raises `ValueError` for a URL that is none.
    """
    return redis.ConnectionPool.from_url(
        url,
        decode_responses=decode_responses,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        socket_keepalive=True,
        health_check_interval=30,
        retry=Retry(NoBackoff(), 1),  # a connection that idled was closed: the next one serves
    )


@contextmanager
def _ours() -> Iterator[None]:
    """redis-py's errors come out of the block as ours."""
    try:
        yield
    except redis.exceptions.OutOfMemoryError as error:
        raise OSError(errno.ENOSPC, "there is no room in Redis") from error
    except redis.RedisError as error:
        raise AwayError(f"Redis cannot be reached: {error}") from error


class RedisTable:
    """Changed by optimistic transactions (WATCH, MULTI, EXEC)."""

    def __init__(self, url: str, prefix: str = "unfade:") -> None:
        # any: the stubs of redis-py mix the answers of its asynchronous client in
        self._redis: Any = redis.Redis(connection_pool=connect(url, decode_responses=True))
        self._prefix = prefix

    @staticmethod
    def _row(text: str | None) -> Row | None:
        if text is None:
            return None
        fields = json.loads(text)
        return Row(fields["document"], fields["groups"])

    def get(self, key: str) -> Row | None:
        """See `Table`."""
        with _ours():
            return self._row(self._redis.get(f"{self._prefix}row:{key}"))

    def get_many(self, keys: Sequence[str]) -> dict[str, Row]:
        """See `Table`."""
        if not keys:
            return {}
        with _ours():
            texts = self._redis.mget([f"{self._prefix}row:{key}" for key in keys])
        rows = {key: self._row(text) for key, text in zip(keys, texts, strict=True)}
        return {key: row for key, row in rows.items() if row is not None}

    def change(self, key: str, change: Change, *, counts: str | None = None, frees: bool = False) -> Row | None:
        """See `Table`."""
        name = f"{self._prefix}row:{key}"
        with _ours(), self._redis.pipeline(transaction=True) as pipe:
            while True:
                try:
                    pipe.watch(name)
                    before = self._row(pipe.get(name))
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
                    if counts is not None:
                        pipe.incr(f"{self._prefix}count:{counts}")
                    pipe.execute()
                    return after
                except redis.WatchError:
                    continue  # someone else changed it meanwhile: look again

    def counted(self, name: str) -> int:
        """See `Table`."""
        with _ours():
            counted = int(self._redis.get(f"{self._prefix}count:{name}") or 0)
        row = self.get(f"total:{name}")  # where versions before 0.2 counted
        return counted + (0 if row is None else int(row.document))

    def keys(self, group: str, *, upto: float | None = None, above: float | None = None, limit: int = 1000) -> list[str]:
        """See `Table`."""
        highest = "+inf" if upto is None else repr(upto)
        lowest = "-inf" if above is None else f"({above!r}"
        with _ours():
            return cast("list[str]", self._redis.zrangebyscore(f"{self._prefix}group:{group}", lowest, highest, start=0, num=limit))

    def ranks(self, group: str, *, limit: int = 1000) -> list[tuple[str, float]]:
        """See `Table`."""
        with _ours():
            return [
                (str(key), float(rank)) for key, rank in self._redis.zrange(f"{self._prefix}group:{group}", 0, limit - 1, withscores=True)
            ]

    def last_rank(self, group: str) -> float | None:
        """See `Table`."""
        with _ours():
            found = self._redis.zrange(f"{self._prefix}group:{group}", -1, -1, withscores=True)
        return float(found[0][1]) if found else None

    def count(self, group: str) -> int:
        """See `Table`."""
        with _ours():
            return int(self._redis.zcard(f"{self._prefix}group:{group}"))

    def place(self, group: str, key: str) -> int | None:
        """See `Table`."""
        with _ours():
            return cast("int | None", self._redis.zrank(f"{self._prefix}group:{group}", key))

    def check(self) -> None:
        """See `Table`."""
        with _ours():
            self._redis.ping()

    def close(self) -> None:
        """See `Table`."""
        self._redis.close()
        self._redis.connection_pool.disconnect()
