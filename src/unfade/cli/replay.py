"""`unfade replay`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unfade.cli._batch import read_mask, save
from unfade.cli._options import Overwrite
from unfade.cli._outputs import Kind, Target, check


def command(
    record: Annotated[Path, typer.Argument(readable=False, metavar="RECORD", help="What `unfade restore --record` wrote.")],
    *,
    master: Annotated[Path, typer.Option("--master", readable=False, metavar="FILE", help="The photograph that was restored.")],
    output: Annotated[Path, typer.Option("--output", "-o", readable=False, metavar="FILE", help="The file to write.")],
    overwrite: Overwrite = False,
) -> None:
    """Make a result again from its record: the same options, mask, hints and models.

    On the same machine it comes out the same, bit for bit. Exit status 0 if it does, 1 if it does not; it is written in both cases.

    \b
    Examples:
      unfade replay scan.restored.unfade.json --master scan.tif -o again.tif
    """
    from unfade.archive import replay as again
    from unfade.archive.sidecar import read_sidecar
    from unfade.files import photo
    from unfade.models.session import Sessions
    from unfade.models.store import CARDS
    from unfade.settings import read_settings

    settings = read_settings()
    sidecar = read_sidecar(record)
    mask_file = None if sidecar.mask is None or not sidecar.mask.given else record.parent / Path(sidecar.mask.name).name
    first_file = record.parent / Path(sidecar.result.name).name
    reads = [path for path in (record, master, mask_file, first_file) if path is not None]
    endings = photo.FORMATS[sidecar.result.format].extensions if sidecar.result.format in photo.FORMATS else ()
    check([Target(output, Kind("the result", endings))], reads=reads, overwrite=overwrite)
    original = photo.read(master, max_megapixels=settings.max_megapixels)
    mask = read_mask(mask_file, original, max_megapixels=settings.max_megapixels) if mask_file is not None and mask_file.is_file() else None
    first = photo.read(first_file, max_megapixels=settings.max_megapixels) if first_file.is_file() else None
    folders = (CARDS,) if settings.models is None else (settings.models, CARDS)
    with Sessions(settings.threads, again.models_for(sidecar, again.known_models(*folders))) as sessions:
        replayed = again.replay(sidecar, original, mask, sessions, first=first)
    save(replayed.result.photo, output, format=sidecar.result.format, quality=sidecar.result.quality, overwrite=overwrite)
    typer.echo(str(output))
    typer.echo(f"{output.name}: {replayed.sentence}", err=True)
    if not replayed.exact:
        raise typer.Exit(1)
