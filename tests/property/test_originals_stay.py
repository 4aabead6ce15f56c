"""No command changes a byte of what it reads, whatever it is told to write and where."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from unfade.cli import build

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "models"

# Ways to one and the same folder: as it is, through links, through `..`.
WAYS = ("album", "link", "out/../album", "./link/../album", "out")
PHOTOGRAPHS = ("anna.jpg", "bert.png", "cara.tif", "hard.jpg", "soft.png", "anna.restored.jpg", "bert.aged.png")
PICTURES = (*PHOTOGRAPHS, "mask.png", "anna.mask.png", "sheet.png", "dangling.png", "new.png", "new.jpg", "new.tif")
ACCOUNTS = ("new.json", "list.json", "to-list.json", "to-anna.json", "dangling.json", "../bench/report.json")
OTHERS = ("ANNA.JPG", "notes.txt", "model.onnx", "model.toml", "../runs/one/recipe.onnx", "../nowhere/new.png", "")
FOREIGN = {"album/list.json", "album/notes.txt", "album/model.toml", "runs/one/recipe.toml", "bench/report.json", "bench/report.html"}
FOLDERS = ("album", "link", "out", "runs/one", "bench", "bench/truth", "data", "data/below", "new", "out/../data", "runs/new")


def _picture(path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    assert cv2.imwrite(str(path), rng.integers(0, 255, (12, 16), np.uint8))


def _world(root: Path) -> None:
    """An album with originals, links to them, a mask, files of other programs, results, a model, a run, a
    bench."""
    for folder in ("album", "out", "runs/one/sheets", "bench/truth", "bench/damaged", "data/sheets", "data/below"):
        (root / folder).mkdir(parents=True)
    album = root / "album"
    places = ("anna.jpg", "bert.png", "cara.tif", "mask.png", "sheet.png", "anna.mask.png", "anna.restored.jpg", "bert.aged.png")
    for number, name in enumerate(places):
        _picture(album / name, number)
    for name in (
        "bench/truth/p.png",
        "bench/damaged/p.png",
        "data/p.png",
        "data/sheets/step-0000001.png",
        "runs/one/sheets/step-0000001.png",
    ):
        _picture(root / name, 77)
    (album / "hard.jpg").hardlink_to(album / "anna.jpg")
    (album / "soft.png").symlink_to("bert.png")
    (album / "dangling.png").symlink_to("nothing.png")
    (album / "to-list.json").symlink_to("list.json")
    (album / "to-anna.json").symlink_to("anna.jpg")
    (root / "link").symlink_to("album")
    (root / "out" / "anna.restored.jpg").symlink_to("../album/anna.jpg")
    (root / "out" / "bert.mask.png").symlink_to("../album/bert.png")
    (root / "out" / "cara.translated.tif").hardlink_to(album / "cara.tif")
    (album / "list.json").write_text('{"names": ["May", "Ada"]}')
    (album / "notes.txt").write_text("who is who")
    for name in ("bench/report.json", "bench/report.html", "data/report.json", "runs/one/checkpoint.pt"):
        (root / name).write_text("of another program")
    for ending in ("onnx", "toml"):
        shutil.copyfile(GOLDEN / f"translate.{ending}", album / f"model.{ending}")
    for name in ("recipe.toml", "model.toml"):
        (root / "runs" / "one" / name).write_text("a recipe by hand")


def _bytes(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()}


@dataclass(frozen=True)
class Call:
    """A command line, and the files and folders that it reads, as they are named."""

    arguments: tuple[str, ...]
    reads: tuple[str, ...]


def named(*names: str) -> st.SearchStrategy[str]:
    """One of these in the album, by any way; now and then any other name."""
    return st.builds("{}/{}".format, st.sampled_from(WAYS), st.one_of([st.sampled_from(names)] * 4 + [st.sampled_from(PICTURES + OTHERS)]))


photographs = st.lists(st.builds("{}/{}".format, st.sampled_from(WAYS[:4]), st.sampled_from(PHOTOGRAPHS)), min_size=1, max_size=3)
OPTIONS = {"-o": st.one_of(st.sampled_from(WAYS), named(*PICTURES)), "--report": named(*ACCOUNTS), "--sheet": named(*PICTURES)}
EXTRAS: list[list[str]] = [[], ["--save-mask"], ["--record"], ["--layers", "ora"], ["--recursive", "--pages", "all"], ["--drop-location"]]
folders = st.sampled_from(FOLDERS)


@st.composite
def calls(draw: st.DrawFn) -> Call:
    command = draw(st.sampled_from(["restore", "restore", "colorize", "damage", "age", "translate", "evaluate", "export", "train"]))
    arguments, reads = [command], []
    if command == "evaluate":
        subject, bench = draw(st.one_of(st.just("pipeline"), folders)), draw(folders)
        arguments += ["restoration", subject, "--bench", bench, "-o", draw(folders), "--features", "none"]
        reads += [subject, bench]
    elif command == "export":
        run = draw(folders)
        arguments += [run, "-o", draw(named("model.onnx", "new.onnx", "../runs/one/recipe.onnx"))]
        reads += [run]
    elif command == "train":
        recipe, data = draw(st.sampled_from(["colorize", "album/model.toml"])), draw(folders)
        arguments += [recipe, "--data", data, "--out", draw(folders), *draw(st.sampled_from([[], ["--resume"]]))]
        reads += [data, recipe]
    else:
        sources = draw(photographs) + draw(st.sampled_from([[], [], [], ["data"], ["album"]]))
        arguments += [*(["album/model.onnx"] if command == "translate" else []), *sources]
        reads += [*sources, "album/model.onnx"]
        arguments += ["--seed", "1", "--amount", "0"] if command == "age" else []
        if command == "restore":
            arguments += ["--no-fill", "--clean", "0", *draw(st.sampled_from(EXTRAS))]
            if draw(st.booleans()):
                reads += [draw(named("mask.png", "anna.mask.png", *PICTURES))]
                arguments += ["--mask", reads[-1]]
        for option in ("-o", "--report", "--sheet")[: {"age": 1, "damage": 2}.get(command, 3)]:
            if draw(st.booleans()):
                arguments += [option, draw(OPTIONS[option])]
        if command != "damage" and draw(st.integers(0, 4)) == 0:
            arguments += ["--format", draw(st.sampled_from(["png", "jpeg", "tiff"]))]
    if command not in ("evaluate", "train") and draw(st.booleans()):
        arguments += ["--overwrite"]
    return Call(tuple(arguments), tuple(reads))


def _files(root: Path, named: str) -> Iterator[str]:
    """The real files behind a name: itself or, of a folder, all below it."""
    path = Path(os.path.realpath(root / named))
    for found in [path] if path.is_file() else path.rglob("*") if path.is_dir() else []:
        if found.is_file() and found.is_relative_to(root):
            yield str(Path(os.path.realpath(found)).relative_to(root))


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training, export and evaluation write what they write, and compute nothing."""

    def export(run: Path, target: Path) -> SimpleNamespace:
        target.write_bytes(b"weights")
        target.with_suffix(".toml").write_bytes(b"card")
        return SimpleNamespace(name="x", version="1", task="fill", parameters=1)

    def train(recipe: object, data: object, out: Path, **options: object) -> Path:
        (out / "sheets").mkdir(parents=True, exist_ok=True)
        for name in ("checkpoint.pt", "sheets/step-0000001.png"):
            (out / name).write_bytes(b"trained")
        return out

    def write_report(evaluation: object, folder: Path) -> tuple[Path, ...]:
        folder.mkdir(exist_ok=True)
        written = (folder / "report.html", folder / "report.json")
        for path in written:
            path.write_bytes(b"figures")
        return written

    for name, function in (("export", export), ("train", train)):
        module = ModuleType(f"unfade.workshop.{name}")
        setattr(module, name, function)
        monkeypatch.setitem(sys.modules, f"unfade.workshop.{name}", module)
    monkeypatch.setattr("unfade.measures.evaluation.evaluate", lambda *arguments, **options: SimpleNamespace(notes=()))
    monkeypatch.setattr("unfade.measures.report.tables", lambda evaluation: [])
    monkeypatch.setattr("unfade.measures.report.write_report", write_report)
    monkeypatch.setenv("UNFADE_MODELS", str(GOLDEN))
    monkeypatch.setenv("UNFADE_THREADS", "1")


@pytest.mark.usefixtures("_quick")
@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(call=calls())
def test_nothing_that_is_read_ever_changes(call: Call) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        root = Path(os.path.realpath(folder))
        _world(root)
        patch.chdir(root)
        before = _bytes(root)
        read = {file for named in call.reads for file in _files(root, named)}
        result = CliRunner().invoke(build(), list(call.arguments))
        after = _bytes(root)
        event(f"{call.arguments[0]} {result.exit_code}")
        assert result.exit_code in (0, 1, 2), result.exception
        assert "a mistake in Unfade" not in result.output, result.output
        changed = {name for name, content in before.items() if after.get(name) != content}
        assert not changed & read, (changed & read, result.output)
        if "--overwrite" not in call.arguments and call.arguments[0] not in ("evaluate", "train"):
            assert not changed, result.output
        # What is of another kind, or was never Unfade's to write, stays whatever is said.
        assert not changed & FOREIGN, result.output
