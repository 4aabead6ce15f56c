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


# KEYS: the row, its groups, perhaps a counter. ARGV: the row's text as it was read ("": none), its new text
# ("": none), "free" or "fill", the row's key, and its rank in each of the groups ("": it leaves this one).
# A Redis that is full (maxmemory) takes nothing in MULTI, not even DEL. In a script it refuses SET, but not
# DEL, and nothing that follows the first write: so a change that makes room begins with DEL.
_REPLACE = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
if ARGV[3] == 'free' then redis.call('DEL', KEYS[1]) end
if ARGV[2] ~= '' then redis.call('SET', KEYS[1], ARGV[2]) end
for at = 2, #KEYS do
  local rank = ARGV[at + 3]
  if rank == nil then redis.call('INCR', KEYS[at])
  elseif rank == '' then redis.call('ZREM', KEYS[at], ARGV[4])
  else redis.call('ZADD', KEYS[at], rank, ARGV[4]) end
end
return 1
"""


@contextmanager
def _ours() -> Iterator[None]:
    """redis-py's errors come out of the block as ours."""
    try:
        yield
    except redis.RedisError as error:
        if isinstance(error, redis.exceptions.OutOfMemoryError) or "OOM command not allowed" in str(error):  # Redis 6
            raise OSError(errno.ENOSPC, "there is no room in Redis") from error
        raise AwayError(f"Redis cannot be reached: {error}") from error


class RedisTable:
    """Changed by a script that compares the row with what was read before, and then writes."""

    def __init__(self, url: str, prefix: str = "unfade:") -> None:
        # any: the stubs of redis-py mix the answers of its asynchronous client in
        self._redis: Any = redis.Redis(connection_pool=connect(url, decode_responses=True))
        self._replace = self._redis.register_script(_REPLACE)
        self._prefix = prefix

    def _row(self, key: str, text: str | None) -> Row | None:
        """The row under `key`. What is no row has a document that nobody can read, and goes in time."""
        if text is None:
            return None
        try:
            fields = json.loads(text)
            return Row(str(fields["document"]), {str(group): float(rank) for group, rank in fields["groups"].items()})
        except (ValueError, TypeError, KeyError, AttributeError):
            return Row("", self._groups_with(key))

    def _groups_with(self, key: str) -> dict[str, float]:
        """The groups that a row is in, by looking at all of them."""
        prefix = f"{self._prefix}group:"
        ranks = {name: self._redis.zscore(name, key) for name in self._redis.scan_iter(f"{prefix}*", count=1000)}
        return {name.removeprefix(prefix): rank for name, rank in ranks.items() if rank is not None}

    def get(self, key: str) -> Row | None:
        """See `Table`."""
        with _ours():
            return self._row(key, self._redis.get(f"{self._prefix}row:{key}"))

    def get_many(self, keys: Sequence[str]) -> dict[str, Row]:
        """See `Table`."""
        if not keys:
            return {}
        with _ours():
            texts = self._redis.mget([f"{self._prefix}row:{key}" for key in keys])
            rows = {key: self._row(key, text) for key, text in zip(keys, texts, strict=True)}
        return {key: row for key, row in rows.items() if row is not None}

    def change(self, key: str, change: Change, *, counts: str | None = None, frees: bool = False) -> Row | None:
        """See `Table`."""
        with _ours():
            while True:
                text = self._redis.get(f"{self._prefix}row:{key}")
                before = self._row(key, text)
                after = change(before)
                if after == before or self._put(key, text, before, after, counts=counts, frees=frees):
                    return after
                # else someone else changed it meanwhile: look again

    def _put(self, key: str, text: str | None, before: Row | None, after: Row | None, *, counts: str | None, frees: bool) -> bool:
        """Put `after` in the place of the row whose text is `text`; False where it is another by now."""
        joins: dict[str, float] = {} if after is None else dict(after.groups)
        groups = {group: "" for group in ({} if before is None else before.groups) if group not in joins}
        groups |= {group: repr(float(rank)) for group, rank in joins.items()}
        names = [f"{self._prefix}row:{key}", *(f"{self._prefix}group:{group}" for group in groups)]
        if counts is not None:
            names.append(f"{self._prefix}count:{counts}")
        written = "" if after is None else json.dumps({"document": after.document, "groups": dict(after.groups)})
        first = "free" if frees or after is None else "fill"
        return bool(self._replace(keys=names, args=[text or "", written, first, key, *groups.values()]))

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
