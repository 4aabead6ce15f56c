"""What strangers send: each is refused with a 4xx and a sentence, the server lives, and its memory does not
grow."""

from __future__ import annotations

import io
import re
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.web.conftest import Server, encoded, memory_mb, picture


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, body: bytes, *before: bytes, color: int = 0) -> bytes:
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(before) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _zeros(count: int) -> bytes:
    """So many zeros, deflated a thousandfold."""
    squeeze = zlib.compressobj(9)
    return b"".join(squeeze.compress(bytes(min(1 << 20, count - at))) for at in range(0, count, 1 << 20)) + squeeze.flush()


def _tiff(width: int, height: int, *, strips: int = 1, offset: int = 8, next_directory: int = 0) -> bytes:
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, strips, offset)]
    entries += [(277, 3, 1, 1), (278, 4, 1, height), (279, 4, strips, width * height & 0xFFFFFFFF)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<I", 8) + directory + struct.pack("<I", next_directory)


def _jpeg_of_size(width: int, height: int) -> bytes:
    """A JPEG whose header says another size than its samples have."""
    data = bytearray(encoded("jpeg"))
    at = data.index(b"\xff\xc0")
    struct.pack_into(">HH", data, at + 5, height, width)
    return bytes(data)


def _gif(width: int, height: int) -> bytes:
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", width, height, 0, 0, 0)
        + b","
        + struct.pack("<HHHHB", 0, 0, width, height, 0)
        + b"\x02\x02L\x01\0;"
    )


def _webp(width: int, height: int) -> bytes:
    extended = b"VP8X" + struct.pack("<I", 10) + bytes(4) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    return b"RIFF" + struct.pack("<I", 4 + len(extended)) + b"WEBP" + extended


def _bmp(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 100, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(46)


def _box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


JPEG, PNG, HEIF = (lambda: encoded("jpeg")), (lambda: encoded("png")), (lambda: encoded("heif", channels=3))
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><image href="file:///etc/passwd"/></svg>'
XXE = b'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg"><text>&x;</text></svg>'

FILES: dict[str, Callable[[], bytes]] = {
    # nothing, and other things under a photograph's name
    "empty": lambda: b"",
    "one byte": lambda: b"\xff",
    "text": lambda: b"hello, I am a photograph\n" * 100,
    "a web page": lambda: b"<!DOCTYPE html><html><script>alert(1)</script></html>",
    "an SVG with a script": lambda: SVG,
    "an SVG with an entity": lambda: XXE,
    "a PDF": lambda: b"%PDF-1.7\n" + bytes(1000),
    "a ZIP": lambda: b"PK\x03\x04" + bytes(1000),
    "a program": lambda: b"\x7fELF" + bytes(1000),
    "a film": lambda: _box(b"ftyp", b"isom\0\0\0\0isom") + bytes(100),
    "a Photoshop document": lambda: b"8BPS\0\1" + bytes(1000),
    "an icon": lambda: b"\0\0\1\0\1\0" + bytes(100),
    "a GIF's beginning and a script": lambda: b"GIF89a=1;alert(document.domain)/*",
    "a JPEG's beginning and a script": lambda: b"\xff\xd8\xff\xe0\0\x10JFIF<?php system($_GET['c']); ?>",
    # cut off
    "a JPEG's header": lambda: JPEG()[:200],
    "half a PNG": lambda: (data := PNG())[: len(data) // 2],
    "half a HEIF": lambda: (data := HEIF())[: len(data) // 2],
    "half a TIFF": lambda: (data := encoded("tiff"))[: len(data) // 2],
    "half a WebP": lambda: (data := encoded("webp"))[: len(data) // 2],
    # bombs and lies about size
    "a PNG of 900 megapixels": lambda: _png(30_000, 30_000, _zeros(30_000 * 30_001)),
    "a PNG of 4 gigapixels with nothing in it": lambda: _png(65_535, 65_535, b""),
    "a PNG of no width": lambda: _png(0, 10, b""),
    "a PNG just over the limit": lambda: _png(5_001, 1_000, _zeros(5_001_000 + 1_000)),
    "a PNG without its samples": lambda: _png(1_000, 1_000, zlib.compress(b"\0" * 50)),
    "a PNG whose samples are noise": lambda: _png(100, 100, b"\x12\x34\x56" * 99),
    "a JPEG of 65,500 a side": lambda: _jpeg_of_size(65_500, 65_500),
    "a JPEG of no height": lambda: _jpeg_of_size(128, 0),
    "a JPEG with broken tables": lambda: JPEG().replace(b"\xff\xc4", b"\xff\xc4\0\x05\xff\xff\xff", 1),
    "a GIF of 65,535 a side": lambda: _gif(65_535, 65_535),
    "a WebP of 16,383 a side": lambda: _webp(16_383, 16_383),
    "a BMP of two billion a side": lambda: _bmp(2_000_000_000, 2_000_000_000),
    "a BMP of negative width": lambda: _bmp(-100, 100),
    "a TIFF of four billion a side": lambda: _tiff(0xFFFFFFFF, 0xFFFFFFFF),
    "a TIFF whose strips lie outside": lambda: _tiff(1_000, 1_000, offset=0x7FFFFFFF),
    "a TIFF with a billion strips": lambda: _tiff(100, 100, strips=1_000_000_000),
    "a TIFF that leads to itself": lambda: _tiff(100, 100, next_directory=8),
    "a TIFF without a directory": lambda: b"II*\0\xff\xff\xff\xff",
    "a HEIF of boxes in boxes": lambda: _box(b"ftyp", b"heic\0\0\0\0heic") + b"".join(_box(b"meta", bytes(4)) for _ in range(1000)),
    "a HEIF whose box is longer than the file": lambda: _box(b"ftyp", b"heic\0\0\0\0mif1") + struct.pack(">I", 0x7FFFFFFF) + b"meta",
    "an AVIF of noise": lambda: _box(b"ftyp", b"avif\0\0\0\0avif") + bytes(range(256)) * 40,
    "a camera's raw file": lambda: b"II*\0\x10\0\0\0CR\2\0" + bytes(1000),
}
NAMES = ("photo.jpg", "../../../../etc/passwd", "<script>alert(1)</script>.jpg", "a\u202egpj.exe", "x" * 5000 + ".png", "..\\..\\boot.ini")

assert len(FILES) >= 40


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with small limits."""
    limits = {"max_megapixels": 5, "max_upload_mb": 3, "upload_timeout_s": 3, "decode_timeout_s": 10}
    server = Server(tmp_path_factory.mktemp("strict"), workers=0, **limits)
    yield server.start()
    server.stop()
    server.client.close()


def _is_clean_refusal(answer: Any) -> None:
    assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/problem+json"
    detail = answer.json()["detail"]
    assert detail and detail[-1] in ".?!" and "\n" not in detail
    text = answer.text
    assert not re.search(r"Traceback|File \"|\.py|/tmp|/work|/home|site-packages|<script|passwd|boot\.ini", text), text


def test_forty_hostile_uploads_are_refused_and_leave_no_trace(strict: Server) -> None:
    sizes = []
    for turn in range(3):
        for number, (what, make) in enumerate(FILES.items()):
            name = NAMES[(number + turn) % len(NAMES)]
            answer = strict.client.post("/api/v1/photos", files={"file": (name, make(), "image/jpeg")})
            assert 400 <= answer.status_code < 500, (what, answer.status_code, answer.text)
            _is_clean_refusal(answer)
        sizes.append(memory_mb(strict.pid))
        assert strict.client.get("/healthz").status_code == 200
    assert sizes[2] - sizes[0] < 12, sizes
    assert strict.client.get("/api/v1/photos/" + "x" * 32).status_code == 404
    assert list((strict.folder / "data" / "files" / "photos").glob("*")) == []
    assert list((strict.folder / "data" / "scratch").glob("*")) == []
    strict.upload(encoded("jpeg"))  # and a photograph is still taken
    log = strict.log.read_text()
    assert "Traceback" not in log, log


MASKS: dict[str, Callable[[], bytes]] = {
    name: FILES[name] for name in ("empty", "an SVG with a script", "half a PNG", "a PNG of 900 megapixels")
}


@pytest.mark.parametrize("what", MASKS)
def test_hostile_masks_are_refused_too(strict: Server, what: str) -> None:
    uploaded = strict.upload(encoded("jpeg"))
    answer = strict.client.post(f"/api/v1/photos/{uploaded['id']}/masks", content=MASKS[what](), headers={"content-type": "image/png"})
    _is_clean_refusal(answer)


FORMS: dict[str, dict[str, Any]] = {
    "no file": {"data": {"other": "x"}, "files": {"x": b"y"}},
    "text for a file": {"files": {"file": (None, b"text")}},
    "two files": {"files": [("file", ("a.jpg", b"x")), ("file", ("b.jpg", b"y"))]},
    "a thousand fields": {"files": {"file": ("a.jpg", b"x")} | {f"f{number}": (None, b"1") for number in range(1000)}},
    "not a form": {"content": b"x" * 100, "headers": {"content-type": "image/jpeg"}},
    "no boundary": {"content": b"x" * 100, "headers": {"content-type": "multipart/form-data"}},
    "a boundary that never comes": {"content": b"x" * 100, "headers": {"content-type": "multipart/form-data; boundary=zzz"}},
    "too many bytes": {"files": {"file": ("a.jpg", b"\xff\xd8\xff" + bytes(4_000_000))}},
    "a JSON bomb": {"content": b"[" * 100_000, "headers": {"content-type": "application/json"}},
}


@pytest.mark.parametrize("what", FORMS)
def test_hostile_forms_are_refused(strict: Server, what: str) -> None:
    _is_clean_refusal(strict.client.post("/api/v1/photos", **FORMS[what]))
    _is_clean_refusal(strict.client.post("/api/v1/restore", **FORMS[what]))


def test_deep_or_wrong_json_is_refused(strict: Server) -> None:
    uploaded = strict.upload(encoded("jpeg"))
    address = f"/api/v1/photos/{uploaded['id']}/jobs"
    json = {"content-type": "application/json"}
    for body in (
        b"[" * 100_000,
        b'{"clean": NaN}',
        b'{"clean": 1e999}',
        b'{"keep": [-1]}',
        b'{"max_megapixels": 1e9}',
        b"\xff\xfe",
        b'{"clean": "a"}',
    ):
        _is_clean_refusal(strict.client.post(address, content=body, headers=json))


def test_more_than_the_limit_in_pieces_is_cut_off(strict: Server) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
        for _ in range(100):
            yield bytes(100_000)

    headers = {"content-type": "multipart/form-data; boundary=b"}
    answer = strict.client.post("/api/v1/photos", content=pieces(), headers=headers)
    assert answer.status_code == 413
    _is_clean_refusal(answer)
    assert strict.client.get("/healthz").status_code == 200


def test_an_endless_slow_upload_is_given_up(strict: Server) -> None:
    lines = [
        "POST /api/v1/photos HTTP/1.1",
        "Host: localhost",
        "Content-Type: multipart/form-data; boundary=b",
        "Content-Length: 1000000",
        "",
        "",
    ]
    head = "\r\n".join(lines)
    with socket.create_connection(("127.0.0.1", strict.port), timeout=15) as slow:
        slow.sendall(head.encode() + b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n')
        began = time.monotonic()
        slow.settimeout(0.2)
        answer = b""
        while time.monotonic() - began < 12 and not answer:
            try:
                slow.sendall(b"x")
                answer = slow.recv(4096)
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408"), answer
    assert b"too slowly" in answer or b"problem+json" in answer


@pytest.mark.parametrize(
    "target", ["/page/..%2fapp.py", "/page/%2e%2e/app.py", "/page/..%5capp.py", "/page//etc/passwd", "/page/%00", "/../../etc/passwd"]
)
def test_the_page_gives_nothing_but_itself(strict: Server, target: str) -> None:
    with socket.create_connection(("127.0.0.1", strict.port), timeout=10) as raw:
        raw.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while piece := raw.recv(65536):
            answer += piece
    assert answer.split(b" ")[1] == b"404", answer[:200]
    assert b"FastAPI" not in answer and b"root:" not in answer


def _jpeg_with(**save: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture(channels=3)).save(out, "JPEG", **save)
    return out.getvalue()


ODD: dict[str, Callable[[], bytes]] = {
    "a JPEG taller than its samples": lambda: _jpeg_of_size(128, 3_000),
    "EXIF that is noise": lambda: _jpeg_with(exif=b"Exif\0\0" + bytes(range(256)) * 20),
    "EXIF that leads to itself": lambda: _jpeg_with(exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0"),
    "a GPS directory outside": lambda: _jpeg_with(exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x25\x88\x04\0\x01\0\0\0\xff\xff\xff\x7f\0\0\0\0"),
    "an ICC profile that is noise": lambda: _jpeg_with(icc_profile=bytes(range(256)) * 4),
    "an ICC profile of another kind": lambda: _jpeg_with(
        icc_profile=struct.pack(">I", 128) + bytes(8) + b"mntrCMYKLab " + bytes(12) + b"acsp" + bytes(88)
    ),
    "XMP with entities": lambda: _jpeg_with(
        xmp=b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&b;</x:xmpmeta>'
    ),
    "a PNG with a bomb in its text": lambda: (
        PNG().replace(b"IDAT", b"IDAT", 1)[:33] + _chunk(b"zTXt", b"c\0\0" + _zeros(50_000_000)) + PNG()[33:]
    ),
    "a PNG with a bomb for a profile": lambda: PNG()[:33] + _chunk(b"iCCP", b"p\0\0" + _zeros(50_000_000)) + PNG()[33:],
    "a JPEG with a web page behind it": lambda: JPEG() + b"<html><script>alert(1)</script></html>",
}


@pytest.mark.parametrize("what", ODD)
def test_odd_metadata_is_refused_or_survived(strict: Server, what: str) -> None:
    answer = strict.client.post("/api/v1/photos", files={"file": ("a.jpg", ODD[what]())})
    assert answer.status_code == 201 or 400 <= answer.status_code < 500, answer.text
    if answer.status_code == 201:
        found = answer.json()
        shown = strict.client.get(f"/api/v1/photos/{found['id']}/image")
        assert shown.headers["content-type"] == "image/jpeg"
        original = strict.client.get(f"/api/v1/photos/{found['id']}/original")
        assert original.headers["content-disposition"].startswith("attachment") and original.headers["x-content-type-options"] == "nosniff"


def test_a_child_that_hangs_or_takes_too_much_memory_dies_alone(make_server: Callable[..., Server], tmp_path: Path) -> None:
    server = make_server(workers=0, decode_memory_mb=700).start()
    answer = server.client.post("/api/v1/photos", files={"file": ("a.png", _png(12_000, 12_000, _zeros(144_012_000)))})
    assert answer.status_code in (413, 422), answer.text
    _is_clean_refusal(answer)
    hurried = make_server(workers=0, decode_timeout_s=0.2).start()
    answer = hurried.client.post("/api/v1/photos", files={"file": ("a.png", _png(12_000, 12_000, _zeros(144_012_000)))})
    assert answer.status_code == 422 and "longer than" in answer.json()["detail"]
    assert hurried.client.get("/healthz").status_code == 200
