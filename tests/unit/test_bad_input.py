"""What a person can get wrong, through the real command: one sentence, the right exit status, no traceback,
no half-written file."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "models"
COMMAND = str(Path(sys.executable).with_name("unfade"))

Run = Callable[..., subprocess.CompletedProcess[str]]


def unfade(*arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UNFADE_")}
    environment |= {"UNFADE_MODELS": str(GOLDEN), "UNFADE_THREADS": "1"} | settings
    command = [COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)


def refused(run: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    """The command refused: this status, these words in its sentence, nothing like a traceback, nothing on
    standard output."""
    assert run.returncode == status, (run.returncode, run.stdout, run.stderr)
    assert "Traceback" not in run.stderr and "Error:" not in run.stderr.replace("Error: ", "", 1)
    for word in words:
        assert word in run.stderr, run.stderr
    assert run.stdout == ""


@pytest.fixture
def photograph(tmp_path: Path, rng: np.random.Generator) -> Path:
    samples = np.clip(np.tile(np.linspace(60, 190, 64), (48, 1)) + rng.normal(0, 4, (48, 64)), 0, 255).astype(np.uint8)
    path = tmp_path / "grandmother.png"
    assert cv2.imwrite(str(path), samples)
    return path


def _png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


def test_the_same_command_works_on_a_good_photograph(photograph: Path) -> None:
    run = unfade("restore", photograph)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == str(photograph.with_name("grandmother.restored.png"))


@pytest.mark.parametrize("verb", ["restore", "colorize", "damage"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.jpg", b""),
        ("letter.jpg", b"Dear Aunt May, the photographs are in the other envelope."),
        ("page.png", b"<!doctype html><title>404</title>"),
        ("header-only.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01"),
        ("lying.png", _png_header(2000, 2000)),
    ],
)
def test_a_file_that_is_no_photograph(tmp_path: Path, verb: str, name: str, content: bytes) -> None:
    if verb != "restore" and name != "letter.jpg":
        pytest.skip("one verb goes through all of them; the others through one")
    path = tmp_path / name
    path.write_bytes(content)
    refused(unfade(verb, path), 1, name)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_jpeg_that_is_cut_off_is_restored_as_far_as_it_goes(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "cut.jpg"
    cv2.imwrite(str(path), cv2.resize(rng.integers(0, 255, (9, 12, 3), np.uint8), (240, 180)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    run = unfade("restore", path, "--save-mask")
    assert run.returncode == 0, run.stderr
    mask = cv2.imread(str(tmp_path / "cut.mask.png"), cv2.IMREAD_GRAYSCALE)
    assert mask[-8:].min() == 255  # what is lost is damage


@pytest.mark.parametrize("ending", [".png", ".tif", ".webp"])
def test_a_truncated_photograph(tmp_path: Path, rng: np.random.Generator, ending: str) -> None:
    path = tmp_path / f"cut{ending}"
    cv2.imwrite(str(path), rng.integers(0, 255, (200, 300, 3), np.uint8))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refused(unfade("restore", path), 1, path.name)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    refused(unfade("restore", tmp_path / "no-such.jpg"), 1, "no-such.jpg")


def test_over_the_pixel_limit_is_seen_in_the_header(tmp_path: Path) -> None:
    path = tmp_path / "vast.png"
    path.write_bytes(_png_header(30000, 30000))  # 900 megapixels claimed by a file of a hundred bytes
    refused(unfade("restore", path), 1, "vast.png", "900", "200", "UNFADE_MAX_MEGAPIXELS")


def test_the_limit_is_a_setting(photograph: Path) -> None:
    refused(unfade("restore", photograph, UNFADE_MAX_MEGAPIXELS="0.001"), 1, "grandmother.png", "0.001")
    refused(unfade("restore", photograph, UNFADE_MAX_MEGAPIXELS="many"), 2, "UNFADE_MAX_MEGAPIXELS", "'many'")


def test_a_folder_without_photographs(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(unfade("restore", tmp_path / "empty"), 2, "holds no photographs", "--recursive")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no such permissions here")
def test_a_photograph_that_may_not_be_read(photograph: Path) -> None:
    photograph.chmod(0)
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    refused(unfade("restore", photograph), 1, "grandmother.png", "ermission")


def test_an_output_folder_that_is_not_there(photograph: Path, tmp_path: Path) -> None:
    refused(unfade("restore", photograph, "-o", tmp_path / "nowhere" / "out.png"), 1, "there is no folder", "mkdir -p")
    refused(unfade("restore", photograph, "-o", f"{tmp_path / 'nowhere'}/"), 1, "there is no folder")


def test_a_result_that_is_there_already(photograph: Path) -> None:
    there = photograph.with_name("grandmother.restored.png")
    there.write_bytes(b"precious")
    refused(unfade("restore", photograph), 1, "is there already", "--overwrite")
    assert there.read_bytes() == b"precious"
    assert unfade("restore", photograph, "--overwrite").returncode == 0
    assert there.read_bytes() != b"precious"


def test_a_mask_of_another_size(photograph: Path, tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    cv2.imwrite(str(mask), np.zeros((10, 10), np.uint8))
    refused(unfade("restore", photograph, "--mask", mask), 2, "mask.png has 10x10", "64x48")


def test_a_mask_for_several_photographs(photograph: Path) -> None:
    refused(unfade("restore", photograph, photograph, "--mask", photograph), 2, "--mask")


@pytest.mark.parametrize(
    "arguments",
    [
        ("restore", "--clean", "1.5"),
        ("restore", "--clean", "nan"),
        ("restore", "--sensitivity", "-0.1"),
        ("restore", "--sensitivity", "much"),
        ("restore", "--quality", "101"),
        ("restore", "--format", "doc"),
        ("colorize", "--strength", "2"),
        ("colorize", "--saturation", "2.5"),
        ("damage", "--sensitivity", "7"),
        ("age", "--seed", "1", "--amount", "9"),
        ("age",),
        ("age", "--seed", "1", "--kind", "scratchs"),
        ("restore", "--no-such-option"),
    ],
)
def test_an_option_out_of_range(photograph: Path, arguments: tuple[str, ...]) -> None:
    verb, *options = arguments
    refused(unfade(verb, photograph, *options), 2, *(option for option in options[:1] if option.startswith("--") and verb != "age"))
    assert [file.name for file in photograph.parent.iterdir()] == ["grandmother.png"]


def test_no_photograph_and_an_unknown_command() -> None:
    refused(unfade("restore"), 2, "PHOTO")
    refused(unfade("restaur"), 2, "restaur")
    refused(unfade("models", "no-such-model"), 2, "no-such-model")


def test_two_photographs_for_one_result(tmp_path: Path, photograph: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "out").mkdir()
    twin = tmp_path / "other" / photograph.name
    shutil.copyfile(photograph, twin)
    refused(unfade("restore", photograph, twin, "-o", tmp_path / "out"), 2, str(photograph), str(twin), "grandmother.restored.png")
    refused(unfade("restore", photograph, twin, "-o", photograph), 2, "is one file")


def _models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    shutil.copytree(GOLDEN, folder)
    return folder


def test_a_model_that_is_missing(tmp_path: Path, photograph: Path) -> None:
    folder = _models(tmp_path)
    (folder / "damage.onnx").unlink()
    refused(unfade("restore", photograph, UNFADE_MODELS=str(folder)), 1, "damage.onnx")
    assert not photograph.with_name("grandmother.restored.png").exists()


def test_a_model_that_is_corrupted(tmp_path: Path, photograph: Path) -> None:
    folder = _models(tmp_path)
    weights = bytearray((folder / "damage.onnx").read_bytes())
    weights[len(weights) // 2] ^= 0xFF
    (folder / "damage.onnx").write_bytes(weights)
    refused(unfade("restore", photograph, UNFADE_MODELS=str(folder)), 1, "damage.onnx", "SHA-256")


def test_a_card_that_is_no_card(tmp_path: Path, photograph: Path) -> None:
    folder = _models(tmp_path)
    (folder / "damage.toml").write_text("name = \n")
    refused(unfade("restore", photograph, UNFADE_MODELS=str(folder)), 1, "damage.toml")


def test_one_bad_photograph_does_not_stop_the_rest(tmp_path: Path, photograph: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    last = tmp_path / "zoe.png"
    shutil.copyfile(photograph, last)
    run = unfade("restore", photograph, bad, last, "--report", tmp_path / "report.json")
    assert run.returncode == 1
    assert run.stdout.split() == [str(tmp_path / "grandmother.restored.png"), str(tmp_path / "zoe.restored.png")]
    assert "1 of 3 photographs failed" in run.stderr and f"{bad}: " in run.stderr and "Traceback" not in run.stderr
    assert '"error"' in (tmp_path / "report.json").read_text()
