"""`unfade models`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unfade.errors import UnknownNameError

if TYPE_CHECKING:
    from unfade.models.store import Model


def command(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Show this model's whole card.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Check every model's weights against its card.")] = False,
) -> None:
    """List the models that ship, or show one's card: what it takes and gives, was trained on, scored, and
    cannot do.

    \b
    Examples:
      unfade models
      unfade models --verify
    """
    from unfade.models import store
    from unfade.settings import read_settings

    settings = read_settings()

    models = list(store.shipped()) if settings.models is None else [*store.shipped(), *store.shipped(settings.models)]
    if name is not None:
        models = [model for model in models if model.card.name == name]
        if not models:
            raise UnknownNameError(f"there is no model called {name!r}; `unfade models` lists those there are")
    if verify:
        for model in models:
            store.verify(model)
    if name is not None:
        for model in models:
            typer.echo(card_text(model))
        return
    if not models:
        typer.echo("No models are installed; name a folder of them with UNFADE_MODELS, or reinstall Unfade.", err=True)
        raise typer.Exit(1)
    rows = [("NAME", "TASK", "VERSION", "MIB", "LICENCE", "WHAT IT DOES")]
    for model in models:
        card = model.card
        size = f"{model.weights.stat().st_size / 2**20:.1f}" if model.weights.is_file() else "missing"
        rows.append((card.name, card.task, card.version, size, card.licence, card.summary))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        typer.echo("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]))


def card_text(model: Model) -> str:
    """A card as plain text, one fact a line."""
    card = model.card
    lines = [
        f"{card.name} {card.version} ({card.task}): {card.summary}",
        f"  licence     {card.licence}",
        f"  weights     {card.weights}, {card.parameters:,} parameters, SHA-256 {card.sha256}",
        *(f"  takes       {port.name} ({port.axes}): {port.meaning}" for port in card.inputs),
        *(f"  gives       {port.name} ({port.axes}): {port.meaning}" for port in card.outputs),
        f"  run in      windows of {card.tile_px} px that overlap by {card.overlap_px} px"
        + (f", at a short side of {card.working_px} px" if card.working_px else ", at the photograph's own size"),
        *(f"  calibrated  {key} {value}" for key, value in _numbers(card.calibration.model_dump(mode="json"))),
        f"  recipe      {card.recipe}",
        f"  trained on  {card.data}",
        *(
            f"  scored      {score.measure} {score.value:g}"
            + (f" [{score.interval[0]:g}, {score.interval[1]:g}]" if score.interval else "")
            + f" on {score.bench} (N = {score.n}); {score.baseline}"
            for score in card.scores
        ),
        *(f"  cannot      {limit}" for limit in card.limits),
    ]
    return "\n".join(lines)


def _numbers(values: dict[str, Any], within: str = "") -> Iterator[tuple[str, str]]:
    """Each number of a calibration, by its dotted name."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{within}{key}.")
        elif value is not None:
            yield f"{within}{key}", json.dumps(value).strip('"')
