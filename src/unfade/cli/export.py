"""`unfade export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unfade.cli._names import named_path, say_file
from unfade.cli._outputs import Kind, Target, check
from unfade.errors import ModelError, UsageError, needs


def command(
    run: Annotated[Path, typer.Argument(parser=named_path, metavar="RUN", help="The folder of a training run.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", parser=named_path, metavar="MODEL.onnx", help="The model to write; its card goes beside it.")
    ],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over a model and its card that are there already.")] = False,
) -> None:
    """Make a trained run into a model that Unfade runs. Needs the extra train: pip install
    'unfade[train]', or in the folder of its source pip install '.[train]'.

    Refuses unless PyTorch and ONNX Runtime agree. Use the model by naming its folder: UNFADE_MODELS=models
    unfade restore ...

    \b
    Examples:
      unfade export runs/colorize -o models/my-colors.onnx
    """
    if not (run / "checkpoint.pt").is_file():
        raise UsageError(f"{run} is no training run: it holds no checkpoint.pt; name the folder that `unfade train --out` made")
    targets = [
        Target(output, Kind("the model", (".onnx",))),
        Target(output.with_suffix(".toml"), Kind("the model's card", (".toml",), ours=_is_card)),
    ]
    check(targets, reads=run.glob("*"), overwrite=overwrite)
    with needs("train"):
        from unfade.workshop.export import export

    card = export(run, output)
    say_file(output)
    say_file(output.with_suffix(".toml"))
    typer.echo(f"{card.name} {card.version} ({card.task}), {card.parameters:,} parameters", err=True)


def _is_card(path: Path) -> bool:
    from unfade.models.card import read_card

    try:
        read_card(path)
    except ModelError:
        return False
    return True
