"""Run a method and the baselines over a bench, and take every measure that can be taken."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from jaxtyping import UInt8

from unfade.arrays import Image, Mask
from unfade.errors import DataError
from unfade.measures import MEASURES
from unfade.measures.baselines import Method, Outcome
from unfade.measures.benches import Bench, Example, pictures, read_image, read_mask
from unfade.measures.detection import recall_of_part
from unfade.measures.features import Features, PictureFeatures
from unfade.measures.measure import EITHER, LOST, Measure, Need, Observation, Rows, Task
from unfade.measures.resampling import SEED, Draws, Interval, Replicates, draw, interval, replicates
from unfade.sheet import fit

_THUMBNAIL_PX = 256
Thumbnail: TypeAlias = UInt8[np.ndarray, "h w 3"]
Progress: TypeAlias = Callable[[str, float], None]
"""Called with a method's name and the share done of it."""


@dataclass(frozen=True)
class Score:
    """One figure: the measure's name, its value, its 95 % interval, and the number of pictures behind it.

    NaN: there was nothing to measure.
    """

    measure: str
    value: float
    interval: Interval | None
    n: int


@dataclass(frozen=True)
class Difference:
    """The method's figure less the baseline's, on the same pictures."""

    baseline: str
    measure: str
    value: float
    interval: Interval | None


@dataclass(frozen=True)
class MethodScores:
    """One method's figures.

    `pictures`: by measure and stem, the figure of each picture, for measures that have one.
    """

    name: str
    scores: Mapping[str, Score]
    pictures: Mapping[str, Mapping[str, float]]
    seconds_per_picture: float


@dataclass(frozen=True, eq=False)
class Panel:
    """One picture on the sheet: what was given, the truth, and what each method made of it, small."""

    stem: str
    shown: Mapping[str, Thumbnail]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A method measured on a bench, with baselines beside it. `method` is the one that was asked about."""

    task: Task
    bench: str
    n: int
    sizes: str
    setting: str
    extractor: str | None
    extractor_statement: str | None
    comparable: bool
    perceptual: str | None
    reference_n: int
    seed: int
    measures: Mapping[str, Measure]
    method: MethodScores
    baselines: tuple[MethodScores, ...] = ()
    differences: tuple[Difference, ...] = ()
    panels: tuple[Panel, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def ranking(self) -> str | None:
        """The measure that orders pictures from worst to best; None if none has a figure for each picture."""
        return next((name for name in _RANKING[self.task] if self.method.pictures.get(name)), None)

    def worst_first(self) -> list[str]:
        """The pictures' names, the worst first."""
        if self.ranking is None:
            return sorted(panel.stem for panel in self.panels)
        figures, sign = self.method.pictures[self.ranking], -1 if self.measures[self.ranking].better == "lower" else 1
        return sorted(figures, key=lambda stem: sign * figures[stem])

    def __getitem__(self, measure: str) -> float:
        """The method's figure: `evaluation["psnr-in-mask"]`."""
        return self.method.scores[measure].value


# The first of these that a bench has says which pictures are worst and best.
_RANKING: Mapping[Task, tuple[str, ...]] = {
    "restoration": ("psnr-in-mask", "psnr"),
    "colorization": ("feature-distance", "ciede2000"),
    "damage": ("mask-f1", "noted-recall"),
    "harm": ("share-flagged", "ssim"),
    "needs": ("tone-decided", "monochrome-decided"),
}

# The order in which a table shows them; any other measure follows by name.
_ORDER = (
    "psnr-in-mask", "psnr", "ssim-in-mask", "ssim", "feature-distance", "st-lpips", "fid", "generated-precision", "generated-recall",
    "generated-f1", "colorfulness", "colorfulness-ratio", "colorfulness-distance", "ciede2000", "ab-error",
    "histogram-l", "histogram-a", "histogram-b", "mask-precision", "mask-recall", "mask-f1", "mask-iou",
    "noted-recall", "noted-precision", "noted-f1", "noted-lines", "noted-areas", "noted-specks", "noted-fields", "noted-sound-hit",
    "noted-false-share", "share-flagged", "tone-decided", "detail-decided", "monochrome-decided",
)  # fmt: skip


def evaluate(
    bench: Bench,
    method: Method,
    *,
    name: str = "method",
    baselines: Mapping[str, Method] | None = None,
    features: Features | None = None,
    perceptual: Features | None = None,
    progress: Progress | None = None,
    seed: int = SEED,
) -> Evaluation:
    """Run `method` and `baselines` over `bench`, and measure them.

    `features`: without an extractor the measures that need one are left out, and a note says so.
    `perceptual`: the extractor of ST-LPIPS. Raises `DataError` for a bench that does not match, a result of
    another size or with samples that are not numbers, and for no pictures. Of a measure that needs more
    pictures than there are no figure is given, and a note says so.
    """
    baselines = {} if baselines is None else baselines
    if not len(bench):
        raise DataError(f"{bench.folder}: no pictures to evaluate; raise the limit")
    reference = _reference_rows(bench, features)
    if name in baselines or name in _COLUMNS:  # such as a folder of results called Telea
        name = f"{name} (results)"
    runs = [_Run(label, one) for label, one in {name: method, **baselines}.items()]
    shown: dict[str, dict[str, Thumbnail]] = {}
    sizes: list[tuple[int, int]] = []
    measures: dict[str, Measure] | None = None
    for index, example in enumerate(bench):
        sizes.append((example.given.shape[1], example.given.shape[0]))
        truth_seen = _seen(features, example.truth), _seen(perceptual, example.truth)
        shown[example.stem] = _shown(example)
        for run in runs:
            began = time.perf_counter()
            outcome = run.method(example)
            run.seconds += time.perf_counter() - began
            check_outcome(run.name, example, outcome)
            result_seen = _seen(features, outcome.image), _seen(perceptual, outcome.image)
            seen = Observation(
                example.truth,
                outcome.image,
                example.damage,
                outcome.found,
                example.parts,
                truth_features=truth_seen[0],
                result_features=result_seen[0],
                truth_perceptual=truth_seen[1],
                result_perceptual=result_seen[1],
                notes=example.notes,
                needs=example.needs,
                colored=outcome.colored,
                detail_strength=outcome.detail_strength,
            )
            if run is runs[0] and measures is None:
                measures = _measures(bench, seen, reference)
            for key, measure in (measures or {}).items():
                if _has(seen, measure.needs - {"reference"}):
                    run.rows.setdefault(key, []).append(measure.observe(seen))
            shown[example.stem][run.name] = _result_thumbnail(example, outcome)
            if progress is not None:
                progress(run.name, (index + 1) / len(bench))
    return _evaluation(bench, runs, measures or {}, reference, features, perceptual, shown, sizes, seed)


def _seen(extractor: Features | None, image: Image | None) -> PictureFeatures | None:
    return None if extractor is None or image is None else extractor(image)


# What a sheet shows beside the methods.
_COLUMNS = ("given", "truth")


@dataclass(eq=False)
class _Run:
    """One method under way: what the measures noted so far."""

    name: str
    method: Method
    rows: dict[str, list[np.ndarray]] = field(default_factory=dict)
    seconds: float = 0.0


def _has(seen: Observation, needs: frozenset[Need] | set[Need]) -> bool:
    there = {
        "images": seen.truth is not None and seen.result is not None,
        "mask": seen.damage is not None,
        "found": seen.found is not None,
        "notes": seen.notes is not None,
        "needs": seen.needs is not None,
        "colored": seen.colored is not None,
        "detail": seen.detail_strength is not None,
        "features": seen.truth_features is not None and seen.result_features is not None,
        "perceptual": seen.truth_perceptual is not None and seen.result_perceptual is not None,
    }
    return all(there[need] for need in needs)


def _measures(bench: Bench, first: Observation, reference: Rows | None) -> dict[str, Measure]:
    """The measures that can be taken of what there is, in the table's order."""

    def possible(measure: Measure) -> bool:
        known = reference is not None or "reference" not in measure.needs
        return bench.task in measure.tasks and known and _has(first, measure.needs - {"reference"})

    names = sorted(MEASURES, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))
    chosen = {name: MEASURES[name] for name in names if possible(MEASURES[name])}
    return chosen | {f"mask-recall-{part}": recall_of_part(part) for part in bench.parts}


def _count(measure: Measure, pictures: int, reference: Rows | None) -> int:
    """How many pictures a measure has: the bench's or, if they are fewer, those of the reference it needs."""
    return pictures if reference is None or "reference" not in measure.needs else min(pictures, len(reference))


def _reference_rows(bench: Bench, features: Features | None) -> Rows | None:
    if features is None or not bench.references:
        return None
    return np.stack([features(read_image(path)).pooled for path in bench.references]).astype(np.float64)


def check_outcome(method: str, example: Example, outcome: Outcome) -> None:
    """Refuse what cannot be measured: no result, another size, samples that are not numbers."""
    expected = example.given.shape[:2]
    for what, result in (("result", outcome.image), ("mask", outcome.found)):
        if result is not None and result.shape[:2] != expected:
            raise DataError(
                f"{example.stem}: the {what} of {method} is {result.shape[1]}×{result.shape[0]}, "
                f"the bench's picture {expected[1]}×{expected[0]}; results must have the size of what they restore"
            )
    if outcome.image is not None and not np.isfinite(outcome.image).all():
        wrong = int((~np.isfinite(outcome.image)).sum())
        raise DataError(f"{example.stem}: {wrong} samples of the result of {method} are not numbers; nothing can be measured of it")
    if outcome.image is None and outcome.found is None:
        raise DataError(f"{example.stem}: {method} gave neither a picture nor a mask")


def _evaluation(
    bench: Bench,
    runs: Sequence[_Run],
    measures: Mapping[str, Measure],
    reference: Rows | None,
    features: Features | None,
    perceptual: Features | None,
    shown: Mapping[str, Mapping[str, Thumbnail]],
    sizes: Sequence[tuple[int, int]],
    seed: int,
) -> Evaluation:
    few = {key: count for key, one in measures.items() if (count := _count(one, len(bench), reference)) < one.fewest}
    lacking = [f"{measures[key].label} needs {measures[key].fewest} and has {count}" for key, count in few.items()]
    measures = {key: one for key, one in measures.items() if key not in few}
    draws = draw(len(bench), seed)
    scored = [_score(run, bench.stems, measures, reference, draws) for run in runs]
    differences = tuple(
        _difference(measures[key], key, baseline.name, scored[0], (baseline, resampled))
        for baseline, resampled in scored[1:]
        for key in measures
        if key in baseline.scores
    )
    notes = []
    if features is None and bench.task in ("restoration", "colorization"):
        notes.append("No feature extractor: feature distance, FID, precision and recall of generated pictures were not measured.")
    elif features is not None:
        notes.append(f"Features: {features.statement}. FID is {'' if features.comparable else 'not '}comparable with published FID.")
    if perceptual is not None:
        notes.append(f"Perceptual distance: {perceptual.statement}.")
    if features is not None and reference is None and bench.task in ("restoration", "colorization"):
        notes.append("No reference pictures other than the truths: precision and recall of generated pictures were not measured.")
    if lacking:
        notes.append(f"Not measured, as there are too few pictures: {', '.join(lacking)}.")
    evaluation = Evaluation(
        task=bench.task,
        bench=bench.folder.name,
        n=len(bench),
        sizes=_span(sizes),
        setting=_setting(bench),
        extractor=None if features is None else features.name,
        extractor_statement=None if features is None else features.statement,
        comparable=features is not None and features.comparable,
        perceptual=None if perceptual is None else perceptual.name,
        reference_n=0 if reference is None else len(reference),
        seed=seed,
        measures=measures,
        method=scored[0][0],
        baselines=tuple(one for one, _ in scored[1:]),
        differences=differences,
        panels=tuple(Panel(stem, one) for stem, one in shown.items()),
    )
    ranking = evaluation.ranking
    if ranking is not None and (order := evaluation.worst_first()):
        measure, worst = measures[ranking], evaluation.method.pictures[ranking][order[0]]
        notes.insert(0, f"Worst picture by {measure.label}: {order[0]}, {worst:.{measure.decimals}f} {measure.unit}".strip() + ".")
    return replace(evaluation, notes=tuple(notes))


_Scored: TypeAlias = tuple[MethodScores, Mapping[str, Replicates | None]]


def _score(run: _Run, stems: Sequence[str], measures: Mapping[str, Measure], reference: Rows | None, draws: Draws) -> _Scored:
    scores: dict[str, Score] = {}
    resampled: dict[str, Replicates | None] = {}
    by_picture: dict[str, dict[str, float]] = {}
    for key, measure in measures.items():
        if key not in run.rows:
            continue
        rows = np.stack(run.rows[key])
        value = measure.summarize(rows, reference)
        resampled[key] = replicates(measure, rows, reference, draws)
        valid = ~np.isnan(rows).any(axis=1)
        scores[key] = Score(key, value, interval(measure, value, resampled[key], within=measure.within), int(valid.sum()))
        if measure.resampling == "bootstrap":  # a jackknifed measure is one of sets, without a figure for one picture
            figures = {stem: measure.summarize(rows[i : i + 1], None) for i, stem in enumerate(stems) if valid[i]}
            by_picture[key] = {stem: figure for stem, figure in figures.items() if not math.isnan(figure)}
    return MethodScores(run.name, scores, by_picture, run.seconds / len(stems)), resampled


def _difference(measure: Measure, key: str, baseline: str, method: _Scored, other: _Scored) -> Difference:
    value = method[0].scores[key].value - other[0].scores[key].value
    ours, theirs = method[1][key], other[1][key]
    return Difference(baseline, key, value, None if ours is None or theirs is None else interval(measure, value, ours - theirs))


def _span(sizes: Sequence[tuple[int, int]]) -> str:
    ordered = sorted(set(sizes), key=lambda size: (size[0] * size[1], size))
    (small, large) = ordered[0], ordered[-1]
    return f"{small[0]}×{small[1]}" if small == large else f"{small[0]}×{small[1]} to {large[0]}×{large[1]}"


def _setting(bench: Bench) -> str:
    if bench.task != "restoration":
        return {
            "colorization": "given gray pictures of the truths' L*",
            "damage": "notes by eye" if bench.is_noted else "tolerance 2 px, stains do not count",
            "harm": "sound photographs: the truth is the picture itself",
            "needs": "what each photograph needs, by eye",
        }[bench.task]
    return "mask given, outside it nothing is damaged" if bench.gives_mask else "damage to be found; classical fills are told what was lost"


def _painted(image: Image, mask: Mask, stains: Mask | None = None) -> Image:
    """The picture, gray, with the mask over it in red, and in yellow what may count as damage or not."""
    shown = np.repeat(image.mean(axis=2, keepdims=True) * np.float32(0.7), 3, axis=2)
    if stains is not None:
        shown[stains] = (0.9, 0.75, 0.2)
    shown[mask] = (1.0, 0.15, 0.1)
    return shown


def _shown(example: Example) -> dict[str, Thumbnail]:
    shown = {"given": _thumbnail(example.given)}
    if example.truth is not None and example.truth is not example.given:
        shown["truth"] = _thumbnail(example.truth)
    elif example.notes is not None:
        drawn = example.notes.drawn((example.given.shape[0], example.given.shape[1]))
        shown["truth"] = _thumbnail(_painted(example.given, drawn == LOST, drawn == EITHER))
    elif example.damage is not None:
        shown["truth"] = _thumbnail(_painted(example.given, example.damage == LOST, example.damage == EITHER))
    return shown


def _thumbnail(image: Image) -> Thumbnail:
    return np.asarray(np.rint(np.clip(fit(image, _THUMBNAIL_PX), 0, 1) * 255).astype(np.uint8))


def _result_thumbnail(example: Example, outcome: Outcome) -> Thumbnail:
    if outcome.found is not None:
        return _thumbnail(_painted(example.given, outcome.found))
    return _thumbnail(example.given if outcome.image is None else outcome.image)


def method_from_folder(folder: Path, bench: Bench) -> Method:
    """A folder of anyone's results as a method: pictures, or masks for a bench of damage, matched by stem.

    Raises `DataError`, before anything is measured, if a picture of the bench has no result.
    """
    results = pictures(folder)
    if missing := [stem for stem in bench.stems if stem not in results]:
        raise DataError(
            f"{folder} lacks results for {len(missing)} of the bench's {len(bench)} pictures; the first is {missing[0]}. "
            "Results must have the stems of the bench's files"
        )

    def run(example: Example) -> Outcome:
        path = results[example.stem]
        return Outcome(found=read_mask(path)) if bench.task == "damage" else Outcome(read_image(path))

    return run


def named_scores(evaluation: Evaluation) -> Iterator[MethodScores]:
    """The method, then the baselines."""
    yield evaluation.method
    yield from evaluation.baselines
