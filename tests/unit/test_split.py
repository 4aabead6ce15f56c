"""`unfade split` writes each print as it lies, harms no file, and what it restores is proved against the
scan."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.gray_photos import gray_photo
from typer.testing import CliRunner

import unfade
from unfade.cli import build
from unfade.files.photo import Photo, read, write
from unfade.frame.prints import Found, find_prints
from unfade.models.session import Sessions
from unfade.workshop.scans import make_scan


@pytest.fixture
def album(tmp_path: Path, examples: list[np.ndarray]) -> tuple[Path, Found]:
    """A 16-bit scan with a resolution, and the prints on it."""
    scan = make_scan(examples, 8, long_side_px=900, count=3, ground="lid", turned=False)
    photo = replace(read(scan.samples.astype(np.uint16) * 257), dpi=(600.0, 600.0))
    write(photo, tmp_path / "page.tif")
    return tmp_path / "page.tif", find_prints(photo)


def split(*arguments: object) -> list[str]:
    result = CliRunner().invoke(build(), ["split", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout.split()


def test_split_writes_each_print_as_it_lies(album: tuple[Path, Found], tmp_path: Path) -> None:
    path, found = album
    (tmp_path / "prints").mkdir()
    written = split(path, "-o", tmp_path / "prints")
    assert [Path(name).name for name in written] == ["page.1.tif", "page.2.tif", "page.3.tif"]
    scan = read(path)
    for name, one in zip(written, found.prints, strict=True):
        cut = read(name)
        left, top = np.rint(one.corners[0]).astype(int)
        np.testing.assert_array_equal(cut.samples, scan.samples[top : top + cut.height, left : left + cut.width])
        assert cut.bits == 16 and cut.dpi == (600.0, 600.0)
        assert scan.sha256 is not None and scan.sha256.encode() in (cut.metadata.xmp or b"")


def test_a_dry_run_draws_and_writes_the_outlines_alone(album: tuple[Path, Found], tmp_path: Path) -> None:
    path, found = album
    written = [Path(name) for name in split(path, "--dry-run")]
    assert [name.name for name in written] == ["page.prints.png", "page.prints.json"] and len(list(tmp_path.iterdir())) == 3
    account = json.loads(written[1].read_text())
    assert [one["sure"] for one in account["prints"]] == [True] * 3 and account["sha256"] == read(path).sha256
    np.testing.assert_allclose(account["prints"][0]["corners"], found.prints[0].corners, atol=0.01)
    assert read(written[0]).width == 900 or read(written[0]).height == 900


def test_split_harms_no_file(album: tuple[Path, Found], tmp_path: Path) -> None:
    path, _ = album
    other = tmp_path / "page.2.tif"
    other.write_bytes(path.read_bytes())
    refused = CliRunner().invoke(build(), ["split", str(path)])
    assert refused.exit_code == 1 and "page.2.tif is there already" in str(refused.stderr)
    refused = CliRunner().invoke(build(), ["split", str(path), str(other), "--overwrite"])
    assert refused.exit_code != 0 and "would be written over it" in str(refused.stderr)
    assert other.read_bytes() == path.read_bytes()
    refused = CliRunner().invoke(build(), ["split", str(path), "-o", str(tmp_path / "one.tif")])
    assert refused.exit_code == 2 and "is no folder" in str(refused.stderr)


@pytest.mark.parametrize(
    ("options", "wrapped"),
    [((), "xmpmeta"), ((), "xapmeta"), (("--restore", "--clean", 0, "--record"), "xmpmeta")],
    ids=["cut", "cut from a scan of an old program", "restored"],
)
def test_split_can_be_given_again(album: tuple[Path, Found], options: tuple[str, ...], wrapped: str) -> None:
    path, _ = album
    scan = read(path)
    about = b"<x:xapmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/></x:xapmeta>"
    if wrapped == "xapmeta":  # as old programs wrote it
        write(scan.with_metadata(replace(scan.metadata, xmp=about)), path, overwrite=True)
    write(gray_photo(96, 120), path.with_name("page.7.png"))  # a scan of its own: it says nothing of a cut
    written = split(path.parent, *options)
    before = {one: one.read_bytes() for one in path.parent.iterdir()}
    assert len(before) == 2 + len(written) and path.with_name("page.7.1.png") in before
    assert split(path.parent, *options) == written
    again = CliRunner().invoke(build(), ["split", *map(str, sorted(path.parent.glob("*.tif"))), *map(str, options)])
    assert again.exit_code == 0 and again.stderr.count("passed over") == 3, again.output
    # A record is written again: it says how long it took.
    now = {one: before[one] if one.suffix == ".json" else one.read_bytes() for one in path.parent.iterdir()}
    assert now == before


def test_prints_are_photographs_to_other_commands(album: tuple[Path, Found]) -> None:
    path, _ = album
    split(path)
    said = CliRunner().invoke(build(), ["restore", str(path.parent), "--no-fill", "--clean", "0"], catch_exceptions=False)
    assert [Path(line).name for line in said.stdout.splitlines()] == [
        "page.1.restored.tif",
        "page.2.restored.tif",
        "page.3.restored.tif",
        "page.restored.tif",
    ]


def test_outlines_are_no_scans_of_the_next_run(album: tuple[Path, Found], tmp_path: Path) -> None:
    path, _ = album
    written = split(path, "--dry-run")
    assert split(path.parent, "--dry-run", "--overwrite") == written
    (tmp_path / "page.prints.json").unlink()  # so it is anyone's
    assert len(split(path.parent, "--dry-run", "--overwrite")) == 4


def test_a_photograph_alone_is_one_print(tmp_path: Path) -> None:
    photo = gray_photo(96, 120)
    write(photo, tmp_path / "aunt.png")
    (name,) = split(tmp_path / "aunt.png")
    np.testing.assert_array_equal(read(name).samples, photo.samples)


@pytest.mark.parametrize(
    ("options", "ahead"),
    [
        ("", []),
        ("--rotate auto", ["upright"]),
        ("--restore --clean 0", ["damage", "faces", "fill"]),
        ("--restore --rotate auto", ["upright", "damage", "faces", "fill", "tone", "clean"]),
        ("--dry-run --restore", []),
    ],
)
def test_the_models_are_opened_while_the_scan_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str, ahead: list[str]
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(Sessions, "open_ahead", lambda self, *tasks: seen.extend(tasks))
    monkeypatch.setattr("unfade.files.photo.read", lambda *given, **named: seen.append("read") or read(*given, **named))
    write(gray_photo(96, 120), tmp_path / "aunt.png")
    split(tmp_path / "aunt.png", *options.split())
    assert seen[: seen.index("read")] == ahead


def test_the_public_door_takes_a_path(album: tuple[Path, Found]) -> None:
    path, found = album
    assert len(unfade.find_prints(path).prints) == len(found.prints) == 3
    assert isinstance(unfade.read(path), Photo)


# --- a print is proved against its scan ---------------------------------------------------------------------


@pytest.fixture
def two_prints(tmp_path: Path, examples: list[np.ndarray]) -> Path:
    """A scan of two prints, one of them askew, and a scratch across each."""
    scan = np.full((420, 900, 3), 200, np.float32)
    scan += np.random.default_rng(1).normal(0, 1, scan.shape[:2])[..., None]
    prints = [cv2.resize(one, (300, 220), interpolation=cv2.INTER_AREA) for one in examples[:2]]
    for one in prints:
        cv2.line(one, (30, 40), (260, 170), (250, 250, 250), 3)
    scan[80:300, 60:360] = prints[0]
    turn = np.deg2rad(8.0)
    place = np.array([[np.cos(turn), -np.sin(turn), 500], [np.sin(turn), np.cos(turn), 70]])
    part = cv2.warpAffine(prints[1].astype(np.float32), place, (900, 420), flags=cv2.INTER_CUBIC)
    alpha = cv2.warpAffine(np.ones((220, 300), np.float32), place, (900, 420))[..., None]
    write(read(np.clip(scan * (1 - alpha) + part * alpha, 0, 255).astype(np.uint8)), tmp_path / "page.png")
    return tmp_path / "page.png"


def verified(result: Path, master: Path) -> tuple[int, str]:
    said = CliRunner().invoke(build(), ["verify", str(result), "--master", str(master)], catch_exceptions=False)
    return said.exit_code, said.stdout


def test_a_restored_print_is_proved_against_its_scan(two_prints: Path, tmp_path: Path) -> None:
    (tmp_path / "prints").mkdir()
    written = [Path(name) for name in split(two_prints, "-o", tmp_path / "prints", "--restore", "--clean", 0, "--record")]
    assert [path.name for path in written[::3]] == ["page.1.png", "page.2.png"] and len(written) == 6
    for result in written[::3]:
        status, said = verified(result, two_prints)
        assert status == 0 and "outside the mask every sample is the master's" in said, said
        replayed = tmp_path / f"again-{result.name}"
        record = result.with_name(result.stem + ".unfade.json")
        again = CliRunner().invoke(build(), ["replay", str(record), "--master", str(two_prints), "-o", str(replayed)])
        assert again.exit_code == 0, again.output
        np.testing.assert_array_equal(read(replayed).samples, read(result).samples)


@pytest.mark.parametrize("asked", [("--record",), ("--no-fill",)])
def test_what_was_changed_in_a_print_is_told(two_prints: Path, asked: tuple[str, ...]) -> None:
    """By its record and its mask or, where nothing was filled, by what the file itself says."""
    results = [Path(name) for name in split(two_prints, "--restore", "--clean", 0, *asked) if name.endswith((".1.png", ".2.png"))]
    assert len(results) == 2
    for result in results:
        assert verified(result, two_prints)[0] == 0
        photo = read(result)
        samples = photo.samples.copy()
        samples[3, 5] = samples[3, 5] ^ 1
        write(photo.with_samples(samples), result, overwrite=True)
        status, said = verified(result, two_prints)
        assert status == 1 and "outside the mask 1 pixel differs, the first at 5, 3" in said, said


def test_a_record_of_a_print_goes_over_no_other_scans(two_prints: Path) -> None:
    other = two_prints.with_suffix(".tif")
    write(read(two_prints), other)
    split(two_prints, "--restore", "--clean", 0, "--record")
    before = {path: path.read_bytes() for path in two_prints.parent.iterdir()}
    arguments = ["split", str(other), "--restore", "--clean", "0", "--record", "--overwrite"]
    refused = CliRunner().invoke(build(), arguments)
    assert refused.exit_code == 1 and "is the record of page.1.png, made of page.png" in refused.stderr
    assert {path: path.read_bytes() for path in two_prints.parent.iterdir()} == before


def test_what_is_only_cut_has_no_record(two_prints: Path) -> None:
    refused = CliRunner().invoke(build(), ["split", str(two_prints), "--record"])
    assert refused.exit_code == 2 and "add --restore" in refused.stderr


def test_what_is_said_of_a_print_says_of_which(two_prints: Path) -> None:
    said = " ".join(CliRunner().invoke(build(), ["split", str(two_prints), "--restore", "--clean", "0"]).stderr.split())
    assert "print 1: fill: " in said or "print 1: damage: " in said


def test_prints_that_are_cut_anew_lose_the_records_of_the_old(two_prints: Path) -> None:
    split(two_prints, "--restore", "--clean", 0, "--record")
    records = sorted(two_prints.parent.glob("*.unfade.json"))
    split(two_prints, "--overwrite")
    assert len(records) == 2 and not any(record.exists() for record in records)
