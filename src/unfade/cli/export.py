"""`unfade export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unfade.cli._extras import needs
from unfade.errors import UnwritableError


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a training run.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="MODEL.onnx", help="The model to write; its card goes beside it.")],
) -> None:
    """Make a trained run into a model that Unfade runs. Needs the extra: pip install 'unfade[train]'.

    Refuses unless PyTorch and ONNX Runtime agree. Use the model by naming its folder: UNFADE_MODELS=models unfade restore ...

    \b
    Examples:
      unfade export runs/colorize -o models/my-colors.onnx
    """
    if not output.parent.is_dir():
        raise UnwritableError(f"there is no folder {output.parent} to write to; make it first: mkdir -p {output.parent}")
    with needs("train"):
        from unfade.workshop.export import export

    card = export(run, output)
    typer.echo(str(output))
    typer.echo(str(output.with_suffix(".toml")))
    typer.echo(f"{card.name} {card.version} ({card.task}), {card.parameters:,} parameters", err=True)
