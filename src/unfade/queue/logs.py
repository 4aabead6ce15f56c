"""What processes of the server write down: one line a kind of trouble and minute, however often it comes."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict

import redis

from unfade.errors import UnfadeError

PAUSE_S = 60.0
_TOLD = (UnfadeError, redis.ConnectionError, redis.TimeoutError)  # what went wrong is in the message: where, is of no use
KINDS_KEPT = 200


class Hush(logging.Filter):
    """Lets a warning or an error through once a minute, and says how many like it there were meanwhile.

    Alike are records of one logger, place and class of error. A traceback is of use only where the cause
    is not known: an error that is raised on purpose goes without.
    """

    def __init__(self, pause_s: float = PAUSE_S) -> None:
        super().__init__()
        self._pause_s = pause_s
        self._seen: OrderedDict[tuple[object, ...], tuple[float, int]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        if record.levelno < logging.WARNING:
            return True
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, _TOLD):
            record.msg, record.args, record.exc_info = f"{record.getMessage()}: {error}", (), None
        key = (record.name, record.pathname, record.lineno, type(error))
        now = time.monotonic()
        last, more = self._seen.pop(key, (-self._pause_s, 0))
        if now - last < self._pause_s:
            self._seen[key] = (last, more + 1)
            return False
        self._seen[key] = (now, 0)
        if len(self._seen) > KINDS_KEPT:
            self._seen.popitem(last=False)
        if more:
            record.msg, record.args = f"{record.getMessage()} (and {more} times more since)", ()
        return True


def set_up(process: str) -> None:
    """Write to standard error, with the name of the process in each line."""
    logging.basicConfig(level=logging.INFO, format=f"%(levelname)s {process}: %(message)s")
    for name in ("huey", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.addFilter(Hush())
