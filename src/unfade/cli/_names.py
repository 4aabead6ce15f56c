"""File names as they are shown to a person, and as they are handed to another program."""

from __future__ import annotations

import os
import sys
import unicodedata
from pathlib import Path

import typer


def shown(text: str | Path) -> str:
    r"""A name, or a sentence with names in it, as a terminal may show it, in one line.

    Bytes that are no UTF-8 and characters that a terminal would obey become escapes, such as \xdf and \x1b.
    """
    readable = os.fsencode(text).decode("utf-8", "backslashreplace")
    return "".join(letter if _is_shown(letter) else letter.encode("unicode_escape").decode("ascii") for letter in readable)


def _is_shown(letter: str) -> bool:
    return letter.isprintable() or unicodedata.category(letter) == "Zs"  # a space of any width


def say_file(path: Path) -> None:
    """Name a file on standard output, for another program: the very bytes of its name, where they can be written."""
    text = str(path)
    if sys.stdout.isatty():
        text = shown(path)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        typer.echo(text.encode(encoding, "surrogateescape") + b"\n", nl=False)
    except UnicodeEncodeError:  # a code page that lacks the letter
        typer.echo(text.encode(encoding, "backslashreplace") + b"\n", nl=False)
    sys.stdout.flush()
