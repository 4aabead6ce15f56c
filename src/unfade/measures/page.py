"""An evaluation as one HTML page that needs no network and no other file; and its parts, for other pages."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence

import cv2

from unfade.measures.evaluation import Evaluation, Panel, Thumbnail, named_scores
from unfade.measures.figures import figure, heading, label, signed, span

SHEET_ROWS = 4
GENERATOR = b'<meta name="generator" content="Unfade">'
"""By which a page is known as one of ours."""


PALETTE = """
:root{color-scheme:light dark;--ground:#fff;--ink:#222;--faint:#666;--line:#ccc;--ours:#eef4fb;--curve:#2563eb;--mark:#c2410c}
@media(prefers-color-scheme:dark){
:root{--ground:#1b1b1b;--ink:#ddd;--faint:#999;--line:#444;--ours:#22303d;--curve:#7aa7ff;--mark:#ff9b66}}
"""
"""The colors of reports, leaderboards and curves, light and dark as the reader's system is."""
STYLE = (
    PALETTE
    + """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:90rem;padding:0 1rem;background:var(--ground);color:var(--ink)}
table{border-collapse:collapse;margin:1rem 0;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .7rem;border-bottom:1px solid var(--line);text-align:right;vertical-align:top}
th:first-child,td:first-child{text-align:left}
.ours{background:var(--ours)}
small{color:var(--faint)}
.scroll{overflow-x:auto}
.row{display:flex;gap:.6rem;margin:.3rem 0 1.2rem}
figure{margin:0;flex:0 1 256px;min-width:120px}figcaption{font-size:.8rem;color:var(--faint)}
img{display:block;max-width:100%;height:auto}
dt{font-weight:600;margin-top:.5rem}dd{margin:0}
"""
)


def to_html(evaluation: Evaluation) -> str:
    """The report as one page: figures, differences, what each measure is, and pictures.

    Of the pictures the worst, the median and the best are shown.
    """
    method = html.escape(evaluation.method.name)
    parts = [
        f"<h1>{method}: {evaluation.task}</h1><p>{html.escape(heading(evaluation))}.</p>",
        *(f"<p><small>{html.escape(note)}</small></p>" for note in evaluation.notes),
        _html_scores(evaluation),
        _html_differences(evaluation),
        _html_sheets(evaluation),
        statements(evaluation),
    ]
    return document(f"{method}: {evaluation.task}", parts)


def document(title: str, parts: Sequence[str]) -> str:
    """A whole page of these parts. `title` is HTML already."""
    head = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        + GENERATOR.decode(),
        f"<title>{title}</title><style>{STYLE}</style></head><body>",
    ]
    return "\n".join([*head, *parts, "</body></html>\n"])


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], *, ours: str | None = None) -> str:
    """A table. Cells are HTML already, `caption` and `head` are not.

    The row or the column that begins with `ours` is marked.
    """

    def cell(tag: str, text: str, column: int, *, marked: bool) -> str:
        mark = ' class="ours"' if marked or head[column] == ours else ""
        return f"<{tag}{mark}>{text}</{tag}>"

    lines = ["<tr>" + "".join(cell("th", html.escape(text), i, marked=False) for i, text in enumerate(head)) + "</tr>"]
    for row in rows:
        lines.append("<tr>" + "".join(cell("td", text, i, marked=row[0] == ours) for i, text in enumerate(row)) + "</tr>")
    return f'<h2>{html.escape(caption)}</h2><div class="scroll"><table>{"".join(lines)}</table></div>'


def _html_scores(evaluation: Evaluation) -> str:
    rows = []
    for name, measure in evaluation.measures.items():
        row = [html.escape(label(evaluation, measure))]
        for one in named_scores(evaluation):
            score = one.scores.get(name)
            said = "" if score is None or score.n == evaluation.n else f" N {score.n}"
            row.append("" if score is None else f"{figure(measure, score.value)} <small>{span(measure, score.interval)}{said}</small>")
        rows.append(row)
    rows.append(["seconds a picture", *(f"{one.seconds_per_picture:.2f}" for one in named_scores(evaluation))])
    head = ["measure", *(one.name for one in named_scores(evaluation))]
    return table("Figures, with 95 % intervals", head, rows, ours=evaluation.method.name)


def _html_differences(evaluation: Evaluation) -> str:
    if not evaluation.differences:
        return ""
    by_place = {(d.measure, d.baseline): d for d in evaluation.differences}
    rows = []
    for name, measure in evaluation.measures.items():
        cells = [by_place.get((name, one.name)) for one in evaluation.baselines]
        rows.append(
            [
                html.escape(label(evaluation, measure)),
                *("" if d is None else f"{signed(measure, d)} <small>{span(measure, d.interval)}</small>" for d in cells),
            ]
        )
    caption = f"{evaluation.method.name} less each baseline, paired (* the 95 % interval leaves out 0)"
    return table(caption, ["measure", *(one.name for one in evaluation.baselines)], rows)


def _html_sheets(evaluation: Evaluation) -> str:
    order = evaluation.worst_first()
    panels = {panel.stem: panel for panel in evaluation.panels}
    middle = max(0, len(order) // 2 - SHEET_ROWS // 2)
    chosen = {"Worst": order[:SHEET_ROWS], "Median": order[middle : middle + SHEET_ROWS], "Best": order[-SHEET_ROWS:][::-1]}
    if len(order) <= 3 * SHEET_ROWS or evaluation.ranking is None:
        chosen = {"All, the worst first" if evaluation.ranking else "All": order[: 3 * SHEET_ROWS]}
    parts = []
    for title, stems in chosen.items():
        by = "" if evaluation.ranking is None else f" by {html.escape(label(evaluation, evaluation.measures[evaluation.ranking]))}"
        parts.append(f"<h2>{title}{by}</h2>")
        parts += [panel_row(evaluation, panels[stem]) for stem in stems]
    return "\n".join(parts)


def panel_row(evaluation: Evaluation, panel: Panel) -> str:
    """One picture of the bench as a row of pictures: given, each method's, and the truth."""
    figures = []
    for what in _columns(evaluation, panel):
        value = _picture_figure(evaluation, what, panel.stem)
        said = html.escape(what) + ("" if value is None else f", {value}")
        alt = html.escape(f"{panel.stem}: {what}")
        figures.append(f'<figure><img alt="{alt}" src="{_data_url(panel.shown[what])}"><figcaption>{said}</figcaption></figure>')
    return f'<p><b>{html.escape(panel.stem)}</b></p><div class="row scroll">{"".join(figures)}</div>'


def _columns(evaluation: Evaluation, panel: Panel) -> list[str]:
    """The columns of a sheet: given, the method, the baselines, the truth.

    A baseline that shows what was given, or the truth, is left out.
    """
    shown = ["given", evaluation.method.name, *(one.name for one in evaluation.baselines), "truth"]
    repeats = {"as it is", "gray"}
    return [what for what in dict.fromkeys(shown) if what in panel.shown and not (what in repeats and what != evaluation.method.name)]


def _picture_figure(evaluation: Evaluation, what: str, stem: str) -> str | None:
    if evaluation.ranking is None:
        return None
    measure = evaluation.measures[evaluation.ranking]
    for one in named_scores(evaluation):
        value = one.pictures.get(evaluation.ranking, {}).get(stem) if one.name == what else None
        if value is not None:
            return f"{figure(measure, value)} {measure.unit}".strip()
    return None


def _data_url(picture: Thumbnail) -> str:
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")


def statements(evaluation: Evaluation) -> str:
    """What the measures, the features and the intervals are."""
    entries = "".join(
        f"<dt>{html.escape(label(evaluation, one))}</dt><dd>{html.escape(one.statement)}</dd>" for one in evaluation.measures.values()
    )
    seen_by = evaluation.extractor_statement
    extractor = "" if seen_by is None else f"<dt>features</dt><dd>{html.escape(seen_by)}</dd>"
    intervals = (
        "<dt>intervals</dt><dd>95 %, over the pictures of the bench: percentiles of 1,000 bootstrap samples; for FID and for precision and "
        "recall of generated pictures, to which a picture drawn twice is its own neighbour, the delete-half jackknife, cut off at what the "
        "figure can be. The same samples for every method, so differences are paired. Reference pictures are held fixed. "
        f"Seed {evaluation.seed}.</dd>"
    )
    return f"<h2>What the measures are</h2><dl>{entries}{extractor}{intervals}</dl>"
