"""A command that is given again: whether what is there was asked, whatever decides what is written."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from tests.commands import unfade, work_in

from unfade import pipeline
from unfade.archive import verify
from unfade.files import photo
from unfade.models.session import Sessions
from unfade.record import last_run
from unfade.treatment import Treatment

RDF = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="{}"/></rdf:RDF>'
)
WRAPPED = {
    "xmpmeta": '<x:xmpmeta xmlns:x="adobe:ns:meta/">{}</x:xmpmeta>',
    "xapmeta": '<x:xapmeta xmlns:x="adobe:ns:meta/">{}</x:xapmeta>',
    "another prefix": '<meta:xmpmeta xmlns:meta="adobe:ns:meta/">{}</meta:xmpmeta>',
    "nothing": "{}",
}


def _samples(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    ramp = np.tile(np.linspace(60 - 20 * seed, 190, 48), (32, 1)) + rng.normal(0, 3, (32, 48))
    samples = ramp.clip(0, 255).astype(np.uint8)
    samples[15:17, 5:40] = 255  # a scratch
    return samples


@pytest.fixture
def album(tmp_path: Path, golden: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A photograph as PNG and as JPEG, and a file of two pages, the first the larger one; the working
    directory."""
    cv2.imwrite(str(tmp_path / "a.png"), _samples())
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (48.0, 12.0, 0.0)}
    Image.fromarray(_samples()).save(tmp_path / "e.jpg", exif=exif)
    with tifffile.TiffWriter(tmp_path / "two.tif") as file:
        file.write(_samples(1), photometric="minisblack")
        file.write(_samples(2)[:30], photometric="minisblack")
    return work_in(tmp_path, golden, monkeypatch)


def _stays(target: str, *arguments: str) -> str:
    """What is said of a command that leaves a result as it is."""
    before = Path(target).stat().st_mtime_ns, Path(target).read_bytes()
    said = unfade(*arguments).stderr
    assert (Path(target).stat().st_mtime_ns, Path(target).read_bytes()) == before
    return said


# --- what decides what is written -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "source", "target", "first", "second", "said"),
    [
        ("restore", "two.tif", "two.restored.tif", ["--page", "2"], [], "page 2, now none"),
        ("restore", "two.tif", "two.restored.tif", [], ["--page", "2"], "page none, now 2"),
        ("restore", "two.tif", "two.restored.tif", ["--pages", "all"], [], "pages all, now none"),
        ("colorize", "two.tif", "two.colorized.tif", ["--page", "2"], ["--page", "1"], "page 2, now 1"),
        ("damage", "two.tif", "two.mask.png", ["--page", "2"], [], "page 2, now none"),
        ("restore", "a.png", "a.restored.jpg", ["--format", "jpeg", "--quality", "30"], ["--format", "jpeg"], "quality 30, now none"),
        ("restore", "e.jpg", "e.restored.jpg", [], ["--quality", "60"], "quality none, now 60"),
        ("colorize", "e.jpg", "e.colorized.jpg", ["--quality", "60"], ["--quality", "0"], "quality 60, now 0"),
        ("restore", "e.jpg", "e.restored.jpg", ["--drop-location"], [], "drop-location yes, now none"),
        ("restore", "e.jpg", "e.restored.jpg", [], ["--drop-location"], "drop-location none, now yes"),
        ("restore", "a.png", "a.restored.png", ["--clean", "0.5"], ["--clean", "1"], "clean 0.5, now 1.0"),
        ("colorize", "a.png", "a.colorized.png", ["--saturation", "0.8"], ["--saturation", "1.2"], "saturation 0.8, now 1.2"),
    ],
)
def test_another_request_is_not_done_already_and_what_differs_is_said(
    album: Path, command: str, source: str, target: str, first: list[str], second: list[str], said: str
) -> None:
    unfade(command, source, *first)
    assert "done already" in _stays(target, command, source, *first)
    before = (album / target).read_bytes()
    refused = " ".join(unfade(command, source, *second, status=1).stderr.split())
    assert f"{target} is there already, made with other options ({said}); add --overwrite" in refused
    assert (album / target).read_bytes() == before
    unfade(command, source, *second, "--overwrite")
    assert (album / target).read_bytes() != before
    assert "done already" in _stays(target, command, source, *second)


@pytest.mark.parametrize("report", [[], ["--report", "r.json"]])
@pytest.mark.parametrize(("command", "target"), [("restore", "a.restored.png"), ("colorize", "a.colorized.png"), ("damage", "a.mask.png")])
def test_what_other_models_made_is_not_done_already(
    album: Path, monkeypatch: pytest.MonkeyPatch, command: str, target: str, report: list[str]
) -> None:
    unfade(command, "a.png", *report)
    assert "done already" in _stays(target, command, "a.png", *report)
    monkeypatch.delenv("UNFADE_MODELS")
    refused = " ".join(unfade(command, "a.png", *report, status=1).stderr.split())
    assert f"{target} is there already, made with other options (the model " in refused and "is not the one of now" in refused
    unfade(command, "a.png", "--overwrite", *report)
    assert "done already" in _stays(target, command, "a.png", *report)


def test_what_nothing_changed_is_done_already_whatever_the_page_and_the_quality(album: Path) -> None:
    nothing = ("--no-fill", "--clean", "0")
    unfade("restore", "two.tif", *nothing, "--page", "2")
    _stays("two.restored.tif", "restore", "two.tif", *nothing, "--page", "2")
    unfade("restore", "e.jpg", *nothing, "--quality", "5")
    _stays("e.restored.jpg", "restore", "e.jpg", *nothing, "--quality", "5")
    assert "another than this command makes" in unfade("restore", "e.jpg", *nothing, "--quality", "7", status=1).stderr


def test_with_a_mask_what_differs_is_said_and_the_same_is_done_already(album: Path) -> None:
    mask = np.zeros((32, 48), np.uint8)
    mask[15:17, 5:40] = 255
    cv2.imwrite("drawn.png", mask)
    cv2.imwrite("other.png", np.roll(mask, 5, axis=0))
    unfade("restore", "a.png")
    given = ("restore", "a.png", "--mask", "drawn.png", "--clean", "0.5")
    refused = " ".join(unfade(*given, status=1).stderr.split())
    assert "made with other options (clean 1.0, now 0.5; mask none, now given); add --overwrite to write over it, or -o" in refused
    unfade(*given, "--overwrite")
    assert "the photograph was done already, and left as it is" in _stays("a.restored.png", *given)
    assert "other options (mask);" in unfade("restore", "a.png", "--mask", "other.png", "--clean", "0.5", status=1).stderr.replace(
        "\n", " "
    )
    assert "mask given, now none" in unfade("restore", "a.png", "--clean", "0.5", status=1).stderr


@pytest.mark.usefixtures("album")
def test_a_record_of_what_was_written_over_does_not_speak_against_the_new_result() -> None:
    record = Path("a.restored.unfade.json")
    unfade("restore", "a.png", "--clean", "0", "--record")
    unfade("verify", "a.restored.png", "--master", "a.png")
    said = unfade("restore", "a.png", "--clean", "0.5", "--overwrite").stderr
    assert "was the record of the result that was written over, and was deleted" in " ".join(said.split()) and not record.exists()
    unfade("verify", "a.restored.png", "--master", "a.png")
    unfade("restore", "a.png", "--clean", "0.5", "--record", "--overwrite")
    unfade("restore", "a.png", "-o", "a.restored.jpg")
    unfade("restore", "a.png", "--clean", "0", "-o", "a.restored.jpg", "--overwrite")
    assert record.exists()  # of another file


# --- what older versions made ---------------------------------------------------------------------------


def _older(
    source: str, target: str, sessions: Sessions, *, page: int | None = None, quality: int | None = None, color: bool = False
) -> None:
    """A result as older versions wrote it, whose record says neither the page nor how it was written."""
    before = photo.read(source, page=page)
    result = pipeline.colorize(before, sessions=sessions) if color else pipeline.treat(before, Treatment(), sessions=sessions)
    result = pipeline.told(result, page=None, writing=None)
    assert (run := last_run(result.photo.metadata.xmp)) is not None and run.page is run.writing is None
    photo.write(result.photo, target, quality=quality)


@pytest.mark.usefixtures("album")
def test_an_older_result_is_taken_for_the_usual_or_made_again_and_compared(sessions: Sessions) -> None:
    _older("e.jpg", "e.restored.jpg", sessions)
    assert "done already" in _stays("e.restored.jpg", "restore", "e.jpg")
    assert "another than" in unfade("restore", "e.jpg", "--quality", "30", status=1).stderr
    _stays("e.restored.jpg", "restore", "e.jpg", "--save-mask")  # the mask is new
    Path("e.restored.jpg").unlink()
    _older("e.jpg", "e.restored.jpg", sessions, quality=30)
    _stays("e.restored.jpg", "restore", "e.jpg", "--quality", "30")
    _older("two.tif", "two.restored.tif", sessions, page=2)
    _stays("two.restored.tif", "restore", "two.tif", "--page", "2")
    assert "another than" in unfade("restore", "two.tif", "--page", "1", status=1).stderr


# --- packets in other wrappings -------------------------------------------------------------------------


@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("wrapping", WRAPPED)
def test_the_record_is_found_in_xmp_of_every_wrapping(album: Path, ending: str, wrapping: str) -> None:
    packet = WRAPPED[wrapping].format(RDF.format("image")).encode()
    picture = photo.read(_samples()).with_metadata(photo.Metadata(xmp=packet))
    photo.write(picture, album / f"x{ending}", quality=100 if ending == ".webp" else None)
    unfade("restore", f"x{ending}")
    assert "done already" in _stays(f"x.restored{ending}", "restore", f"x{ending}")
    assert "colorize no, now yes" in " ".join(unfade("restore", f"x{ending}", "--colorize", status=1).stderr.split())


@pytest.mark.parametrize("wrapping", WRAPPED)
def test_the_record_is_found_in_xmp_of_two_parts(album: Path, wrapping: str) -> None:
    packet = WRAPPED[wrapping].format(RDF.format("image " * 20_000)).encode()
    photo.write(photo.read(_samples()).with_metadata(photo.Metadata(xmp=packet)), album / "x.jpg")
    for _ in range(2):
        said = unfade("restore", "x.jpg").stderr
    assert "done already" in said


# --- which page was restored ----------------------------------------------------------------------------


def _untouched(result: str, master: str) -> tuple[bool, bool | None, str]:
    verdict = verify.verify(Path(result), master=Path(master))
    found = next(check for check in verdict.checks if check.name == "untouched")
    return verdict.proved, found.holds, found.sentence


@pytest.mark.usefixtures("album")
def test_a_page_is_proved_by_the_page_that_it_was_made_from(sessions: Sessions) -> None:
    unfade("colorize", "two.tif", "--page", "2")
    assert _untouched("two.colorized.tif", "two.tif")[:2] == (True, True)
    unfade("restore", "two.tif", "--page", "2", "--clean", "0", "--colorize", "--rotate", "90", "--no-fill", "-o", "turned.tif")
    assert _untouched("turned.tif", "two.tif")[:2] == (True, True)
    made = pipeline.colorize(photo.read("two.tif", page=2), sessions=sessions)  # by another door
    photo.write(made.photo, "python.tif")
    assert _untouched("python.tif", "two.tif")[:2] == (True, True)
    unfade("restore", "a.png", "-o", "a.tif")
    photo.write(photo.read("a.png"), "one.tif")  # no page 2, and no master
    assert {check.name for check in verify.verify(Path("python.tif"), master=Path("one.tif")).checks if check.holds is False} == {
        "master",
        "untouched",
    }


@pytest.mark.usefixtures("album")
def test_a_page_that_an_older_record_does_not_name_is_sought(sessions: Sessions) -> None:
    _older("two.tif", "old.tif", sessions, page=2, color=True)
    proved, holds, sentence = _untouched("old.tif", "two.tif")
    assert (proved, holds) == (True, True) and sentence.endswith("; of page 2")
    picture = photo.read("old.tif")
    changed = picture.samples.copy()
    changed[3, 5] ^= 255
    photo.write(picture.with_samples(changed), "old.tif", overwrite=True)
    assert _untouched("old.tif", "two.tif")[:2] == (False, False)
