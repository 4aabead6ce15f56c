"""Notes by eye: figures worked out by hand, and the same as those of the tool that made the shared notes."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from unfade.cli import build
from unfade.errors import DataError
from unfade.files import photo
from unfade.measures import MEASURES
from unfade.measures.baselines import BASELINES
from unfade.measures.benches import Bench, read_image
from unfade.measures.evaluation import evaluate, method_from_folder
from unfade.measures.measure import Observation
from unfade.measures.notes import Notes, read_notes

SIZE = (200, 300)
NOTES: dict[str, Any] = {
    "photo": "aunt.png",
    "complete": True,
    "lines": [
        {"kind": "scratch", "points": [[20, 50], [119, 50]]},
        {"kind": "crack", "points": [[20, 180], [59, 180]], "sure": False},
    ],
    "areas": [{"kind": "loss", "polygon": [[200, 20], [239, 20], [239, 59], [200, 59]]}],
    "specks": [[150, 150, 2], [280, 150, 2]],
    "zones": [{"kind": "many specks", "polygon": [[200, 100], [249, 100], [249, 149], [200, 149]]}],
    "stains": [{"polygon": [[0, 0], [9, 0], [9, 9], [0, 9]]}],
    "sound": [{"what": "rope", "points": [[20, 100], [119, 100]]}, {"what": "date", "box": [260, 180, 290, 195]}],
}


def mask() -> np.ndarray:
    found = np.zeros(SIZE, bool)
    found[50, 20:60] = True  # 40 of the scratch's 100 pixels, and 3 more within the tolerance
    found[20:60, 200:220] = True  # the loss's left half
    found[150, 150] = True  # one speck of two
    found[100:105, 200:230] = True  # 150 of the field's 2,500: 6 %
    found[2, 2] = found[180, 30] = True  # a stain, and a crack that is not sure: neither right nor wrong
    found[99:102, 20:40] = True  # a fifth of the rope: falsely
    return found


def figures(notes: dict[str, Any], found: np.ndarray) -> dict[str, float]:
    seen = Observation(found=found, notes=Notes.model_validate(notes))
    family = {name.removeprefix("noted-"): measure for name, measure in MEASURES.items() if name.startswith("noted-")}
    return {name: measure.summarize(measure.observe(seen)[None], None) for name, measure in family.items()}


def test_figures_are_those_worked_out_by_hand() -> None:
    found = mask()
    told = figures(NOTES, found)
    assert told["lines"] == pytest.approx(0.43)
    # The rim of one pixel does not count: columns 201 to 238, of which 201 to 219 are marked.
    assert told["areas"] == pytest.approx(19 / 38)
    # A line counts by its pixels, an area by four times the root of its own.
    assert told["recall"] == pytest.approx((0.43 * 100 + 19 / 38 * 160) / 260)
    assert told["specks"] == 0.5 and told["fields"] == 1.0 and told["sound-hit"] == 0.5
    assert told["false-share"] == pytest.approx(100 * 60 / found.size)
    assert told["precision"] == pytest.approx(1 - 60 / found.sum())
    assert told["f1"] == pytest.approx(2 * told["recall"] * told["precision"] / (told["recall"] + told["precision"]))


def test_nothing_is_false_where_notes_are_not_complete() -> None:
    told = figures(NOTES | {"complete": False}, mask())
    assert np.isnan(told["precision"]) and np.isnan(told["false-share"]) and told["lines"] == pytest.approx(0.43)


def test_a_sound_photograph_has_no_recall() -> None:
    told = figures({"photo": "aunt.png", "complete": True}, mask())
    assert np.isnan(told["recall"]) and np.isnan(told["precision"]) and told["false-share"] == pytest.approx(mask().mean() * 100)


def test_each_photograph_counts_alike() -> None:
    measure, nothing = MEASURES["noted-recall"], np.zeros(SIZE, bool)
    long = NOTES | {"areas": [], "lines": [{"points": [[0, 10], [299, 10]]}]}
    rows = [measure.observe(Observation(found=nothing, notes=Notes.model_validate(long)))]
    rows += [measure.observe(Observation(found=~nothing, notes=Notes.model_validate(NOTES)))]
    assert measure.summarize(np.stack(rows), None) == 0.5


@pytest.fixture
def album(tmp_path: Path) -> Path:
    for number in range(3):
        levels = np.full((*SIZE, 3), 40 * (number + 1), np.uint8)
        levels[50, 20:120] = 255
        (tmp_path / "album").mkdir(exist_ok=True)
        photo.write(photo.read(levels), tmp_path / "album" / f"aunt{number}.png")
        (tmp_path / "notes").mkdir(exist_ok=True)
        (tmp_path / "notes" / f"aunt{number}.json").write_text(json.dumps(NOTES | {"photo": f"aunt{number}.png"}))
    return tmp_path


def test_notes_are_a_bench_of_damage(album: Path) -> None:
    bench = Bench("damage", album / "notes", photographs=album / "album")
    evaluation = evaluate(bench, lambda example: BASELINES["damage"]["Otsu"](example), name="Otsu, again")
    assert evaluation["noted-lines"] == 1.0 and evaluation.setting == "notes by eye"
    assert evaluation.method.scores["noted-recall"].interval is not None and evaluation.n == 3
    assert evaluation.ranking == "noted-recall" and "mask-f1" not in evaluation.method.scores


def test_the_command_reads_notes_and_masks(album: Path) -> None:
    (album / "masks").mkdir()
    for number in range(3):
        photo.write(photo.read((mask() * 255).astype(np.uint8)[:, :, None]), album / "masks" / f"aunt{number}.png")
    asked = ["evaluate", "damage", album / "masks", "--bench", album / "notes", "--photographs", album / "album"]
    result = CliRunner().invoke(build(), [str(word) for word in asked], terminal_width=200)
    assert result.exit_code == 0, result.output
    assert "lines found" in result.output and "0.430" in result.output and "Otsu" in result.output


def test_what_is_wrong_with_notes_is_said(album: Path) -> None:
    with pytest.raises(DataError, match=r"aunt0.json is about aunt0.png, which is not in .*; --photographs names their folder"):
        _ = Bench("damage", album / "notes").stems
    (album / "notes" / "aunt1.json").write_text(json.dumps(NOTES | {"photo": "aunt0.png"}))
    with pytest.raises(DataError, match=r"aunt0.json and aunt1.json are both about aunt0; keep one"):
        _ = Bench("damage", album / "notes", photographs=album / "album").stems
    for wrong, said in (
        ({"photo": "a.png", "crack": []}, "crack: Extra inputs"),
        ({"lines": []}, "photo: Field required"),
        ({"photo": "a.png", "sound": [{"what": "rope"}]}, "give points or box"),
        ({"photo": "a.png", "lines": [{"points": [[1, "x"]]}]}, r"lines.0.points.0.1"),
    ):
        (album / "notes" / "aunt1.json").write_text(json.dumps(wrong))
        with pytest.raises(DataError, match=rf"aunt1.json: .*{said}.*docs/howto/notes.md"):
            read_notes(album / "notes" / "aunt1.json")


def test_notes_outside_the_photograph_do_no_harm() -> None:
    outside = NOTES | {"lines": [{"points": [[-50, -50], [-20, -20]]}], "areas": [{"polygon": [[900, 900]]}], "specks": [[999, 5, 1]]}
    told = figures(outside, mask())
    assert np.isnan(told["recall"]) and told["specks"] == 0.0  # what is not in the photograph cannot be found in it


def test_figures_are_those_of_the_tool_that_made_the_notes(shared: Path, tmp_path: Path) -> None:
    tool = shared / "tools" / "realbench.py"
    if not tool.is_file():
        pytest.skip(f"needs {tool}")
    spec = importlib.util.spec_from_file_location("realbench", tool)
    assert spec is not None and spec.loader is not None
    realbench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(realbench)
    folder, photographs = shared / "data" / "bench" / "real-damage", shared / "data" / "old"
    chosen = [path for path in sorted(folder.glob("*.json")) if read_image(photographs / read_notes(path).photo).size < 1_000_000]
    notes = tmp_path / "notes"
    notes.mkdir()
    (tmp_path / "masks").mkdir()
    theirs = []
    rng = np.random.default_rng(5)
    for path in chosen[:10]:
        (notes / path.name).write_bytes(path.read_bytes())
        told = json.loads(path.read_text())
        # Marks as a detector's might be: what is noted, half of it left out, and as much beside it.
        image = realbench.read(str(photographs / told["photo"]))
        found = realbench.pixels_of(told, image) == 255
        found &= np.repeat(np.repeat(rng.random((12, 12)) < 0.5, 200, 0), 200, 1)[: found.shape[0], : found.shape[1]]
        found |= np.kron(rng.random((60, 60)) < 0.01, np.ones((40, 40), bool))[: found.shape[0], : found.shape[1]]
        photo.write(photo.read((found * 255).astype(np.uint8)[:, :, None]), tmp_path / "masks" / f"{Path(told['photo']).stem}.png")
        theirs.append(realbench.score_one(told, found))
    bench = Bench("damage", notes, photographs=photographs)
    ours = evaluate(bench, method_from_folder(tmp_path / "masks", bench))
    wanted = realbench.summary(theirs)
    for name, key in (("recall", "recall"), ("precision", "precision"), ("f1", "f1"), ("lines", "lines"), ("areas", "areas")):
        assert ours[f"noted-{name}"] == pytest.approx(wanted[key], abs=0.005), name
    assert ours["noted-false-share"] == pytest.approx(wanted["flagged_outside_%"], abs=0.005)
    for name, key in (("specks", "specks"), ("fields", "zones"), ("sound-hit", "sound_hit")):
        part, whole = (int(number) for number in wanted[key].split("/"))
        assert ours[f"noted-{name}"] == pytest.approx(part / whole, abs=0.005), name
