"""Where a batch stands, on standard error: a bar on a terminal, otherwise a line for each of several
photographs. Where other long work stands: `bars`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import typer

from unfade.cli._names import say_file, shown


class Show:
    """Shows how far a batch of `total` photographs is, unless `quiet`; the files written are named in any
    case."""

    def __init__(self, total: int, *, quiet: bool = False) -> None:
        self._total, self._quiet = total, quiet
        self._bar = None
        if sys.stderr.isatty() and not quiet:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TimeElapsedColumn(),
                TextColumn("ETA"),
                TimeRemainingColumn(),
            )
            # Results on standard output must not be drawn into the bar when that is a pipe.
            self._bar = Progress(*columns, console=Console(stderr=True), redirect_stdout=sys.stdout.isatty(), transient=True)
            self._task = self._bar.add_task("", total=total)

    def start(self) -> None:
        """Begin to show."""
        if self._bar is not None:
            self._bar.start()

    def stop(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, number: int, name: str, step: str, share: float) -> None:
        """Photograph `number` (from 0) is in `step`, of which `share` is done."""
        if self._bar is not None:
            place = f"{number + 1}/{self._total} " if self._total > 1 else ""
            self._bar.update(self._task, description=f"{place}{shown(name)} {step}".rstrip(), completed=number + share)

    def finished(self, count: int, name: str, state: str, notes: Sequence[str] = ()) -> None:
        """So many photographs are through; the last of them is in this `state`, and the notes were made of
        it, a line each."""
        if self._bar is not None:
            self._bar.update(self._task, completed=count)
        if self._quiet:
            return
        if self._total > 1 and (self._bar is None or notes):
            typer.echo(f"{count}/{self._total} {shown(name)}: {state}", err=True)
        elif notes:
            typer.echo(f"{shown(name)}:", err=True)
        for note in notes:
            typer.echo(f"  {shown(note)}", err=True)

    def result(self, path: Path) -> None:
        """A file was written: its name on standard output."""
        say_file(path)


@contextmanager
def progress(total: int, *, quiet: bool = False) -> Iterator[Show]:
    """Show a batch of `total` photographs while this block runs."""
    show = Show(total, quiet=quiet)
    show.start()
    try:
        yield show
    finally:
        show.stop()


@contextmanager
def bars() -> Iterator[Callable[[str, float], None]]:
    """Called with a task's name and the share done of it: a bar a task on standard error where a person sees
    it; nothing where it would fill a log."""
    if not sys.stderr.isatty():
        yield lambda task, share: None
        return
    from rich.console import Console
    from rich.progress import Progress, TaskID

    with Progress(console=Console(stderr=True), transient=True) as drawn:
        tasks: dict[str, TaskID] = {}

        def show(task: str, share: float) -> None:
            if task not in tasks:
                tasks[task] = drawn.add_task(task, total=1.0)
            drawn.update(tasks[task], completed=share)

        yield show
