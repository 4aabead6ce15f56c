"""Where an archive stands: as numbers, and as one HTML page without anything from elsewhere."""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass

from unfade.archive.manifest import Entry, Manifest
from unfade.archive.orders import names_of
from unfade.archive.places import Destination, PassedOver
from unfade.errors import UnfadeError
from unfade.files.names import readable

MOST_LETTERS, MOST_RISKY = 1000, 60


@dataclass(frozen=True)
class Status:
    """How many masters are in each state, and what the finished ones came to."""

    source: str
    destination: str
    waiting: int
    done: int
    failed: int
    gone: int
    megapixels: float
    worker_seconds: float
    bytes_read: float
    bytes_written: float
    review: dict[str, int]
    runs: int
    passed_over: PassedOver | None  # none: by an earlier version, which did not tell
    is_killed: bool  # the last run has not ended by itself, or is under way

    def lines(self) -> list[str]:
        """In sentences, for a terminal."""
        lines = [
            f"{self.source} -> {self.destination}",
            f"{self.done:,} done, {self.waiting:,} waiting, {self.failed:,} failed"
            + (f", {self.gone:,} gone from the source before they were done" if self.gone else ""),
        ]
        lines += self.passed_over.sentences() if self.passed_over is not None else ()
        if self.done:
            per = self.worker_seconds / self.done
            lines.append(
                f"{self.megapixels:,.0f} megapixels in {self.worker_seconds / 3600:,.2f} hours of a worker ({per:.2f} s each); "
                f"{self.bytes_read / 1e9:,.2f} GB read, {self.bytes_written / 1e9:,.2f} GB written"
            )
            review = self.review
            lines.append(
                f"review: {review['open']:,} open ({review['held']:,} held back), {review['accepted']:,} accepted, "
                f"{review['refused']:,} refused"
            )
        if self.is_killed:
            lines.append("the last run has not ended by itself, or is under way; the same command goes on with it")
        return lines


def status(manifest: Manifest) -> Status:
    """Where the archive of this manifest stands."""
    facts, sums, runs = manifest.facts(), manifest.sums(), manifest.runs()
    return Status(
        source=facts.get("source", ""),
        destination=facts.get("destination", ""),
        **manifest.counts(),
        megapixels=sums["megapixels"],
        worker_seconds=sums["seconds"],
        bytes_read=sums["bytes"],
        bytes_written=sums["written"],
        review=manifest.review_counts(),
        runs=len(runs),
        passed_over=manifest.passed_over(),
        is_killed=bool(runs) and runs[-1]["ended"] is None,
    )


_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #8884; }
figure { display: grid; grid-template-columns: 1fr 1fr; gap: .4rem; margin: 1.2rem 0; } figure img { width: 100%; }
figcaption { grid-column: 1 / 3; }
"""


def report(manifest: Manifest) -> str:
    """The report as an HTML page: numbers, dead letters, and the riskiest results with their small
    pictures."""
    told, order = status(manifest), manifest.facts().get("order", {})
    destination = Destination(told.destination) if told.destination else None
    letters = manifest.failures(MOST_LETTERS)
    risky = [entry for entry in manifest.review("all", limit=MOST_RISKY) if entry.risk > 0]
    options = ", ".join(f"{name} {value}" for name, value in order.get("treatment", {}).items() if value not in ([], None))
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Unfade: the archive</title>",
        f"<style>{_STYLE}</style><h1>The archive</h1>",
        *(f"<p>{html.escape(line)}</p>" for line in told.lines()),
        f"<p>Asked: {html.escape(options)}</p>" if options else "",
        f"<h2>Dead letters: {told.failed:,}</h2>",
        _table([(name, sentence) for name, sentence in letters]) if letters else "<p>None.</p>",
        f"<h2>To be looked at first</h2><p>The {len(risky)} riskiest results, before and after.</p>" if risky else "",
        *(_figure(entry, destination) for entry in risky),
        "</html>",
    ]
    return readable("\n".join(parts)) + "\n"


def _table(rows: list[tuple[str, str]]) -> str:
    lines = (f"<tr><td>{html.escape(name)}<td>{html.escape(sentence)}" for name, sentence in rows)
    return f"<table><tr><th>master<th>why\n{chr(10).join(lines)}</table>"


def _figure(entry: Entry, destination: Destination | None) -> str:
    names = names_of(entry.base, entry.ending, entry.place)
    pictures = "".join(
        f'<img alt="{label}" src="data:image/jpeg;base64,{picture}">'
        for label, name in (("before", names.before), ("after", names.after))
        if (picture := _inline(destination, name))
    )
    said = f"{entry.name}: risk {entry.risk:.2f}" + (f", {entry.decision}" if entry.decision else "")
    reasons = html.escape("; ".join(entry.reasons))
    return f"<figure>{pictures}<figcaption><b>{html.escape(said)}</b><br>{reasons}</figcaption></figure>"


def _inline(destination: Destination | None, name: str) -> str:
    """A thumbnail in base 64; empty where there is none any more."""
    try:
        return "" if destination is None else base64.b64encode(destination.read(name)).decode()
    except UnfadeError:
        return ""
