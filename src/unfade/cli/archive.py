"""`unfade archive`: run, status, report, retry, check."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unfade.cli._names import named_path, say_file, shown
from unfade.cli._options import FormatName
from unfade.cli._treatment import takes_treatment
from unfade.errors import needs
from unfade.files.names import escaped_json
from unfade.treatment import Treatment

if TYPE_CHECKING:
    from unfade.archive.manifest import Manifest
    from unfade.archive.orders import Finished
    from unfade.archive.places import PassedOver
    from unfade.archive.prediction import Prediction
    from unfade.archive.runner import Account

_HELP = """Restore a whole archive: resumable, on one machine or many, every master accounted for.

\b
Examples:
  unfade archive run scans/ --to restored/ --clean 0
  unfade archive status restored/
"""

command = typer.Typer(
    help=_HELP,
    rich_markup_mode=None,
    no_args_is_help=True,
)

Of = Annotated[
    Path, typer.Argument(parser=named_path, metavar="DEST|MANIFEST", help="The folder that `archive run` wrote to, or its manifest.")
]

ManifestOption = Annotated[
    Path | None,
    typer.Option("--manifest", parser=named_path, metavar="FILE", help="The manifest. Default: .unfade/manifest.sqlite in DEST."),
]


def _open(of: Path) -> Manifest:
    from unfade.archive.manifest import NAME, Manifest

    return Manifest(of / NAME if of.is_dir() else of)


@command.command("run")
@takes_treatment
def run(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The masters: a folder, with all below it, or an fsspec URL.")],
    to: Annotated[str, typer.Option("--to", metavar="DEST", help="Where results go: an empty folder, or an fsspec URL.")],
    *,
    manifest: ManifestOption = None,
    format: Annotated[FormatName | None, typer.Option("--format", help="Write another format. Default: each master's own.")] = None,
    quality: Annotated[int | None, typer.Option("--quality", min=0, max=100, help="Of lossy formats. Default: the master's own.")] = None,
    hold: Annotated[
        float | None,
        typer.Option("--hold", min=0, max=1, metavar="RISK", help="Hold back results of this risk or more until a person accepts them."),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="Do at most N masters now.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing: predict hours and bytes, from a sample that is really done.")
    ] = False,
    sample: Annotated[int, typer.Option("--sample", min=1, metavar="N", help="Masters in the sample of --dry-run.")] = 48,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, metavar="N", help="Workers, in all. Default: as the cores of all machines give.")
    ] = None,
    cores: Annotated[int, typer.Option("--cores", min=1, metavar="N", help="Cores of each worker.")] = 1,
    megapixels: Annotated[
        float | None,
        typer.Option("--megapixels", min=0.01, metavar="N", help="Megapixels in hand at once on a machine. Default: by its memory."),
    ] = None,
    address: Annotated[
        str | None, typer.Option("--address", metavar="ADDRESS", help="A Ray cluster: ray://HOST:10001, HOST:6379 or auto.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors and the end.")] = False,
    treatment: Treatment,
) -> None:
    """Restore every master in SOURCE into DEST.

    Each result lies in DEST as its master does in SOURCE, with its record and its mask beside it. The
    manifest says what became of every master. Given again, the command goes on where it was stopped or
    killed, and does what is new or changed. Masters are only ever read. What cannot be restored is listed
    with the reason, and stops no other: exit status 1.

    \b
    Examples:
      unfade archive run scans/ --to restored/ --clean 0 --dry-run
      unfade archive run scans/ --to restored/ --clean 0 --hold 0.5
      unfade archive run s3://masters/1912 --to s3://restored/1912 --manifest 1912.sqlite --address auto
    """
    from unfade.settings import read_settings

    settings = read_settings()
    with needs("archive"):
        from unfade.archive import archiving
        from unfade.archive.runner import How
    order = archiving.order_of(source, to, treatment, settings, format=format, quality=quality, hold=hold, threads=cores)
    path = archiving.manifest_path(order.destination, manifest)
    how = How(workers, address, megapixels, settings.job_timeout_s)
    with needs("archive"):
        if dry_run:
            predicted, tasks = archiving.predict_archive(order, path, how, limit=limit, sample=sample, tell=lambda account, finished: None)
            _say_prediction(predicted, [task.bytes for task in tasks])
            return
        account = archiving.restore_archive(order, path, how, limit=limit, tell=_teller(quiet=quiet))
    _say_end(account, path)


def _teller(*, quiet: bool) -> Callable[[Account, Finished], None]:
    """Says each dead letter, and each second how far the run is."""
    from time import monotonic

    said = monotonic()
    began = said

    def tell(account: Account, finished: Finished) -> None:
        nonlocal said
        if finished.state == "failed":
            typer.echo(shown(f"{finished.name}: {finished.sentence}"), err=True)
        now = monotonic()
        if not quiet and now - said > 5:
            said = now
            through = account.done + account.failed
            typer.echo(f"{through:,} through, {account.failed:,} failed, {through / (now - began):.2f} a second", err=True)

    return tell


def _say_prediction(predicted: Prediction, sizes: list[int]) -> None:
    for found in predicted.unreadable:
        typer.echo(shown(f"{found.name}: {found.why}"), err=True)
    _say_passed_over(predicted.passed_over)
    if not predicted.masters:
        typer.echo("nothing waits: every master is done, or there is none")
        return
    workers = f"{predicted.workers} worker{'s' * (predicted.workers > 1)}"
    typer.echo(f"{predicted.masters:,} masters, {predicted.bytes_read / 1e9:,.3f} GB; the largest has {max(sizes) / 1e6:,.1f} MB")
    typer.echo(
        f"predicted from {predicted.sampled}: {_time(predicted.seconds)} on {workers}, {predicted.bytes_written / 1e9:,.3f} GB written"
    )
    if predicted.failures:
        typer.echo(f"about {predicted.failures:,.0f} may fail, as some of the sample did")


def _say_passed_over(passed_over: PassedOver) -> None:
    for sentence in passed_over.sentences():
        typer.echo(shown(sentence), err=True)


def _time(seconds: float) -> str:
    return f"{seconds / 3600:,.2f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes ({seconds:.0f} s)"


def _say_end(account: Account, path: Path) -> None:
    if not account.done + account.failed:
        typer.echo("nothing was to be done: every master is done, or there is none")
    else:
        adopted = f" ({account.adopted:,} lay there already)" if account.adopted else ""
        deaths = f"; {account.deaths} times a worker died, and its master was done by another" if account.deaths else ""
        typer.echo(f"{account.done:,} done{adopted}, {account.failed:,} failed, in {_time(account.seconds)}{deaths}")
    from unfade.archive.manifest import Manifest

    manifest = Manifest(path)
    try:
        failures, passed_over = manifest.counts()["failed"], manifest.passed_over()
    finally:
        manifest.close()
    if passed_over is not None:
        _say_passed_over(passed_over)
    if failures:
        typer.echo(f"{failures:,} are in the dead letters: unfade archive status {shown(path)}", err=True)
        raise typer.Exit(1)


@command.command("status")
def status(of: Of, as_json: Annotated[bool, typer.Option("--json", help="Say it as JSON.")] = False) -> None:
    """Say where an archive stands, and list the dead letters, each with its reason.

    \b
    Examples:
      unfade archive status restored/
    """
    with needs("archive"):
        from unfade.archive import summary

        manifest = _open(of)
    told, letters = summary.status(manifest), manifest.failures()
    if as_json:
        document: dict[str, Any] = asdict(told) | {"dead_letters": [{"master": name, "why": why} for name, why in letters]}
        typer.echo(escaped_json(json.dumps(document, indent=2, ensure_ascii=False)))
        return
    for line in told.lines():
        typer.echo(shown(line))
    for name, why in letters:
        typer.echo(shown(f"  {name}: {why}"))


@command.command("report")
def report(
    of: Of,
    output: Annotated[Path, typer.Option("--output", "-o", parser=named_path, metavar="FILE.html", help="The page to write.")] = Path(
        "archive.html"
    ),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Write over a file that is there.")] = False,
) -> None:
    """Write a page: numbers, dead letters, and the riskiest results before and after.

    \b
    Examples:
      unfade archive report restored/ -o archive.html
    """
    from unfade.files import disk

    with needs("archive"):
        from unfade.archive import summary

        manifest = _open(of)
        disk.check_target(output, overwrite=overwrite)
        disk.put(summary.report(manifest).encode(), output, overwrite=overwrite)
    say_file(output)


@command.command("retry")
def retry(of: Of) -> None:
    """Let the dead letters be tried again by the next run.

    \b
    Examples:
      unfade archive retry restored/
    """
    from unfade.archive.manifest import NAME, only_one

    manifest = _open(of)
    with only_one(of / NAME if of.is_dir() else of):
        count = manifest.retry()
    typer.echo(f"{count:,} will be tried again; give the same `unfade archive run` command")


@command.command("check")
def check(of: Of, masters: Annotated[bool, typer.Option("--masters/--no-masters", help="Read every master again, too.")] = True) -> None:
    """Check an archive by its files alone: manifest, masters, results and records agree. Exit status 1 if
    not.

    \b
    Examples:
      unfade archive check restored/
    """
    with needs("archive"):
        from unfade.archive.checking import check as checked

        found = checked(_open(of), masters=masters)
    for sentence in found.wrong:
        typer.echo(shown(sentence), err=True)
    _say_passed_over(found.passed_over)
    states = ", ".join(f"{count:,} {state}" for state, count in sorted(found.states.items()))
    typer.echo(f"{found.masters:,} masters: {states}; {len(found.wrong):,} things are wrong")
    if found.wrong:
        raise typer.Exit(1)
