"""The leaderboard as one HTML page that needs nothing else, as Markdown and as JSON."""

from __future__ import annotations

import html
import json
import math
from importlib.metadata import version

from unfade.bench.entries import UNFADE
from unfade.bench.leaderboard import Leaderboard, TrackResult
from unfade.measures.evaluation import MethodScores
from unfade.measures.figures import figure, label, span
from unfade.measures.measure import harmonic_mean
from unfade.measures.page import GENERATOR, document, panel_row, statements, table
from unfade.measures.report import to_record

HTML_NAME, MARKDOWN_NAME, JSON_NAME = "leaderboard.html", "leaderboard.md", "leaderboard.json"
PICTURES = 3


def to_html(board: Leaderboard) -> str:
    """Every track's table, the best entry first, with pictures; what everyone costs; what the measures
    are."""
    manifest = board.manifest
    parts = [
        "<h1>Unfade: the open benchmark</h1>",
        f"<p>{len(manifest.photographs)} photographs, at most {manifest.side_px} px on the longer side, seed {manifest.seed}. Fingerprint "
        f"<code>{manifest.fingerprint[:16]}</code>: leaderboards with the same one are of the same pictures. 95 % intervals over pictures; "
        "with few pictures they are wide, and FID is biased upwards.</p>",
        *(part for result in board.results for part in _track(result)),
        _costs(board),
        *(statements(result.evaluation) for result in board.results[-1:]),
    ]
    return document("Unfade: the open benchmark", parts)


def _shown(result: TrackResult) -> list[str]:
    """The measures that a track's table has: neither those of single kinds nor those of nothing."""
    return [
        name
        for name in result.evaluation.measures
        if not name.startswith("mask-recall-")
        and any(name in one.scores and not math.isnan(one.scores[name].value) for one in result.ranking())  # nothing is lost in some tracks
    ]


def _track(result: TrackResult) -> list[str]:
    evaluation = result.evaluation
    everyone, shown = result.ranking(), _shown(result)
    head = ["entry", *(label(evaluation, evaluation.measures[name]) for name in shown), "s a picture"]
    rows = []
    for one in everyone:
        cells = [_cell(result, one, name) for name in shown]
        rows.append([html.escape(one.name), *cells, f"{one.seconds_per_picture:.2f}"])
    asks = result.track.asks
    if result.ranks_by is not None:
        asks += f" Ordered by {evaluation.measures[result.ranks_by].label}."
    parts = [
        table(f"{result.track.label} (N {evaluation.n})", head, rows, ours=UNFADE),
        f"<p><small>{html.escape(asks)}</small></p>",
    ]
    parts += _by_kind(result)
    panels = {panel.stem: panel for panel in evaluation.panels}
    order = evaluation.worst_first()
    chosen = dict.fromkeys([order[0], order[len(order) // 2], order[-1]] if len(order) > PICTURES else order)
    ranked = "" if evaluation.ranking is None else " (Unfade's worst, median and best)"
    if result.track.task == "damage":
        parts.append("<p><small>In the pictures red is lost, or said to be; yellow is only stained: either answer is right.</small></p>")
    return [*parts, f"<h3>Pictures{ranked}</h3>", *(panel_row(evaluation, panels[stem]) for stem in chosen)]


def _cell(result: TrackResult, one: MethodScores, name: str) -> str:
    score = one.scores.get(name)
    if score is None:
        return "–"
    measure = result.evaluation.measures[name]
    return f"{figure(measure, score.value)} <small>{span(measure, score.interval)}</small>"


def f1_by_kind(result: TrackResult) -> dict[str, dict[str, float]]:
    """F1 by kind and size of damage, then by entry; empty for tracks in which no damage is found.

    What is found wrongly is of no kind, so every kind is set against the entry's one precision.
    """
    by_kind: dict[str, dict[str, float]] = {}
    for name in result.evaluation.measures:
        kind = name.removeprefix("mask-recall-")
        for one in result.ranking():
            if kind != name and name in one.scores and not math.isnan(one.scores[name].value):  # stains are no loss of any kind
                figures = by_kind.setdefault(kind, {})
                figures[one.name] = harmonic_mean(one.scores["mask-precision"].value, one.scores[name].value)
    return by_kind


def _by_kind(result: TrackResult) -> list[str]:
    by_kind = f1_by_kind(result)
    if not by_kind:
        return []
    names = [one.name for one in result.ranking()]
    rows = [[html.escape(kind), *(_f1(result, figures, name) for name in names)] for kind, figures in by_kind.items()]
    note = "<p><small>What is found wrongly is of no kind: each kind's recall is set against the entry's one precision.</small></p>"
    return [table("F1 by kind and size of damage", ["kind or size", *names], rows, ours=UNFADE), note]


def _costs(board: Leaderboard) -> str:
    rows = [[html.escape(one.entry), f"{one.seconds:.1f}", "–" if one.peak_mb is None else f"{one.peak_mb:.0f}"] for one in board.costs]
    on = "; ".join(html.escape(told) for told in board.machine.values())
    said = f"<p><small>Whole processes from start to end on a photograph of one megapixel, once each. {on}</small></p>"
    return table("Speed and memory", ["entry", "seconds", "peak memory, MB"], rows) + said


def to_markdown(board: Leaderboard) -> str:
    """The tables alone, for a README: tracks, F1 by kind of damage, costs."""
    manifest = board.manifest
    parts = [
        f"<!-- Written by unfade bench. {GENERATOR.decode()} -->",
        f"{len(manifest.photographs)} photographs, at most {manifest.side_px} px on the longer side, seed {manifest.seed}, fingerprint "
        f"`{manifest.fingerprint[:16]}`. 95 % intervals over pictures.",
    ]
    for result in board.results:
        evaluation, shown = result.evaluation, _shown(result)
        head = ["", *(label(evaluation, evaluation.measures[name]) for name in shown)]
        rows = [[one.name, *(_plain(_cell(result, one, name)) for name in shown)] for one in result.ranking()]
        parts += [f"## {result.track.label} (N {evaluation.n})", result.track.asks, _rows(head, rows)]
        if by_kind := f1_by_kind(result):
            figures = [[one.name, *(_f1(result, by_kind[kind], one.name) for kind in by_kind)] for one in result.ranking()]
            said = "F1 by size and kind of damage; what is found wrongly is of no kind, so recall is set against the one precision."
            parts += [said, _rows(["", *by_kind], figures)]
    costs = [[one.entry, f"{one.seconds:.1f}", "–" if one.peak_mb is None else f"{one.peak_mb:.0f}"] for one in board.costs]
    said = f"Whole processes on a photograph of one megapixel. {'; '.join(board.machine.values())}"
    parts += ["## Speed and memory", said, _rows(["", "seconds", "peak memory, MB"], costs)]
    return "\n\n".join(parts) + "\n"


def _rows(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *([f"**{row[0]}**" if row[0].startswith(UNFADE) else row[0], *row[1:]] for row in rows)]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _plain(cell: str) -> str:
    return cell.replace("<small>", "").replace("</small>", "").strip()


def _f1(result: TrackResult, figures: dict[str, float], name: str) -> str:
    return figure(result.evaluation.measures["mask-f1"], figures.get(name, float("nan")))


def to_json(board: Leaderboard) -> str:
    """Every figure: what `to_html` shows, and each picture's."""
    record = {
        "software": "Unfade",
        "software_version": version("unfade"),
        "bench": vars(board.manifest),
        "machine": board.machine,
        "tracks": {
            result.track.name: {
                "asks": result.track.asks,
                "ranks_by": result.ranks_by,
                "order": [one.name for one in result.ranking()],
                "f1_by_kind": f1_by_kind(result),
                "evaluation": to_record(result.evaluation),
            }
            for result in board.results
        },
        "costs": [vars(cost) for cost in board.costs],
    }
    return json.dumps(record, indent=2, ensure_ascii=False).replace(": NaN", ": null")
