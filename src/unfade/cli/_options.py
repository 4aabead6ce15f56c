"""Options that several commands on photographs share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from unfade.files.formats import FORMATS

Photographs = Annotated[
    list[Path], typer.Argument(readable=False, metavar="PHOTO", help="The photographs: JPEG, PNG, TIFF, WebP, HEIC, AVIF.")
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        readable=False,
        metavar="FILE|FOLDER",
        help="A file for one photograph, or a folder that is there. Default: beside each photograph.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Write over results that are there already.")]
if TYPE_CHECKING:
    FormatName: TypeAlias = str
else:
    FormatName = Literal[FORMATS.names()]  # of the files alone: to import the codecs takes numpy and a third of a second
Format = Annotated[FormatName | None, typer.Option("--format", help="Write another format. Default: the photograph's own.")]
Quality = Annotated[
    int | None, typer.Option("--quality", min=0, max=100, help="Of a JPEG, WebP, HEIC or AVIF. Default: the photograph's own.")
]
ReportFile = Annotated[
    Path | None,
    typer.Option(
        "--report",
        readable=False,
        metavar="FILE.json",
        help="Write what was done, as JSON: an object for one photograph, a list for several.",
    ),
]
SheetFile = Annotated[
    Path | None, typer.Option("--sheet", readable=False, metavar="FILE", help="Write a contact sheet, before | after, of all photographs.")
]
