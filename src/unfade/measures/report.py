"""An evaluation for the terminal and as JSON; and a report of both JSON and HTML, written whole."""

from __future__ import annotations

import json
import math
import re
import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from rich.table import Table
from rich.text import Text

from unfade.errors import UnwritableError
from unfade.measures.evaluation import Evaluation, MethodScores, Score, named_scores
from unfade.measures.figures import figure, heading, label, signed, span
from unfade.measures.measure import Measure
from unfade.measures.page import GENERATOR, to_html

HTML_NAME, JSON_NAME = "report.html", "report.json"


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


def to_record(evaluation: Evaluation) -> dict[str, object]:
    """Every figure with its interval, N, extractor and statement, and each picture's figures. NaN is null."""
    return {
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
    }


def to_json(evaluation: Evaluation) -> str:
    """`to_record` as text."""
    return json.dumps(to_record(evaluation), indent=2, ensure_ascii=False)


def _method_json(one: MethodScores) -> Mapping[str, object]:
    return {
        "name": one.name,
        "seconds_per_picture": round(one.seconds_per_picture, 4),
        "scores": {name: {"value": _number(s.value), "interval": s.interval, "n": s.n} for name, s in one.scores.items()},
        "pictures": {name: {stem: round(value, 5) for stem, value in figures.items()} for name, figures in one.pictures.items()},
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def write_report(evaluation: Evaluation, folder: Path) -> tuple[Path, Path]:
    """Write `report.html` and `report.json` into `folder`: both or neither. Older ones are replaced.

    `folder` is made if its parent is there.

    Raises `UnwritableError` if that cannot be done.
    """
    write_files(folder, {HTML_NAME: to_html(evaluation), JSON_NAME: to_json(evaluation)})
    return folder / HTML_NAME, folder / JSON_NAME


def write_files(folder: Path, contents: Mapping[str, str]) -> None:
    """Write all of these texts into `folder`, or none; older ones of the same names are replaced.

    `folder` is made if its parent is there. Raises `UnwritableError`.
    """
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


def is_evaluation(path: Path) -> bool:
    """Whether the file at `path` is a report that `write_report` wrote, of either kind."""
    try:
        content = path.read_bytes()
    except OSError:
        return False
    return GENERATOR in content or re.match(rb'\{\s*"software": "Unfade",.*"bench":', content, re.DOTALL) is not None


def check_output(folder: Path) -> None:
    """Refuse a folder that no report can be written to, before the work is done: `UnwritableError`."""
    if folder.exists() and not folder.is_dir():
        raise UnwritableError(f"{folder} is a file; -o names a folder for the report")
    if not folder.resolve().parent.is_dir():
        raise UnwritableError(f"there is no folder {folder.parent} to make {folder.name} in; make it first: mkdir -p {folder.parent}")
