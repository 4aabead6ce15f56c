"""What is no ordinary file, in every place where a command takes one: a sentence and a status, at once; never
a hang, never "a mistake"."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from unfade.cli import build
from unfade.errors import ModelCorruptError, ModelMissingError, UnreadableError, UsageError
from unfade.files import photo
from unfade.models import store
from unfade.models.card import read_card
from unfade.settings import Settings, open_sessions, read_settings

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no such files here")

AWKWARD = (
    "fifo", "socket", "device", "loop", "folder", "missing", "dangling", "empty", "binary", "unreadable", "under-a-file", "long",
    "too-long", "not-utf-8", "control",
)  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path, golden: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    assert cv2.imwrite(str(tmp_path / "good.png"), rng.integers(0, 255, (12, 16), np.uint8))
    for ending in ("onnx", "toml"):
        shutil.copyfile(golden / f"translate.{ending}", tmp_path / f"good.{ending}")
    monkeypatch.setenv("UNFADE_MODELS", str(golden))
    monkeypatch.setenv("UNFADE_THREADS", "1")
    monkeypatch.chdir(tmp_path)

    def late(number: int, frame: FrameType | None) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(120)  # the first to ask for torch imports it
    yield tmp_path
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def _make(kind: str, ending: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An awkward file in the working directory, with this ending; gives its name."""
    path = Path(f"{kind}{ending}")
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "folder":
        path.mkdir()
    elif kind == "dangling":
        path.symlink_to("nothing")
    elif kind == "empty":
        path.touch()
    elif kind == "binary":
        path.write_bytes(bytes(range(256)) * 8)
    elif kind == "unreadable":
        path.write_bytes(b"secret")
        _forbid(path, monkeypatch)
    elif kind == "under-a-file":
        return f"good.png/x{ending}"
    elif kind == "long":
        path = Path("n" * (250 - len(ending)) + ending)
        shutil.copyfile("good.png", path)
    elif kind == "too-long":
        path = Path("n" * 400 + ending)
    elif kind == "not-utf-8":
        path = Path(os.fsdecode(b"Gro\xdfmutter" + ending.encode()))
        shutil.copyfile("good.png", path)
    elif kind == "control":
        path = Path(f"a\x1b[2Jb\nc{ending}")
        shutil.copyfile("good.png", path)
    return str(path)


def _forbid(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the permission to read away, for root as well: tests may run as root, who may read everything."""
    path.chmod(0)
    opened, allowed = os.open, os.access

    def refuse(name: str | os.PathLike[str], *arguments: int, **options: int) -> int:
        if Path(name).name == path.name:
            raise PermissionError(13, os.strerror(13), str(name))
        return opened(name, *arguments, **options)

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(
        os, "access", lambda name, *arguments, **options: Path(name).name != path.name and allowed(name, *arguments, **options)
    )


PLACES: dict[str, tuple[str, tuple[str, ...]]] = {
    "photograph": (".png", ("restore", "--no-fill", "--clean", "0", "{}")),
    "mask": (".png", ("restore", "--clean", "0", "--mask", "{}", "good.png")),
    "output": (".png", ("restore", "--no-fill", "--clean", "0", "-o", "{}", "--overwrite", "good.png")),
    "report": (".json", ("restore", "--no-fill", "--clean", "0", "--report", "{}", "--overwrite", "good.png")),
    "sheet": (".png", ("restore", "--no-fill", "--clean", "0", "--sheet", "{}", "--overwrite", "good.png")),
    "model": (".onnx", ("translate", "{}", "good.png", "--overwrite")),
    "card": (".toml", ("translate", "{}", "good.png", "--overwrite")),
    "aged": (".png", ("age", "--seed", "1", "--amount", "0", "{}")),
    "damaged": (".png", ("damage", "{}")),
    "recipe": (".toml", ("train", "{}", "--data", ".", "--out", "run/one")),
    "run": ("", ("export", "{}", "-o", "new.onnx")),
    "bench": ("", ("evaluate", "restoration", "pipeline", "--bench", "{}", "--features", "none")),
    "results": (".png", ("evaluate", "restoration", "{}", "--bench", ".", "--features", "none")),
}


@pytest.mark.parametrize("kind", AWKWARD)
@pytest.mark.parametrize("place", PLACES)
def test_an_awkward_file_is_said_in_a_sentence(desk: Path, place: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ending, arguments = PLACES[place]
    before = (desk / "good.png").read_bytes()
    name = _make(kind, ending, monkeypatch)
    result = CliRunner().invoke(build(), [argument.format(name) for argument in arguments])
    assert result.exit_code in (0, 1, 2), (result.output, result.exception)
    assert "mistake in Unfade" not in result.output and "Traceback" not in result.output, result.output
    usual = (
        "long",
        "not-utf-8",
        "control",
        "dangling",
        "missing",
        "empty",
        "folder",
        *(("binary", "unreadable") if place == "output" else ()),
    )
    assert result.exit_code != 0 or kind in usual, result.output
    assert "\x1b" not in result.stderr, "a name reaches the terminal as a command"
    assert (desk / "good.png").read_bytes() == before


def test_one_that_cannot_be_read_does_not_stop_the_others(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _make("unreadable", ".png", monkeypatch)
    _make("loop", ".jpg", monkeypatch)
    os.mkfifo("fifo.tif")
    long = "n" * 246 + ".png"
    shutil.copyfile("good.png", long)
    result = CliRunner().invoke(
        build(), ["restore", "--no-fill", "--clean", "0", "unreadable.png", "fifo.tif", "loop.jpg", long, "good.png"]
    )
    assert result.exit_code == 1, result.output
    assert result.stdout == "good.restored.png\n"
    assert "4 of 5 photographs failed" in result.stderr
    for word in ("may not be read", "is not a regular file", "symbolic links", "name is too long"):
        assert word in result.stderr, result.stderr


def test_the_library_does_not_wait_for_a_fifo(desk: Path) -> None:
    os.mkfifo("fifo.png")
    with pytest.raises(UnreadableError, match="is not a regular file"):
        photo.read("fifo.png")


# --- models ---------------------------------------------------------------------------------------------


def test_models_that_cannot_be_listed_are_never_replaced_in_silence(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk / "mine").mkdir()
    monkeypatch.setenv("UNFADE_MODELS", str(desk / "mine"))
    with pytest.raises(UsageError, match="holds no model"):
        open_sessions(read_settings())
    scanned = os.scandir

    def refuse(path: Path) -> object:
        if Path(path) == desk / "mine":
            raise PermissionError(13, os.strerror(13))
        return scanned(path)

    settings = read_settings()
    monkeypatch.setattr(os, "scandir", refuse)
    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(UsageError, match=r"UNFADE_MODELS is .*cannot be read"):
        read_settings()
    with pytest.raises(ModelMissingError, match="cannot be listed"):
        open_sessions(settings)
    for command in (["models"], ["restore", "good.png"]):
        result = CliRunner().invoke(build(), command)
        assert result.exit_code == 2 and "UNFADE_MODELS" in result.stderr, result.output


@pytest.mark.parametrize("name", ["../good.onnx", "/etc/passwd", "sub/good.onnx", "..\\good.onnx", "C:good.onnx", "good.png", ""])
def test_a_card_names_weights_beside_it_and_nowhere_else(desk: Path, name: str) -> None:
    (desk / "sub").mkdir()
    shutil.copyfile("good.onnx", "sub/good.onnx")
    text = (desk / "good.toml").read_text().replace('weights = "translate.onnx"', f"weights = '{name}'")
    (desk / "evil.toml").write_text(text)
    with pytest.raises(ModelCorruptError, match="weights"):
        read_card(desk / "evil.toml")


def test_a_card_of_a_gigabyte_is_not_read(desk: Path) -> None:
    with (desk / "vast.toml").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(ModelCorruptError, match="larger than"):
        read_card(desk / "vast.toml")


def test_weights_that_cannot_be_read_are_said(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (desk / "good.toml").read_text().replace("translate.onnx", "good.onnx")
    (desk / "good.toml").write_text(text)
    model = store.named(desk / "good.toml")
    _forbid(desk / "good.onnx", monkeypatch)
    with pytest.raises(ModelMissingError, match="Permission denied"):
        store.verify(model)


def test_settings_without_models_use_those_that_ship(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNFADE_MODELS", raising=False)
    assert Settings().models is None
