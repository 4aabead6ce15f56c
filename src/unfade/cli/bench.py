"""`unfade bench`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from unfade.cli._names import named_path
from unfade.cli._outputs import check_report_folder
from unfade.cli._progress import bars
from unfade.errors import MissingExtraError, UsageError, needs, pip_line

if TYPE_CHECKING:
    from unfade.bench.entries import Entry
    from unfade.measures.features import Features


Photographs = Annotated[
    Path,
    typer.Argument(parser=named_path, metavar="FOLDER", help="Sound photographs, twenty or more; or a bench that was made of them before."),
]
Output = Annotated[
    Path,
    typer.Option(
        "--output", "-o", parser=named_path, metavar="FOLDER", help="Where leaderboard.html, .md and .json and the bench itself go."
    ),
]
EntryOption = Annotated[
    list[str] | None,
    typer.Option(
        "--entry",
        metavar="NAME=WHAT",
        help="A rival: a folder of results, or a 'command {in} {mask} {out}'. May be given again. NAME@TRACK= names its tracks.",
    ),
]
Tracks = Annotated[
    str, typer.Option("--tracks", metavar="NAMES", help="damage, harm, fill, tone, color, twins, halftone; with commas between.")
]
SidePx = Annotated[int, typer.Option("--side-px", min=64, max=4096, help="Photographs are reduced to this, on the longer side.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="Only the first N photographs.")]
FeaturesOption = Annotated[
    Literal["lite0", "none"],
    typer.Option("--features", help="The network behind feature distance and FID. lite0 needs the extra train."),
]
StLpips = Annotated[
    Literal["alex", "vgg", "none"], typer.Option("--st-lpips", help="The trunk of ST-LPIPS; needs the extras train and measures.")
]
Fast = Annotated[bool, typer.Option("--fast", help="Leave out the biharmonic fill, which takes seconds a picture.")]
MakeOnly = Annotated[bool, typer.Option("--make-only", help="Make the bench in the folder, and judge nobody yet.")]


def command(
    photographs: Photographs,
    output: Output,
    entry: EntryOption = None,
    tracks: Tracks = "damage,harm,fill,tone,color",
    side_px: SidePx = 480,
    limit: Limit = None,
    features: FeaturesOption = "none",
    st_lpips: StLpips = "none",
    fast: Fast = False,
    make_only: MakeOnly = False,
) -> None:
    """The open benchmark: damage sound photographs by pinned seeds, and judge Unfade and its rivals on them.

    The same photographs make the same bench anywhere, so that leaderboards can be compared. See
    docs/howto/bench.md.

    \b
    Examples:
      unfade bench sound-photographs -o board
      unfade bench sound-photographs -o our-bench --make-only
      unfade bench our-bench -o board --entry rival=results --entry 'mine=python fill.py {in} {mask} {out}'
    """
    from unfade.bench.entries import parse_entry
    from unfade.bench.making import MANIFEST, make_bench, read_manifest
    from unfade.bench.page import HTML_NAME, JSON_NAME, MARKDOWN_NAME
    from unfade.bench.tracks import TRACKS

    rivals = [parse_entry(text) for text in entry or ()]
    if not (fast or make_only) and find_spec("skimage") is None:
        raise MissingExtraError(f"the biharmonic fill is scikit-image's; leave it out with --fast, or: {pip_line('measures')}")
    results = [path for rival in rivals for path in rival.folders.values()]
    check_report_folder(output, (HTML_NAME, MARKDOWN_NAME, JSON_NAME), reads=[photographs, *results])
    made = (photographs / MANIFEST).is_file()
    folder = photographs if made else output if make_only else output / "bench"
    if not made:
        if folder.exists():
            raise UsageError(f"{folder} is there already; name it instead of the photographs, or choose another folder with -o")
        chosen = [name.strip() for name in tracks.split(",") if name.strip()]
        if wrong := [name for name in chosen if name not in TRACKS]:
            raise UsageError(f"there is no track {wrong[0]!r}; there are: {', '.join(TRACKS)}")
        if not chosen:
            raise UsageError(f"--tracks names none; there are: {', '.join(TRACKS)}")
        with bars() as show:
            make_bench(
                photographs, folder, tracks=chosen, side_px=side_px, limit=limit, progress=lambda share: show("making the bench", share)
            )
    if make_only:
        typer.echo(str(folder / MANIFEST))
        typer.echo(f"{len(read_manifest(folder).photographs)} photographs; now: unfade bench {folder} -o board", err=True)
        return
    with _gone_unless_judged(folder, output, made_before=made):
        written = _judge(folder, rivals, output, features, st_lpips, fast=fast)
    for path in written:
        typer.echo(str(path))


@contextmanager
def _gone_unless_judged(bench: Path, output: Path, *, made_before: bool) -> Iterator[None]:
    """Take away a bench that was made for a leaderboard that did not come to be: the command can be typed
    again."""
    try:
        yield
    except BaseException:
        if not made_before:
            shutil.rmtree(bench, ignore_errors=True)
            if output.is_dir() and not any(output.iterdir()):
                output.rmdir()
        raise


def _judge(
    folder: Path, rivals: list[Entry], output: Path, features: str, trunk: Literal["alex", "vgg", "none"], *, fast: bool
) -> list[Path]:
    from unfade.bench.leaderboard import run_bench
    from unfade.bench.page import HTML_NAME, JSON_NAME, MARKDOWN_NAME, to_html, to_json, to_markdown
    from unfade.measures.report import write_files
    from unfade.settings import open_sessions, read_settings

    extractor, perceptual = _extractors(features, trunk)
    with open_sessions(read_settings()) as sessions, bars() as show:
        board = run_bench(
            folder,
            rivals,
            sessions=sessions,
            features=extractor,
            perceptual=perceptual,
            slow=not fast,
            progress=lambda track, method, share: show(f"{track}: {method}", share),
        )
    written = {HTML_NAME: to_html(board), MARKDOWN_NAME: to_markdown(board), JSON_NAME: to_json(board)}
    write_files(output, written)
    return [output / name for name in written]


def _extractors(features: str, trunk: Literal["alex", "vgg", "none"]) -> tuple[Features | None, Features | None]:
    extractor: Features | None = None
    perceptual: Features | None = None
    with needs("train"):
        if features != "none":
            from unfade.workshop.features import open_features

            extractor = open_features()
        if trunk != "none":
            from unfade.workshop.shift_tolerant import ShiftTolerant

            perceptual = ShiftTolerant(trunk)
    return extractor, perceptual
