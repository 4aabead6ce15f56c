"""JPEGs that are cut off, damaged, or put together oddly: read as every viewer reads them, with what is lost
said and marked."""

from __future__ import annotations

import io
import random
import struct

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from unfade.errors import UnreadableError
from unfade.files.photo import Photo, encode_file, read

HEIGHT, WIDTH = 150, 200


def picture() -> np.ndarray:
    rng = np.random.default_rng(3)
    soft = Pillow.fromarray(rng.integers(20, 236, (12, 16, 3), dtype=np.uint8)).resize((WIDTH, HEIGHT), Pillow.Resampling.BICUBIC)
    return np.clip(np.asarray(soft).astype(int) + rng.integers(-9, 10, (HEIGHT, WIDTH, 1)), 0, 255).astype(np.uint8)


def jpeg(array: np.ndarray | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    Pillow.fromarray(picture() if array is None else array).save(out, "JPEG", **{"quality": 88, "comment": b"Aunt May"} | options)
    return out.getvalue()


WAYS: dict[str, dict[str, object]] = {
    "4:2:0": {"subsampling": "4:2:0"},
    "4:2:2": {"subsampling": "4:2:2"},
    "4:4:4": {"subsampling": "4:4:4"},
    "gray": {"array": picture()[..., 0]},
    "restarts": {"restart_marker_rows": 1},
    "cmyk": {"array": np.concatenate([picture(), picture()[..., :1] // 2], 2)},
}


def made(way: str) -> bytes:
    if way == "cmyk":
        out = io.BytesIO()
        Pillow.fromarray(WAYS[way]["array"], "CMYK").save(out, "JPEG", quality=88)
        return out.getvalue()
    return jpeg(**WAYS[way])


@pytest.mark.filterwarnings("ignore:.*mode.*:DeprecationWarning")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("share", [0.35, 0.7, 0.97])
def test_a_jpeg_that_is_cut_off_keeps_what_is_there(way: str, share: float) -> None:
    data = made(way)
    whole, cut = read(data), read(data[: int(len(data) * share)])
    assert whole.lost is None and cut.lost is not None
    assert 0 < cut.lost.mean() < 1.05 - share + 0.15
    assert any("is lost and counts as damage" in note and "from row" in note for note in cut.notes)
    there = cv2.dilate(cut.lost.view(np.uint8), np.ones((3, 3), np.uint8)) == 0  # color reaches one pixel over the edge of a block
    np.testing.assert_array_equal(cut.samples[there], whole.samples[there])
    assert (cut.samples[cut.lost] != whole.samples[cut.lost]).any()
    again = read(encode_file(cut))
    assert again.lost is None and again.samples.shape == cut.samples.shape


def test_what_is_lost_turns_with_the_picture() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    data = jpeg(exif=exif.tobytes())
    photo = read(data[: len(data) * 2 // 3])
    assert photo.lost is not None and photo.lost.shape == photo.samples.shape[:2] == (WIDTH, HEIGHT)
    assert photo.lost[:, 0].all() and not photo.lost[:, -1].any()  # the lower part has become the left one


@pytest.mark.parametrize("way", ["4:2:0", "4:4:4", "gray"])
def test_a_jpeg_without_its_end_marker_is_whole(way: str) -> None:
    data = made(way)
    whole, cut = read(data), read(data[:-2])
    np.testing.assert_array_equal(cut.samples, whole.samples)
    assert cut.lost is None and cut.notes == ("it has no end marker; nothing of the picture is missing",)


def test_a_progressive_jpeg_that_is_cut_off_is_coarser_and_says_so() -> None:
    data = jpeg(progressive=True)
    whole, cut = read(data), read(data[: len(data) * 2 // 3])
    assert cut.lost is None and "coarser" in cut.notes[0]
    assert np.abs(cut.samples.astype(int) - whole.samples).mean() < 12
    first = read(data[: len(data) // 12])  # within the first pass
    assert first.lost is not None and first.lost.any()


def test_a_jpeg_of_which_nothing_is_left_is_refused() -> None:
    data = jpeg()
    for end in (20, data.index(b"\xff\xc0") + 4, data.index(b"\xff\xda") + 8, data.index(b"\xff\xda") + 15):
        with pytest.raises(UnreadableError, match="take another copy"):
            read(data[:end])


def test_a_jpeg_that_says_it_is_taller_than_its_samples() -> None:
    data = bytearray(jpeg())
    struct.pack_into(">H", data, data.index(b"\xff\xc0") + 5, 600)
    photo = read(bytes(data))
    assert photo.height == 600 and photo.lost is not None
    assert photo.lost[160:].all() and not photo.lost[:140].any()
    assert "73.3 % of the picture, from row 160 on" in photo.notes[0]


def test_a_flipped_byte_in_the_samples_is_said() -> None:
    data = bytearray(jpeg(restart_marker_rows=2))
    at = data.index(b"\xff\xda") + 400
    data[at : at + 12] = b"\xaa" * 12
    photo = read(bytes(data))
    assert photo.notes and ("damaged" in photo.notes[0])


def parts(data: bytes) -> list[int]:
    """Where each segment before the samples begins."""
    places, at = [], 2
    while data[at + 1] != 0xDA:
        places.append(at)
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    return [*places, at]


def test_stray_bytes_between_segments_lose_nothing() -> None:
    exif = Pillow.Exif()
    exif[0x010F] = "Leica"
    data = jpeg(exif=exif.tobytes(), dpi=(300, 300))
    whole = read(data)
    for at in parts(data)[1:]:
        for stray in (b"\0", b"abc", b"\xff\xff\xff", b"\0" * 900, b"\xff\0\xff\0"):
            photo = read(data[:at] + stray + data[at:])
            np.testing.assert_array_equal(photo.samples, whole.samples)
            assert photo.metadata == whole.metadata and photo.origin == whole.origin and photo.dpi == whole.dpi
            assert photo.lost is None and all("passed over" in note for note in photo.notes)
    padded = read(data[:-2] + bytes(7) + data[-2:])
    np.testing.assert_array_equal(padded.samples, whole.samples)
    assert padded.notes == () and padded.lost is None


def test_what_follows_the_picture_does_not_matter() -> None:
    data = jpeg()
    for tail in (b"\0" * 100, b"junk" * 1000, jpeg(picture()[:40, :40].copy())):
        np.testing.assert_array_equal(read(data + tail).samples, read(data).samples)


@pytest.mark.parametrize(
    ("frame", "said"),
    [((0xC3, 8), "lossless JPEG"), ((0xC5, 8), "hierarchical JPEG"), ((0xC1, 12), "JPEG of 12 bits"), ((0xC0, 16), "JPEG of 16 bits")],
)
def test_kinds_of_jpeg_that_are_not_read_are_refused_by_their_name(frame: tuple[int, int], said: str) -> None:
    data = bytearray(jpeg())
    at = data.index(b"\xff\xc0")
    data[at + 1], data[at + 4] = frame
    with pytest.raises(UnreadableError, match=f"aunt.jpg is {said}, which is not read here"):
        read(bytes(data), name="aunt.jpg")


def test_a_height_behind_the_samples_is_refused_as_that() -> None:
    data = bytearray(jpeg())
    struct.pack_into(">H", data, data.index(b"\xff\xc0") + 5, 0)
    with pytest.raises(UnreadableError, match="DNL"):
        read(bytes(data))


def markers(count: int, seed: int) -> None:
    """Segments of every marker, put in between the others: the picture stays, or is refused in a true
    sentence."""
    data, rng = jpeg(), random.Random(seed)
    whole, places = read(data).samples, parts(jpeg())
    for number in range(count):
        marker = 0xC0 + number % 63  # up to 0xFE
        payload = rng.randbytes(rng.choice((0, 1, 5, 40, 600)))
        if marker in (0xDA, 0xD8, 0xD9, 0xDB, 0xDC, 0xDD) or marker in range(0xC0, 0xD0):
            continue  # these say how the samples are to be read, or where they end
        segment = bytes((0xFF, marker)) + (b"" if 0xD0 <= marker <= 0xD7 else struct.pack(">H", len(payload) + 2) + payload)
        at = rng.choice(places)
        if marker in (0xDE, 0xDF, *range(0xF0, 0xFE)):
            with pytest.raises(UnreadableError, match="not read here"):
                read(data[:at] + segment + data[at:])
            continue
        photo = read(data[:at] + segment + data[at:])
        np.testing.assert_array_equal(photo.samples, whole)
        assert photo.lost is None


def test_segments_of_every_marker_are_borne() -> None:
    markers(200, 1)


@pytest.mark.long
def test_segments_of_every_marker_are_borne_everywhere() -> None:
    for seed in range(20):
        markers(600, seed)


def test_a_whole_jpeg_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from unfade.files.formats import _jpeg_samples

    calls, load = [], _jpeg_samples.load
    monkeypatch.setattr(_jpeg_samples, "load", lambda *given, **options: calls.append(1) or load(*given, **options))
    read(jpeg())
    read(encode_file(Photo(picture()), "jpeg"))
    assert len(calls) == 2
