"""Where weights lie: a model is found by task, by name or by path, and its weights are checked against its
card."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from unfade.errors import ModelCorruptError, ModelMissingError, ModelTaskError, UnknownNameError
from unfade.files import disk
from unfade.models.card import Card, Task, read_card

CARDS = Path(__file__).parent / "cards"
WEIGHTS = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class Model:
    """A card and the file that its weights lie in."""

    card: Card
    weights: Path


def _version(card: Card) -> tuple[int, ...]:
    """A version as numbers, so that 10 comes after 9."""
    return tuple(int(number) for number in re.findall(r"\d+", card.version))


def _beside(card: Card, path: Path) -> Path:
    """The weights of the card at `path`: beside it or, as shipped, in the folder of weights."""
    here = path.parent / card.weights
    return here if os.path.lexists(here) or not (WEIGHTS / card.weights).is_file() else WEIGHTS / card.weights


def cards_in(folder: Path) -> list[Path]:
    """The cards in a folder, by name. Raises `ModelMissingError` where the folder cannot be read, which is
    not the same as a folder without cards."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    except OSError as error:
        raise ModelMissingError(
            f"the models in {folder} cannot be listed ({error.strerror}); give yourself permission to read it"
        ) from error


def shipped(folder: Path = CARDS) -> tuple[Model, ...]:
    """Every shipped model, by task, then oldest version first. A broken card raises `ModelCorruptError`."""
    models = [Model(card, _beside(card, path)) for path, card in ((path, read_card(path)) for path in cards_in(folder))]
    return tuple(sorted(models, key=lambda model: (model.card.task, _version(model.card), model.card.name)))


def find(task: Task, chosen: str | Path | None = None, *, folder: Path = CARDS) -> Model:
    """The model for `task`: the newest shipped one, or the one that is `chosen`.

    `chosen` is a name (`damage-1`) or a path: of a card (.toml), or of weights (.onnx) with their card beside
    them.

    Raises `ModelMissingError` if there is none, `UnknownNameError` for a name that nothing has,
    `ModelTaskError` if it is for another task, `ModelCorruptError` if its card does not validate. Weights are
    not read here: see `verify`.
    """
    model = _newest(task, folder) if chosen is None else named(chosen, folder)
    if model.card.task != task:
        raise ModelTaskError(
            f"{model.card.name} is a model for {model.card.task}, not for {task}; name one that `unfade models` lists under {task}"
        )
    return model


def _newest(task: Task, folder: Path) -> Model:
    models = [model for model in shipped(folder) if model.card.task == task]
    if not models:
        raise ModelMissingError(f"no model for {task} is installed; reinstall Unfade, or name your own with a path to its .onnx and card")
    return models[-1]


def named(chosen: str | Path, folder: Path = CARDS) -> Model:
    """The model of this name or path, whatever its task. Raises as `find`."""
    path = Path(chosen)
    if path.suffix == ".toml":
        card = read_card(path)
        return Model(card, _beside(card, path))
    if path.suffix == ".onnx":
        card_path = path.with_suffix(".toml")
        if not card_path.is_file():
            if not path.is_file():
                raise ModelMissingError(f"there is no file {path}; `unfade models` lists the models that ship")
            raise ModelMissingError(f"{path.name} has no card beside it; a model is an .onnx with a {card_path.name} of the same name")
        return Model(read_card(card_path), path)
    names = {model.card.name: model for model in shipped(folder)}
    for file in cards_in(folder):
        card = read_card(file)
        names[file.stem] = Model(card, _beside(card, file))
    if str(chosen) in names:
        return names[str(chosen)]
    near = difflib.get_close_matches(str(chosen), names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else "`unfade models` lists those there are; a path must end in .onnx or .toml."
    raise UnknownNameError(f"there is no model called {str(chosen)!r}; {hint}")


def verify(model: Model) -> Path:
    """The path of the model's weights, once their SHA-256 is known to be the card's; a file is hashed once
    per process.

    Raises `ModelMissingError` if there is no file, `ModelCorruptError` if it is another one.
    """
    try:
        state = model.weights.stat()
        found = _sha256(model.weights, state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise ModelMissingError(
            f"{model.card.name}: its weights {model.weights.name} cannot be read in {model.weights.parent} ({error.strerror}); "
            "reinstall Unfade, or put them beside the card"
        ) from error
    if found != model.card.sha256:
        raise ModelCorruptError(
            f"{model.weights.name} has the SHA-256 {found[:12]}…, its card {model.card.name} says {model.card.sha256[:12]}…; "
            "the file is broken or was changed: reinstall Unfade, or export the model again"
        )
    return model.weights


@lru_cache(maxsize=64)
def _sha256(path: Path, modified_ns: int, size: int) -> str:
    """The SHA-256 of a file in this very state, so that one replaced meanwhile is hashed anew."""
    return disk.sha256_of(path)
