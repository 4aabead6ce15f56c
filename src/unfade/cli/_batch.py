"""Many photographs, one after another: each whatever becomes of the others, and nothing lost when it is
stopped."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from types import FrameType
from typing import TYPE_CHECKING

import typer

from unfade.cli._names import shown
from unfade.cli._options import Batch
from unfade.cli._outputs import Job, Plan, make_folder, refuse_irregular, refuse_unwritable
from unfade.cli._progress import Show, progress
from unfade.cli._records import refuse_anothers
from unfade.cli._report import Account, ReportWriter, read_report, untold
from unfade.cli._results import Done
from unfade.cli._resume import Earlier, Request, not_told, writing_of
from unfade.cli._sheets import SheetWriter, check_sheets
from unfade.errors import UnfadeError, UnwritableError
from unfade.files import disk

if TYPE_CHECKING:
    import numpy as np

    from unfade.record import Report

Steps = Callable[[str, float], None]
"""Called with a step's name and the share of it that is done."""

Work = Callable[[Job, Steps], Done]
"""Does one photograph, and writes it."""


class Stopped(KeyboardInterrupt):
    """The process was asked to end by `signal`."""

    def __init__(self, signal: int) -> None:
        super().__init__()
        self.signal = signal


@dataclass(frozen=True)
class Failed:
    """A photograph that could not be done, and the sentence that says why."""

    source: Path
    why: str


def run_jobs(batch: Batch, plan: Plan, work: Work, *, asked: Request = not_told) -> None:
    """Do every job, whatever becomes of the others; then the report and the contact sheets; then say which
    failed and why.

    What is done already is left out, if `asked` tells that the same was asked of it. The files written are
    named on standard output, one a line; everything else goes to standard error. Raises `typer.Exit(1)`
    if any failed. With one photograph only, its error is raised as it is. Where it is stopped (Ctrl-C,
    SIGTERM, a pipe that closed) the report and the sheet of what is done are written, and it raises what
    stopped it.
    """
    for folder in {job.target.parent for job in plan.jobs}:
        disk.clear_parts(folder)
    run = _Run(batch, plan, asked)
    stopped: BaseException | None = None
    with _stoppable(), progress(len(plan.jobs), quiet=batch.quiet) as show:
        try:
            for number, job in enumerate(plan.jobs):
                run.do(number, job, work, show)
        except (KeyboardInterrupt, BrokenPipeError) as error:
            stopped = error
        with _undisturbed():
            run.close(show)
    if stopped is None and run.error is not None and not run.lost:
        raise run.error
    run.say_what_failed()
    if stopped is not None:
        raise stopped
    if run.failed or run.lost:
        raise typer.Exit(1)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Let SIGTERM, and SIGHUP of a terminal that is closed, end the batch as Ctrl-C does."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped(number)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    with _handled([number for number in numbers if signal.getsignal(number) is signal.SIG_DFL], stop):
        yield


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let a second Ctrl-C not take the report away while it is written."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    with _handled([number for number in numbers if signal.getsignal(number) is not None], signal.SIG_IGN):
        yield


@contextmanager
def _handled(numbers: Iterable[int], handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> Iterator[None]:
    """Handle these signals so, and afterwards as before. Another thread than the main one handles none."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


class _Run:
    """What a batch has come to: what failed, what was left out, and the files that it writes once."""

    def __init__(self, batch: Batch, plan: Plan, asked: Request) -> None:
        self._batch, self._plan = batch, plan
        sources = [job.source for job in plan.jobs]
        self._before = [] if batch.report is None else read_report(batch.report, sources, overwrite=batch.overwrite)
        if batch.sheet is not None and not batch.overwrite:
            check_sheets(batch.sheet, len(sources), [job.name for job in plan.jobs])
        self._earlier = Earlier(self._before, asked)
        self._report = ReportWriter(batch.report, is_list=plan.is_list)
        self._sheets = SheetWriter(batch.sheet, len(sources))
        self.failed = [
            Failed(path, f"it cannot be looked into ({why}); give yourself permission to read it") for path, why in plan.unreadable
        ]
        self.lost: list[str] = []
        self.through = self.skipped = 0
        self.error: Exception | None = None

    def do(self, number: int, job: Job, work: Work, show: Show) -> None:
        """One photograph: done, left out as it is done already, or failed."""
        started = perf_counter()
        show(number, job.name, "", 0.0)

        def steps(step: str, share: float) -> None:
            show(number, job.name, step, share)

        state = "failed"
        notes: tuple[str, ...] = ()
        try:
            refuse_irregular(job.outputs)
            refuse_anothers(job)
            earlier = None if self._batch.overwrite else self._earlier.account(job)
            if earlier is not None:
                state = "done already"
                self._take_over(job, earlier, show)
            else:
                if self._plan.made_in is not None:
                    make_folder(job.target.parent)
                refuse_unwritable(job.target.parent)
                done = work(job, steps)
                state, notes = f"{perf_counter() - started:.1f} s", done.notes
                self._keep(job, done, show)
        except BrokenPipeError:
            raise
        except (UnfadeError, MemoryError) as error:
            self._fail(job, str(error) or "there is not enough memory for it", error)
        except OSError as error:
            self._fail(job, f"{error.filename or job.name}: {error.strerror or error}", error)
        except Exception as error:  # noqa: BLE001  a mistake of ours in one photograph is said, and stops no other
            self._fail(job, f"{job.name}: a mistake in Unfade: {type(error).__name__}: {error}", error)
        show.finished(number + 1, job.name, state, notes)

    def _tell(self, account: Account) -> None:
        self.through += 1
        self._report.add(account)

    def _fail(self, job: Job, why: str, error: Exception) -> None:
        self.failed.append(Failed(job.source, why))
        if not self._plan.is_list:
            self.error = error
        self._tell({"photo": job.source.name, "source": str(job.source), "error": why, "software": "Unfade"})

    def _keep(self, job: Job, done: Done, show: Show) -> None:
        account: Account = {} if done.report is None else json.loads(done.report.to_json())
        if done.pages:
            account["pages"] = [json.loads(page.to_json()) for page in done.pages]
        self._tell(self._complete(job, account))
        for path in done.written:
            show.result(path)
        self._on_sheet(job, done.row, _filled(done.report), show)

    def _complete(self, job: Job, account: Account) -> Account:
        """An account with what the command line knows."""
        names = {"photo": job.source.name, "source": str(job.source), "result": str(job.target)}
        writing = writing_of(self._batch)
        return {"photo": job.source.name} | account | names | ({"writing": writing} if writing else {})

    def _take_over(self, job: Job, earlier: Account, show: Show) -> None:
        from unfade.cli._results import thumbnail
        from unfade.files import photo

        self.skipped += 1
        self._tell(self._complete(job, earlier) | {"skipped": "done already"})
        if self._sheets.wanted:
            self._on_sheet(job, (thumbnail(photo.read(job.source)), thumbnail(photo.read(job.target))), "", show)

    def _on_sheet(self, job: Job, row: tuple[np.ndarray, ...], caption: str, show: Show) -> None:
        try:
            written = self._sheets.add(row, job.name, caption)
        except UnwritableError as error:  # the photograph is done all the same
            self.lost.append(f"the contact sheet: {error}")
        else:
            if written is not None:
                show.result(written)

    def close(self, show: Show) -> None:
        """Write the report and the sheet that is begun. What cannot be written is in `lost`.

        The report of a run that was stopped keeps what an earlier one told of the photographs after that.
        """
        if 0 < self.through < len(self._plan.jobs):
            for account in untold(self._before, [(job.source, job.target) for job in self._plan.jobs[: self.through]]):
                self._report.add(account)
        try:
            self._report.write()
        except (UnfadeError, OSError) as error:
            self.lost.append(f"the report: {error}")
        try:
            written = self._sheets.write()
            if written is not None:
                show.result(written)
        except (UnfadeError, OSError) as error:
            self.lost.append(f"the contact sheet: {error}")

    def say_what_failed(self) -> None:
        """Say which photographs failed and why, what could not be written, and what was not done."""
        total, lines = len(self._plan.jobs), []
        if self.skipped and not self._batch.quiet:
            were = f"{self.skipped} of {total} photographs were" if total > 1 else "the photograph was"
            lines.append(f"unfade: {were} done already, and left as {'they are' if total > 1 else 'it is'}")
        if self.failed:
            lines.append(f"unfade: {len(self.failed)} of {total} photographs failed:")
            lines += [f"  {failure.source}: {failure.why}" for failure in self.failed]
        lines += [f"unfade: lost is {what}" for what in self.lost]
        if self.through < total:
            lines.append(f"unfade: {total - self.through} of {total} photographs were not begun; the same command goes on with them")
        for line in lines:
            typer.echo(shown(line), err=True)


def _filled(report: Report | None) -> str:
    """How much was invented, for a caption. Not how much changed: cleaning and coloring change nearly every
    pixel a little."""
    share = sum(record.pixels_changed for record in report.steps if record.step == "fill") / (report.width * report.height) if report else 0
    return f": {100 * share:.1f} % filled" if share else ""
