"""A record, and the mask that it names, prove one result: another photograph's are not written over.

They are named by the stem alone: anna.png and anna.jpg share anna.mask.png and anna.restored.unfade.json.
"""

from __future__ import annotations

from pathlib import Path

from unfade.cli._outputs import RECORD_SUFFIX, Job
from unfade.errors import ExistsError, RecordError, UnwritableError

_MASK = ".mask.png"


def refuse_anothers(job: Job) -> None:
    """Raise `ExistsError` where a job would write over the record of another photograph's result or over its
    mask, `--overwrite` or not. Where it writes over that result, too, nothing is left to be proved."""
    masks = [path for path in (job.mask, job.target) if path is not None and path.name.endswith(_MASK)]
    beside = [mask.with_name(mask.name.removesuffix(_MASK) + tag + RECORD_SUFFIX) for mask in masks for tag in (".restored", "")]
    for path in dict.fromkeys([*([job.record] if job.record else []), *beside]):
        if path.is_file():
            _check(path, job, {mask.name for mask in masks})


def drop_stale(result: Path, sha256: str) -> tuple[str, ...]:
    """Delete the record of a result that was written over, and now has this `sha256`: it would speak against
    the new one. Gives what is to be said.

    A record that is of another file, of the very same result, or none of ours, stays.
    """
    from unfade.archive.sidecar import beside, read_sidecar

    path = beside(result)
    if not path.is_file():
        return ()
    try:
        record = read_sidecar(path).result
    except RecordError:
        return ()
    if record.name != result.name or record.sha256 == sha256:
        return ()
    try:
        path.unlink()
    except OSError as error:
        raise UnwritableError(f"{path} is of the result that was written over, and cannot be deleted ({error.strerror})") from error
    return (f"{path.name} was the record of the result that was written over, and was deleted",)


def _check(path: Path, job: Job, masks: set[str]) -> None:
    from unfade.archive.sidecar import read_sidecar

    try:
        record = read_sidecar(path)
    except RecordError:  # of an older form, or none of ours, which was refused before
        return
    is_written = path == job.record or (record.mask is not None and record.mask.name in masks)
    if is_written and record.master.name != job.source.name and record.result.name != job.target.name:
        raise ExistsError(
            f"{path} is there already, and is the record of {record.result.name}, made of {record.master.name}; neither it nor its mask is "
            f"written over, --overwrite or not: rename {job.source.name}, or give another folder with -o"
        )
