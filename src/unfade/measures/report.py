"""An evaluation as a table for the terminal, as JSON, and as one HTML page.

The page needs no network and no other file.
"""

from __future__ import annotations

import base64
import html
import json
import math
import re
import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import cv2
from rich.table import Table
from rich.text import Text

from unfade.errors import UnwritableError
from unfade.measures.evaluation import Difference, Evaluation, MethodScores, Panel, Score, Thumbnail, named_scores
from unfade.measures.measure import Measure
from unfade.measures.resampling import Interval

SHEET_ROWS = 4
HTML_NAME, JSON_NAME = "report.html", "report.json"
_GENERATOR = b'<meta name="generator" content="Unfade">'


def heading(evaluation: Evaluation) -> str:
    """What was measured on what, in one line; it belongs beside every figure."""
    extractor = "" if evaluation.extractor is None else f"; features {evaluation.extractor}"
    reference = f"; reference N {evaluation.reference_n}" if evaluation.reference_n else ""
    return f"{evaluation.task} on {evaluation.bench}, N {evaluation.n}, {evaluation.sizes}{extractor}{reference}; {evaluation.setting}"


def label(evaluation: Evaluation, measure: Measure) -> str:
    """A measure's name with its extractor, since a FID without one means nothing: `FID-lite0`."""
    seen_by = evaluation.extractor if "features" in measure.needs else evaluation.perceptual if "perceptual" in measure.needs else None
    named = measure.label if seen_by is None else f"{measure.label}-{seen_by}"
    return named + (f", {measure.unit}" if measure.unit else "") + {"higher": " ↑", "lower": " ↓", "one": " →1"}[measure.better]


def figure(measure: Measure, value: float) -> str:
    """A value with the measure's decimals; a dash where there was nothing to measure."""
    return "–" if math.isnan(value) else f"{value:.{measure.decimals}f}"


def span(measure: Measure, interval: Interval | None) -> str:
    """A 95 % interval; empty where there are too few pictures for one."""
    return "" if interval is None else f"[{figure(measure, interval[0])}, {figure(measure, interval[1])}]"


def signed(measure: Measure, difference: Difference) -> str:
    """A difference with its sign; a star where its interval leaves out zero."""
    if math.isnan(difference.value):
        return "–"
    certain = difference.interval is not None and (difference.interval[0] > 0 or difference.interval[1] < 0)
    return f"{difference.value:+.{measure.decimals}f}{'*' if certain else ''}"


def tables(evaluation: Evaluation) -> list[Table]:
    """For the terminal: the figures with their intervals, and the differences from the baselines."""
    scores = Table(title=heading(evaluation), title_justify="left", caption="95 % intervals over pictures", caption_justify="left")
    scores.add_column("measure", no_wrap=True)
    for one in named_scores(evaluation):
        scores.add_column(one.name, justify="right")
    for name, measure in evaluation.measures.items():
        scores.add_row(label(evaluation, measure), *(_cell(measure, one.scores.get(name)) for one in named_scores(evaluation)))
    made = [scores]
    if evaluation.differences:
        paired = Table(
            title=f"{evaluation.method.name} less each baseline, paired",
            title_justify="left",
            caption="* the 95 % interval leaves out 0",
            caption_justify="left",
        )
        paired.add_column("measure", no_wrap=True)
        for one in evaluation.baselines:
            paired.add_column(one.name, justify="right")
        by_place = {(d.measure, d.baseline): d for d in evaluation.differences}
        for name, measure in evaluation.measures.items():
            cells = [by_place.get((name, one.name)) for one in evaluation.baselines]
            paired.add_row(
                label(evaluation, measure),
                *(Text("") if one is None else _lines(signed(measure, one), span(measure, one.interval)) for one in cells),
            )
        made.append(paired)
    return made


def _cell(measure: Measure, score: Score | None) -> Text:
    return Text("") if score is None else _lines(figure(measure, score.value), span(measure, score.interval))


def _lines(value: str, interval: str) -> Text:
    """A figure with its interval beneath it, so that several methods fit side by side."""
    return Text.assemble(value, *(("\n", (interval, "dim")) if interval else ()))


def to_json(evaluation: Evaluation) -> str:
    """Every figure with its interval, N, extractor and statement, and each picture's figures. NaN is null."""
    return json.dumps(
        {
            "software": "Unfade",
            "software_version": version("unfade"),
            "task": evaluation.task,
            "bench": evaluation.bench,
            "n": evaluation.n,
            "sizes": evaluation.sizes,
            "setting": evaluation.setting,
            "extractor": evaluation.extractor,
            "extractor_statement": evaluation.extractor_statement,
            "perceptual": evaluation.perceptual,
            "comparable_with_published": evaluation.comparable,
            "reference_n": evaluation.reference_n,
            "seed": evaluation.seed,
            "notes": evaluation.notes,
            "measures": {
                name: {"label": one.label, "unit": one.unit, "better": one.better, "statement": one.statement}
                for name, one in evaluation.measures.items()
            },
            "methods": [_method_json(one) for one in named_scores(evaluation)],
            "differences": [
                {"baseline": d.baseline, "measure": d.measure, "value": _number(d.value), "interval": d.interval}
                for d in evaluation.differences
            ],
        },
        indent=2,
        ensure_ascii=False,
    )


def _method_json(one: MethodScores) -> Mapping[str, object]:
    return {
        "name": one.name,
        "seconds_per_picture": round(one.seconds_per_picture, 4),
        "scores": {name: {"value": _number(s.value), "interval": s.interval, "n": s.n} for name, s in one.scores.items()},
        "pictures": {name: {stem: round(value, 5) for stem, value in figures.items()} for name, figures in one.pictures.items()},
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


_STYLE = """
:root{color-scheme:light dark;--ground:#fff;--ink:#222;--faint:#666;--line:#ccc;--ours:#eef4fb}
@media(prefers-color-scheme:dark){:root{--ground:#1b1b1b;--ink:#ddd;--faint:#999;--line:#444;--ours:#22303d}}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:90rem;padding:0 1rem;background:var(--ground);color:var(--ink)}
table{border-collapse:collapse;margin:1rem 0;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .7rem;border-bottom:1px solid var(--line);text-align:right;vertical-align:top}
th:first-child,td:first-child{text-align:left}
.ours{background:var(--ours)}
small{color:var(--faint)}
.scroll{overflow-x:auto}
.row{display:flex;gap:.6rem;margin:.3rem 0 1.2rem}
figure{margin:0}figcaption{font-size:.8rem;color:var(--faint)}
img{display:block;max-width:256px;height:auto}
dt{font-weight:600;margin-top:.5rem}dd{margin:0}
"""


def to_html(evaluation: Evaluation) -> str:
    """The report as one page: figures, differences, what each measure is, and pictures.

    Of the pictures the worst, the median and the best are shown.
    """
    method = html.escape(evaluation.method.name)
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        + _GENERATOR.decode(),
        f"<title>{method}: {evaluation.task}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{method}: {evaluation.task}</h1><p>{html.escape(heading(evaluation))}.</p>",
        *(f"<p><small>{html.escape(note)}</small></p>" for note in evaluation.notes),
        _html_scores(evaluation),
        _html_differences(evaluation),
        _html_sheets(evaluation),
        _html_statements(evaluation),
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _html_table(caption: str, head: list[str], rows: list[list[str]], ours: int | None) -> str:
    def cell(tag: str, text: str, column: int) -> str:
        mark = ' class="ours"' if column == ours else ""
        return f"<{tag}{mark}>{text}</{tag}>"

    lines = ["<tr>" + "".join(cell("th", html.escape(text), i) for i, text in enumerate(head)) + "</tr>"]
    lines += ["<tr>" + "".join(cell("td", text, i) for i, text in enumerate(row)) + "</tr>" for row in rows]
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
    return _html_table("Figures, with 95 % intervals", ["measure", *(one.name for one in named_scores(evaluation))], rows, 1)


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
    return _html_table(caption, ["measure", *(one.name for one in evaluation.baselines)], rows, None)


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
        parts += [_html_panel(evaluation, panels[stem]) for stem in stems]
    return "\n".join(parts)


def _html_panel(evaluation: Evaluation, panel: Panel) -> str:
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


def _html_statements(evaluation: Evaluation) -> str:
    entries = "".join(
        f"<dt>{html.escape(label(evaluation, one))}</dt><dd>{html.escape(one.statement)}</dd>" for one in evaluation.measures.values()
    )
    seen_by = evaluation.extractor_statement
    extractor = "" if seen_by is None else f"<dt>features</dt><dd>{html.escape(seen_by)}</dd>"
    intervals = (
        "<dt>intervals</dt><dd>95 %, over the pictures of the bench: percentiles of 1,000 bootstrap samples; for FID and for precision and "
        "recall of generated pictures, to which a picture drawn twice is its own neighbour, the delete-half jackknife. The same samples "
        f"for every method, so differences are paired. Reference pictures are held fixed. Seed {evaluation.seed}.</dd>"
    )
    return f"<h2>What the measures are</h2><dl>{entries}{extractor}{intervals}</dl>"


def write_report(evaluation: Evaluation, folder: Path) -> tuple[Path, Path]:
    """Write `report.html` and `report.json` into `folder`: both or neither. Older ones are replaced.

    `folder` is made if its parent is there.

    Raises `UnwritableError` if that cannot be done.
    """
    contents = {HTML_NAME: to_html(evaluation), JSON_NAME: to_json(evaluation)}
    check_output(folder)
    try:
        partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.resolve().parent))
        try:
            for name, text in contents.items():
                (partial / name).write_text(text, encoding="utf-8")
            folder.mkdir(exist_ok=True)
            for name in contents:
                (partial / name).replace(folder / name)
        finally:
            shutil.rmtree(partial)
    except OSError as error:
        raise UnwritableError(f"the report cannot be written to {folder} ({error.strerror}); choose another folder with -o") from error
    return folder / HTML_NAME, folder / JSON_NAME


def is_evaluation(path: Path) -> bool:
    """Whether the file at `path` is a report that `write_report` wrote, of either kind."""
    try:
        content = path.read_bytes()
    except OSError:
        return False
    return _GENERATOR in content or re.match(rb'\{\s*"software": "Unfade",.*"bench":', content, re.DOTALL) is not None


def check_output(folder: Path) -> None:
    """Refuse a folder that no report can be written to, before the work is done: `UnwritableError`."""
    if folder.exists() and not folder.is_dir():
        raise UnwritableError(f"{folder} is a file; -o names a folder for the report")
    if not folder.resolve().parent.is_dir():
        raise UnwritableError(f"there is no folder {folder.parent} to make {folder.name} in; make it first: mkdir -p {folder.parent}")
