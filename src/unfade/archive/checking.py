"""An archive is checked by its files alone: the manifest, the masters and the results. Nothing of the run is
believed, and no Ray is needed."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath

from unfade.archive.manifest import Manifest
from unfade.archive.orders import Names, names_of
from unfade.archive.places import OURS, Destination, PassedOver, Source
from unfade.archive.sidecar import Sidecar, parse_sidecar
from unfade.errors import UnfadeError
from unfade.files import photo
from unfade.masks import drawn, mask_sha256


@dataclass(frozen=True)
class Audit:
    """What was found: how many masters were looked at, how many in each state, a sentence for each thing
    that is wrong, and what the source holds that is no master."""

    masters: int
    states: dict[str, int]
    wrong: tuple[str, ...]
    passed_over: PassedOver


def check(manifest: Manifest, *, masters: bool = True) -> Audit:
    """Check that every master is finished exactly once or is a dead letter, that results, records and
    manifest agree, that nothing else lies among the results, and (with `masters`) that every master has the
    bytes that were restored."""
    facts = manifest.facts()
    source, destination = Source(facts["source"]), Destination(facts["destination"])
    listing = source.listed()
    there = destination.names()
    present, expected = set(there), set()
    wrong: list[str] = []
    states: Counter[str] = Counter()
    known = set()
    for row in manifest.every():
        known.add(row["name"])
        states[row["state"]] += 1
        if row["state"] == "failed" and not row["sentence"]:
            wrong.append(f"{row['name']} failed, and no sentence says why")
        if row["state"] != "done":
            continue
        names = names_of(row["base"], row["ending"], row["place"])
        expected |= {names.result, names.record, names.mask}
        wrong += _result(row, names, present, destination)
        if row["done_count"] > 1:
            wrong.append(f"{row['name']} was done {row['done_count']} times")
        if masters:
            wrong += _master(row, source)
    strange = [name for name in there if name not in expected and not name.startswith(f"{OURS}/thumbs/") and _is_result(name)]
    wrong += [f"{name} lies among the results, and belongs to no master" for name in strange]
    wrong += [f"{found.name} is in the source, and not in the manifest" for found in listing.masters if found.name not in known]
    return Audit(len(known), dict(states), tuple(wrong), listing.passed_over)


def _is_result(name: str) -> bool:
    return not name.startswith(f"{OURS}/manifest") and PurePosixPath(name).name != "archive.json"


def _result(row: dict[str, object], names: Names, present: set[str], destination: Destination) -> list[str]:
    result, record = names.result, names.record
    missing = [name for name in (result, record) if name not in present]
    if missing:
        return [f"{row['name']} is done, and {name} is not there" for name in missing]
    sha256 = hashlib.sha256(destination.read(result)).hexdigest()
    try:
        told = parse_sidecar(destination.read(record), record)
    except UnfadeError as error:
        return [str(error)]
    wrong = []
    if not told.is_intact:
        wrong.append(f"{record} was changed after it was written")
    if not sha256 == told.result.sha256 == row["result_sha256"]:
        wrong.append(f"{result} is not the file that its record and the manifest name")
    if told.master.sha256 != row["sha256"]:
        wrong.append(f"{record} and the manifest name different masters")
    return wrong + _mask(row, names.mask, told, present, destination)


def _mask(row: dict[str, object], mask: str, told: Sidecar, present: set[str], destination: Destination) -> list[str]:
    if told.mask is None:
        return [f"{mask} lies beside a result that was made without a mask"] if mask in present else []
    if mask not in present:
        return [f"{row['name']} is done, and its mask {mask} is not there"]
    try:
        lost = drawn(photo.read(destination.read(mask), max_megapixels=float("inf"), name=mask))
    except UnfadeError as error:
        return [str(error)]
    return [] if mask_sha256(lost) == told.mask.sha256 else [f"{mask} is not the mask that was used"]


def _master(row: dict[str, object], source: Source) -> list[str]:
    name = str(row["name"])
    try:
        same = hashlib.sha256(source.read(name)).hexdigest() == row["sha256"]
    except UnfadeError as error:
        return [f"the master of a result is not there: {error}"]
    return [] if same else [f"{name} is not the file that was restored"]
