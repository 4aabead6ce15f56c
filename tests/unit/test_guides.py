"""A photograph is colored like another: where the model would guess alike, it gets that one's colors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.gray_photos import gray_photo

import unfade
from unfade import color
from unfade.errors import UsageError
from unfade.files.photo import Photo, read
from unfade.models.session import Sessions
from unfade.steps._guides import guides_of, liked
from unfade.steps.colorize import Guide
from unfade.treatment import Treatment


def _photo(lab: np.ndarray) -> Photo:
    return read(np.rint(color.srgb_from_lab(lab.astype(np.float32)) * 255).astype(np.uint8))


def _two_things() -> np.ndarray:
    """A dark red coat before a light blue wall."""
    lab = np.zeros((64, 96, 3), np.float32)
    lab[:, :48], lab[:, 48:] = (35, 40, 20), (75, -8, -22)
    return lab


def test_a_guess_becomes_what_it_is_in_the_other_photograph() -> None:
    lab = _two_things()
    lightness, guess = lab[::4, ::4, 0] / np.float32(100), np.zeros((16, 24, 2), np.float32)
    guess[:, :12], guess[:, 12:] = (10, 10), (0, 4)
    guides = guides_of(_photo(lab), guess, lightness)
    assert sum(guide.share for guide in guides) == pytest.approx(1, abs=0.01)
    moved = liked(guess, lightness, guides)
    assert np.hypot(*(moved - lab[::4, ::4, 1:])[8, 4]) < 4 and np.hypot(*(moved - lab[::4, ::4, 1:])[8, 18]) < 4
    assert moved.dtype == np.float32


def test_what_is_like_nothing_in_the_other_photograph_stays() -> None:
    guides = (Guide(35, (10, 10), (40, 20), 0.5),)
    guess = np.full((4, 6, 2), -20, np.float32)
    np.testing.assert_allclose(liked(guess, np.full((4, 6), 0.9, np.float32), guides), guess, atol=1e-3)


def test_a_photograph_is_colored_in_the_colors_of_another(sessions: Sessions) -> None:
    blue = np.zeros((64, 96, 3), np.float32)
    blue[..., 0], blue[..., 2] = np.linspace(20, 80, 96), np.linspace(-45, -15, 96)
    blue[:32, :, 1] = 25
    photo = gray_photo(64, 96)
    plain, like = (unfade.colorize(photo, like=other, sessions=sessions) for other in (None, _photo(blue)))
    before, after = (color.lab_from_srgb(one.photo.samples.astype(np.float32) / 255).mean(axis=(0, 1)) for one in (plain, like))
    assert before[2] > 5 and after[2] < before[2] - 15
    assert after[0] == pytest.approx(before[0], abs=0.5)
    given = like.report.steps[-1].options["guides"]
    again = unfade.colorize(photo, guides=[Guide(**each) for each in given], sessions=sessions)
    assert again.photo.samples.tobytes() == like.photo.samples.tobytes()  # the record holds all that it takes


def test_what_cannot_guide_is_refused(sessions: Sessions) -> None:
    with pytest.raises(UsageError, match="has no colors to be like"):
        unfade.colorize(gray_photo(32, 48), like=gray_photo(32, 48), sessions=sessions)
    with pytest.raises(UsageError, match="add colorize=True"):
        unfade.restore(gray_photo(32, 48), like=_photo(_two_things()), sessions=sessions)


@pytest.mark.parametrize("text", ["", "1,2,3", "120,0,0,0,0,0.5", "40,0,0,0,0,2", "40,0,0,0,500,0.5", "a,0,0,0,0,0.5", "nan,0,0,0,0,0.5"])
def test_a_guide_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="guide"):
        Guide.parse(text)


def test_guides_come_back_from_json_and_from_the_api() -> None:
    pytest.importorskip("fastapi", reason="needs the web extra")
    from unfade.queue.options import Options

    treatment = Treatment(colorize=True, guides=[Guide(40, (6, -4), (30, 18), 0.25)])
    assert Treatment.from_json(treatment.as_json()) == treatment == treatment.scaled(0.5)
    body = {"colorize": True, "guides": [{"lightness": 40, "guess": [6, -4], "color": [30, 18], "share": 0.25}]}
    assert Options.model_validate(body).treatment() == treatment


def test_the_command_line_takes_another_photograph(tmp_path: Path, golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from unfade.cli import build

    monkeypatch.setenv("UNFADE_MODELS", str(golden))
    monkeypatch.chdir(tmp_path)
    unfade.write(gray_photo(64, 96), "a.png")
    unfade.write(_photo(_two_things()), "like.png")
    for arguments, written in (
        ("colorize a.png --like like.png", "a.colorized.png"),
        ("restore a.png --no-fill --clean 0 --colorize --like like.png", "a.restored.png"),
    ):
        done = CliRunner().invoke(build(), arguments.split())
        assert done.exit_code == 0 and done.stdout.strip() == written, done.output
        again = CliRunner().invoke(build(), arguments.split())
        assert "done already" in again.stderr and again.stdout == ""
    assert (read(Path("a.colorized.png")).samples == read(Path("a.restored.png")).samples).all()
    for command, written in (("colorize", "colorized"), ("restore --no-fill --clean 0 --colorize", "restored")):
        name, *options = command.split()
        guide = ["--guide", "40,6,-4,30,18,0.25", "--like", "like.png", "-o", f"both.{written}.png", "--report", f"{written}.json"]
        done = CliRunner().invoke(build(), [name, "a.png", *options, *guide])
        assert done.exit_code == 0, done.output
        given = json.loads(Path(f"{written}.json").read_text())["steps"][-1]["options"]["guides"]
        assert given[0]["color"] == [30, 18] and len(given) > 1  # what is named adds to what the other photograph gives
    for arguments, said in (
        ("colorize a.png --like a.png", "has no colors to be like"),
        ("restore a.png --like like.png", "add --colorize"),
        ("colorize a.png --like like.png -o like.png --overwrite", "originals are never written over"),
    ):
        refused = CliRunner().invoke(build(), arguments.split())
        assert refused.exit_code == 2 and said in refused.output.replace("\n", " "), refused.output
