"""What a command writes and where: planned, and refused where it would harm, before anything runs.

Every command that writes names its files and what it reads to `check`. Files are compared by identity, not by
name: through links and `..`, by device and inode, and as the folder compares names (some take `A.jpg` and
`a.jpg` for one file).
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from unfade.cli._folders import Made, is_by_product, is_numbered, look_into
from unfade.cli._identity import Key, folded, is_folder, is_one_file, keys_of, place_of
from unfade.cli._names import shown
from unfade.cli._options import Batch, FormatName
from unfade.cli._report import is_record, is_report
from unfade.errors import ExistsError, UnreadableError, UnwritableError, UsageError

RECORD_SUFFIX = ".unfade.json"
"""What a record's name ends in; `archive.sidecar` looks for it."""
SHEET_ROWS = 40
"""Photographs on one contact sheet: what a WebP can hold, of 16,383 pixels a side."""


@dataclass(frozen=True)
class Kind:
    """A kind of file that a command writes.

    `noun` is its name in sentences; `suffixes` are the endings that its name may have, lower case, the usual
    one first (none: any), of which a sentence names the `usual` ones, or all; `ours` tells whether an
    existing file was written by Unfade: one that was not is never written over. None: --overwrite is enough.
    """

    noun: str
    suffixes: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()
    ours: Callable[[Path], bool] | None = None


@dataclass(frozen=True)
class Target:
    """A file to be written, and what it will be; `source` is the photograph that it is made of, if it is
    one's."""

    path: Path
    kind: Kind
    source: Path | None = None

    @property
    def what(self) -> str:
        """Such as "the result of anna.jpg"."""
        return self.kind.noun if self.source is None else f"{self.kind.noun} of {self.source}"


@dataclass(frozen=True)
class Job:
    """One photograph, the file its result goes to, and those that its mask, record, layers and inventions go
    to if they are asked for.

    `name` is what messages call the photograph: of a folder's, the path in it. `variant`: which of several
    results of the photograph it is, from 0 on.
    """

    source: Path
    target: Path
    mask: Path | None = None
    name: str = ""
    record: Path | None = None
    layers: Path | None = None
    invented: Path | None = None
    variant: int = 0

    @property
    def outputs(self) -> tuple[Path, ...]:
        every = self.target, self.mask, self.record, self.layers, self.invented
        return tuple(path for path in every if path is not None)


@dataclass(frozen=True)
class Plan:
    """What a command is to do: its jobs, and the folders that could not be looked into, each with the reason.

    `made_in` is the folder in which folders may be made for results.
    """

    jobs: tuple[Job, ...]
    unreadable: tuple[tuple[Path, str], ...] = ()
    made_in: Path | None = None
    is_list: bool = False  # whether the report is a list: of one photograph that was named it is not


# --- the check ----------------------------------------------------------------------------------------------


def check(
    targets: Sequence[Target],
    *,
    reads: Iterable[Path],
    overwrite: bool,
    each_in_turn: Iterable[Path] = (),
    made_in: Path | None = None,
) -> None:
    """Refuse, before anything runs, what would harm a file or cannot be written.

    `reads`: every file and folder that the command reads. `overwrite`: whether targets that are there may be
    written over. `each_in_turn`: those of which it is said when their turn comes that they are there.
    `made_in`: a folder in which folders are made as they are needed.

    Raises `UsageError` for a target whose name, or the file that its link leads to, has an ending of another
    kind; that is read; that is another target, too. Raises `UnwritableError` for a folder that is not there
    and for a target that is no regular file; `ExistsError` for one that is there, without `overwrite`, and
    even with it for one that Unfade must have written and did not.
    """
    for target in targets:
        _check_suffix(target)
    _check_reads(targets, reads)
    _check_each_other(targets)
    # Where a photograph's own folder is not there, the photograph is not: that is said when it is read.
    beside = [target for target in targets if target.source is None or target.path.parent != target.source.parent]
    for parent in dict.fromkeys(target.path.parent for target in beside):
        if not is_folder(parent) and not (made_in is not None and is_folder(made_in) and made_in in parent.parents):
            raise UnwritableError(f"there is no folder {parent} to write to; make it first: mkdir -p {parent}")
    later = set(each_in_turn)
    for folder in dict.fromkeys([*([made_in] if made_in else []), *(target.path.parent for target in targets if target.path not in later)]):
        refuse_unwritable(folder)
    for target in targets:
        if target.path not in later:
            _check_existing(target, overwrite=overwrite)
        elif target.kind.ours is not None:
            _check_existing(target, overwrite=True)


def check_folder(folder: Path, noun: str, *, reads: Iterable[Path]) -> None:
    """Refuse to write `noun` into a folder that is read as a whole, or into one below it: `UsageError`."""
    above = {place_of(path) for path in (Path(os.path.realpath(folder)), *Path(os.path.realpath(folder)).parents)}
    for read in reads:
        if is_folder(read) and place_of(read) in above:
            raise UsageError(f"{read} is read, and {noun} would be written into it ({folder}); give another folder")


def check_report_folder(folder: Path, names: Sequence[str], *, reads: Sequence[Path]) -> None:
    """Refuse a folder for a report of these files that cannot hold it, is read, or holds files of its names
    that are none of ours."""
    from unfade.measures.report import check_output, is_evaluation

    check_output(folder)
    check_folder(folder, "the report", reads=reads)
    if is_folder(folder):
        targets = [Target(folder / name, Kind("a report", (Path(name).suffix,), ours=is_evaluation)) for name in names]
        check(targets, reads=(path for read in reads for path in (read.rglob("*") if is_folder(read) else [read])), overwrite=True)


def _check_suffix(target: Target) -> None:
    kind, real = target.kind, Path(os.path.realpath(target.path))
    for path in (target.path, real):
        if kind.suffixes and path.suffix.lower() not in kind.suffixes:
            leads = "" if path is target.path else f" leads to {real}, which"
            raise UsageError(
                f"{target.path}{leads} does not end in {_or(kind.usual or kind.suffixes)}, and {kind.noun} is to be written there; "
                "give it a name of its own, or see whether a name is missing in the command"
            )


def _or(words: Sequence[str]) -> str:
    return " or ".join(([", ".join(words[:-1])] if len(words) > 1 else []) + [words[-1]])


def _check_reads(targets: Sequence[Target], reads: Iterable[Path]) -> None:
    read: dict[Key, Path] = {}
    for path in reads:
        for key in keys_of(path):
            read.setdefault(key, path)
    for target in targets:
        for key in keys_of(target.path):
            if key in read:
                raise UsageError(
                    f"{read[key]} is read, and {target.what} would be written over it ({target.path}); "
                    "originals are never written over: give another name or folder"
                )


def _check_each_other(targets: Sequence[Target]) -> None:
    first: dict[Key, Target] = {}
    for target in targets:
        keys = keys_of(target.path)
        alike = ("folded", *folded(keys[0]))
        for key in (*keys, alike):
            other = first.setdefault(key, target)
            if other is target:
                continue
            if key == alike and not is_one_file(target.path.parent, other.path.name, target.path.name):
                continue
            if other.source is not None and target.source is not None and other.source != target.source:
                what, out = f"{other.source} and {target.source}", "rename one, or run them apart, each with -o and a folder of its own"
            else:
                what, out = f"{other.what} and {target.what}", "give one of them another name"
            raise UsageError(f"{what} would both be written to {target.path.absolute()}; {out}")


def _check_existing(target: Target, *, overwrite: bool) -> None:
    path, kind = target.path, target.kind
    if not os.path.lexists(path):
        return
    if not overwrite:
        refuse_existing([path])
    refuse_irregular([path])
    if kind.ours is not None and not kind.ours(path):
        raise ExistsError(
            f"{path} is there already, and it is not {kind.noun} that Unfade wrote; it is not written over, --overwrite or not: "
            "give another name, or move it away"
        )


def refuse_unwritable(folder: Path) -> None:
    """Raise `UnwritableError` where nothing may be written in this folder, before work that would be lost."""
    if not is_folder(folder) or os.access(folder, os.W_OK | os.X_OK):
        return
    try:  # a share may know better than its permissions say
        with TemporaryDirectory(prefix=".unfade-", dir=folder):
            return
    except OSError as error:
        raise UnwritableError(f"you may not write in {folder} ({error.strerror}); choose another folder with -o") from error


def refuse_irregular(paths: Iterable[Path]) -> None:
    """Raise `UnwritableError` for the first of these that is there and is no regular file, nor a link to one
    or to nothing."""
    for path in paths:
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            continue
        except OSError as error:
            why = "its name is too long" if error.errno == errno.ENAMETOOLONG else error.strerror
            raise UnwritableError(f"{path} cannot be written: {why}; give another name with -o, or rename the photograph") from error
        if not stat.S_ISREG(mode):
            kind = "a folder; name the file to write in it" if stat.S_ISDIR(mode) else "no regular file; give another name"
            raise UnwritableError(f"{path} is {kind}")


def refuse_existing(paths: Iterable[Path]) -> None:
    """Raise `ExistsError` for the first of these files that is there."""
    for path in paths:
        if os.path.lexists(path):
            raise ExistsError(f"{path} is there already; add --overwrite to write over it, or -o to write elsewhere")


def make_folder(folder: Path) -> None:
    """Make a folder for results, and those above it. Raises `UnwritableError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableError(f"the folder {folder} cannot be made ({error.strerror}); choose another with -o") from error


# --- photographs --------------------------------------------------------------------------------------------


def plan(
    batch: Batch,
    tag: str,
    *,
    format: FormatName | None = None,
    mask_tag: str | None = None,
    recorded: bool = False,
    layers: str | None = None,
    invented: bool = False,
    variants: int = 1,
    reads: Iterable[Path | None] = (),
    made: Made | None = None,
) -> Plan:
    """Say for each photograph which file its result goes to: `NAME.TAG.EXT` beside it or in the folder
    `output`, or the file `output`. A name without an ending is a folder's. The photographs of a folder keep
    the folders that they lie in.

    `format`: of the results instead of the batch's; `mask_tag`: a mask is written too, as NAME.MASK_TAG.png
    beside the result; `recorded`: so is a record, layers in the format `layers`, and what was `invented`,
    named after the result; `variants`: how many results each photograph has, the first named as if it were
    the only one, the others with .1, .2, ... before their ending; `reads`: what the command reads besides the
    photographs; `made`: tells of a numbered file, whose name may be a photograph's, whether the command made
    it. A photograph that is the result of another that is named, as `*.jpg` names it in a second run, is
    passed over, with a word.
    Everything that can be known to go wrong is said before anything runs: see `check`. `UsageError` for a
    folder without photographs and for one file for several photographs. Whether a result is there already is
    asked when its turn comes.
    """
    if batch.page is not None and batch.pages is not None:
        raise UsageError(f"--page {batch.page} is one page and --pages all is every page; give one of the two")
    named, unreadable = _named(batch, made)
    several = len(named) > 1 or any(is_folder(path) for path in batch.photographs)
    folder = _folder_of(batch.output, len(named), several=several)
    result = Kind("the mask", (".png",)) if tag == "mask" else _kind_of_result(format or batch.format)
    ending = None if format is None and batch.format is None else result.suffixes[0]
    jobs = []
    for photograph, inside in named:
        if batch.output is not None and folder is None:
            target, stem = batch.output, batch.output.stem
        else:
            stem = photograph.stem
            place = folder / inside if folder is not None else photograph.parent
            target = place / f"{stem}.{tag}{ending or photograph.suffix}"
        mask = None if mask_tag is None else target.parent / f"{stem}.{mask_tag}.png"
        record = target.with_name(target.stem + RECORD_SUFFIX) if recorded else None
        layered = target.with_name(f"{target.stem}.{layers}") if layers else None
        made_up = target.with_name(f"{target.stem}.invented.png") if invented else None
        name = str(inside / photograph.name)
        jobs.append(Job(photograph, target, mask, name, record, layered, made_up))
        jobs += [_variant(jobs[-1], number) for number in range(1, variants)]
    if not batch.overwrite:
        jobs = _without_results(jobs, made)
    check(
        _targets(batch, jobs, result),
        reads=[*(job.source for job in jobs), *(path for path in reads if path is not None)],
        overwrite=True,
        each_in_turn=[path for job in jobs for path in job.outputs],
        made_in=folder,
    )
    return Plan(tuple(jobs), tuple(unreadable), folder, several or variants > 1)


def _variant(first: Job, number: int) -> Job:
    """The job for another result of a photograph."""
    target = first.target.with_name(f"{first.target.stem}.{number}{first.target.suffix}")
    return replace(first, target=target, name=f"{first.name} ({number})", variant=number)


def _folder_of(output: Path | None, photographs: int, *, several: bool) -> Path | None:
    """The folder that results go to, if `output` names one. Raises `UsageError` for a file where only a
    folder will do."""
    if output is None or (output.suffix and not several and not is_folder(output)):
        return None
    is_picture = output.suffix.lower() in _kind_of_result(None).suffixes
    if not is_folder(output) and (os.path.lexists(output) or is_picture):
        if not several:
            raise UsageError(f"{output} is no folder; name a folder with -o, or a file with an ending, such as .png")
        raise UsageError(f"{output} is one file, and there are {photographs} photographs; name a folder with -o")
    return output


def _targets(batch: Batch, jobs: Sequence[Job], result: Kind) -> list[Target]:
    """Every file that the jobs write, and the report and the sheets."""
    mask, account = Kind("the mask", (".png",)), Kind("the report", (".json",), ours=is_report)
    targets = []
    for job in jobs:
        # A result keeps the ending of its photograph, whichever that is; one that was named has one of its
        # kind.
        is_said = job.target == batch.output or job.target.suffix.lower() in result.suffixes
        targets.append(Target(job.target, result if is_said else Kind(result.noun), job.source))
        if job.mask is not None:
            targets.append(Target(job.mask, mask, job.source))
        if job.invented is not None:
            targets.append(Target(job.invented, Kind("what was invented", (".png",)), job.source))
        if job.layers is not None:
            targets.append(Target(job.layers, Kind("the layers", (job.layers.suffix,)), job.source))
        if job.record is not None:
            targets.append(Target(job.record, replace(account, noun="the record", ours=is_record), job.source))
    if batch.report is not None:
        targets.append(Target(batch.report, account))
    if batch.sheet is not None:
        sheet = replace(_kind_of_result(None), noun="the contact sheet", ours=_is_sheet)
        targets += [Target(path, sheet) for path in sheet_names(batch.sheet, len(jobs))]
    return targets


def _named(batch: Batch, made: Made | None) -> tuple[list[tuple[Path, Path]], list[tuple[Path, str]]]:
    """Every photograph with the folder that its result keeps in `output`; and what could not be looked
    into."""
    folders = [path for path in batch.photographs if is_folder(path)]
    aside = [path for path in (batch.output, *(sheet_names(batch.sheet, 1000) if batch.sheet else ())) if path is not None]
    named: list[tuple[Path, Path]] = []
    unreadable: list[tuple[Path, str]] = []
    for path in batch.photographs:
        if path not in folders:
            named.append((path, Path()))
            continue
        found = look_into(path, recursive=batch.recursive, without=aside, made=made)
        if found.unreadable and found.unreadable[0][0] == path:
            raise UnreadableError(f"{path} cannot be looked into ({found.unreadable[0][1]}); give yourself permission to read it")
        if not batch.quiet:
            for note in found.notes():
                typer.echo(shown(f"{path}: {note}"), err=True)
        if not found.photographs:
            raise UsageError(f"{path} holds no photographs; name another folder{'' if batch.recursive else ', or add --recursive'}")
        within = Path(path.resolve().name) if len(folders) > 1 else Path()  # as cp does: of several folders the names stay
        named += [(photograph, within / photograph.parent.relative_to(path)) for photograph in found.photographs]
        unreadable += found.unreadable
    return named, unreadable


def sheet_names(first: Path, photographs: int) -> list[Path]:
    """The contact sheets of so many photographs: FILE.EXT, FILE-2.EXT, ..."""
    count = max(1, -(-photographs // SHEET_ROWS))
    return [first, *(first.with_name(f"{first.stem}-{number}{first.suffix}") for number in range(2, count + 1))]


def _kind_of_result(format: FormatName | None) -> Kind:
    """A photograph that is written: as `format` or, if that is none, in any format that its name says."""
    from unfade.files.formats import FORMATS

    codecs = [FORMATS[name] for name in ([format] if format else FORMATS)]
    endings = tuple(ending for codec in codecs for ending in codec.extensions)
    return Kind("the result", endings, tuple(codec.extensions[0] for codec in codecs))


def _is_sheet(path: Path) -> bool:
    from unfade.sheet import is_sheet

    return is_sheet(path)


def _without_results(jobs: Sequence[Job], made: Made | None) -> list[Job]:
    """The jobs without those for what another photograph that is named became or becomes, which is said."""
    becomes = {place_of(path): job.source for job in jobs for path in job.outputs}
    stems: dict[Path, set[str]] = {}
    results: dict[Path, set[str]] = {}
    for job in jobs:
        stems.setdefault(job.source.parent, set()).add(job.source.stem)
        results.setdefault(job.source.parent, set()).add(job.target.stem)
    kept = []
    for job in jobs:
        beside = stems[job.source.parent]
        source = becomes.get(place_of(job.source), job.source)
        is_numbered_one = made is not None and is_numbered(job.source, beside) and made(job.source)
        if is_numbered_one or is_by_product(job.source, beside, results[job.source.parent]):
            why = "it was made of a photograph that is named, too"
        elif source != job.source and (made is None or made(job.source)):
            why = f"it is what {source} becomes"
        else:
            kept.append(job)
            continue
        if job.variant == 0:
            typer.echo(shown(f"{job.source}: passed over; {why}"), err=True)
    return kept
