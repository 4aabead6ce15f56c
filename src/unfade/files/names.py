"""Names of files as other forms can hold them.

On Linux a name is any bytes. Python holds those that are no UTF-8 as lone surrogates, which UTF-8, SQLite and
C2PA refuse.
"""

from __future__ import annotations

from pathlib import Path

# Thumbnails, waste, snapshots and settings that network storage, Windows and archives of macOS put among
# photographs.
_STRANGERS = {
    "@eadir", "@recycle", "@recently-snapshot", "@tmp", "#recycle", "#snapshot", "$recycle.bin", "system volume information", "lost+found",
    "__macosx", "thumbs.db", "desktop.ini",
}  # fmt: skip


def is_aside(name: str) -> bool:
    """Whether a file or folder is hidden, or is one that storage systems put among photographs.

    >>> is_aside("._a.jpg"), is_aside("@eaDir"), is_aside("#12.jpg")
    (True, True, False)
    """
    return name.startswith(".") or name.lower() in _STRANGERS


def hidden_files(count: int) -> str:
    """A sentence about so many photographs that `is_aside` left out.

    >>> hidden_files(1)
    'left out 1 hidden file, or such as storage systems make'
    """
    return f"left out {count:,} hidden file{'s' * (count > 1)}, or such as storage systems make"


def readable(text: str | Path) -> str:
    r"""A name, or a text with names in it, as UTF-8 can hold it: other bytes become escapes.

    >>> print(readable("caf\udce9.tif"))
    caf\xe9.tif
    """
    try:
        return str(text).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half a pair of UTF-16, as Windows may have it in a name
        return escaped_json(str(text))


def escaped_json(text: str) -> str:
    r"""JSON as UTF-8 can hold it: other bytes of names become JSON's own escapes, and are read again as the
    same names.

    >>> print(escaped_json('{"name": "caf\udce9.tif"}'))
    {"name": "caf\udce9.tif"}
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
