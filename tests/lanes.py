"""The lanes of a queue, read while a test does something."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from unfade.queue.messages import Queue


@contextmanager
def reading(queue: Queue) -> Iterator[None]:
    """Read every lane, each on a thread of its own, until the block is over."""
    consumers = queue.consumers()
    for consumer in consumers:
        consumer.worker_threads[0][1].start()
    yield
    for consumer in consumers:
        consumer.stop_flag.set()
    queue.look()
    for consumer in consumers:
        consumer.worker_threads[0][1].join(10)
