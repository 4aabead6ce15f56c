"""One master: read, restored, written, recorded. What a worker does; it needs no Ray.

The order of writing makes a kill harmless. The record comes last, and names the hashes of the others: a
result without its record is half of one, and is made again; one with it is whole, and is never made twice.
"""

from __future__ import annotations

import gc
import hashlib
import os
import platform
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import cv2

from unfade import pipeline
from unfade.archive import risk
from unfade.archive.orders import FOLDERS, Finished, Names, Order, Place, Task, names_of
from unfade.archive.places import Destination, FullError, Source
from unfade.archive.sidecar import Sidecar, Written, of_result, parse_sidecar
from unfade.errors import AwayError, ModelError, RecordError, TooLargeError, UnfadeError, UnwritableError
from unfade.files import photo
from unfade.files.photo import Photo
from unfade.masks import as_photo, drawn
from unfade.record import sentences, writing
from unfade.settings import Settings, open_sessions
from unfade.tile_pyramid import small
from unfade.treatment import Treatment

if TYPE_CHECKING:
    from unfade.arrays import Mask

THUMB_PX = 480
_COLLECTED_MP = 20.0


class Treater:
    """Does masters one after another; the models stay open between them."""

    def __init__(self, order: Order) -> None:
        """Raises `UsageError` for places that cannot be named, `ModelError` for models that cannot be
        used."""
        self._order = order
        self._source, self._destination = Source(order.source), Destination(order.destination)
        self._treatment = Treatment.from_json(order.treatment)
        self._sessions = open_sessions(Settings(threads=order.threads, models=order.models, max_megapixels=order.max_megapixels))
        self._stale: list[tuple[Place, str]] = []
        self._worker = f"{platform.node()} {os.getpid()}"
        cv2.setNumThreads(order.threads)

    def do(self, task: Task, granted_megapixels: float) -> Finished:
        """Do one master, if it has no more megapixels than were granted. Never raises but for a mistake of
        the program's own making that ends the process."""
        began = time.perf_counter()
        try:
            finished = self._do(task, granted_megapixels)
        except (AwayError, FullError, ModelError) as error:
            finished = Finished(task.name, "stopped", str(error))
        except (UnfadeError, MemoryError) as error:
            finished = Finished(task.name, "failed", str(error) or f"{task.name} needs more memory than there is")
        except Exception as error:  # noqa: BLE001  a mistake of ours in one master is a dead letter, and stops no other
            finished = Finished(task.name, "failed", f"a mistake in Unfade: {type(error).__name__}: {error}")
        return replace(finished, seconds=time.perf_counter() - began, worker=self._worker)

    def _do(self, task: Task, granted_megapixels: float) -> Finished:
        data = self._source.read(task.name)
        sha256 = hashlib.sha256(data).hexdigest()
        if self._order.keep and (there := self._adopted(task, data, sha256)) is not None:
            return there
        try:
            before = photo.read(data, max_megapixels=min(granted_megapixels, self._order.max_megapixels), name=task.name.rpartition("/")[2])
        except TooLargeError as error:
            if error.megapixels is None or error.megapixels > self._order.max_megapixels:
                raise
            return Finished(task.name, "larger", megapixels=error.megapixels)
        result = pipeline.treat(before, self._treatment, sessions=self._sessions)
        result = pipeline.told(result, writing=writing(quality=self._order.quality))
        encoded, form, ending = self._encoded(task, data, before, result)
        finished = self._written(task, before, result, encoded, form, ending)
        if before.megapixels > _COLLECTED_MP:  # large arrays in cycles would wait for a collection that counts objects, not bytes
            del before, result, data, encoded
            gc.collect()
        return replace(finished, sha256=sha256)

    def _encoded(self, task: Task, data: bytes, before: Photo, result: pipeline.Result) -> tuple[bytes, str, str]:
        """The result as a file's bytes, its format, and its name's ending. What nothing changed stays the
        master's own bytes."""
        own = PurePosixPath(task.name).suffix
        chosen = self._order.format or photo.format_for(Path(task.name), result.photo)
        framed = result.report.frame is not None and not result.report.frame.is_whole
        if chosen == before.format and self._order.quality is None and not (framed or result.report.pixels_changed):
            return data, chosen, own
        ending = own if own.lower() in photo.FORMATS[chosen].extensions else photo.extension_for(chosen)
        asked = None if chosen == before.format else chosen
        return photo.encode_file(result.photo, asked, self._order.quality), chosen, ending

    def _written(self, task: Task, before: Photo, result: pipeline.Result, encoded: bytes, form: str, ending: str) -> Finished:
        """Put what came of a master where it belongs, the record last."""
        order = self._order
        decoded = photo.read(encoded, max_megapixels=float("inf"), name=f"{task.base}{ending}")
        judged = risk.assess(result.opened, result.photo, result.mask, result.report.steps)
        place: Place = "held" if order.hold is not None and judged.score >= order.hold else "delivered"
        names = names_of(task.base, ending, place)
        lost = result.unframed_mask
        mask = None if lost is None else photo.encode_file(as_photo(lost), "png")
        how = Written(format=form, quality=order.quality)
        result = _with_losses(result, Path(names.result), form)
        record = of_result(before, result, decoded, Path(names.result), None if mask is None else Path(names.mask), how)
        text = record.to_json().encode()
        written = len(encoded) + len(text) + (0 if mask is None else len(mask))
        if order.keep:
            self._clear(task.base)
            try:
                if mask is not None:
                    self._destination.put(names.mask, mask)
                self._destination.put(names.result, encoded)
                self._put_thumbs(names, result.opened, result.photo)
                self._destination.put(names.record, text)
            except UnwritableError:
                self._take_back(names)
                raise
        done = _done(task, record, judged, place, len(encoded), result.report.share_changed)
        return replace(done, megapixels=before.megapixels, ending=ending, bytes_written=written)

    def _clear(self, base: str) -> None:
        """Take away what an earlier order made of this master, its record first."""
        for place, ending in self._stale:
            names = names_of(base, ending, place)
            for name in (names.record, names.mask, names.result):
                self._destination.remove(name)

    def _take_back(self, names: Names) -> None:
        """Remove what was written of a result whose record could not be: its name may be too long, say."""
        for name in (names.result, names.mask, names.before, names.after):
            with suppress(OSError):  # a name that is too long was not written
                self._destination.remove(name)

    def _put_thumbs(self, names: Names, before: Photo, after: Photo) -> None:
        for name, picture in ((names.before, before), (names.after, after)):
            self._destination.put(name, photo.encode_file(small(picture, THUMB_PX), "jpeg", 80))

    def _adopted(self, task: Task, data: bytes, sha256: str) -> Finished | None:
        """The result that lies there already, if it is of this master (`data`) by this order, and whole."""
        self._stale = []
        for place in FOLDERS:
            name = names_of(task.base, "", place).record
            if not self._destination.exists(name):
                continue
            try:
                record = parse_sidecar(self._destination.read(name), name)
            except RecordError:
                self._stale.append((place, PurePosixPath(task.name).suffix))
                continue
            ending = PurePosixPath(record.result.name).suffix
            self._stale.append((place, ending))
            names = names_of(task.base, ending, place)
            if not self._is_asked(record, sha256) or not self._destination.exists(names.result):
                continue
            encoded = self._destination.read(names.result)
            if hashlib.sha256(encoded).hexdigest() == record.result.sha256:
                return self._taken_over(task, data, record, names, encoded, place)
        return None

    def _is_asked(self, record: Sidecar, sha256: str) -> bool:
        order = self._order
        used = {model.sha256 for step in record.steps for model in step.models}
        return (
            record.is_intact
            and record.master.sha256 == sha256
            and record.treatment == order.treatment
            and record.result.quality == order.quality
            and (order.format is None or record.result.format == order.format)
            and used <= set(order.model_hashes.values())
        )

    def _taken_over(self, task: Task, data: bytes, record: Sidecar, names: Names, encoded: bytes, place: Place) -> Finished:
        before = photo.read(data, max_megapixels=self._order.max_megapixels, name=record.master.name)
        after = photo.read(encoded, max_megapixels=float("inf"), name=record.result.name)
        mask: Mask | None = None
        if record.mask is not None and self._destination.exists(names.mask):
            mask = drawn(photo.read(self._destination.read(names.mask), max_megapixels=float("inf"), name=names.mask))
        before = record.photograph(before)
        if record.frame is not None:
            frame = record.frame.frame()
            before = frame.apply(before)
            mask = None if mask is None else frame.apply_mask(mask)
        judged = risk.assess(before, after, mask, record.steps)
        done = _done(task, record, judged, place, len(encoded), record.pixels_changed / (before.width * before.height))
        return replace(
            done,
            sha256=record.master.sha256,
            megapixels=before.megapixels,
            ending=PurePosixPath(names.result).suffix,
            bytes_written=len(encoded),
            adopted=True,
        )


def _with_losses(result: pipeline.Result, target: Path, form: str) -> pipeline.Result:
    """The result whose report says, too, what of it a file of another format than the master's cannot
    hold."""
    lost = photo.losses_into(result.photo, target, form)
    return replace(result, report=replace(result.report, notes=(*result.report.notes, *lost)))


def _done(task: Task, record: Sidecar, judged: risk.Risk, place: Place, size: int, share: float) -> Finished:
    """A master that is done, by its record; `size` is its result's in bytes."""
    return Finished(
        task.name,
        "done",
        place=place,
        result_sha256=record.result.sha256,
        result_bytes=size,
        share=share,
        risk=judged.score,
        reasons=judged.reasons,
        notes=(*(note.sentence() for note in judged.invented.large), *sentences(record.notes, record.steps)),
        models=_models(record),
    )


def _models(record: Sidecar) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{model.name} {model.version}" for step in record.steps for model in step.models))
