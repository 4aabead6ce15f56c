"""The open benchmark: made by seeds, entered by anyone, judged whole or not at all. With the tiny golden
models."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from unfade.bench.entries import parse_entry
from unfade.bench.making import make_bench, read_manifest
from unfade.bench.tracks import TRACKS
from unfade.cli import build
from unfade.errors import DataError, UsageError
from unfade.files import photo
from unfade.measures.benches import read_damage, read_image

# A rival that anyone could write: OpenCV's fill, as a program.
RIVAL = """
import sys, cv2
given, mask, out = sys.argv[1:]
cv2.imwrite(out, cv2.inpaint(cv2.imread(given), cv2.imread(mask, 0), 3, cv2.INPAINT_NS))
"""


SAVING = "cv2.imwrite(sys.argv[3], image)\n"


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Four sound photographs, in color."""
    folder = tmp_path / "sound"
    folder.mkdir()
    for number in range(4):
        rows, columns = np.mgrid[0:72, 0:96].astype(np.float32)
        planes = [128 + 90 * np.sin((columns + 9 * number + shift) / 13) * np.cos(rows / 17) for shift in (0, 11, 23)]
        assert cv2.imwrite(str(folder / f"p{number}.png"), np.stack(planes, axis=2).astype(np.uint8))
    return folder


@pytest.fixture(autouse=True)
def _golden_models(golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNFADE_MODELS", str(golden))
    monkeypatch.setenv("UNFADE_THREADS", "1")


def invoke(*arguments: object, status: int = 0) -> str:
    result = CliRunner().invoke(build(), ["bench", *map(str, arguments)], terminal_width=200)
    assert result.exit_code == status, (result.output, result.exception)
    return result.output


def test_the_same_photographs_make_the_same_bench(photographs: Path, tmp_path: Path) -> None:
    once, again = (make_bench(photographs, tmp_path / name, tracks=tuple(TRACKS), side_px=64) for name in ("one", "two"))
    assert once == again and once == read_manifest(tmp_path / "one")
    assert once.photographs == ("p0", "p1", "p2", "p3")
    assert make_bench(photographs, tmp_path / "three", tracks=tuple(TRACKS), side_px=64, seed=1).fingerprint != once.fingerprint
    assert make_bench(photographs, tmp_path / "four", tracks=("fill",), side_px=64).fingerprint != once.fingerprint
    # A track's pictures do not depend on which other tracks are made.
    same = "fill/damaged/p2.png"
    np.testing.assert_array_equal(read_image(tmp_path / "one" / same), read_image(tmp_path / "four" / same))


def test_each_track_is_what_it_says(photographs: Path, tmp_path: Path) -> None:
    make_bench(photographs, tmp_path / "bench", tracks=tuple(TRACKS), side_px=64)
    bench = tmp_path / "bench"
    scan, photograph = (read_image(bench / "halftone" / part / "p1.png") for part in ("damaged", "clean"))
    assert scan.shape == photograph.shape == (48, 64, 3) and scan.std() > photograph.std() > 0.05  # dots are darker and lighter
    for name in ("fill", "twins"):
        clean, damaged = (read_image(bench / name / part / "p1.png") for part in ("clean", "damaged"))
        lost = read_damage(bench / name / "mask" / "p1.png") > 0
        assert clean.shape == (48, 64, 3)
        np.testing.assert_array_equal(clean[~lost], damaged[~lost])
        assert lost.any() and (name == "fill" or (damaged[lost] == 1).all())
    assert not read_damage(bench / "tone" / "mask" / "p1.png").any()
    assert not np.array_equal(read_image(bench / "tone" / "clean" / "p1.png"), read_image(bench / "tone" / "damaged" / "p1.png"))
    assert {path.stem for path in (bench / "color" / "truth").iterdir()} == {"p0", "p1", "p2", "p3"}
    assert not np.ptp(read_image(bench / "color" / "gray" / "p3.png"), axis=2).any()
    assert any((bench / "damage" / "kinds").iterdir())
    np.testing.assert_array_equal(read_image(bench / "harm" / "p0.png"), read_image(bench / "color" / "truth" / "p0.png"))


@pytest.mark.long
def test_a_leaderboard_with_rivals(photographs: Path, tmp_path: Path) -> None:
    bench, board, rival = tmp_path / "bench", tmp_path / "board", tmp_path / "rival.py"
    rival.write_text(RIVAL)
    invoke(photographs, "-o", bench, "--make-only", "--side-px", "64", "--tracks", "damage,fill,tone,color,harm,twins")
    results = tmp_path / "results"
    shutil.copytree(bench / "fill" / "clean", results / "fill")  # a rival that knows the truth
    shutil.copytree(bench / "damage" / "mask", results / "damage")
    command = f"OpenCV again={sys.executable} {rival} {{in}} {{mask}} {{out}}"
    out = invoke(bench, "-o", board, "--entry", f"prophet={results}", "--entry", command)
    assert out.split() == [str(board / f"leaderboard.{ending}") for ending in ("html", "md", "json")]
    written = (board / "leaderboard.json").read_text(encoding="utf-8")
    told = json.loads(written, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    order = told["tracks"]["fill"]["order"]
    assert order[0] == "prophet" and set(order) >= {"Unfade", "Telea", "Navier–Stokes", "biharmonic", "OpenCV again", "as it is"}
    scores = {one["name"]: one["scores"] for one in told["tracks"]["fill"]["evaluation"]["methods"]}
    assert scores["prophet"]["psnr-in-mask"]["value"] == 100
    assert scores["OpenCV again"]["psnr-in-mask"]["value"] == pytest.approx(scores["Navier–Stokes"]["psnr-in-mask"]["value"], abs=0.05)
    assert told["tracks"]["damage"]["order"][0] == "prophet" and "prophet" not in told["tracks"]["tone"]["order"]
    by_kind = told["tracks"]["damage"]["f1_by_kind"]
    assert "thin" in by_kind and len(by_kind) > 3 and all(figures["prophet"] == 1 for figures in by_kind.values())
    costs = {one["entry"]: one for one in told["costs"]}
    assert set(costs) >= {"Unfade, mask given", "Unfade, all steps", "Telea", "OpenCV again"} and "prophet" not in costs
    # Each as it is for itself: not what this process holds.
    assert costs["OpenCV again"]["peak_mb"] < costs["Unfade, all steps"]["peak_mb"]
    page = (board / "leaderboard.html").read_text(encoding="utf-8")
    table = (board / "leaderboard.md").read_text(encoding="utf-8").split("## Holes filled (N 4)")[1].split("##")[0]
    best = next(line for line in table.splitlines() if line.startswith("| prophet"))
    assert best.startswith("| prophet | 100.0") and "| **Unfade** | " in table and "<" not in table
    assert "prophet" in page and "<script" not in page and told["bench"]["fingerprint"][:16] in page


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("rival", "says not who and what; write NAME=FOLDER"),
        ("rival=nowhere", "is no folder, and no command"),
        (f"rival={__file__}", "is one file; name the folder with the results of all pictures"),
        ("rival@sing=x", "there is no track 'sing'"),
        ("rival=no-such-program {in} {mask} {out}", "there is no program 'no-such-program'"),
        ("rival=python {in}", "must say {in} (the picture given) and {out}"),
        ("rival=python {in} {out}", "must name its tracks"),
        ("rival='python {in} {out}", "cannot be read"),
    ],
)
def test_a_bad_entry_is_one_sentence(photographs: Path, tmp_path: Path, entry: str, sentence: str) -> None:
    out = invoke(photographs, "-o", tmp_path / "board", "--entry", entry, status=2)
    assert sentence in out.replace("\n", " ") and not (tmp_path / "board").exists()


def test_an_entry_is_read(tmp_path: Path) -> None:
    (tmp_path / "fill").mkdir()
    assert parse_entry(f"one={tmp_path}").folders == {"fill": tmp_path / "fill"}
    assert parse_entry(f"one@color={tmp_path / 'fill'}").folders == {"color": tmp_path / "fill"}
    assert parse_entry("one=python x.py {in} {mask} {out}").command_tracks == ("fill",)
    assert parse_entry("one@tone,color=python x.py {in} {out}").tracks == {"tone", "color"}
    with pytest.raises(UsageError, match="has no folders tone, color"):
        parse_entry(f"one@tone,color={tmp_path}")
    with pytest.raises(UsageError, match="has no folder called like a track"):
        parse_entry(f"one={tmp_path / 'fill'}")


BAD = ("lacking", "one", "small", "broken", "failing", "failing large", "silent", "slow", "name")


@pytest.mark.parametrize("wrong", BAD)
def test_a_bad_rival_leaves_no_leaderboard(photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    bench, results = tmp_path / "bench", tmp_path / "results"
    make_bench(photographs, bench, tracks=("fill",), side_px=64)
    monkeypatch.setattr("unfade.bench.leaderboard.evaluate", lambda *_, **__: pytest.fail("it was noticed only after others were measured"))
    shutil.copytree(bench / "fill" / "clean", results / "fill")
    entry, sentence, status = f"rival={results}", "", 1
    if wrong == "lacking":
        (results / "fill" / "p2.png").unlink()
        sentence = "lacks results for 1 of the bench's 4 pictures; the first is p2"
    elif wrong == "small":
        photo.write(photo.read(np.zeros((48, 63, 3), np.uint8)), results / "fill" / "p2.png", overwrite=True)
        sentence = "p2: the result of rival is 63×48"
    elif wrong == "one":
        for name in ("p1", "p2", "p3"):
            (results / "fill" / f"{name}.png").unlink()
        sentence = "lacks results for 3 of the bench's 4 pictures; the first is p1"
    elif wrong == "broken":
        (results / "fill" / "p3.png").write_bytes(b"no picture")
        sentence = "p3.png"
    elif wrong == "failing large":
        program = tmp_path / "rival.py"
        program.write_text("import cv2, sys\nimage = cv2.imread(sys.argv[1])\nassert image.size < 99999, 'too large'\n" + SAVING)
        entry, sentence = f"rival={sys.executable} {program} {{in}} {{mask}} {{out}}", "AssertionError: too large"
    elif wrong == "slow":
        monkeypatch.setattr("unfade.bench.entries.COMMAND_TIMEOUT_S", 0.3)
        entry = f"rival={sys.executable} -c 'import time; time.sleep(9)' {{in}} {{mask}} {{out}}"
        sentence = "the command of rival took more than 0 s on p0"
    elif wrong == "failing":
        entry = f"rival={sys.executable} -c 'import sys; sys.exit(\"no such model\")' {{in}} {{mask}} {{out}}"
        sentence = "the command of rival ended with 1 on p0: no such model"
    elif wrong == "silent":
        entry = f"rival={sys.executable} -c pass {{in}} {{mask}} {{out}}"
        sentence = "the command of rival wrote no {out} for p0"
    else:
        entry, sentence, status = f"Telea={results}", "two entries are called 'Telea'", 2
    out = invoke(bench, "-o", tmp_path / "board", "--entry", entry, "--fast", status=status)
    assert sentence in out.replace("\n", " ") and len(out.strip().splitlines()) == 1
    assert not (tmp_path / "board").exists()


def test_a_bench_made_for_nothing_is_taken_away(photographs: Path, tmp_path: Path) -> None:
    (tmp_path / "results" / "fill").mkdir(parents=True)
    shutil.copy(photographs / "p0.png", tmp_path / "results" / "fill")
    entry = ("--tracks", "fill", "--entry", f"rival={tmp_path / 'results'}", "--fast")
    assert "lacks results for 3 of" in invoke(photographs, "-o", tmp_path / "board", *entry, status=1).replace("\n", " ")
    assert not (tmp_path / "board").exists()  # so that the command can be typed again
    make_bench(photographs, tmp_path / "bench", tracks=("fill",), side_px=64)
    invoke(tmp_path / "bench", "-o", tmp_path / "board", *entry[2:], status=1)
    assert (tmp_path / "bench" / "bench.json").is_file()


def test_too_few_or_gray_photographs_are_refused(photographs: Path, tmp_path: Path) -> None:
    invoke(photographs, "-o", tmp_path / "board", "--tracks", "sing", status=2)
    invoke(tmp_path / "nowhere", "-o", tmp_path / "board", status=1)
    for path in sorted(photographs.iterdir()):
        cv2.imwrite(str(path), cv2.imread(str(path), 0))
    with pytest.raises(DataError, match=r"every photograph in .* is gray"):
        make_bench(photographs, tmp_path / "bench", tracks=("fill", "color"), side_px=64)
    for path in sorted(photographs.iterdir())[1:]:
        path.unlink()
    out = invoke(photographs, "-o", tmp_path / "board", status=1)
    assert "has 1 photograph to make a bench of; it needs 2 or more" in out.replace("\n", " ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sound"]


def test_what_is_not_installed_is_said_before_the_work(photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unfade.cli.bench.find_spec", lambda name: None)
    out = invoke(photographs, "-o", tmp_path / "board", status=1)
    assert "leave it out with --fast, or: pip install 'unfade[measures]', or in the folder" in out.replace("\n", " ")
    assert not (tmp_path / "board").exists()


def test_what_is_there_is_not_written_over(photographs: Path, tmp_path: Path) -> None:
    (tmp_path / "board" / "bench").mkdir(parents=True)
    assert "is there already" in invoke(photographs, "-o", tmp_path / "board", status=2)
    assert "is read, and the report" in invoke(photographs, "-o", photographs, status=2)
