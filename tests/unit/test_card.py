"""What is known of one model stands on its card: each step reads it there, and a card may be of a model made
elsewhere."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from pydantic import BaseModel

from unfade.errors import ModelCorruptError, ModelTaskError
from unfade.files.photo import read
from unfade.models import store
from unfade.models.calibration import (
    CALIBRATIONS,
    ColorizeCalibration,
    DamageCalibration,
    FillCalibration,
    ToneCalibration,
)
from unfade.models.card import read_card
from unfade.models.session import Sessions
from unfade.steps._painting import fill_image
from unfade.steps.clean import Clean
from unfade.steps.damage import Damage
from unfade.steps.fill import Fill
from unfade.work import Work

onnx = pytest.importorskip("onnx", reason="needs the train extra")


def ignore(share: float) -> None:
    """Progress nobody looks at."""


def with_card(golden: Path, folder: Path, task: str, old: str, new: str) -> Path:
    """The pinned model for `task` with its card changed."""
    text = (golden / f"{task}.toml").read_text()
    assert old in text
    (folder / f"{task}.toml").write_text(text.replace(old, new))
    (folder / f"{task}.onnx").write_bytes((golden / f"{task}.onnx").read_bytes())
    return folder / f"{task}.toml"


def without_calibration(golden: Path, folder: Path, task: str) -> Path:
    text = (golden / f"{task}.toml").read_text()
    return with_card(golden, folder, task, text[text.index("[calibration]") :], "")


# --- what a card says ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", CALIBRATIONS)
def test_every_model_that_ships_says_all_that_its_task_can_have(task: str) -> None:
    calibration = store.find(task).card.calibration  # type: ignore[arg-type]
    assert type(calibration) is CALIBRATIONS[task]
    assert calibration.model_fields_set == set(CALIBRATIONS[task].model_fields)


@pytest.mark.parametrize(
    ("task", "neutral"),
    [("damage", DamageCalibration()), ("tone", ToneCalibration()), ("fill", FillCalibration()), ("colorize", ColorizeCalibration())],
)
def test_a_card_that_says_nothing_is_neutral(golden: Path, tmp_path: Path, task: str, neutral: BaseModel) -> None:
    assert read_card(without_calibration(golden, tmp_path, task)).calibration == neutral


@pytest.mark.parametrize(
    ("task", "old", "new", "words"),
    [
        ("damage", "threshold = 0.5", "threshold = 1.5", r"calibration\.threshold: Input should be less than 1"),
        ("damage", "weight = 0.4", "weight = 4", r"calibration\.second_look\.weight"),
        ("damage", "threshold = 0.5", "treshold = 0.5", r"calibration\.treshold: a model for this task has no such key"),
        ("fill", '"biharmonic"', '"telea"', r"calibration\.start"),
        ("tone", "tone_range = [0.8, 0.95]", "threshold = 0.5", "no such key"),
        ("damage", "tile_px = 64", "tile_px = 64\nthreshold = 0.5", r"threshold stands under \[calibration\]; move it there"),
        ("clean", "limits", "[calibration]\nx = 1\n#", r"calibration\.x: a model for this task has no such key"),
    ],
)
def test_a_card_that_is_wrong_is_refused_by_name_and_key(golden: Path, tmp_path: Path, task: str, old: str, new: str, words: str) -> None:
    with pytest.raises(ModelCorruptError, match=rf"{task}\.toml: .*{words}.*; mend the card"):
        read_card(with_card(golden, tmp_path, task, old, new))


def test_another_tasks_calibration_is_refused(golden: Path) -> None:
    with pytest.raises(ModelTaskError, match="golden-fill is a model for fill, which has no DamageCalibration"):
        read_card(golden / "fill.toml").calibrated(DamageCalibration)


# --- a step reads it there ----------------------------------------------------------------------------------


def test_your_own_detector_has_your_own_threshold(golden: Path, tmp_path: Path) -> None:
    samples = np.full((90, 90, 1), 110, np.uint8)
    samples[20:23, 20:23] = 200  # log-odds of 4.5
    marked = {}
    for threshold in ("0.5", "0.99"):
        card = with_card(golden, tmp_path, "damage", "threshold = 0.5", f"threshold = {threshold}")
        with Sessions(1, {"damage": card}) as sessions:
            done = Damage()(Work(read(samples)), sessions, ignore)
            assert done.mask is not None
            marked[threshold] = int(done.mask.sum())
    assert marked["0.5"] > marked["0.99"]


def test_a_detector_without_calibration_is_looked_through_once(golden: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Sessions(1, {"damage": without_calibration(golden, tmp_path, "damage")}) as sessions:
        session, looks = sessions.get("damage"), []
        real = session.run

        def counted(**inputs: np.ndarray) -> dict[str, np.ndarray]:
            looks.append(inputs["image"].shape)
            return real(**inputs)

        monkeypatch.setattr(session, "run", counted)
        samples = np.full((60, 60, 1), 110, np.uint8)
        samples[20:24, 30:34] = 250
        done = Damage()(Work(read(samples)), sessions, ignore)
    assert len(looks) == 1
    assert done.mask is not None and done.mask[20:24, 30:34].all()


def test_the_gates_are_those_of_the_tone_models_card(golden: Path, tmp_path: Path) -> None:
    ramp = np.rint(np.linspace(70, 140, 80)[None, :, None] * np.ones((60, 1, 1))).astype(np.uint8)  # a need of 0.73
    for gates, outcome in (("[0.8, 0.95]", "sound"), ("[0.5, 0.7]", "cleaned")):
        card = with_card(golden, tmp_path, "tone", "tone_range = [0.8, 0.95]", f"tone_range = {gates}")
        with Sessions(1, {"tone": card, "clean": golden / "clean.toml"}) as sessions:
            assert Clean()(Work(read(ramp)), sessions, ignore).records[0].outcome == outcome


# --- a model made elsewhere ---------------------------------------------------------------------------------


def foreign(folder: Path, *, start: str) -> Path:
    """As some inpainting networks are exported: 64 x 64 only, other names, bytes, 255 where the picture is
    known, 0 to 255 out.

    Every pixel of the answer is the mean of the picture that it is given.
    """
    helper = onnx.helper
    side = 64
    nodes = [
        helper.make_node("Cast", ["photo"], ["numbers"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Cast", ["known"], ["weights"], to=onnx.TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers", "axes"], ["mean"], keepdims=1),
        helper.make_node("Mul", ["weights", "zero"], ["nothing"]),
        helper.make_node("Add", ["mean", "nothing"], ["result"]),
    ]
    make = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "foreign",
        [make("photo", onnx.TensorProto.UINT8, [1, 3, side, side]), make("known", onnx.TensorProto.UINT8, [1, 1, side, side])],
        [make("result", onnx.TensorProto.FLOAT, [1, 3, side, side])],
        [
            onnx.numpy_helper.from_array(np.array([2, 3], np.int64), "axes"),
            onnx.numpy_helper.from_array(np.zeros((), np.float32), "zero"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    weights = model.SerializeToString()
    (folder / "elsewhere.onnx").write_bytes(weights)
    (folder / "elsewhere.toml").write_text(f"""
name = "elsewhere"
version = "1"
task = "fill"
weights = "elsewhere.onnx"
sha256 = "{hashlib.sha256(weights).hexdigest()}"
summary = "a network that fills, made elsewhere"
multiple = {side}
tile_px = {side}
overlap_px = 16
parameters = 0
recipe = "not ours"
data = "not known"
limits = ["not known"]
inputs = [
    {{ name = "photo", role = "image", axes = "1 3 {side} {side}", meaning = "sRGB, bytes", range = [0, 255], dtype = "uint8" }},
    {{ name = "known", role = "mask", axes = "1 1 {side} {side}", meaning = "255 = known, 0 = lost", range = [255, 0], dtype = "uint8" }},
]
outputs = [{{ name = "result", axes = "1 3 {side} {side}", meaning = "sRGB, 0 to 255", range = [0, 255] }}]
[calibration]
start = "{start}"
""")
    return folder / "elsewhere.onnx"


@pytest.mark.parametrize(("start", "inside"), [("zeros", 93), ("gray", 102), ("as-is", 110), ("biharmonic", 100)])
def test_a_model_made_elsewhere_is_named_and_fills(tmp_path: Path, start: str, inside: int) -> None:
    samples = np.full((64, 64, 3), 100, np.uint8)
    mask = np.zeros((64, 64), bool)
    mask[20:36, 20:37] = True  # 272 of 4,096 pixels
    samples[mask] = 255  # the damage itself, which only "as-is" shows to the network
    share = mask.mean()
    expected = (1 - share) * 100 + share * {"zeros": 0, "gray": 127.5, "as-is": 255, "biharmonic": 100}[start]
    assert round(expected) == inside
    with Sessions(1, {"fill": foreign(tmp_path, start=start)}) as sessions:
        painted = 255 * fill_image(read(samples).srgb(), mask, sessions.get("fill"))
        assert np.abs(painted[mask] - expected).max() < 1
        done = Fill()(Work(read(samples), mask), sessions, ignore)
    np.testing.assert_array_equal(done.photo.samples[~mask], samples[~mask])
    assert done.records[0].models[0].name == "elsewhere"


def test_a_photograph_of_any_size_passes_a_network_of_one_size(tmp_path: Path, rng: np.random.Generator) -> None:
    samples = rng.integers(80, 120, (150, 211, 1)).astype(np.uint8)
    mask = np.zeros((150, 211), bool)
    mask[10:14, 5:9] = mask[90:140, 100:190] = mask[149, 210] = True
    with Sessions(1, {"fill": foreign(tmp_path, start="zeros")}) as sessions:
        done = Fill()(Work(read(samples), mask), sessions, ignore)
    np.testing.assert_array_equal(done.photo.samples[~mask], samples[~mask])
    assert (done.photo.samples[mask] != samples[mask]).mean() > 0.5
