"""Benches, intervals, and what an evaluation reports: with a stub for the network, since features come from
outside."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from unfade.errors import DataError, UnwritableError, UsageError
from unfade.files import photo
from unfade.measures import MEASURES
from unfade.measures.baselines import BASELINES, Method, Outcome, choose
from unfade.measures.benches import Bench, Example
from unfade.measures.evaluation import Evaluation, evaluate, method_from_folder
from unfade.measures.features import PictureFeatures
from unfade.measures.measure import Task
from unfade.measures.page import to_html
from unfade.measures.report import to_json, write_report
from unfade.measures.resampling import draw, interval, replicates

N = 10


class Blocks:
    """An extractor that a test can follow: the mean color of sixteen blocks."""

    name = "blocks"
    statement = "the mean color of 4×4 blocks"
    comparable = False

    def __call__(self, image: np.ndarray) -> PictureFeatures:
        rows = np.array_split(image, 4)
        blocks = np.stack([np.stack([block.mean(axis=(0, 1)) for block in np.array_split(row, 4, axis=1)]) for row in rows])
        return PictureFeatures(blocks.reshape(-1).astype(np.float32), (blocks.transpose(2, 0, 1).astype(np.float32),))


def filled(fill: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Method:
    """`fill` as a method: it is told the mask, which the bench must give."""

    def run(example: Example) -> Outcome:
        assert example.mask is not None
        return Outcome(fill(example.given, example.mask))

    return run


def restored(restore: Callable[[np.ndarray], np.ndarray]) -> Method:
    """`restore` as a method: it sees the picture and no mask."""
    return lambda example: Outcome(restore(example.given))


def finds_nothing(example: Example) -> Outcome:
    """A detector that sees no damage anywhere."""
    return Outcome(found=np.zeros(example.given.shape[:2], bool))


def save(image: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = image if image.dtype == np.uint8 else np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    photo.write(photo.read(levels), path)


def scene(number: int) -> np.ndarray:
    rows, columns = np.mgrid[0:40, 0:56].astype(np.float32)
    return np.stack([0.5 + 0.4 * np.sin((columns + number * 5 + shift) / 9) * np.cos(rows / 11) for shift in (0, 6, 12)], axis=2)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bench of every task in one folder: pictures with a scratch and a hole, their masks, a reference of
    other pictures."""
    folder = tmp_path_factory.mktemp("bench")
    for number in range(N):
        clean, mask = scene(number), np.zeros((40, 56), np.uint8)
        mask[5, 3:50] = 255
        mask[15:35, 10 + number : 30 + number] = 255
        damaged = np.where(mask[:, :, None] > 0, 1.0, clean)
        save(clean, folder / "clean" / f"p{number}.png")
        save(damaged, folder / "damaged" / f"p{number}.png")
        save(mask[:, :, None], folder / "mask" / f"p{number}.png")
        save(clean, folder / "truth" / f"p{number}.png")
        save(scene(100 + number), folder / "reference" / f"r{number}.png")
    return folder


@pytest.fixture(scope="module")
def fill_evaluation(bench: Path) -> Evaluation:
    return evaluate(
        Bench("restoration", bench),
        BASELINES["restoration"]["Navier–Stokes"],
        name="ours <b>",
        baselines=choose("restoration", "as-it-is,telea"),
        features=Blocks(),
    )


# --- evaluations --------------------------------------------------------------------------------------------


def test_a_fill_is_measured_beside_its_baselines(fill_evaluation: Evaluation) -> None:
    assert fill_evaluation.n == N and fill_evaluation.sizes == "56×40" and fill_evaluation.reference_n == N
    assert {"psnr-in-mask", "ssim", "feature-distance", "fid", "generated-precision"} <= set(fill_evaluation.method.scores)
    assert [one.name for one in fill_evaluation.baselines] == ["as it is", "Telea"]
    score = fill_evaluation.method.scores["psnr-in-mask"]
    assert score.n == N and score.interval is not None and score.interval[0] < score.value < score.interval[1]
    assert score.value == pytest.approx(np.mean(list(fill_evaluation.method.pictures["psnr-in-mask"].values())))
    gain = next(d for d in fill_evaluation.differences if (d.baseline, d.measure) == ("as it is", "psnr-in-mask"))
    assert gain.value == pytest.approx(score.value - fill_evaluation.baselines[0].scores["psnr-in-mask"].value)
    assert gain.interval is not None and 0 < gain.interval[0] < gain.value < gain.interval[1]
    assert any("not comparable" in note for note in fill_evaluation.notes)


def test_an_evaluation_is_the_same_every_time(bench: Path) -> None:
    once, again = (
        evaluate(
            Bench("restoration", bench), filled(lambda image, mask: np.where(mask[:, :, None], np.float32(0.5), image)), features=Blocks()
        )
        for _ in range(2)
    )
    assert once.method.scores == again.method.scores


def test_the_mask_is_given_where_nothing_else_is_damaged(bench: Path, tmp_path: Path) -> None:
    assert Bench("restoration", bench).gives_mask
    assert not Bench("restoration", bench, mask="found").gives_mask
    for name in ("clean", "damaged", "mask"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "p0.png").write_bytes((bench / name / "p0.png").read_bytes())
    save(photo.read(tmp_path / "damaged" / "p0.png").srgb() * 0.8, tmp_path / "damaged" / "p0.webp")
    (tmp_path / "damaged" / "p0.png").unlink()
    assert not Bench("restoration", tmp_path).gives_mask


def test_a_restoration_sees_no_mask(bench: Path) -> None:
    given: list[np.ndarray] = []
    evaluation = evaluate(Bench("restoration", bench, 3, "found"), restored(lambda image: given.append(image) or image))
    assert len(given) == evaluation.n == 3
    assert evaluation.extractor is None and any("No feature extractor" in note for note in evaluation.notes)


def test_a_colorizer_is_given_gray_and_judged_on_color(bench: Path) -> None:
    grays: list[np.ndarray] = []
    evaluation = evaluate(
        Bench("colorization", bench),
        restored(lambda gray: grays.append(gray) or gray),
        baselines=choose("colorization", "all"),
        features=Blocks(),
    )
    assert all(np.ptp(gray, axis=2).max() == 0 for gray in grays)
    assert evaluation["colorfulness"] == 0 and evaluation["histogram-l"] > 0.95 > 0.5 > evaluation["histogram-a"]
    truth = next(one for one in evaluation.baselines if one.name == "truth")
    assert truth.scores["ciede2000"].value == 0 and truth.scores["colorfulness-ratio"].value == 1


def test_a_detector_is_judged_by_width_and_by_kind(bench: Path, tmp_path: Path) -> None:
    for name in ("damaged", "mask"):
        (tmp_path / name).symlink_to(bench / name)
    for number in range(1, N):  # the first picture has damage of no kind that is known
        kind = np.zeros((40, 56, 1), np.uint8)
        kind[5] = 255
        save(kind, tmp_path / "kinds" / "scratch" / f"p{number}.png")

    def only_scratches(image: np.ndarray) -> np.ndarray:
        found = np.zeros(image.shape[:2], bool)
        found[5, 3:50] = True
        return found

    evaluation = evaluate(
        Bench("damage", tmp_path), lambda example: Outcome(found=only_scratches(example.given)), baselines=choose("damage", "all")
    )
    assert evaluation["mask-precision"] == 1
    assert evaluation["mask-recall-scratch"] == evaluation["mask-recall-thin"] == 1
    assert evaluation.method.scores["mask-recall-scratch"].n == N
    assert evaluation["mask-recall-broad"] == 0
    assert math.isnan(evaluation["mask-recall-middle"])
    assert 0 < evaluation["mask-recall"] < 0.2


def test_harm_names_the_worst_picture(bench: Path) -> None:
    seen: list[int] = []

    def flags_more_and_more(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = np.zeros(image.shape[:2], bool)
        found[: len(seen)] = True
        seen.append(0)
        return image, found

    evaluation = evaluate(Bench("harm", bench / "clean"), lambda example: Outcome(*flags_more_and_more(example.given)))
    assert evaluation["ssim"] == pytest.approx(1)
    assert evaluation["share-flagged"] == pytest.approx(100 * np.mean(np.arange(N)) / 40)
    assert evaluation.worst_first()[0] == f"p{N - 1}"


def test_a_folder_of_results_is_matched_by_stem(bench: Path, tmp_path: Path) -> None:
    for number in range(N):
        save(scene(number), tmp_path / f"p{number}.tif")
    chosen = Bench("restoration", bench)
    evaluation = evaluate(chosen, method_from_folder(tmp_path, chosen), name=tmp_path.name)
    assert evaluation["psnr"] == 100 and evaluation.method.name == tmp_path.name


# --- bad input ----------------------------------------------------------------------------------------------


def test_unmatched_results_are_refused(bench: Path, tmp_path: Path) -> None:
    save(scene(0), tmp_path / "p0.png")
    with pytest.raises(DataError, match=rf"lacks results for {N - 1} of the bench's {N} pictures; the first is p1"):
        method_from_folder(tmp_path, Bench("restoration", bench))


def test_empty_folders_are_refused(bench: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there are no pictures in"):
        method_from_folder(tmp_path, Bench("restoration", bench))
    with pytest.raises(DataError, match="has no folder clean/; it needs clean/, damaged/, mask/"):
        _ = Bench("restoration", tmp_path).stems
    with pytest.raises(DataError, match="there is no folder"):
        _ = Bench("harm", tmp_path / "nowhere").stems


def test_unmatched_benches_are_refused(bench: Path, tmp_path: Path) -> None:
    for name in ("damaged", "mask"):
        (tmp_path / name).symlink_to(bench / name)
    save(scene(0), tmp_path / "clean" / "p0.png")
    with pytest.raises(DataError, match=rf"clean/ and damaged/ do not match: {N - 1} pictures .* the first is p1"):
        _ = Bench("restoration", tmp_path).stems


def test_two_results_of_one_stem_are_refused(bench: Path, tmp_path: Path) -> None:
    save(scene(0), tmp_path / "p0.png")
    save(scene(0), tmp_path / "p0.tif")
    with pytest.raises(DataError, match="two pictures called p0"):
        method_from_folder(tmp_path, Bench("restoration", bench, 1))


def test_sizes_that_differ_are_refused(bench: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"p0: the result of fill is 28×40, the bench's picture 56×40"):
        evaluate(Bench("restoration", bench), filled(lambda image, mask: image[:, ::2]), name="fill")
    (tmp_path / "damaged").symlink_to(bench / "damaged")
    for number in range(N):
        save(np.zeros((40, 55, 1), np.uint8), tmp_path / "mask" / f"p{number}.png")
    with pytest.raises(DataError, match=r"p0: the sizes differ: damaged 56×40, mask 55×40"):
        evaluate(Bench("damage", tmp_path), finds_nothing)


def test_samples_that_are_not_numbers_are_refused(bench: Path) -> None:
    def broken(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
        image = image.copy()
        image[0, 0] = np.nan
        return image

    with pytest.raises(DataError, match="p0: 3 samples of the result of fill are not numbers"):
        evaluate(Bench("restoration", bench), filled(broken), name="fill")


@pytest.mark.parametrize("task", ["restoration", "colorization"])
def test_few_pictures_give_no_figure_that_needs_more_and_a_note(bench: Path, task: Task) -> None:
    one, two, four = (evaluate(Bench(task, bench, n), restored(lambda image: image), features=Blocks()) for n in (1, 2, 4))
    assert {"fid", "generated-precision"}.isdisjoint(one.measures) and {"feature-distance", "psnr", "colorfulness"} & set(one.measures)
    assert "Not measured, as there are too few pictures: FID needs 2 and has 1, generated precision needs 4 and has 1, " in one.notes[-1]
    assert all(score.interval is None for score in one.method.scores.values()) and "FID needs 2 and has 1" in to_html(one)
    assert "fid" in two.method.scores and "generated-recall" not in two.measures and "FID needs" not in two.notes[-1]
    assert {"fid", "generated-precision", "generated-recall", "generated-f1"} <= set(four.method.scores)
    assert not any("too few" in note for note in four.notes)


def test_few_pictures_of_the_reference_are_told_too(bench: Path, tmp_path: Path) -> None:
    save(scene(7), tmp_path / "r.png")
    few = evaluate(Bench("restoration", bench, reference=tmp_path), restored(lambda image: image), features=Blocks())
    assert "fid" in few.measures and "generated recall needs 4 and has 1" in few.notes[-1]


def test_a_method_that_gives_nothing_is_refused(bench: Path) -> None:
    with pytest.raises(DataError, match="gave neither a picture nor a mask"):
        evaluate(Bench("restoration", bench), lambda example: Outcome())


def test_unknown_baselines_are_refused() -> None:
    with pytest.raises(UsageError, match="no baseline called 'otzu' for damage; there are: Otsu"):
        choose("damage", "otzu")
    assert list(choose("restoration", "Navier-Stokes, median 3x3")) == ["Navier–Stokes", "median 3×3"]
    assert (
        choose("restoration", "none") == {}
        and "biharmonic" in choose("restoration", "all")
        and "biharmonic" not in choose("restoration", "fast")
    )


# --- baselines ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Telea", "Navier–Stokes", "biharmonic"])
def test_classical_fills_leave_what_is_sound(bench: Path, name: str) -> None:
    example: Example = next(iter(Bench("restoration", bench)))
    image = BASELINES["restoration"][name](example).image
    assert image is not None and example.mask is not None and example.truth is not None
    np.testing.assert_allclose(image[~example.mask], example.given[~example.mask], atol=1e-6)
    assert np.abs(image - example.truth)[example.mask].mean() < 0.3 * np.abs(example.given - example.truth)[example.mask].mean()


# --- intervals ----------------------------------------------------------------------------------------------


def test_the_bootstraps_interval_holds_the_mean_in_about_95_of_100(rng: np.random.Generator) -> None:
    measure, held = MEASURES["psnr"], 0
    draws = draw(40)
    for _ in range(200):
        rows = rng.normal(30, 2, (40, 1))
        low, high = interval(measure, float(rows.mean()), replicates(measure, rows, None, draws)) or (0, 0)
        held += low <= 30 <= high
    assert 178 <= held <= 199


def test_the_jackknifes_interval_is_as_wide_as_the_mean_is_uncertain(rng: np.random.Generator) -> None:
    measure = MEASURES["fid"]  # of two sets that differ in place only it is the squared distance of the means
    rows = np.concatenate([rng.normal(10, 1, (200, 1)), np.zeros((200, 1))], axis=1)
    value = measure.summarize(rows, None)
    low, high = interval(measure, value, replicates(measure, rows, None, draw(200))) or (0.0, 0.0)
    standard_error = 2 * 10 * 1 / math.sqrt(200)
    assert (high - low) / 2 / 1.96 == pytest.approx(standard_error, rel=0.35)


def test_no_interval_reaches_where_the_figure_cannot_be(rng: np.random.Generator) -> None:
    measure = MEASURES["fid"]
    rows = np.concatenate([rng.normal(0.05, 1, (200, 1)), rng.normal(0, 1, (200, 1))], axis=1)
    value, resampled = measure.summarize(rows, None), replicates(measure, rows, None, draw(200))
    low, high = interval(measure, value, resampled) or (0.0, 0.0)
    assert low < 0 < value < high  # what is symmetric reaches below 0, as a difference may
    assert interval(measure, value, resampled, within=measure.within) == (0.0, high)


def test_paired_differences_are_narrower_than_their_parts(fill_evaluation: Evaluation) -> None:
    gain = next(d for d in fill_evaluation.differences if (d.baseline, d.measure) == ("Telea", "psnr-in-mask"))
    ours = fill_evaluation.method.scores["psnr-in-mask"].interval
    assert gain.interval is not None and ours is not None
    assert gain.interval[1] - gain.interval[0] < ours[1] - ours[0]


# --- reports ------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a page would fetch, and whether its tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_needs_nothing_else(fill_evaluation: Evaluation) -> None:
    text = to_html(fill_evaluation)
    page = Page()
    page.feed(text)
    assert page.open == [] and page.fetched and all(one.startswith("data:image/jpeg;base64,") for one in page.fetched)
    assert "http" not in text.replace("https://", "http").split("<body>")[0] and "<script" not in text and "url(" not in text
    assert "ours &lt;b&gt;" in text and "ours <b>" not in text
    assert "FID-blocks" in text and f"N {N}" in text and "Kynkäänniemi" in text


def test_json_names_extractor_n_size_and_each_picture(fill_evaluation: Evaluation) -> None:
    told = json.loads(to_json(fill_evaluation))
    assert (told["extractor"], told["n"], told["sizes"], told["comparable_with_published"]) == ("blocks", N, "56×40", False)
    ours = told["methods"][0]
    assert ours["scores"]["fid"]["n"] == N and set(ours["pictures"]["psnr"]) == {f"p{i}" for i in range(N)}
    assert "fid" not in ours["pictures"]
    assert {d["baseline"] for d in told["differences"]} == {"as it is", "Telea"}


def test_json_holds_no_nan(bench: Path) -> None:
    evaluation = evaluate(Bench("damage", bench), finds_nothing)
    assert math.isnan(evaluation["mask-recall-middle"])
    json.loads(to_json(evaluation), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_the_sheet_shows_worst_median_and_best(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluation = evaluate(
        Bench("harm", bench / "clean"), lambda example: Outcome(example.given * (1 - int(example.stem[1:]) / 20)), name="dim"
    )
    assert "All, the worst first by SSIM" in to_html(evaluation)
    monkeypatch.setattr("unfade.measures.page.SHEET_ROWS", 2)
    shown = re.findall(r"<h2>(\w+) by SSIM|<p><b>(p\d)</b>", to_html(evaluation))
    assert ["".join(one) for one in shown] == ["Worst", "p9", "p8", "Median", "p5", "p4", "Best", "p0", "p1"]
    assert evaluation.notes[0].startswith("Worst picture by SSIM: p9, 0.")


def test_results_called_like_a_baseline_are_told_apart(bench: Path) -> None:
    evaluation = evaluate(
        Bench("restoration", bench, 2), lambda example: Outcome(example.truth), name="Telea", baselines=choose("restoration", "Telea")
    )
    assert (evaluation.method.name, evaluation.baselines[0].name) == ("Telea (results)", "Telea")
    assert evaluation["psnr"] == 100 > evaluation.baselines[0].scores["psnr"].value


def test_reports_are_written_whole_and_again(fill_evaluation: Evaluation, tmp_path: Path) -> None:
    for _ in range(2):
        page, numbers = write_report(fill_evaluation, tmp_path / "report")
    assert page.read_text(encoding="utf-8") == to_html(fill_evaluation) and json.loads(numbers.read_text(encoding="utf-8"))["n"] == N
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["report", "report.html", "report.json"]


def test_reports_that_cannot_be_written_say_so(fill_evaluation: Evaluation, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(UnwritableError, match="is a file"):
        write_report(fill_evaluation, tmp_path / "taken")
    with pytest.raises(UnwritableError, match="mkdir -p"):
        write_report(fill_evaluation, tmp_path / "no" / "where")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
