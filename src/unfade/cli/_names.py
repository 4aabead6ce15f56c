"""File names as they are shown to a person, and as they are handed to another program."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from pathlib import Path

import typer

from unfade.errors import UnwritableError
from unfade.files.names import readable

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def shown(text: str | Path) -> str:
    r"""A name, or a sentence with names in it, as a terminal may show it, in one line.

    Bytes that are no UTF-8 and characters that a terminal would obey become escapes, such as \xdf and \x1b.
    """
    return "".join(letter if _is_shown(letter) else letter.encode("unicode_escape").decode("ascii") for letter in readable(text))


def named_path(text: str) -> Path:
    """A path as it was typed, for every argument and option that is one.

    An empty name, such as a variable of the shell that is not set leaves behind, would mean the working
    directory. Raises `UsageError`.
    """
    if not text:
        raise typer.BadParameter("it is empty; is a variable not set?")
    if _ADDRESS.match(text):
        raise typer.BadParameter(f"{text} is an address; download the file, and name it")
    return Path(text)


def output_path(text: str) -> Path:
    """A path for results. One that ends like a folder is a folder that is there. Raises `UnwritableError`."""
    if text.endswith(("/", os.sep)) and not os.path.isdir(text):  # noqa: PTH112  a name may be too long for Path.is_dir
        raise UnwritableError(f"there is no folder {text} to write to; make it first: mkdir -p {text}")
    return named_path(text)


def _is_shown(letter: str) -> bool:
    return letter.isprintable() or unicodedata.category(letter) == "Zs"  # a space of any width


def say_file(path: Path) -> None:
    """Name a file on standard output, for another program: the very bytes of its name, where they can be
    written."""
    text = str(path)
    if sys.stdout.isatty():
        text = shown(path)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        typer.echo(text.encode(encoding, "surrogateescape") + b"\n", nl=False)
    except UnicodeEncodeError:  # a code page that lacks the letter
        typer.echo(text.encode(encoding, "backslashreplace") + b"\n", nl=False)
    sys.stdout.flush()
