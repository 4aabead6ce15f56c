"""A file is written whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path

# What file systems answer that cannot sync: network shares and FUSE have no such call, or none for folders.
_CANNOT_SYNC = frozenset(
    {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.EACCES, errno.EPERM, errno.EISDIR}
)


def put(data: bytes, target: Path, *, overwrite: bool) -> None:
    """Write `data` to `target` whole or not at all: beside it, synced, and renamed.

    On any failure, Ctrl-C included, what was there stays and nothing is left over. With `overwrite` a link is followed, and the file that
    it leads to keeps its permissions. Raises `FileExistsError` where the target is there and `overwrite` is not set, and `OSError`.
    """
    if overwrite:
        target = Path(os.path.realpath(target))
    part = target.with_name(f".unfade-{secrets.token_hex(8)}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            if overwrite and target.exists():
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
    """Bring a file or folder to the disk, where its file system can: one that cannot has written what it was given all the same."""
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:  # a full or broken disk is a failure
            raise


def _sync_folder(folder: Path) -> None:
    """Make the rename itself outlast a power cut, where the system can: Windows, and some shares, cannot open folders."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        _sync(handle)
    finally:
        os.close(handle)
