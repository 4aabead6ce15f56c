"""`unfade evaluate`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from unfade.cli._names import named_path
from unfade.cli._outputs import check_report_folder
from unfade.cli._progress import bars
from unfade.errors import ModelTaskError, UsageError, needs

if TYPE_CHECKING:
    from unfade.arrays import Mask
    from unfade.measures.baselines import Method
    from unfade.measures.benches import Bench, Example
    from unfade.measures.evaluation import Evaluation
    from unfade.measures.features import Features
    from unfade.models.card import Card
    from unfade.models.card import Task as ModelTask
    from unfade.models.session import Sessions
    from unfade.settings import Settings
    from unfade.work import Step

PIPELINE = "pipeline"


TaskOption = Annotated[
    Literal["restoration", "colorization", "damage", "harm", "needs"],
    typer.Argument(
        metavar="TASK",
        help="restoration, colorization, damage (finding it), harm (what is done to sound photographs) or needs (what is decided).",
    ),
]
Subject = Annotated[
    str,
    typer.Argument(
        metavar="MODEL|FOLDER",
        help="'pipeline' for everything as it ships, a model's name or .onnx, or a folder of anyone's results, matched by name.",
    ),
]
BenchOption = Annotated[Path, typer.Option("--bench", parser=named_path, metavar="FOLDER", help="Pictures whose truth is known.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", parser=named_path, metavar="FOLDER", help="Write report.html and report.json there. Default: a table only."
    ),
]
Baselines = Annotated[
    str,
    typer.Option("--baselines", metavar="NAMES", help="fast, all (with slow ones: biharmonic), none, or names with commas."),
]
FeaturesOption = Annotated[
    Literal["lite0", "none"],
    typer.Option("--features", help="The network behind feature distance and FID; needs the extra train."),
]
Inception = Annotated[
    Path | None,
    typer.Option(
        "--inception", parser=named_path, metavar="FILE", help="torch-fidelity's Inception weights, for a FID like published ones."
    ),
]
StLpips = Annotated[
    Literal["alex", "vgg", "none"],
    typer.Option("--st-lpips", help="The trunk of ST-LPIPS, a distance taught on people's judgements; needs the extra measures."),
]
Reference = Annotated[
    Path | None,
    typer.Option(
        "--reference",
        parser=named_path,
        metavar="FOLDER",
        help="Other real pictures, for precision and recall. Default: the bench's reference/.",
    ),
]
Photographs = Annotated[
    Path | None,
    typer.Option("--photographs", metavar="FOLDER", help="damage, needs: where the photographs lie. Default: beside the notes."),
]
MaskOption = Annotated[
    Literal["auto", "given", "found"],
    typer.Option("--mask", help="restoration: whether the mask is given. auto: given if nothing is damaged outside it."),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, metavar="N", help="Only the first N pictures.")]


def command(
    task: TaskOption,
    subject: Subject,
    bench: BenchOption,
    output: Output = None,
    baselines: Baselines = "fast",
    features: FeaturesOption = "lite0",
    inception: Inception = None,
    st_lpips: StLpips = "none",
    reference: Reference = None,
    photographs: Photographs = None,
    mask: MaskOption = "auto",
    limit: Limit = None,
) -> None:
    """Measure a model, the whole pipeline, or a folder of anyone's results, beside classical baselines.

    \b
    Examples:
      unfade evaluate restoration pipeline --bench bench/restoration-mask -o report/
      unfade evaluate colorization my-colors.onnx --bench bench/color
      unfade evaluate restoration results/ --bench bench/restoration-aged --baselines all
      unfade evaluate damage pipeline --bench notes --photographs album
      unfade evaluate harm pipeline --bench sound-photographs
      unfade evaluate needs pipeline --bench album --photographs album
    """
    from unfade.measures.baselines import choose
    from unfade.measures.benches import Bench
    from unfade.measures.evaluation import evaluate
    from unfade.measures.report import HTML_NAME, JSON_NAME, write_report
    from unfade.settings import read_settings

    settings = read_settings()
    if output is not None:
        reads = [bench, Path(subject), *(path for path in (inception, reference, photographs) if path is not None)]
        check_report_folder(output, (HTML_NAME, JSON_NAME), reads=reads)
    chosen = Bench(task, bench, limit, None if mask == "auto" else mask, reference, photographs)
    beside = choose(task, baselines)
    extractor = _extractor(task, features, inception)
    perceptual = _perceptual(task, st_lpips)
    with _exported(subject) as model:
        name, method, sessions = _method(model, chosen, settings)
        try:
            with bars() as progress:
                evaluation = evaluate(
                    chosen, method, name=name, baselines=beside, features=extractor, perceptual=perceptual, progress=progress
                )
        finally:
            if sessions is not None:
                sessions.close()
    written = () if output is None else write_report(evaluation, output)
    _print(evaluation)
    for path in written:
        typer.echo(str(path))


def _print(evaluation: Evaluation) -> None:
    from rich.console import Console

    from unfade.measures.report import tables

    console = Console()
    for table in tables(evaluation):
        console.print(table)
    for note in evaluation.notes:
        console.print(note, markup=False)


def _extractor(task: str, features: str, inception: Path | None) -> Features | None:
    if task not in ("restoration", "colorization") or (features == "none" and inception is None):
        return None
    with needs("train"):
        from unfade.workshop.features import open_features
    return open_features(inception)


def _perceptual(task: str, trunk: Literal["alex", "vgg", "none"]) -> Features | None:
    if task not in ("restoration", "colorization") or trunk == "none":
        return None
    with needs("train"):
        from unfade.workshop.shift_tolerant import ShiftTolerant
    return ShiftTolerant(trunk)


@contextmanager
def _exported(subject: str) -> Iterator[str]:
    """The subject itself or, for the folder of a training run, its model as it would ship, which is gone
    afterwards."""
    run = Path(subject)
    if not (run / "checkpoint.pt").is_file():
        yield subject
        return
    with needs("train"):
        from unfade.workshop.export import export
    with TemporaryDirectory() as folder:
        model = Path(folder) / f"{run.resolve().name}.onnx"
        export(run, model)
        yield str(model)


def _method(subject: str, bench: Bench, settings: Settings) -> tuple[str, Method, Sessions | None]:
    """What is to be measured: its name, how to run it, and the models to close afterwards."""
    from unfade.bench.entries import pipeline_method
    from unfade.files.formats import endings
    from unfade.measures.evaluation import method_from_folder
    from unfade.settings import open_sessions

    if subject == PIPELINE:
        sessions = open_sessions(settings)
        return PIPELINE, pipeline_method(bench, sessions), sessions
    path = Path(subject)
    if path.is_dir():
        return path.resolve().name, method_from_folder(path, bench), None
    if path.suffix.lower() in endings():
        raise UsageError(f"{subject} is one picture; name a folder of results, matched to the bench by name")
    return _model_method(subject, bench, settings)


# Which models can do something about a task.
_MODELS: Mapping[str, tuple[ModelTask, ...]] = {
    "restoration": ("fill", "clean", "translate"),
    "colorization": ("colorize",),
    "damage": ("damage",),
    "harm": ("damage", "clean"),
    "needs": ("clean",),
}


def _card(subject: str, task: str) -> Card:
    """The card of the model that the subject names. Raises `ModelTaskError` if it can do nothing about the
    task."""
    from unfade.models.store import find

    wrong = ""
    for possible in _MODELS[task]:
        try:
            return find(possible, subject).card
        except ModelTaskError as error:
            wrong = str(error).partition(";")[0]
    raise ModelTaskError(f"{wrong}; to evaluate {task}, name a model for {' or '.join(_MODELS[task])}, or say {PIPELINE}")


def _model_method(subject: str, bench: Bench, settings: Settings) -> tuple[str, Method, Sessions | None]:
    """One model, by itself: the step that it is for, with default options."""
    from unfade import pipeline
    from unfade.bench.entries import as_photo
    from unfade.measures.baselines import Outcome
    from unfade.measures.measure import LOST
    from unfade.models.session import Sessions
    from unfade.steps import STEPS

    card = _card(subject, bench.task)
    step: Step = STEPS[card.task]()
    sessions = Sessions(settings.threads, {card.task: subject})

    def run(example: Example) -> Outcome:
        # A fill cannot find damage: like the classical ones it is told what was lost, even where the pipeline
        # is not.
        lost: Mask | None = example.damage == LOST if step.needs_mask and example.damage is not None else None
        result = pipeline.run(as_photo(example), [step], sessions=sessions, mask=lost)
        if step.gives_mask:
            return Outcome(found=result.mask)
        return Outcome(result.photo.srgb())

    return card.name, run, sessions
