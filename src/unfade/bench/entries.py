"""Who takes part: Unfade, the classical methods, and anyone's folder of results or command."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from unfade import pipeline
from unfade.bench.tracks import TRACKS, Track
from unfade.errors import DataError, UsageError
from unfade.files import photo
from unfade.measures.baselines import Method, Outcome
from unfade.measures.benches import Bench, Example, read_image, read_mask
from unfade.measures.evaluation import check_outcome, method_from_folder
from unfade.models.session import Sessions
from unfade.work import Step, Work

COMMAND_TIMEOUT_S = 600.0
UNFADE = "Unfade"


@dataclass(frozen=True)
class Entry:
    """A rival: a folder of results for each of its tracks, or a command with {in}, {out} and perhaps
    {mask}."""

    name: str
    folders: dict[str, Path]
    command: str | None = None
    command_tracks: tuple[str, ...] = ()

    @property
    def tracks(self) -> frozenset[str]:
        """The tracks that it takes part in."""
        return frozenset(self.folders) | frozenset(self.command_tracks)


def parse_entry(text: str) -> Entry:
    """`NAME=FOLDER`, `NAME=COMMAND`, or either with its tracks: `NAME@TRACK,TRACK=…`.

    A folder has a folder for each track that it takes part in, or is itself that of the one track named. A
    command with {mask} fills holes unless tracks are named. Raises `UsageError`, one sentence.

    >>> entry = parse_entry("rival@tone=python tone.py {in} {out}")
    >>> entry.name, sorted(entry.tracks)
    ('rival', ['tone'])
    """
    label, equals, what = text.partition("=")
    name, _, listed = label.partition("@")
    name, what = name.strip(), what.strip()
    if not equals or not name or not what:
        raise UsageError(f"--entry {text!r} says not who and what; write NAME=FOLDER or NAME='command {{in}} {{mask}} {{out}}'")
    tracks = tuple(track.strip() for track in listed.split(",") if track.strip())
    if wrong := [track for track in tracks if track not in TRACKS]:
        raise UsageError(f"--entry {name}: there is no track {wrong[0]!r}; there are: {', '.join(TRACKS)}")
    if "{in}" in what or "{out}" in what:
        return _command_entry(name, what, tracks)
    folder = Path(what)
    if folder.is_file():
        raise UsageError(f"--entry {name}: {what} is one file; name the folder with the results of all pictures")
    if not folder.is_dir():
        raise UsageError(f"--entry {name}: {what!r} is no folder, and no command with {{in}} and {{out}}")
    if tracks and not any((folder / track).is_dir() for track in tracks):
        if len(tracks) > 1:
            raise UsageError(f"--entry {name}: {what} has no folders {', '.join(tracks)}; put each track's results into its own")
        return Entry(name, {tracks[0]: folder})
    folders = {track: folder / track for track in (tracks or TRACKS) if (folder / track).is_dir()}
    if not folders:
        raise UsageError(f"--entry {name}: {what} has no folder called like a track ({', '.join(TRACKS)}); or name one: {name}@fill={what}")
    return Entry(name, folders)


def _command_entry(name: str, command: str, tracks: tuple[str, ...]) -> Entry:
    if "{in}" not in command or "{out}" not in command:
        raise UsageError(f"--entry {name}: the command must say {{in}} (the picture given) and {{out}} (the picture to write)")
    try:
        program = shlex.split(command)[0]
    except ValueError as error:
        raise UsageError(f"--entry {name}: the command cannot be read ({error}): {command}") from error
    if shutil.which(program) is None:
        raise UsageError(f"--entry {name}: there is no program {program!r} here")
    if not tracks and "{mask}" not in command:
        raise UsageError(f"--entry {name}: a command without {{mask}} must name its tracks, as in {name}@tone='…'")
    return Entry(name, {}, command, tracks or ("fill",))


def method_of(entry: Entry, track: Track, bench: Bench) -> Method:
    """The entry as a method for one of its tracks. Raises `DataError` if its folder lacks results."""
    if track.name in entry.folders:
        return method_from_folder(entry.folders[track.name], bench)
    assert entry.command is not None
    command = entry.command

    def run(example: Example) -> Outcome:
        with TemporaryDirectory() as folder:
            made = run_command(entry.name, command, example, Path(folder))
            return Outcome(found=read_mask(made)) if track.task == "damage" else Outcome(read_image(made))

    return run


def try_out(entry: Entry, track: Track, method: Method, bench: Bench) -> None:
    """Refuse an entry that cannot take part, before anything is measured.

    Of a folder every result is read, a command is run on the first picture. Raises `DataError` for what
    `check_outcome` refuses, for a command that fails, and the `PhotoError`s of results that are none.
    """
    for stem in bench.stems if track.name in entry.folders else bench.stems[:1]:
        example = bench.example(stem)
        check_outcome(entry.name, example, method(example))


def run_command(name: str, command: str, example: Example, folder: Path) -> Path:
    """Run an entry's command on one picture, in files of `folder`; gives the file that it wrote.

    Raises `DataError` if it fails, takes too long, or writes nothing.
    """
    given, mask, out = (folder / file for file in ("in.png", "mask.png", "out.png"))
    _save(example.given, given)
    lost = example.damage == 255 if example.damage is not None else np.zeros(example.given.shape[:2], bool)
    _save(np.repeat(lost[:, :, None], 3, axis=2).astype(np.float32), mask)
    try:
        run = subprocess.run(
            arguments(command, given, mask, out), capture_output=True, text=True, errors="replace", timeout=COMMAND_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DataError(f"the command of {name} took more than {COMMAND_TIMEOUT_S:.0f} s on {example.stem}; nothing was written") from error
    if run.returncode != 0:
        raise DataError(f"the command of {name} ended with {run.returncode} on {example.stem}: {last_line(run.stderr)}")
    if not out.is_file():
        raise DataError(f"the command of {name} wrote no {{out}} for {example.stem}; it must write a PNG there")
    return out


def arguments(command: str, given: Path, mask: Path, out: Path) -> list[str]:
    """The command's arguments with the files put in. No shell reads them.

    >>> arguments("fill -i {in} -m {mask} {out}", Path("a.png"), Path("b.png"), Path("c.png"))
    ['fill', '-i', 'a.png', '-m', 'b.png', 'c.png']
    """
    files = {"{in}": str(given), "{mask}": str(mask), "{out}": str(out)}
    told = shlex.split(command)
    for place, file in files.items():
        told = [one.replace(place, file) for one in told]
    return told


def last_line(said: str) -> str:
    """The last line that a program said, which is mostly the reason."""
    return next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "it said nothing")


def _save(image: np.ndarray, path: Path) -> None:
    photo.write(photo.read(np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)), path)


def pipeline_method(bench: Bench, sessions: Sessions) -> Method:
    """Everything that Unfade does about a bench's task, with default options."""

    def run(example: Example) -> Outcome:
        given = as_photo(example)
        if bench.task == "damage":
            return Outcome(found=pipeline.find_damage(given, sessions=sessions).mask)
        if bench.task == "colorization":
            return Outcome(pipeline.colorize(given, sessions=sessions).photo.srgb())
        if bench.task == "needs":
            return _decided(given, sessions)
        if bench.task == "harm":
            result = pipeline.restore(given, sessions=sessions)
            return Outcome(result.photo.srgb(), result.mask)
        # Where the mask is given nothing outside it is damaged: filling is all there is to do.
        clean = 0.0 if bench.gives_mask else 1.0
        return Outcome(pipeline.restore(given, mask=example.mask, clean=clean, sessions=sessions).photo.srgb())

    return run


def _decided(given: photo.Photo, sessions: Sessions) -> Outcome:
    """The photograph restored, before colors, whether it gets any, and how far its detail was cleaned."""
    seen: list[photo.Photo] = []

    def see(step: Step, work: Work) -> None:
        if step.name != "colorize":
            seen.append(work.photo)

    result = pipeline.restore(given, colorize=True, sessions=sessions, on_step=see)
    detail = next(step.facts["detail"] for step in result.report.steps if step.step == "clean")
    return Outcome(seen[-1].srgb(), colored=result.report.steps[-1].outcome == "colored", detail_strength=detail)


def as_photo(example: Example) -> photo.Photo:
    """The picture that a method is given, as a photograph of 8 bits."""
    return photo.read(np.rint(example.given * 255).astype(np.uint8), name=example.stem)


def named_once(entries: Sequence[Entry], taken: Callable[[str], bool]) -> None:
    """Raise `UsageError` if two entries have one name, or one has that of a method that takes part anyway."""
    seen: set[str] = set()
    for entry in entries:
        if entry.name in seen or taken(entry.name):
            raise UsageError(f"two entries are called {entry.name!r}; give this one another name")
        seen.add(entry.name)
