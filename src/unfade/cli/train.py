"""`unfade train`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from unfade.cli._names import named_path
from unfade.cli._outputs import Kind, Target, check, check_folder
from unfade.errors import UsageError, needs

Recipe = Annotated[
    str | None, typer.Argument(metavar="RECIPE", help="The name of a recipe that ships, or a .toml file. With --resume: the run's own.")
]
Data = Annotated[
    list[Path], typer.Option("--data", parser=named_path, metavar="FOLDER", help="A folder of photographs; may be given again.")
]
Out = Annotated[
    Path, typer.Option("--out", parser=named_path, metavar="RUN", help="The folder of this run: checkpoints, curves, sample sheets.")
]
Minutes = Annotated[float | None, typer.Option("--minutes", min=0, help="Stop after so many minutes. Default: after the recipe's steps.")]
InitFrom = Annotated[
    Path | None, typer.Option("--init-from", parser=named_path, metavar="RUN", help="Begin with the averaged weights of another run.")
]


def command(
    data: Data,
    out: Out,
    recipe: Recipe = None,
    minutes: Minutes = None,
    resume: Annotated[bool, typer.Option("--resume", help="Take up the run where it stopped.")] = False,
    init_from: InitFrom = None,
    real: Annotated[
        Path | None,
        typer.Option(
            "--real",
            parser=named_path,
            metavar="FOLDER",
            help="Damaged photographs with masks (damaged/, mask/), for a recipe with data.real.",
        ),
    ] = None,
    device: Annotated[str, typer.Option("--device", help="cpu, cuda, mps, or auto.")] = "auto",
    devices: Annotated[int, typer.Option("--devices", min=1, help="How many of them.")] = 1,
) -> None:
    """Train a model by a recipe. Needs the extra train: pip install 'unfade[train]', or in the
    folder of its source pip install '.[train]'.

    A recipe is a page of numbers with the reason for each. A run may be stopped at any time, and taken up
    again.

    \b
    Examples:
      unfade train colorize --data photographs/ --out runs/colorize --minutes 30
      unfade train --resume --data photographs/ --out runs/colorize
    """
    if recipe is None and not resume:
        raise UsageError("name a recipe, such as colorize, or take up a run with --resume")
    from unfade.settings import read_settings

    settings = read_settings()
    chosen = Path(recipe) if recipe is not None and recipe.endswith(".toml") else recipe
    _check_run(
        out,
        [*data, *([init_from] if init_from else []), *([real] if real else [])],
        [chosen] if isinstance(chosen, Path) else [],
        resume=resume,
    )
    with needs("train"):
        from unfade.workshop.train import train

    run = train(
        chosen,
        data,
        out,
        minutes=minutes,
        resume=resume,
        init_from=init_from,
        real=real,
        device=device,
        devices=devices,
        threads=settings.threads,
    )
    typer.echo(str(run))


def _check_run(run: Path, folders: Sequence[Path], files: Sequence[Path], *, resume: bool) -> None:
    """Refuse a folder for the run that holds what is read or, for a new run, sheets that are none of a
    run's."""
    from unfade.sheet import is_sheet

    check_folder(run, "the run", reads=folders)
    written = [
        Target(path, Kind("a sample sheet", (".png",), ours=None if resume else is_sheet)) for path in sorted((run / "sheets").glob("*"))
    ]
    written += [Target(path, Kind("the run's checkpoint")) for path in sorted(run.glob("checkpoint.pt*"))]
    pictures = (path for folder in folders for path in folder.rglob("*"))
    check(written, reads=[*pictures, *files], overwrite=True)
