"""A command that is given again goes on: what is done already is known by its record, and left out."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfade.cli._names import shown
from unfade.cli._options import Batch
from unfade.cli._outputs import Job, refuse_existing
from unfade.cli._report import Account
from unfade.errors import ExistsError, UnfadeError

if TYPE_CHECKING:
    from unfade.treatment import Treatment
    from unfade.work import Step

_PACKET = re.compile(rb"<x:xmpmeta\b.*?</x:xmpmeta>", re.DOTALL)
_ALIKE = 8  # levels of 255 by which a sample differs that was only compressed again


@dataclass(frozen=True)
class Asked:
    """What is asked for every photograph of a batch, to be compared with the record of a result that is
    there.

    Of a restoration the treatment, of single steps their options, of a model that was named its SHA-256.
    `writing` is what was asked of the file itself: a record in a report knows it (`writing_of`), one in a
    result does not.
    """

    treatment: dict[str, Any] | None = None
    steps: tuple[dict[str, Any], ...] = ()
    model: str | None = None
    writing: dict[str, Any] = field(default_factory=dict)

    def is_of(self, account: Account) -> bool:
        """Whether a record is of a photograph of which the same was asked."""
        steps = account.get("steps", ())
        if self.treatment is not None:
            same = account.get("treatment") == self.treatment and account.get("mask_sha256") is None
        else:
            same = [(step.get("step"), step.get("options")) for step in steps] == [(step["step"], step["options"]) for step in self.steps]
        models = {model.get("sha256") for step in steps for model in step.get("models", ())}
        return same and (self.model is None or self.model in models) and account.get("writing", {}) == self.writing


Request = Callable[[Job], Asked | None]
"""What is asked of a job's photograph; None: whether the same was asked before cannot be told."""


def not_told(job: Job) -> None:
    """Of no job it can be told whether the same was asked before."""


def asked(batch: Batch, *, treatment: Treatment | None = None, steps: Sequence[Step] = (), model: str | None = None) -> Asked:
    """What is asked, as a record in JSON has it."""
    options = [{"step": step.name, "options": asdict(step)} for step in steps]
    plain = json.loads(json.dumps([None if treatment is None else treatment.as_json(), options], default=str))
    return Asked(plain[0], tuple(plain[1]), model, writing_of(batch))


def writing_of(batch: Batch) -> dict[str, Any]:
    """What is asked of the files that are written, where it is not the usual."""
    given = {"page": batch.page, "pages": batch.pages, "quality": batch.quality, "drop_location": batch.drop_location or None}
    return {name: value for name, value in given.items() if value is not None}


class Earlier:
    """What earlier runs did: their accounts, and the records in the results themselves."""

    def __init__(self, accounts: Iterable[Account], request: Request) -> None:
        self._request = request
        self._by_files = {(account.get("input_sha256"), account.get("output_sha256")): account for account in accounts}

    def account(self, job: Job) -> Account | None:
        """The record of a job that is done already; None if it is yet to be done.

        None, too, where a result is there that may be this job's and says nothing: it is made again in memory
        and compared (`results.put_new`). Raises `ExistsError` where another file is there.
        """
        from unfade.files import disk

        there = [path for path in job.outputs if os.path.lexists(path)]
        if not all(map(os.path.exists, there)):
            refuse_existing(there)  # a link that leads nowhere
        request = self._request(job)
        if request is None or job.target not in there:
            return None
        content = disk.bytes_of(job.target, shown(job.target))
        source, result = (hashlib.sha256(data).hexdigest() for data in (disk.bytes_of(job.source, job.name), content))
        known = self._by_files.get((source, result))
        record = known or _record_in(content)
        if record is None or record.get("input_sha256") != source:
            if not _is_alike(job.source, job.target):
                made = "" if record is None else ", made of another photograph"
                raise ExistsError(f"{job.target} is there already{made}{_ADVICE}")
            return None
        if known is None and request.writing:
            return None
        if not request.is_of(record):
            raise ExistsError(f"{job.target} is there already, made with other options{_ADVICE}")
        return record | {"output_sha256": result} if len(there) == len(job.outputs) else None


_ADVICE = "; add --overwrite to write over it, or -o to write elsewhere"


def _record_in(content: bytes) -> Account | None:
    """What the XMP in a result says of the run that made it; None if it says nothing."""
    from unfade.record import UNFADE_NAMESPACE, last_run

    for packet in _PACKET.findall(content):
        if UNFADE_NAMESPACE.encode() in packet and (run := last_run(packet)) is not None and run.is_intact:
            account = asdict(run)
            del account["is_intact"]
            return account
    return None


def _is_alike(source: Path, result: Path) -> bool:
    """Whether a result without a record may be this photograph's, unchanged: a record is written only with a
    change."""
    import numpy as np

    from unfade.files import photo

    try:
        before, after = photo.read(source), photo.read(result)
    except UnfadeError:
        return False
    if before.samples.shape != after.samples.shape or before.samples.dtype != after.samples.dtype:
        return False
    most = _ALIKE * (257 if before.bits == 16 else 1)
    return bool(np.abs(before.samples.astype(np.int32) - after.samples).max() <= most)
