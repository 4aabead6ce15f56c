"""`unfade replay`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unfade.cli._names import named_path, say_file, shown
from unfade.cli._outputs import Kind, Target, check
from unfade.cli._results import read_mask

if TYPE_CHECKING:
    from unfade.archive.sidecar import Sidecar
    from unfade.files.photo import Photo


def command(
    record: Annotated[Path, typer.Argument(parser=named_path, metavar="RECORD", help="What `unfade restore --record` wrote.")],
    *,
    master: Annotated[Path, typer.Option("--master", parser=named_path, metavar="FILE", help="The photograph that was restored.")],
    output: Annotated[Path, typer.Option("--output", "-o", parser=named_path, metavar="FILE", help="The file to write.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over a file that is there.")] = False,
) -> None:
    """Make a result again from its record: the same options, mask, hints and models.

    On the same machine it comes out the same, bit for bit. Exit status 0 if it does, 1 if it does not; it is
    written in both cases.

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
    mask_file = None if sidecar.mask is None else record.parent / Path(sidecar.mask.name).name  # never elsewhere
    first_file = record.parent / Path(sidecar.result.name).name
    reads = [path for path in (record, master, mask_file, first_file) if path is not None]
    check([Target(output, Kind("the result", photo.endings_of(sidecar.result.format)))], reads=reads, overwrite=overwrite)
    original = photo.read(master, max_megapixels=settings.max_megapixels, page=sidecar.master.page)
    mask = None
    if sidecar.mask is not None and sidecar.mask.given and mask_file is not None and mask_file.is_file():
        mask = read_mask(mask_file, sidecar.photograph(original), max_megapixels=settings.max_megapixels)
    first = photo.read(first_file, max_megapixels=settings.max_megapixels) if first_file.is_file() else None
    folders = (CARDS,) if settings.models is None else (settings.models, CARDS)
    with Sessions(settings.threads, again.models_for(sidecar, again.known_models(*folders))) as sessions:
        replayed = again.replay(sidecar, original, mask, sessions, first=first)
    sha256 = photo.write(
        replayed.result.photo, output, format=_asked(sidecar, original), quality=sidecar.result.quality, overwrite=overwrite
    )
    same = "; the file is the recorded one, byte for byte" if sha256 == sidecar.result.sha256 else ""
    say_file(output)
    typer.echo(shown(f"{output.name}: {replayed.sentence}{same}"), err=True)
    if not replayed.exact:
        raise typer.Exit(1)


def _asked(sidecar: Sidecar, original: Photo) -> str | None:
    """The format to ask for: none where the photograph's own was kept, as in the first run."""
    return None if sidecar.result.format == original.format else sidecar.result.format
