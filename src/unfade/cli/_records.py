"""A record, and the mask that it names, prove one result: another photograph's are not written over.

They are named by the stem alone: anna.png and anna.jpg share anna.mask.png and anna.restored.unfade.json.
"""

from __future__ import annotations

from pathlib import Path

from unfade.cli._outputs import RECORD_SUFFIX, Job
from unfade.errors import ExistsError, RecordError

_MASK = ".mask.png"


def refuse_anothers(job: Job) -> None:
    """Raise `ExistsError` where a job would write over the record of another photograph's result or over its
    mask, `--overwrite` or not. Where it writes over that result, too, nothing is left to be proved."""
    masks = [path for path in (job.mask, job.target) if path is not None and path.name.endswith(_MASK)]
    beside = [mask.with_name(mask.name.removesuffix(_MASK) + tag + RECORD_SUFFIX) for mask in masks for tag in (".restored", "")]
    for path in dict.fromkeys([*([job.record] if job.record else []), *beside]):
        if path.is_file():
            _check(path, job, {mask.name for mask in masks})


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
