"""A result is proved against its record and its master, and made again from it; what was changed is told
apart in one sentence."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.profiles import ADOBE_RGB, PROPHOTO, gray_profile
from typer.testing import CliRunner

from unfade import pipeline
from unfade.archive import replay, sidecar, verify
from unfade.archive.sidecar import Sidecar, mask_sha256, read_sidecar
from unfade.cli import build
from unfade.errors import ModelMissingError, RecordError
from unfade.files import photo
from unfade.files.photo import Photo
from unfade.models.card import Card, read_card
from unfade.models.session import Sessions
from unfade.models.store import CARDS
from unfade.steps.colorize import Hint
from unfade.treatment import Treatment

REPAIR = Treatment(clean=0)
CLEAN = Treatment(clean=1, force_clean=True)
COLOR = Treatment(clean=0, colorize=True, force=True, hints=(Hint(20, 20, 8, (0.8, 0.2, 0.2)),))


@dataclass(frozen=True)
class Made:
    """Files of one restoration."""

    master: Path
    result: Path
    record: Path
    mask: Path


def _picture(*, bits: int, channels: int = 3) -> np.ndarray:
    rng = np.random.default_rng(5)
    ramp = np.linspace(60, 190, 80)[None, :, None] + rng.normal(0, 3, (64, 80, 1))
    samples = np.repeat(ramp, channels, axis=2)
    samples[20:24, 10:60] = 255
    return samples.clip(0, 255).astype(np.uint8) if bits == 8 else (samples * 257).clip(0, 65535).astype(np.uint16)


def _made(
    folder: Path,
    sessions: Sessions,
    *,
    ending: str,
    treatment: Treatment,
    bits: int = 8,
    given: bool = True,
    profile: bytes | None = None,
    channels: int = 3,
) -> Made:
    made = Made(folder / f"scan{ending}", folder / f"scan.restored{ending}", folder / "scan.restored.unfade.json", folder / "scan.mask.png")
    photo.write(replace(photo.read(_picture(bits=bits, channels=channels)), profile=profile), made.master)
    before = photo.read(made.master)
    lost = np.zeros((before.height, before.width), bool)
    lost[19:25, 9:61] = True
    result = pipeline.treat(before, treatment, sessions=sessions, mask=lost if given else None)
    photo.write(result.photo, made.result)
    assert result.mask is not None
    photo.write(photo.read(result.mask.astype(np.uint8)[:, :, None] * 255), made.mask)
    form = photo.format_for(made.result, result.photo)
    record = sidecar.of_result(before, result, photo.read(made.result), made.result, made.mask, sidecar.Written(form, given=given))
    made.record.write_text(record.to_json(), encoding="utf-8")
    return made


def _failed(made: Made, master: Path | None = None) -> list[str]:
    verdict = verify.verify(made.result, master=master or made.master)
    assert verdict.proved == (not [check for check in verdict.checks if check.holds is False])
    return [check.name for check in verdict.checks if check.holds is False]


KINDS = [(codec.extensions[0], bits) for codec in photo.FORMATS.values() for bits in (8, 16) if bits == 8 or codec.bits > 8]
LOSSLESS = [(ending, bits) for ending, bits in KINDS if ending in (".png", ".tif", ".bmp", ".gif")]
STEPS = {"repair": REPAIR, "clean": CLEAN, "color": COLOR}
DONE = [(*kind, step) for kind in KINDS for step in STEPS if not (kind[0] == ".gif" and step == "color")]  # of more colors than a GIF holds


@pytest.mark.parametrize(("ending", "bits", "step"), DONE)
def test_what_was_done_is_proved_and_made_again(tmp_path: Path, sessions: Sessions, ending: str, bits: int, step: str) -> None:
    made = _made(tmp_path, sessions, ending=ending, bits=bits, treatment=STEPS[step])
    verdict = verify.verify(made.result, master=made.master)
    assert [check.sentence for check in verdict.checks if check.holds is False] == []
    untouched = next(check for check in verdict.checks if check.name == "untouched")
    assert untouched.holds is (True if (ending, bits) in LOSSLESS and step != "clean" else None)
    lost = photo.read(made.mask).samples[:, :, 0] > 127
    again = replay.replay(read_sidecar(made.record), photo.read(made.master), lost, sessions)
    assert again.exact


def test_a_changed_sample_outside_the_mask_is_told(tmp_path: Path, sessions: Sessions) -> None:
    made = _made(tmp_path, sessions, ending=".tif", bits=16, treatment=REPAIR)
    picture = photo.read(made.result)
    samples = picture.samples.copy()
    samples[40, 33, 1] += 1
    photo.write(picture.with_samples(samples), made.result, overwrite=True)
    verdict = verify.verify(made.result, master=made.master)
    assert _failed(made) == ["result", "untouched"]
    assert "33, 40" in verdict.checks[-1].sentence
    made.record.unlink()  # the file's XMP alone, and the mask's absence
    assert _failed(made) == []
    samples = picture.samples.copy()
    samples[22, 30, 0] ^= 1  # within the mask: no longer what was written, but nothing outside was touched
    photo.write(picture.with_samples(samples), made.result, overwrite=True)


@pytest.mark.parametrize(("ending", "bits", "step"), DONE)
def test_each_kind_of_tampering_is_told_apart_in_one_sentence(
    tmp_path: Path, sessions: Sessions, ending: str, bits: int, step: str
) -> None:
    """Every format, depth and step: one sample outside the mask, the record, and the master, each changed
    alone."""
    made = _made(tmp_path, sessions, ending=ending, bits=bits, treatment=STEPS[step])
    assert _failed(made) == []
    result, record = made.result.read_bytes(), made.record.read_text(encoding="utf-8")

    other = tmp_path / f"other{ending}"
    samples = photo.read(made.master).samples.copy()
    samples[60, 70] ^= 64  # in any format it stays another picture
    photo.write(photo.read(made.master).with_samples(samples), other)
    wrong_master = [check for check in verify.verify(made.result, master=other).checks if check.holds is False]
    assert [check.name for check in wrong_master] == ["master"] and "is not the master that was restored" in wrong_master[0].sentence

    made.record.write_text(record.replace('"pixels_changed": ', '"pixels_changed": 1', 1), encoding="utf-8")
    changed_record = [check for check in verify.verify(made.result, master=made.master).checks if check.holds is False]
    assert [check.name for check in changed_record] == ["record"] and "was changed after it was written" in changed_record[0].sentence
    made.record.write_text(record, encoding="utf-8")

    picture = photo.read(made.result)
    samples = picture.samples.copy()
    samples[60, 70, 0] ^= 64 if bits == 8 else 64 * 257
    photo.write(picture.with_samples(samples), made.result, overwrite=True)
    changed_sample = {check.name: check.sentence for check in verify.verify(made.result, master=made.master).checks if check.holds is False}
    assert "samples are not those that were written" in changed_sample.pop("result")
    if (ending, bits) in LOSSLESS and step == "repair":
        assert "the first at 70, 60" in changed_sample.pop("untouched")
    elif (ending, bits) in LOSSLESS and step == "color":
        assert "color changed the lightness" in changed_sample.pop("untouched")
    assert changed_sample == {}  # and nothing else is blamed
    assert len({wrong_master[0].sentence, changed_record[0].sentence}) == 2

    made.result.write_bytes(result)
    assert _failed(made) == []


def test_other_metadata_is_no_other_picture(tmp_path: Path, sessions: Sessions) -> None:
    made = _made(tmp_path, sessions, ending=".tif", treatment=REPAIR)
    picture = photo.read(made.result)
    photo.write(Photo(picture.samples, format=picture.format, metadata=picture.metadata, dpi=(301, 301)), made.result, overwrite=True)
    verdict = verify.verify(made.result, master=made.master)
    assert verdict.proved
    assert "metadata was changed" in next(check.sentence for check in verdict.checks if check.name == "result")


@pytest.mark.parametrize(("ending", "step"), [(ending, step) for ending in (".png", ".tif") for step in STEPS])
def test_another_color_profile_is_another_picture(tmp_path: Path, sessions: Sessions, ending: str, step: str) -> None:
    own, other = ADOBE_RGB, PROPHOTO
    made = _made(tmp_path, sessions, ending=ending, treatment=STEPS[step], profile=own)
    assert _failed(made) == []
    good, record = photo.read(made.result), read_sidecar(made.record)
    assert good.profile == own
    for profile in (other, None):
        photo.write(replace(good, profile=profile), made.result, overwrite=True)
        assert _failed(made)[:1] == ["result"]
        assert "color profile" in next(check.sentence for check in verify.verify(made.result).checks if check.holds is False)
    photo.write(replace(good, profile=other), made.result, overwrite=True)
    older = record.model_copy(update={"result": record.result.model_copy(update={"profile_sha256": None})})
    made.record.write_text(older.to_json(), encoding="utf-8")  # as versions wrote it that did not say
    assert "untouched" in _failed(made) and read_sidecar(made.record).is_intact
    made.record.unlink()
    assert _failed(made) == ["untouched"]


def test_a_gray_master_in_color_has_rightly_another_profile(tmp_path: Path, sessions: Sessions) -> None:
    gray = gray_profile(1.8)
    made = _made(tmp_path, sessions, ending=".png", treatment=COLOR, profile=gray, channels=1)
    assert photo.read(made.master).profile == gray and photo.read(made.result).profile is None and _failed(made) == []


CHANGES = [('"clean": 0.0', '"clean": 0.1'), ('"pixels_changed": ', '"pixels_changed": 1'), ("damage", "damagE")]


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="needs exiftool (Debian: libimage-exiftool-perl)")
@pytest.mark.parametrize("ending", [".png", ".tif", ".jpg"])
def test_a_title_put_in_later_speaks_against_nothing(tmp_path: Path, sessions: Sessions, ending: str) -> None:
    made = _made(tmp_path, sessions, ending=ending, treatment=COLOR)
    title = ["-q", "-overwrite_original", "-XMP-dc:Title=Aunt May", "-XMP-dc:Subject=family"]
    subprocess.run(["exiftool", *title, str(made.result)], check=True)  # it writes the whole packet anew
    verdict = verify.verify(made.result, master=made.master)
    assert verdict.proved
    assert "metadata was changed" in verdict.checks[1].sentence
    made.record.unlink()
    assert _failed(made) == []


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_a_changed_record_is_told(tmp_path: Path, sessions: Sessions, old: str, new: str) -> None:
    made = _made(tmp_path, sessions, ending=".png", treatment=REPAIR, given=False)
    text = made.record.read_text(encoding="utf-8")
    assert old in text
    made.record.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert _failed(made) == ["record"]
    with pytest.raises(RecordError, match="was changed"):
        replay.replay(read_sidecar(made.record), photo.read(made.master), None, sessions)


def test_a_record_sealed_anew_contradicts_the_files_own(tmp_path: Path, sessions: Sessions) -> None:
    made = _made(tmp_path, sessions, ending=".png", treatment=REPAIR)
    record = read_sidecar(made.record)
    forged = record.model_copy(update={"treatment": {**record.treatment, "clean": 0.5}})
    made.record.write_text(forged.to_json(), encoding="utf-8")
    assert _failed(made) == ["record"]


def test_a_changed_xmp_is_told(tmp_path: Path, sessions: Sessions) -> None:
    made = _made(tmp_path, sessions, ending=".png", treatment=REPAIR)
    made.record.unlink()
    assert _failed(made) == []
    picture = photo.read(made.result)
    assert picture.metadata.xmp is not None
    forged = picture.metadata.xmp.replace(b'"clean": 0.0', b'"clean": 0.5').replace(b"&quot;clean&quot;: 0.0", b"&quot;clean&quot;: 0.5")
    assert forged != picture.metadata.xmp
    photo.write(picture.with_metadata(photo.Metadata(picture.metadata.exif, forged, picture.metadata.iptc)), made.result, overwrite=True)
    assert _failed(made) == ["record"]


def test_another_master_is_told(tmp_path: Path, sessions: Sessions) -> None:
    made = _made(tmp_path, sessions, ending=".png", treatment=REPAIR)
    other = tmp_path / "other.png"
    samples = _picture(bits=8)
    samples[0, 0] ^= 1
    photo.write(photo.read(samples), other)
    assert _failed(made, other) == ["master"]
    with pytest.raises(RecordError, match="not the master"):
        replay.replay(read_sidecar(made.record), photo.read(other), None, sessions)


def test_another_mask_is_told_and_a_missing_one_said(tmp_path: Path, sessions: Sessions) -> None:
    made = _made(tmp_path, sessions, ending=".png", treatment=REPAIR)
    whole = np.full((64, 80, 1), 255, np.uint8)
    photo.write(photo.read(whole), made.mask, overwrite=True)
    assert _failed(made) == ["mask"]
    made.mask.unlink()
    verdict = verify.verify(made.result, master=made.master)
    assert verdict.proved
    assert [check.name for check in verdict.checks if check.holds is None] == ["mask", "untouched"]


def test_color_that_changes_the_lightness_is_told(tmp_path: Path, sessions: Sessions) -> None:
    made = _made(tmp_path, sessions, ending=".png", treatment=COLOR)
    record = read_sidecar(made.record)
    picture = photo.read(made.result)
    brighter = picture.samples.copy()
    brighter[50:54, 10:14] = np.minimum(brighter[50:54, 10:14].astype(int) + 12, 255)
    photo.write(picture.with_samples(brighter), made.result, overwrite=True)
    read = photo.read(made.result)
    facts = record.result.model_copy(update={"sha256": read.sha256, "decoded_sha256": sidecar.samples_sha256(read)})
    made.record.write_text(record.model_copy(update={"result": facts}).to_json(), encoding="utf-8")
    assert _failed(made) == ["untouched"]


def test_a_found_mask_is_found_again(tmp_path: Path, sessions: Sessions) -> None:
    made = _made(tmp_path, sessions, ending=".tif", bits=16, treatment=REPAIR, given=False)
    record = read_sidecar(made.record)
    assert record.mask is not None and not record.mask.given
    again = replay.replay(record, photo.read(made.master), None, sessions)
    assert again.exact
    assert again.result.mask is not None and mask_sha256(again.result.mask) == record.mask.sha256


def test_the_recorded_models_are_found_by_their_weights(tmp_path: Path, sessions: Sessions, golden: Path) -> None:
    made = _made(tmp_path, sessions, ending=".png", treatment=COLOR)
    record = read_sidecar(made.record)
    found = replay.models_for(record, replay.known_models(golden, CARDS))
    assert {task: found[task] for task in ("fill", "colorize")} == {task: golden / f"{task}.toml" for task in ("fill", "colorize")}
    assert set(found) == {"fill", "colorize", "faces"} and found["faces"].parent == CARDS  # no tiny one of that is pinned
    card: Card = read_card(golden / "fill.toml")
    others = {golden / "fill.toml": card.model_copy(update={"sha256": "0" * 64})}
    with pytest.raises(ModelMissingError, match="fill"):
        replay.models_for(record, others)


def test_what_has_no_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plain.png"
    photo.write(photo.read(_picture(bits=8)), path)
    with pytest.raises(RecordError, match="has no record"):
        verify.verify(path)
    for text in (b"\xff\xfe", b"[]", b'{"record": 2}', b"{"):
        (tmp_path / "plain.unfade.json").write_bytes(text)
        with pytest.raises(RecordError, match=r"plain\.unfade\.json is no record"):
            verify.verify(path)


def test_the_schema_takes_what_is_written(tmp_path: Path, sessions: Sessions) -> None:
    made = _made(tmp_path, sessions, ending=".png", treatment=COLOR)
    text = made.record.read_text(encoding="utf-8")
    assert Sidecar.model_validate_json(text).to_json() == text
    assert json.loads(text)["record"] == 1
    assert cv2.imread(str(made.mask), cv2.IMREAD_GRAYSCALE).any()


# --- the commands -------------------------------------------------------------------------------------------


@pytest.fixture
def _golden_models(monkeypatch: pytest.MonkeyPatch, golden: Path) -> None:
    monkeypatch.setenv("UNFADE_MODELS", str(golden))
    monkeypatch.setenv("UNFADE_THREADS", "1")


def _invoke(*arguments: str | Path, status: int = 0) -> str:
    result = CliRunner().invoke(build(), [str(argument) for argument in arguments])
    assert result.exit_code == status, (result.output, result.exception)
    return result.output


@pytest.mark.usefixtures("_golden_models")
@pytest.mark.parametrize("ending", [".tif", ".jpg"])
def test_the_commands_record_verify_and_replay(tmp_path: Path, ending: str) -> None:
    scan = tmp_path / f"scan{ending}"
    photo.write(photo.read(_picture(bits=8)), scan)
    before = scan.read_bytes()
    _invoke("restore", scan, "--record")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {scan.name, f"scan.restored{ending}", "scan.mask.png", "scan.restored.unfade.json"}
    result, record = tmp_path / f"scan.restored{ending}", tmp_path / "scan.restored.unfade.json"
    assert json.loads(_invoke("verify", result, "--master", scan, "--json"))["proved"] is True
    assert "byte for byte" in _invoke("replay", record, "--master", scan, "-o", tmp_path / f"again{ending}")
    assert (tmp_path / f"again{ending}").read_bytes() == result.read_bytes()
    _invoke("restore", scan, "--record")  # done already
    record.unlink()
    _invoke("restore", scan, "--record")  # made again, for its record is gone
    assert record.is_file()
    result.write_bytes(before)  # the master under the result's name
    assert "result: NO" in _invoke("verify", result, "--master", scan, status=1)
    assert scan.read_bytes() == before


@pytest.mark.usefixtures("_golden_models")
def test_a_given_mask_travels_with_the_record(tmp_path: Path) -> None:
    scan, drawn = tmp_path / "scan.png", tmp_path / "drawn.png"
    photo.write(photo.read(_picture(bits=8)), scan)
    lost = np.zeros((64, 80, 1), np.uint8)
    lost[19:25, 9:61] = 255
    photo.write(photo.read(lost), drawn)
    _invoke("restore", scan, "--mask", drawn, "--clean", "0", "--record", "-o", tmp_path / "out.png")
    drawn.unlink()
    assert "every sample is the recorded one" in _invoke(
        "replay", tmp_path / "out.unfade.json", "--master", scan, "-o", tmp_path / "again.png"
    )
    (tmp_path / "out.mask.png").unlink()
    assert "put it beside the record" in _invoke(
        "replay", tmp_path / "out.unfade.json", "--master", scan, "-o", tmp_path / "b.png", status=1
    )


@pytest.mark.usefixtures("_golden_models")
def test_what_was_invented_is_written_and_named(tmp_path: Path) -> None:
    scan, drawn = tmp_path / "scan.png", tmp_path / "drawn.png"
    photo.write(photo.read(_picture(bits=8)), scan)
    lost = np.zeros((64, 80, 1), np.uint8)
    lost[15:36, 20:41] = 255
    photo.write(photo.read(lost), drawn)
    _invoke("restore", scan, "--mask", drawn, "--clean", "0", "--invented", "--report", tmp_path / "r.json", "--colorize", "--force")
    found = photo.read(tmp_path / "scan.restored.invented.png")
    assert found.bits == 16 and found.samples[25, 30, 0] == 11 * 16 and found.samples[25, 30, 2] == 65535
    assert not found.samples[:, :, 0][lost[:, :, 0] == 0].any()
    notes = json.loads((tmp_path / "r.json").read_text())["notes"]
    assert any("invented: 441 pixels at 20, 15, up to 11 pixels" in note for note in notes)
    _invoke("restore", scan, "--invented", "--pages", "all", status=2)


@pytest.mark.usefixtures("_golden_models")
def test_a_replay_writes_over_nothing_it_reads(tmp_path: Path) -> None:
    scan = tmp_path / "scan.png"
    photo.write(photo.read(_picture(bits=8)), scan)
    _invoke("restore", scan, "--record")
    for path in sorted(tmp_path.iterdir()):
        content = path.read_bytes()
        _invoke("replay", tmp_path / "scan.restored.unfade.json", "--master", scan, "-o", path, "--overwrite", status=2)
        assert path.read_bytes() == content
