"""A file's bytes, from the disk and to it: whole or not at all. What the system says becomes a sentence."""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import secrets
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path

from unfade.errors import ExistsError, UnreadableError, UnwritableError

# What file systems answer that cannot sync: network shares and FUSE have no such call, or none for folders.
_CANNOT_SYNC = frozenset(
    {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.EACCES, errno.EPERM, errno.EISDIR}
)

_PART = re.compile(r"\.unfade-([0-9a-f]{8})-(\d{1,9})-[0-9a-f]{16}\.part")
_GONE_S = 60.0  # two machines may have one name, and one process's number in each
_FOREIGN_S = 86_400.0


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file to be read. Raises `OSError` for anything else, before it is opened.

    To open a FIFO waits for somebody who writes into it; to open a device may move a tape.
    """
    _require_regular(path.stat())
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    file = os.fdopen(handle, "rb")
    try:
        _require_regular(os.fstat(handle))  # it may have become another meanwhile
    except OSError:
        file.close()
        raise
    return file


def _require_regular(state: os.stat_result) -> None:
    if stat.S_ISDIR(state.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(state.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file")


def bytes_of(path: Path, name: str) -> bytes:
    """All of a file. Raises `UnreadableError`, in which it is called `name`."""
    try:
        with open_regular(path) as file:
            return file.read()
    except FileNotFoundError as error:
        raise UnreadableError(f"{path} does not exist; check the name") from error
    except PermissionError as error:
        raise UnreadableError(f"{name} may not be read; give yourself permission to read it") from error
    except IsADirectoryError as error:
        raise UnreadableError(f"{name} is a folder; name a photograph in it") from error
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise UnreadableError(f"{name} is not a regular file; save it as one first") from error
        raise UnreadableError(f"{name} cannot be read: {error.strerror or error}; copy it to another disk and try again") from error


def sha256_of(path: Path) -> str:
    """The SHA-256 of a regular file's bytes, as hexadecimal digits. Raises `OSError`."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a target that could not be written, before the work of encoding. Raises `ExistsError`,
    `UnwritableError`."""
    with _in_words(target, 0):
        if not overwrite and os.path.lexists(target):
            raise FileExistsError
        if target.is_dir():
            raise UnwritableError(f"{target} is a folder; name the file to write in it")
        if not target.parent.is_dir():
            raise UnwritableError(f"the folder {target.parent} does not exist; make it first")


def put(data: bytes, target: Path, *, overwrite: bool) -> None:
    """Write beside the target, sync, and rename; the part is removed whatever happens. Raises `ExistsError`,
    `UnwritableError`."""
    with _in_words(target, len(data)):
        _put(data, Path(os.path.realpath(target)) if overwrite else target, overwrite=overwrite)


@contextmanager
def _in_words(target: Path, size: int) -> Iterator[None]:
    """What the system says in writing `size` bytes becomes a sentence."""
    try:
        yield
    except FileExistsError as error:
        raise ExistsError(f"{target} exists already; give another name or allow overwriting") from error
    except OSError as error:
        reasons = {
            errno.ENOSPC: f"the disk is full: {size / 1e6:,.1f} MB are needed",
            errno.EDQUOT: f"your share of the disk is full: {size / 1e6:,.1f} MB are needed",
            errno.EACCES: f"you may not write in {target.parent}; choose another folder",
            errno.EPERM: f"you may not write in {target.parent}; choose another folder",
            errno.EROFS: f"the disk of {target.parent} is read-only; choose another folder",
            errno.ENAMETOOLONG: "the name is too long; give a shorter one",
        }
        raise UnwritableError(f"{target.name} cannot be written: {reasons.get(error.errno or 0, error.strerror or str(error))}") from error


def _put(data: bytes, target: Path, *, overwrite: bool) -> None:
    part = target.with_name(f".unfade-{_machine()}-{os.getpid()}-{secrets.token_hex(8)}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            if overwrite and target.exists():
                with suppress(PermissionError, NotImplementedError):  # a share that keeps no permissions has none to lose
                    part.chmod(stat.S_IMODE(target.stat().st_mode))
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(handle, rest) :]
            _sync(handle)
        finally:
            os.close(handle)
        if overwrite:
            part.replace(target)
        else:
            _rename_to_new(part, target)
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(target.parent)


def _machine() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def clear_parts(folder: Path) -> None:
    """Remove the parts that killed processes left in a folder: of this machine's processes that are no longer
    there, a minute after they were last written; of others, a day after."""
    with suppress(OSError):
        for entry in list(os.scandir(folder)):
            if (told := _PART.fullmatch(entry.name)) is not None:
                with suppress(OSError):
                    age = time.time() - entry.stat(follow_symlinks=False).st_mtime
                    if age > (_GONE_S if told[1] == _machine() and not _runs(int(told[2])) else _FOREIGN_S):
                        Path(entry.path).unlink()


def _runs(pid: int) -> bool:
    """Whether there is a process of this number; on Windows, where asking would end it, always."""
    if sys.platform == "win32":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _rename_to_new(part: Path, target: Path) -> None:
    """Rename without overwriting, even what appeared a moment ago. Raises `FileExistsError`."""
    try:
        target.hardlink_to(part)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links (FAT, some network shares): the moment between stays
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        part.rename(target)


def _sync(handle: int) -> None:
    """Bring a file or folder to the disk, where its file system can: one that cannot has written what it was
    given all the same."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:  # a full or broken disk is a failure
            raise


def _sync_folder(folder: Path) -> None:
    """Make the rename itself outlast a power cut, where the system can: Windows, and some shares, cannot open
    folders."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        _sync(handle)
    finally:
        os.close(handle)
