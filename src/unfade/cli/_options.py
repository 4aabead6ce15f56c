"""What every command on photographs is given for all of them: the photographs, where results go, and how they
are written."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_type_hints

import typer

from unfade.cli._names import named_path, output_path
from unfade.files.formats import FORMATS

if TYPE_CHECKING:
    FormatName: TypeAlias = str
else:
    FormatName = Literal[FORMATS.names()]  # of the files alone: to import the codecs takes numpy and a third of a second

Command = Callable[..., None]

LikeFile = Annotated[
    Path | None,
    typer.Option("--like", parser=named_path, metavar="PHOTO", help="A finished photograph, in whose colors these are colored."),
]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The photographs of one command, and what holds for all of them. A field is an argument or an option."""

    photographs: Annotated[
        list[Path],
        typer.Argument(
            parser=named_path,
            metavar="PHOTO|FOLDER",
            help="Photographs, or folders of them: JPEG, PNG, TIFF, WebP, HEIC, AVIF, BMP, GIF.",
        ),
    ]
    recursive: Annotated[bool, typer.Option("--recursive", "-r", help="Of a folder, take the folders in it, too.")] = False
    page: Annotated[
        int | None, typer.Option("--page", min=1, metavar="N", help="Of a file of several pages, take this one. Default: the largest.")
    ] = None
    pages: Annotated[
        Literal["all"] | None, typer.Option("--pages", help="all: treat every page of a TIFF, and write them as one file again.")
    ] = None
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            parser=output_path,
            metavar="FILE|FOLDER",
            help="A file for one photograph, or a folder that is there. Default: beside each photograph.",
        ),
    ] = None
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            parser=named_path,
            metavar="FILE.json",
            help="Write what was done, as JSON: an object for one photograph, a list for several.",
        ),
    ] = None
    sheet: Annotated[
        Path | None,
        typer.Option(
            "--sheet",
            parser=named_path,
            metavar="FILE",
            help="Write a contact sheet, before | after; more than 40 photographs become several: FILE, FILE-2, ...",
        ),
    ] = None
    format: Annotated[FormatName | None, typer.Option("--format", help="Write another format. Default: the photograph's own.")] = None
    quality: Annotated[
        int | None, typer.Option("--quality", min=0, max=100, help="Of a JPEG, WebP, HEIC or AVIF. Default: the photograph's own.")
    ] = None
    drop_location: Annotated[bool, typer.Option("--drop-location", help="Leave where a photograph was taken (GPS) out of its result.")] = (
        False
    )
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Write over results that are there. Without it, what is done already is left out, and the rest done."
        ),
    ] = False
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing but errors: no progress, and not what was noticed about a photograph.")
    ] = False


def takes_photographs(*, without: tuple[str, ...] = ()) -> Callable[[Command], Command]:
    """Give a command the arguments and options of `Batch`, but those in `without`; it gets them as its
    parameter `batch`."""
    hints = get_type_hints(Batch, include_extras=True)
    taken = [field for field in fields(Batch) if field.name not in without]

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)

        def called(**given: Any) -> None:
            command(batch=Batch(**{field.name: given.pop(field.name) for field in taken}), **given)

        named: list[inspect.Parameter] = []
        for each in signature.parameters.values():
            named += [_parameter(field.name, hints[field.name], field.default) for field in taken] if each.name == "batch" else [each]
        keywords = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in named]
        called.__signature__ = signature.replace(parameters=keywords)  # type: ignore[attr-defined]  # what typer reads
        called.__doc__ = command.__doc__
        return called

    return decorate


def _parameter(name: str, annotation: Any, default: object) -> inspect.Parameter:
    default = inspect.Parameter.empty if default is MISSING else default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
