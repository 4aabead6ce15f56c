"""A result is made again from its record: the same options, mask, hints and models, by their hashes.

On the same machine the result is the same bit for bit. On another, a processor may round differently; the
outcome then says by how much, where the first result is at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unfade import pipeline
from unfade.archive.sidecar import Sidecar, samples_sha256
from unfade.arrays import Mask
from unfade.errors import ModelMissingError, RecordError
from unfade.files import photo
from unfade.files.photo import Photo
from unfade.masks import mask_sha256
from unfade.models.card import Card, Task, read_card
from unfade.models.session import Sessions
from unfade.models.store import cards_in
from unfade.pipeline import Result
from unfade.record import writing
from unfade.treatment import Treatment


@dataclass(frozen=True)
class Replayed:
    """What came out, whether its samples are the recorded ones, and the sentence that says so."""

    result: Result
    exact: bool
    sentence: str


def known_models(*folders: Path) -> dict[Path, Card]:
    """The cards in these folders by their paths, those of the first folder first. Raises `ModelMissingError`
    and `ModelCorruptError` as the store does."""
    return {path: read_card(path) for folder in folders for path in cards_in(folder)}


def models_for(sidecar: Sidecar, known: Mapping[Path, Card]) -> dict[Task, Path]:
    """For each task the card of the model that the record names, found among `known` by its version and the
    hash of its weights.

    Raises `ModelMissingError` for a model that is not there, with its name and version.
    """
    found = {(card.version, card.sha256): (card.task, path) for path, card in reversed(list(known.items()))}
    chosen: dict[Task, Path] = {}
    for used in (used for step in sidecar.steps for used in step.models):
        if (used.version, used.sha256) not in found:
            raise ModelMissingError(
                f"the record names {used.name} version {used.version} (SHA-256 {used.sha256[:12]}…), which is not here; "
                f"install Unfade {sidecar.software_version}, or name the folder that holds it with UNFADE_MODELS"
            )
        task, path = found[used.version, used.sha256]
        chosen[task] = path
    return chosen


def replay(sidecar: Sidecar, master: Photo, mask: Mask | None, sessions: Sessions, *, first: Photo | None = None) -> Replayed:
    """Make the result again. `mask`: the one that was given, if one was; `sessions`: the models that
    `models_for` names; `first`: the result as it is, to measure a difference against.

    Raises `RecordError` for another master, a mask that is not the recorded one, and a changed record.
    """
    if not sidecar.is_intact:
        raise RecordError("the record was changed after it was written; what it says cannot be made again")
    if samples_sha256(master) != sidecar.master.samples_sha256:
        raise RecordError(f"{master.name} is not the master that was restored; the record is of {sidecar.master.name}")
    given = sidecar.mask is not None and sidecar.mask.given
    if given and (mask is None or sidecar.mask is None or mask_sha256(mask) != sidecar.mask.sha256):
        raise RecordError("the mask that was given is not at hand, or is another; put it beside the record")
    result = pipeline.treat(
        sidecar.photograph(master),
        Treatment.from_json(sidecar.treatment),
        sessions=sessions,
        mask=mask if given else None,
        cut=None if sidecar.cut is None else sidecar.cut.framed(),
    )
    result = pipeline.told(result, writing=writing(quality=sidecar.result.quality))
    if samples_sha256(result.photo) == sidecar.result.samples_sha256:
        return Replayed(result, True, "every sample is the recorded one")
    return Replayed(result, False, _apart(result.photo, first))


def _apart(made: Photo, first: Photo | None) -> str:
    if first is None or first.samples.shape != made.samples.shape or first.bits != made.bits:
        return "the samples are not the recorded ones"
    apart = np.abs(made.samples.astype(np.int32) - first.samples)
    share = float((apart > 0).any(axis=2).mean())
    lossy = photo.is_lossy(first, first.format) if first.format else False
    because = ", the first result's loss in encoding included" if lossy else ""
    most = f"at most {int(apart.max())} of {2**made.bits - 1}"
    return f"the samples differ from the first result's by {most}, in {share:.2%} of the pixels{because}"
