"""A photograph is framed as it is opened: the size is then the frame's; masks and hints stay on the
photograph."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import unfade
from unfade import pipeline
from unfade.archive import layers, sidecar, verify
from unfade.cli import build
from unfade.errors import UsageError
from unfade.files.exif import exif_of
from unfade.files.photo import Metadata, read, write
from unfade.files.tags import EXIF, Tag, first_tags
from unfade.frame import quads
from unfade.frame.framing import Opening, framed
from unfade.frame.geometry import Frame
from unfade.frame.upright import which_way
from unfade.models.session import Sessions
from unfade.record import last_run
from unfade.steps.frame import Frame as FrameStep
from unfade.treatment import Treatment, has_pixels, options
from unfade.workshop.scans import make_scan

BARE: dict[str, Any] = {"fill": False, "clean": 0.0}
SLANTED = ((30.0, 12.0), (150.0, 30.0), (140.0, 96.0), (22.0, 80.0))


def picture(height: int = 120, width: int = 170, *, kind: type = np.uint8) -> np.ndarray:
    """Soft waves and a little grain, (height, width, 3), with a white scratch."""
    down, across = np.mgrid[:height, :width]
    waves = 120 + 40 * np.sin(across / 9) + 30 * np.cos(down / 7) + np.random.default_rng(3).normal(0, 2, (height, width))
    waves[50:53, 30:120] = 255
    samples = np.repeat(np.clip(waves, 0, 255)[..., None], 3, axis=2) * (257 if kind == np.uint16 else 1)
    return np.rint(samples).astype(kind)


def scratch(height: int = 120, width: int = 170) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[49:54, 29:121] = True
    return mask


def framed_by(**asked: Any) -> Opening:
    return framed(read(picture()), **asked)


# --- what the options mean ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("rotate", [None, 90, 180, 270])
def test_a_crop_and_a_quarter_turn_change_no_sample(kind: type, rotate: int | None) -> None:
    samples = picture(kind=kind)
    result = unfade.restore(read(samples), crop=(20, 30, 101, 64), rotate=rotate, **BARE)
    expected = np.rot90(samples[30:94, 20:121], -(rotate or 0) // 90)
    np.testing.assert_array_equal(result.photo.samples, expected)
    assert result.report.pixels_changed == 0 and (result.report.width, result.report.height) == (expected.shape[1], expected.shape[0])


def test_without_a_frame_nothing_changes() -> None:
    photo = read(picture())
    result = unfade.restore(photo, whole=True, **BARE)
    assert result.photo is photo is result.opened and result.report.frame is None and result.report.steps == ()


def test_straightening_keeps_the_size_where_there_is_room_and_shows_nothing_from_outside() -> None:
    inner = framed_by(crop=(60, 40, 60, 40), straighten=5.0)
    assert inner.size == (60, 40) and quads.angle(np.asarray(inner.frame.corners)) == pytest.approx(-5, abs=1e-3)
    whole = framed_by(straighten=-7.5)
    corners = np.asarray(whole.frame.corners)
    assert (corners > -1e-3).all() and (corners < np.array([170, 120]) + 1e-3).all()
    assert whole.size[0] / whole.size[1] == pytest.approx(170 / 120, abs=0.02) and whole.size[0] < 165
    assert framed_by(straighten=0.0).frame == Frame()


def test_turning_is_clockwise() -> None:
    samples = np.full((200, 200, 3), 40, np.uint8)
    samples[20:40, 90:110] = 250  # at twelve
    turned = Frame.of(np.asarray(framed(read(samples), straighten=30.0).frame.corners)).apply(read(samples)).samples[..., 0]
    bright = np.argwhere(turned > 150).mean(axis=0)
    assert bright[1] > turned.shape[1] / 2 + 10 and bright[0] < turned.shape[0] / 2  # towards one o'clock
    assert np.argwhere(Frame(turn=90).apply(read(samples)).samples[..., 0] > 150).mean(axis=0)[1] > 150


def test_four_corners_become_a_rectangle_and_are_then_turned() -> None:
    lengths = quads.side_lengths(np.asarray(SLANTED))
    size = round((lengths[0] + lengths[2]) / 2), round((lengths[1] + lengths[3]) / 2)
    assert framed_by(corners=SLANTED).size == size and framed_by(corners=SLANTED, rotate=90).size == size[::-1]
    result = unfade.restore(read(picture()), corners=SLANTED, rotate=90, **BARE)
    assert (result.photo.width, result.photo.height) == size[::-1]


def test_auto_cuts_to_the_print_and_sets_it_straight() -> None:
    photograph = picture(240, 320)
    lid = np.full((560, 700, 3), 236, np.uint8) - np.random.default_rng(1).integers(0, 3, (560, 700, 1)).astype(np.uint8)
    lid[150:390, 170:490] = photograph
    photo = read(lid)
    cut = framed(photo, crop="auto")
    assert cut.is_picture and cut.frame == Frame.box(170, 150, 320, 240)
    assert "cut to the picture" in cut.notes[0]
    turned = framed(photo, straighten=4.0).frame.apply(photo)
    back = framed(turned, straighten="auto")
    assert quads.angle(np.asarray(back.frame.corners)) == pytest.approx(4.0, abs=0.25) and "turned by -" in back.notes[0]


def test_auto_cuts_nothing_off_that_is_not_sure() -> None:
    photograph = picture(240, 320)
    several = read(make_scan([photograph], 8, long_side_px=900, count=3, ground="lid", turned=False).samples)
    opening = framed(several, crop="auto")
    assert opening.frame == Frame() and "unfade split" in opening.notes[0]
    plain = framed(read(photograph), crop="auto", straighten="auto")
    assert plain.frame == Frame() and "nothing was cut off" in plain.notes[0]
    result = unfade.restore(several, crop="auto", clean=0.0)
    assert result.photo.samples.shape == several.samples.shape
    assert any("prints lie here" in note for step in result.report.steps for note in step.notes)


def test_auto_turns_what_it_is_sure_of_whichever_way_it_lies() -> None:
    photographs = [read(path) for path in sorted((Path(__file__).parents[2] / "examples").glob("*.jpg"))]
    sure = 0
    with Sessions(1) as sessions:
        session = sessions.get("upright")
        for photo in photographs:
            ways = [which_way(Frame(turn=turn).apply(photo), Frame(), session) for turn in (0, 90, 180, 270)]
            assert len({(way.turn + turn) % 360 for way, turn in zip(ways, (0, 90, 180, 270), strict=True)}) == 1
            sure += ways[0].sure
            assert not ways[0].sure or ways[0].turn == 0
        assert sure >= 0.5 * len(photographs)
        assert not which_way(read(np.full((60, 80, 3), 128, np.uint8)), Frame(), session).sure
        known = next(photo for photo in photographs if which_way(photo, Frame(), session).sure)
        lying = Frame(turn=90).apply(known)
        result = unfade.restore(lying, rotate="auto", sessions=sessions, **BARE)
        np.testing.assert_array_equal(result.photo.samples, known.samples)
        assert result.report.steps[0].models[0].name.startswith("upright")
        box = unfade.restore(lying, rotate="auto", crop=(0, 0, lying.width, lying.height), sessions=sessions, **BARE)
        np.testing.assert_array_equal(box.photo.samples, known.samples)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"crop": (100, 0, 80, 40)}, "crop reaches 10 pixels beyond photo.png, which is 170x120"),
        ({"crop": (0, 0, 0, 9)}, "crop is 0x9 pixels"),
        ({"crop": "all"}, r"crop is written auto\|X,Y,WIDTH,HEIGHT, not 'all'"),
        ({"crop": (1, 2, 3)}, "crop is written"),
        ({"crop": (1.5, 2, 30, 30)}, "crop is written"),
        ({"straighten": 60}, "straighten must lie between -45 and 45, not 60"),
        ({"straighten": True}, "straighten is written"),
        ({"rotate": 100}, "rotate must be one of 90, 180, 270"),
        ({"corners": ((0, 0), (0, 50), (50, 50), (50, 0))}, "clockwise"),
        ({"corners": ((0, 0), (90, 0), (90, 90))}, "corners is written"),
        ({"corners": ((0, 0), (400, 0), (400, 90), (0, 90))}, "corners reaches 230 pixels beyond"),
        ({"corners": SLANTED, "crop": "auto"}, "leave crop and straighten out"),
    ],
)
def test_a_frame_that_makes_no_sense_is_refused(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        unfade.restore(replace(read(picture()), name="photo.png"), **BARE, **asked)


def test_a_frame_is_written_alike_on_every_door() -> None:
    pytest.importorskip("fastapi", reason="needs the web extra")
    from unfade.queue.options import Options
    from unfade.web.routes.scripts import _grouped

    by_name = {declared.name: declared for declared in options()}
    cases = {
        "crop": [("auto", "auto", "auto"), ("1,2,30,40", (1, 2, 30, 40), [1, 2, 30, 40])],
        "straighten": [("auto", "auto", "auto"), ("-1.5", -1.5, -1.5), ("2", 2.0, 2)],
        "rotate": [("auto", "auto", "auto"), ("270", 270, 270)],
        "corners": [("30,12,150,30,140,96,22,80", SLANTED, [list(point) for point in SLANTED])],
    }
    for name, written in cases.items():
        declared = by_name[name]
        for text, value, in_json in written:
            assert declared.form is not None and declared.form.parse(declared, text) == value
            made = Treatment(**{name: value})
            assert Options(frame={name: in_json}).treatment() == made
            assert _grouped({name: text}) == {"frame": {name: value}}
            assert Treatment.from_json(json.loads(json.dumps(made.as_json()))) == made
    with pytest.raises(ValueError, match="leave crop and straighten out"):
        Options(frame={"corners": [list(point) for point in SLANTED], "crop": "auto"})


def test_a_frame_is_scaled_with_the_photograph_and_stays_within_it() -> None:
    for factor in (0.31, 0.5, 0.77):
        small = Treatment(crop=(33, 21, 137, 99)).scaled(factor).crop
        assert small[0] + small[2] <= int(170 * factor) and small[1] + small[3] <= int(120 * factor) and min(small) >= 1
    assert Treatment(corners=SLANTED).scaled(0.5).corners[2] == (70.0, 48.0)
    assert has_pixels(FrameStep(crop=(1, 2, 3, 4))) and not has_pixels(FrameStep(crop="auto", straighten=2.0, rotate=90))


# --- what moves along ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [{"crop": (20, 30, 101, 64)}, {"rotate": 90}, {"crop": (20, 30, 101, 64), "rotate": 270}])
def test_an_exact_frame_moves_a_mask_there_and_back(asked: dict[str, Any]) -> None:
    frame, mask = framed_by(**asked).frame, scratch()
    expected = frame.apply(read(mask.astype(np.uint8) * 255)).samples[..., 0] > 0
    np.testing.assert_array_equal(frame.apply_mask(mask), expected)
    np.testing.assert_array_equal(frame.apply_mask(frame.undo_mask(expected, 170, 120)), expected)


@pytest.mark.parametrize("asked", [{"straighten": 11.0}, {"corners": SLANTED}, {"corners": SLANTED, "rotate": 90}])
def test_a_mask_that_was_found_in_a_frame_is_covered_when_it_is_framed_again(asked: dict[str, Any], rng: np.random.Generator) -> None:
    frame = framed_by(**asked).frame
    width, height = frame.size(170, 120)
    found = rng.random((height, width)) < 0.01
    again = frame.apply_mask(frame.undo_mask(found, 170, 120))
    assert again[found].all() and again.mean() < 25 * found.mean()


def test_a_mask_and_hints_stay_on_the_photograph(sessions: Sessions) -> None:
    photo, mask = read(picture()), scratch()
    hint = unfade.Hint(60, 50, 12, (0.9, 0.2, 0.2))
    asked: dict[str, Any] = {"crop": (20, 30, 101, 64), "rotate": 90}
    result = unfade.restore(photo, mask=mask, hints=[hint], colorize=True, force=True, clean=0.0, sessions=sessions, **asked)
    cut = read(np.ascontiguousarray(np.rot90(picture()[30:94, 20:121], -1)))
    turned = np.ascontiguousarray(np.rot90(mask[30:94, 20:121], -1))
    moved = unfade.Hint(63 - 20, 60 - 20, 12, hint.color)  # 64 rows: y 50 is row 20 of the box, and column 43 once turned
    alone = unfade.restore(cut, mask=turned, hints=[moved], colorize=True, force=True, clean=0.0, whole=True, sessions=sessions)
    np.testing.assert_array_equal(result.photo.samples, alone.photo.samples)
    assert result.unframed_mask is mask and result.mask is not None and result.mask.shape == (101, 64)
    record = next(step for step in result.report.steps if step.step == "colorize")
    assert record.options["hints"][0]["x"] == 60  # as they were asked for
    with pytest.raises(UsageError, match="lies outside the photograph of 170x120"):
        unfade.restore(photo, hints=[replace(hint, x=400)], colorize=True, fill=False, sessions=sessions, **asked)


def test_alpha_and_what_a_file_lost_move_along() -> None:
    lost = scratch()
    photo = replace(read(np.dstack([picture(), np.full((120, 170), 200, np.uint8)])), lost=lost, dpi=(300.0, 150.0))
    cut = framed(photo, crop=(20, 30, 101, 64), rotate=90).frame.apply(photo)
    assert cut.alpha is not None and cut.alpha.shape == (101, 64) and cut.dpi == (150.0, 300.0)
    np.testing.assert_array_equal(cut.lost, np.rot90(lost[30:94, 20:121], -1))
    slanted = framed(photo, corners=SLANTED).frame.apply(photo)
    assert slanted.lost is not None and slanted.lost.shape == slanted.samples.shape[:2] and slanted.lost.any()


def test_metadata_tell_the_new_size() -> None:
    sizes = {0xA002: Tag(3, 1, (170).to_bytes(2, "little")), 0xA003: Tag(4, 1, (120).to_bytes(4, "little"))}
    exif = exif_of({256: Tag(3, 1, (170).to_bytes(2, "little")), EXIF: Tag(4, 1, b"", sizes)})
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        b'rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        b'exif:PixelXDimension="170" dc:source="a box"/></rdf:RDF></x:xmpmeta>'
    )
    photo = replace(read(picture()), metadata=Metadata(exif=exif, xmp=packet))
    said = framed(photo, crop=(20, 30, 101, 64)).frame.apply(photo).metadata
    assert said.exif is not None and said.xmp is not None
    tags = first_tags(said.exif)
    inner = tags[EXIF].children
    assert inner is not None and [tags[256].numbers(), inner[0xA002].numbers(), inner[0xA003].numbers()] == [[101], [101], [64]]
    assert b"PixelXDimension" not in said.xmp and b"a box" in said.xmp
    broken = replace(photo, metadata=Metadata(exif=b"II*\0", xmp=b"<no"))
    assert framed(broken, rotate=90).frame.apply(broken).metadata == broken.metadata


# --- what is kept of it -------------------------------------------------------------------------------------


def unfade_command(*arguments: object) -> Any:
    return CliRunner().invoke(build(), [str(argument) for argument in arguments])


@pytest.fixture
def scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, golden: Path) -> Path:
    """A 16-bit TIFF of 170 by 120 pixels."""
    monkeypatch.setenv("UNFADE_MODELS", str(golden))
    monkeypatch.chdir(tmp_path)
    write(replace(read(picture(kind=np.uint16)), dpi=(300.0, 300.0)), tmp_path / "scan.tif")
    write(read(scratch().astype(np.uint8) * 255), tmp_path / "mask.png")
    return tmp_path / "scan.tif"


@pytest.mark.parametrize(
    "asked", [["--crop", "20,30,101,64", "--rotate", "90"], ["--straighten", "-3.5"], ["--corners", "30,12,150,30,140,96,22,80"]]
)
@pytest.mark.parametrize("given", [True, False])
def test_a_framed_result_is_proved_and_made_again(scan: Path, asked: list[str], given: bool) -> None:
    more = ["--mask", "mask.png"] if given else []
    done = unfade_command("restore", scan, *asked, *more, "--clean", "0", "--record", "-o", "made.tif", "--layers", "ora")
    assert done.exit_code == 0, done.output
    result, record = scan.with_name("made.tif"), sidecar.read_sidecar(scan.with_name("made.unfade.json"))
    made = read(result)
    frame = None if record.frame is None else record.frame.frame()
    assert frame is not None and frame.apply(read(scan)).samples.shape == made.samples.shape and made.dpi == (300.0, 300.0)
    run = last_run(made.metadata.xmp)
    assert (
        run is not None
        and run.frame is not None
        and run.frame.corners == frame.corners
        and (run.frame.width, run.frame.height) == (170, 120)
    )
    verdict = verify.verify(result, master=scan)
    assert {check.name: check.holds for check in verdict.checks} == dict.fromkeys(("record", "result", "mask", "master", "untouched"), True)
    again = unfade_command("replay", "made.unfade.json", "--master", scan, "-o", "again.tif")
    assert again.exit_code == 0, again.output
    mask = read(scan.with_name(record.mask.name)) if record.mask is not None else None
    assert mask is not None and (mask.width, mask.height) == (170, 120)
    changed = made.samples.copy()
    changed[3, 5] ^= 1
    write(made.with_samples(changed), result, overwrite=True)
    assert [check.name for check in verify.verify(result, master=scan).checks if check.holds is False] == ["result", "untouched"]


def test_a_crop_alone_is_said_in_the_file(scan: Path) -> None:
    assert unfade_command("restore", scan, "--crop", "20,30,101,64", "--no-fill", "--clean", "0").exit_code == 0
    made = read(scan.with_name("scan.restored.tif"))
    np.testing.assert_array_equal(made.samples, read(scan).samples[30:94, 20:121])
    run = last_run(made.metadata.xmp)
    assert run is not None and run.frame is not None and run.pixels_changed == 0
    assert b"DigitalSourceType" not in (made.metadata.xmp or b"")
    refused = unfade_command("restore", scan, "--crop", "20,30,101,640", "-o", "r.tif")
    assert refused.exit_code == 2 and "beyond scan.tif" in refused.stderr
    assert unfade_command("colorize", scan, "--crop", "20,30,101,64", "--force", "-o", "c.tif").exit_code == 0
    assert read(scan.with_name("c.tif")).samples.shape == (64, 101, 3)
    assert unfade_command("damage", scan, "--crop", "20,30,101,64", "-o", "d.png").exit_code == 0
    found = read(scan.with_name("d.png")).samples[..., 0]
    assert found.shape == (120, 170) and not found[:30].any() and not found[:, 121:].any()


def test_layers_begin_with_the_photograph_in_its_frame(sessions: Sessions) -> None:
    photo = read(picture())
    collected = layers.Collected(photo)
    asked = Treatment(crop=(20, 30, 101, 64), clean=0.0)
    result = pipeline.treat(photo, asked, sessions=sessions, mask=scratch(), on_step=collected.on_step)
    np.testing.assert_array_equal(collected.layers[0].picture.samples, picture()[30:94, 20:121])
    np.testing.assert_array_equal(collected.result.samples, result.photo.samples)
    assert layers.photoshop(collected)[:4] == b"8BPS"


def test_split_turns_each_print_and_takes_no_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scan = make_scan([picture(240, 320)], 8, long_side_px=900, count=2, ground="lid", turned=False)
    write(read(scan.samples), tmp_path / "page.png")
    assert unfade_command("split", "page.png").exit_code == 0
    assert unfade_command("split", "page.png", "--rotate", "180", "--overwrite", "-o", ".").exit_code == 0
    refused = unfade_command("split", "page.png", "--crop", "auto", "--overwrite")
    assert refused.exit_code == 2 and "leave them out" in refused.stderr
    found = unfade.find_prints("page.png").prints
    left, top = np.rint(found[0].corners[0]).astype(int)
    cut = read(tmp_path / "page.1.png")
    np.testing.assert_array_equal(cut.samples[::-1, ::-1], scan.samples[top : top + cut.height, left : left + cut.width])
    run = last_run(cut.metadata.xmp)
    assert run is not None and run.frame is not None and run.frame.turn == 180


def test_a_record_without_a_frame_keeps_its_digest(tmp_path: Path, sessions: Sessions) -> None:
    """Records of older versions say nothing of a frame, and are as intact as they were."""
    write(read(picture()), tmp_path / "a.png")
    before = read(tmp_path / "a.png")
    result = pipeline.treat(before, Treatment(clean=0.0), sessions=sessions, mask=scratch())
    write(result.photo, tmp_path / "b.png")
    record = sidecar.of_result(before, result, read(tmp_path / "b.png"), tmp_path / "b.png", None, sidecar.Written("png"))
    sealed = json.loads(record.to_json())
    assert sealed.pop("frame") is None
    (tmp_path / "b.unfade.json").write_text(json.dumps(sealed))
    assert sidecar.read_sidecar(tmp_path / "b.unfade.json").is_intact
