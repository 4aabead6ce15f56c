"""`unfade verify`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from unfade.cli._names import named_path, shown
from unfade.files.names import escaped_json

_MARKS = {True: "yes", False: "NO", None: "cannot be told"}


def command(
    result: Annotated[Path, typer.Argument(parser=named_path, metavar="RESULT", help="A photograph that Unfade wrote.")],
    *,
    master: Annotated[
        Path | None, typer.Option("--master", parser=named_path, metavar="FILE", help="The photograph that it was made from.")
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option("--record", parser=named_path, metavar="FILE", help="Its record. Default: NAME.unfade.json beside it, else its XMP."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say it as JSON.")] = False,
) -> None:
    """Prove a result: what was done to it and, with the master, that nothing else was.

    Exit status 0 if nothing speaks against it, 1 if something does. What a lossy format or cleaning has
    changed everywhere cannot be told by looking; `unfade replay` proves it.

    \b
    Examples:
      unfade verify scan.restored.tif
      unfade verify scan.restored.tif --master scan.tif --json
    """
    from unfade.archive import verify
    from unfade.settings import read_settings

    verdict = verify.verify(result, master=master, record=record, max_megapixels=read_settings().max_megapixels)
    if as_json:
        typer.echo(escaped_json(json.dumps(asdict(verdict) | {"proved": verdict.proved}, indent=2, ensure_ascii=False)))
    else:
        for check in verdict.checks:
            typer.echo(shown(f"{check.name}: {_MARKS[check.holds]}: {check.sentence}"))
    if not verdict.proved:
        raise typer.Exit(1)
