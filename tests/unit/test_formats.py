"""A format is added in one place, and everything that reads, writes or offers formats picks it up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from unfade.files.formats import FORMATS

TOY = '''
"""A toy: samples as they are, behind their size."""

import struct

import numpy as np

from unfade.files.codec import Codec, Contents, Picture, never


def _decode(data, how):
    height, width = struct.unpack_from(">II", data, 4)
    return Picture(np.frombuffer(data, np.uint8, height * width * 3, 12).reshape(height, width, 3), None, Contents())


def _encode(picture, how):
    return b"TOY!" + struct.pack(">II", *picture.samples.shape[:2]) + picture.samples.tobytes()


CODEC = Codec(
    title="Toy",
    extensions=(".toy",),
    media_type="image/x-toy",
    tells=lambda data: data[:4] == b"TOY!",
    decode=_decode,
    encode=_encode,
    bits=8,
    alpha=False,
    gray="never",
    holds=frozenset(),
    is_lossy=never,
    losses=lambda picture: ["Toy holds no joy: it is left out"],
)
'''

USE = """
import sys
import unfade.files.formats
unfade.files.formats.__path__.append(sys.argv[1])

import numpy as np
from unfade.cli import build
from unfade.files import photo

samples = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
source = sys.argv[1] + "/a.toy"
photo.write(photo.read(samples), source)
again = photo.read(source)
assert again.format == "toy" and (again.samples == samples).all()
deep = photo.read(samples.astype(np.uint16) * 257)
assert photo.losses(deep, "toy") == ("Toy holds 8 bits: the 16-bit samples are rounded", "Toy holds no joy: it is left out")
assert (photo.read(photo.encode_file(deep, "toy")).samples == samples).all()
try:
    photo.read(b"nothing", name="x")
except photo.UnreadableError as error:
    assert "Toy" in str(error)

from typer.testing import CliRunner
assert "toy" in CliRunner().invoke(build(), ["restore", "--help"]).stdout
"""

WEB = """
from unfade.web.requests import RESULT_FORMATS
assert "toy" in RESULT_FORMATS
import pathlib
from starlette.testclient import TestClient
from unfade.settings import Settings
from unfade.web.app import create_app

server = create_app(Settings(data=pathlib.Path(sys.argv[1]) / "data"))
text = TestClient(server, base_url="http://127.0.0.1:8000").get("/api/openapi.json").text
assert "image/x-toy" in text and '"toy"' in text
"""


def _run(code: str, folder: Path) -> None:
    (folder / "toy.py").write_text(TOY)
    run = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False, env=os.environ)
    assert run.returncode == 0, run.stderr


def test_one_file_more_is_a_format_more(tmp_path: Path) -> None:
    _run(USE, tmp_path)


def test_the_server_offers_it_too(tmp_path: Path) -> None:
    pytest.importorskip("fastapi", reason="needs the web extra")
    _run(USE.split("import numpy")[0] + WEB, tmp_path)


@pytest.mark.parametrize("name", FORMATS)
def test_every_codec_says_all_of_itself(name: str) -> None:
    codec = FORMATS[name]
    assert codec.title and codec.media_type.startswith("image/")
    assert all(extension.startswith(".") and extension == extension.lower() for extension in codec.extensions)
    others = [other for other in FORMATS if other != name]
    assert not {extension for other in others for extension in FORMATS[other].extensions} & set(codec.extensions)
    assert codec.tells(b"") is False


def test_the_names_are_the_files() -> None:
    assert FORMATS.names() == tuple(FORMATS)
