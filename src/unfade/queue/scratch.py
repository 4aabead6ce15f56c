"""Folders for what passes through: each belongs to one process, and goes with it.

A process that is killed leaves its folders. Whoever is alive removes them: a folder is locked for as long
as its process works in it, and a lock ends with its process, however that ends.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unfade.errors import AwayError

YOUNG_S = 2.0  # a folder this young may not be locked yet
STALE_S = 3600.0  # where there are no locks, a folder this old belongs to nobody


class Scratch:
    """A folder of this machine, and the workspaces in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A folder that is gone after the block. Raises `AwayError` where the disk cannot be reached."""
        try:
            made = tempfile.TemporaryDirectory(dir=self.folder, ignore_cleanup_errors=True)
        except FileNotFoundError as error:
            raise AwayError("the storage cannot be reached: its folder for scratch files is gone") from error
        with made as name, _locked(Path(name)):
            yield Path(name)

    def clear(self) -> int:
        """Remove what killed processes have left; gives how many folders that were."""
        removed = 0
        with contextlib.suppress(FileNotFoundError):
            for found in self.folder.iterdir():
                if _is_left(found):
                    shutil.rmtree(found, ignore_errors=True)
                    removed += 1
        return removed


if sys.platform == "win32":

    @contextmanager
    def _locked(folder: Path) -> Iterator[None]:
        """No locks on folders here."""
        yield

    def _is_left(folder: Path) -> bool:
        """Whether a folder belongs to nobody: here, by its age."""
        with contextlib.suppress(OSError):
            return time.time() - folder.stat().st_mtime > STALE_S
        return False

else:
    import fcntl

    @contextmanager
    def _locked(folder: Path) -> Iterator[None]:
        """Hold a lock on a folder, where its filesystem has locks."""
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with contextlib.suppress(OSError):
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        finally:
            os.close(opened)

    def _is_left(folder: Path) -> bool:
        """Whether a folder belongs to nobody: whether its lock is free."""
        try:
            age_s = time.time() - folder.stat().st_mtime
            if -YOUNG_S < age_s < YOUNG_S:
                return False
            opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:  # it is gone, or no folder
            return False
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # no locks on this filesystem
            return age_s > STALE_S
        finally:
            os.close(opened)
        return True
