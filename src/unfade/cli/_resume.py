"""A command that is given again goes on: what is done already is known by its record, and left out."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfade.cli._names import shown
from unfade.cli._options import Batch
from unfade.cli._outputs import Job, refuse_existing
from unfade.cli._report import Account
from unfade.cli._results import file_asked
from unfade.errors import ExistsError, UnfadeError

if TYPE_CHECKING:
    from unfade.models.session import Sessions
    from unfade.treatment import Treatment
    from unfade.work import Step

_ALIKE = 8  # levels of 255 by which a sample differs that was only compressed again


@dataclass(frozen=True)
class Asked:
    """What is asked for every photograph of a batch, to be compared with the record of a result that is
    there.

    Of a restoration the treatment, of single steps their options. `writing` is what was asked of the file
    itself (`writing_of`). The models are those of the `sessions`. `mask_sha256`: of the mask that is given.
    """

    sessions: Sessions
    treatment: dict[str, Any] | None = None
    steps: tuple[dict[str, Any], ...] = ()
    writing: dict[str, Any] = field(default_factory=dict)
    mask_sha256: str | None = None

    def differences(self, account: Account) -> tuple[str, ...]:
        """What a record says was asked otherwise, or made with other models. Nothing: the same was asked."""
        steps = account.get("steps", ())
        if self.treatment is None:
            names = [[step.get("step") for step in asked] for asked in (steps, self.steps)]
            pairs = zip(steps, self.steps, strict=False)
            found = [one for before, now in pairs for one in _differences(before.get("options") or {}, now["options"])]
            found += ["other steps"] if names[0] != names[1] else []
        else:
            found = _differences(account.get("treatment") or {}, self.treatment)
            given = account.get("mask_sha256")
            if given != self.mask_sha256:
                found.append("mask given, now none" if not self.mask_sha256 else "mask" if given else "mask none, now given")
        found += _differences(account.get("writing") or {}, self.writing)
        known = set(self.sessions.hashes.values())
        for model in _models(account):
            if model.get("sha256") not in known:
                found.append(f"the model {model.get('name')} {model.get('version')}, which is not the one of now")
        return tuple(dict.fromkeys(found))


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What differs, by name; what is short with both values.

    >>> _differences({"page": 2, "hints": [1]}, {"quality": 80, "hints": []})
    ['hints', 'page 2, now none', 'quality none, now 80']
    """
    found = []
    for name in sorted(before.keys() | now.keys()):
        values = [asked.get(name) for asked in (before, now)]
        if values[0] != values[1]:
            shown = name.replace("_", "-")
            said = [_word(value) for value in values if not isinstance(value, list | dict)]
            found.append(f"{shown} {said[0]}, now {said[1]}" if len(said) == len(values) else shown)
    return found


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _models(account: Account) -> Iterator[dict[str, Any]]:
    """Every model that took part, on any page."""
    for one in (account, *account.get("pages", ())):
        for step in one.get("steps", ()):
            yield from step.get("models", ())


Request = Callable[[Job], Asked | None]
"""What is asked of a job's photograph; None: whether the same was asked before cannot be told."""


def not_told(job: Job) -> None:
    """Of no job it can be told whether the same was asked before."""


def asked(batch: Batch, sessions: Sessions, *, treatment: Treatment | None = None, steps: Sequence[Step] = ()) -> Asked:
    """What is asked, as a record in JSON has it."""
    options = [{"step": step.name, "options": asdict(step)} for step in steps]
    plain = json.loads(json.dumps([None if treatment is None else treatment.as_json(), options], default=str))
    return Asked(sessions, plain[0], tuple(plain[1]), writing_of(batch))


def writing_of(batch: Batch) -> dict[str, Any]:
    """What is asked of the page that is read and of the file that is written, where it is not the usual."""
    return ({} if batch.page is None else {"page": batch.page}) | file_asked(batch)


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
        record = known or _record_in(job.target, content, source)
        if record is None or record.get("input_sha256") != source:
            if not _is_alike(job.source, job.target, request.writing):
                made = "" if record is None else ", made of another photograph"
                raise ExistsError(f"{job.target} is there already{made}{_ADVICE}")
            return None
        if known is None and request.writing and record.get("writing") is None:
            return None  # an older version's, which did not say how the file was written
        if differences := request.differences(record):
            raise ExistsError(f"{job.target} is there already, made with other options ({'; '.join(differences)}){_ADVICE}")
        return record | {"output_sha256": result} if len(there) == len(job.outputs) else None


_ADVICE = "; add --overwrite to write over it, or -o to write elsewhere"


def _record_in(result: Path, content: bytes, source: str) -> Account | None:
    """What the XMP in a result says of the run that made it of `source`, a SHA-256; else what it says of
    another run; None if it says nothing."""
    from unfade.record import last_run

    found: Account | None = None
    for packet in _packets(result, content):
        if (run := last_run(packet)) is not None and run.is_intact:
            account = asdict(run)
            del account["is_intact"]
            if run.page is not None and "pages" not in (run.writing or {}):
                account["writing"] = {"page": run.page} | (run.writing or {})
            if run.input_sha256 == source:
                return account
            found = found or account
    return found


def _packets(result: Path, content: bytes) -> Iterator[bytes]:
    """The XMP packets as they stand in a file, which is quick; then the one that is read with the picture: it
    may be compressed, in parts, or without a wrapping."""
    from unfade.files import photo
    from unfade.files.xmp import packets_in
    from unfade.record import UNFADE_NAMESPACE

    yield from packets_in(content, UNFADE_NAMESPACE)
    with suppress(UnfadeError):
        yield photo.read(content, name=result.name).metadata.xmp or b""


def _is_alike(source: Path, result: Path, writing: Mapping[str, Any]) -> bool:
    """Whether a result without a record may be this photograph's, unchanged: a record is written only with a
    change. Where a quality is asked, only the sizes are compared."""
    import numpy as np

    from unfade.files import photo

    try:
        before, after = photo.read(source, page=writing.get("page")), photo.read(result)
    except UnfadeError:
        return False
    if before.samples.shape != after.samples.shape or before.samples.dtype != after.samples.dtype:
        return False
    if "quality" in writing:
        return True
    most = _ALIKE * (257 if before.bits == 16 else 1)
    return bool(np.abs(before.samples.astype(np.int32) - after.samples).max() <= most)
