"""An archive is restored: the whole of `unfade archive run`, for who calls it from Python, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

from unfade.archive.crew import Crew
from unfade.archive.manifest import NAME, Manifest, only_one
from unfade.archive.orders import Finished, Order, Task
from unfade.archive.places import OURS, Destination, Found, FullError, PassedOver, Source, check_apart
from unfade.archive.prediction import SAMPLE, Prediction, predict
from unfade.archive.runner import Account, How, Run, Tell
from unfade.archive.settle import settle
from unfade.errors import UnfadeError, UsageError
from unfade.models.store import shipped
from unfade.settings import Settings
from unfade.treatment import Treatment

MARKER = f"{OURS}/archive.json"


def order_of(
    source: str,
    destination: str,
    treatment: Treatment,
    settings: Settings,
    *,
    format: str | None = None,
    quality: int | None = None,
    hold: float | None = None,
    threads: int = 1,
) -> Order:
    """An order with the models that the settings say. Folders are named from the root, so that workers
    elsewhere find them."""
    models = {} if settings.models is None else {model.card.task: model.card.sha256 for model in shipped(settings.models.resolve())}
    hashes = {model.card.task: model.card.sha256 for model in shipped()} | models  # the newest comes last
    return Order(
        source=_rooted(source),
        destination=_rooted(destination),
        treatment=treatment.as_json(),
        model_hashes=dict(sorted(hashes.items())),
        format=format,
        quality=quality,
        max_megapixels=settings.max_megapixels,
        threads=threads,
        models=None if settings.models is None else settings.models.resolve(),
        hold=hold,
    )


def _rooted(url: str) -> str:
    return url if "://" in url else str(Path(url).resolve())


def manifest_path(destination: str, manifest: Path | None) -> Path:
    """Where the manifest lies: as named, else in the destination, if that is a folder of this machine. Raises
    `UsageError`."""
    if manifest is not None:
        return manifest
    folder = Destination(destination).folder
    if folder is None:
        raise UsageError(f"{destination} is no folder of this machine; name a file for the manifest on this one with --manifest")
    return folder / NAME


@contextmanager
def _listed(order: Order, path: Path, *, keep: bool) -> Iterator[tuple[Manifest, Destination, tuple[Found, ...]]]:
    """The manifest with what the source holds now, for this process alone; and the masters that cannot be
    read, of which it did not know. Where nothing is to be kept and
    there is none yet, it is in memory."""
    source, destination = Source(order.source), Destination(order.destination)
    check_apart(source, destination)
    listing = source.listed()
    if not keep and not path.is_file():
        manifest = Manifest(Path(":memory:"), create=True)
        unreadable = manifest.take_in(listing.masters, order.asked, listing.passed_over)
        yield manifest, destination, tuple(unreadable)
        return
    if keep:
        destination.prepare()
        _mark(destination, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with only_one(path):
        manifest = Manifest(path, create=True)
        try:
            unreadable = manifest.take_in(listing.masters, order.asked, listing.passed_over)
            yield manifest, destination, tuple(unreadable)
        finally:
            manifest.close()


def _mark(destination: Destination, manifest: Path) -> None:
    """Refuse a destination that holds files of others: they would be written over. Raises `UsageError`."""
    if destination.exists(MARKER):
        return
    ours = {str(manifest.resolve()), str(manifest.with_suffix(".lock").resolve())}
    others = [name for name in destination.names() if destination.folder is None or str((destination.folder / name).resolve()) not in ours]
    if others:
        raise UsageError(
            f"{destination.url} holds {len(others):,} files already, such as {others[0]}; name an empty folder for the results"
        )
    destination.put(MARKER, json.dumps({"software": "Unfade", "what": "results of unfade archive run"}).encode())


def restore_archive(order: Order, manifest: Path, how: How, *, limit: int | None = None, tell: Tell) -> Account:
    """Restore every master that waits, at most `limit`. Where none waits, Ray is not started.

    Raises `UsageError`, `AwayError`, `UnwritableError` (the destination is full) and `RecordError` (the
    manifest is damaged). What is done is kept in each case.
    """
    with _listed(order, manifest, keep=True) as (open_, destination, unreadable):
        number = open_.begin(order)
        settle(open_, destination)
        tasks = open_.waiting(limit)
        account = Account(failed=len(unreadable))
        for found in unreadable:
            tell(account, Finished(found.name, "failed", found.why))
        if not tasks:
            open_.end(number, asdict(account))
            return account
        with Crew(order, workers=how.workers, address=how.address) as crew:
            run = Run(order, tasks, crew, how, manifest=open_, tell=tell)
            run.account.failed = account.failed
            try:
                return run.go()
            except UnfadeError as error:
                run.account.stopped = run.account.stopped or str(error)
                raise
            finally:
                destination.clear_parts()
                with suppress(FullError):
                    open_.end(number, asdict(run.account))


def predict_archive(
    order: Order, manifest: Path, how: How, *, limit: int | None = None, sample: int = SAMPLE, tell: Tell
) -> tuple[Prediction, list[Task]]:
    """Predict what `restore_archive` would do, and write nothing."""
    with _listed(order, manifest, keep=False) as (open_, _, unreadable):
        tasks, passed_over = open_.waiting(limit), open_.passed_over() or PassedOver()
    return replace(predict(order, tasks, how, sample=sample, tell=tell), unreadable=unreadable, passed_over=passed_over), tasks
