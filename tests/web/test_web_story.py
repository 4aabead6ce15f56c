"""What the page does, request by request, on a real server with its worker."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import httpx
import numpy as np
import pytest
from PIL import Image

from tests.web.conftest import Server, awaited, encoded, picture, wait_for
from unfade.files import photo
from unfade.queue.records import new_id
from unfade.web import zips
from unfade.web.problems import Problem

EXAMPLES = Path(__file__).parents[2] / "examples"


def _decoded(data: bytes) -> np.ndarray:
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert found is not None
    return found


def _png(mask: np.ndarray) -> bytes:
    return cv2.imencode(".png", mask.astype(np.uint8) * 255)[1].tobytes()


def test_a_photograph_goes_in_and_comes_out_whole_with_the_pixels_outside_the_damage_untouched(server: Server) -> None:
    data = encoded("png")
    uploaded = server.upload(data, "Großmutter 1912.png")
    assert (uploaded["width"], uploaded["height"], uploaded["bits"], uploaded["format"]) == (128, 96, 8, "png")
    assert uploaded["name"] == "Großmutter 1912.png" and not uploaded["has_color"]
    job = server.done(server.submit(uploaded["id"], clean=0)["id"])
    assert job["progress"] == 1 and [step["name"] for step in job["steps"]] == ["frame", "damage", "fill", "saving"]
    answer = server.client.get(f"/api/v1/jobs/{job['id']}/result")
    assert answer.headers["content-type"] == "image/png"
    assert "filename*=UTF-8''Gro%C3%9Fmutter%201912.restored.png" in answer.headers["content-disposition"]
    before, after = photo.read(data).samples, photo.read(answer.content).samples
    mask = _decoded(server.client.get(f"/api/v1/jobs/{job['id']}/mask").content) > 127
    assert 0 < mask.mean() < 0.3
    assert (before == after)[~mask].all() and (before != after)[mask].any()
    record = server.client.get(f"/api/v1/jobs/{job['id']}/record").json()
    assert record["pixels_changed"] == job["result"]["pixels_changed"] > 0
    assert server.client.get(f"/api/v1/photos/{uploaded['id']}/original").content == data


@pytest.mark.parametrize(("format", "bits", "channels"), [("heif", 8, 3), ("tiff", 16, 1), ("webp", 8, 3), ("jpeg", 8, 1), ("avif", 8, 3)])
def test_every_format_is_seen_in_the_browser_and_comes_back_as_it_came(server: Server, format: Any, bits: int, channels: int) -> None:
    uploaded = server.upload(encoded(format, bits=bits, channels=channels), f"a.{format}")
    shown = server.client.get(f"/api/v1/photos/{uploaded['id']}/image?side_px=100")
    assert shown.headers["content-type"] == "image/jpeg"
    assert _decoded(shown.content).shape[:2] == (96, 128)
    assert abs(float(_decoded(shown.content).mean()) / 255 - float(picture().mean()) / 255) < 0.02
    job = server.done(server.submit(uploaded["id"])["id"])
    result = photo.read(server.client.get(f"/api/v1/jobs/{job['id']}/result").content)
    assert (result.format, result.bits, result.width, result.height) == (format, bits, 128, 96)


def test_tiles_put_together_are_the_photograph(server: Server) -> None:
    samples = picture(700, 1100)
    uploaded = server.upload(photo.encode_file(photo.read(samples), "png"))
    tiles = server.client.get(f"/api/v1/photos/{uploaded['id']}/tiles").json()
    assert (tiles["width"], tiles["height"], tiles["min_level"], tiles["max_level"]) == (1100, 700, 9, 11)
    for level in (11, 10, 9):
        scale = 2 ** (11 - level)
        height, width = -(-700 // scale), -(-1100 // scale)
        rows = []
        for row in range(-(-height // 512)):
            parts = [
                _decoded(server.client.get(tiles["url"].format(level=level, column=column, row=row)).content)
                for column in range(-(-width // 512))
            ]
            rows.append(np.hstack(parts))
        whole = np.vstack(rows)
        assert whole.shape[:2] == (height, width)
        expected = cv2.resize(samples, (width, height), interpolation=cv2.INTER_AREA)
        assert np.abs(whole.mean(axis=2) - expected).mean() < 3
    assert server.client.get(tiles["url"].format(level=11, column=3, row=0)).status_code == 404


def test_a_result_is_had_in_other_formats_without_loss_from_a_jpeg(server: Server) -> None:
    uploaded = server.upload(encoded("jpeg", channels=3))
    job = server.done(server.submit(uploaded["id"], clean=0, colorize=True)["id"])
    png = photo.read(server.client.get(f"/api/v1/jobs/{job['id']}/result?format=png").content)
    tiff = photo.read(server.client.get(f"/api/v1/jobs/{job['id']}/result?format=tiff").content)
    assert (png.format, tiff.format) == ("png", "tiff")
    assert (png.samples == tiff.samples).all()
    small = server.client.get(f"/api/v1/jobs/{job['id']}/result?format=jpeg&quality=20")
    assert len(small.content) < job["result"]["bytes"]
    assert photo.read(small.content).metadata.xmp


def test_progress_is_pushed_for_many_jobs_in_one_stream(server: Server) -> None:
    uploaded = server.upload(encoded("png"))
    jobs = [server.submit(uploaded["id"], sensitivity=share)["id"] for share in (0.4, 0.5, 0.6)]
    gone = "x" * 32
    seen: dict[str, list[dict[str, Any]]] = {job: [] for job in jobs}
    events = []
    with server.client.stream("GET", f"/api/v1/events?jobs={','.join([*jobs, gone])}") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            if line.startswith("event:"):
                events.append(line.removeprefix("event:").strip())
            elif line.startswith("data:") and events[-1] == "job":
                job = json.loads(line.removeprefix("data:"))
                seen[job["id"]].append(job)
            if events and events[-1] == "end":
                break
    assert "gone" in events and events[-1] == "end"
    for states in seen.values():
        assert states[-1]["state"] == "done"
        progress = [state["progress"] for state in states]
        assert progress == sorted(progress)


def test_a_damage_object_is_kept_and_the_rest_repaired(server: Server) -> None:
    data = encoded("png")
    uploaded = server.upload(data)
    job = server.done(server.submit(uploaded["id"], clean=0)["id"])
    address = f"/api/v1/photos/{uploaded['id']}/masks/{job['mask_id']}"
    found = server.client.get(f"{address}/objects").json()
    assert found["total"] == len(found["objects"]) >= 2
    kept = found["objects"][0]
    middle = {"x": kept["x"] + kept["width"] / 2, "y": kept["y"] + kept["height"] / 2}
    assert server.client.get(f"{address}/at", params=middle | {"radius_px": 3}).json() == {"object": kept["id"]}
    again = server.done(server.submit(uploaded["id"], clean=0, mask=job["mask_id"], keep=[kept["id"]])["id"])
    before = photo.read(data).samples
    after = photo.read(server.client.get(f"/api/v1/jobs/{again['id']}/result").content).samples
    box = slice(kept["y"], kept["y"] + kept["height"]), slice(kept["x"], kept["x"] + kept["width"])
    assert (before[box] == after[box]).all()
    assert (before != after).any()
    left = server.client.get(f"/api/v1/photos/{uploaded['id']}/masks/{again['mask_id']}/objects").json()
    assert left["total"] == found["total"] - 1
    edited = server.client.post(f"{address}/edits", json={"remove": [kept["id"]]})
    assert edited.status_code == 201 and edited.json()["objects"] == found["total"] - 1


def test_a_drawn_mask_is_taken_instead_of_looking(server: Server) -> None:
    data = encoded("png")
    uploaded = server.upload(data)
    drawn = np.zeros((96, 128), bool)
    drawn[70:80, 20:40] = True
    address = f"/api/v1/photos/{uploaded['id']}/masks"
    mask = server.client.post(address, content=_png(drawn), headers={"content-type": "image/png"}).json()
    assert mask["share"] == pytest.approx(drawn.mean()) and mask["objects"] == 1
    assert (_decoded(server.client.get(f"{address}/{mask['id']}").content) > 127).tolist() == drawn.tolist()
    overlay = _decoded(server.client.get(f"{address}/{mask['id']}?overlay=ff8000").content)
    assert overlay[75, 30].tolist() == [0x00, 0x80, 0xFF, 255] and overlay[5, 5, 3] == 0
    depth = _decoded(server.client.get(f"{address}/{mask['id']}/depth").content)
    assert (depth[:, :, 3] > 0).tolist() == drawn.tolist()
    middle, edge = depth[75, 30].astype(int), depth[70, 30].astype(int)
    assert middle[3] > edge[3] and middle[0] > edge[0] and middle[2] < edge[2]  # the farther, the stronger and the more violet
    assert _decoded(server.client.get(f"{address}/{mask['id']}/depth?side_px=32").content).shape == (24, 32, 4)
    job = server.done(server.submit(uploaded["id"], clean=0, mask=mask["id"])["id"])
    before, after = photo.read(data).samples, photo.read(server.client.get(f"/api/v1/jobs/{job['id']}/result").content).samples
    changed = (before != after).any(axis=2)
    assert changed[70:80, 20:40].any() and not changed[~drawn].any()
    half = server.client.post(f"{address}?scale=true", content=_png(drawn[::2, ::2]), headers={"content-type": "image/png"})
    assert half.status_code == 201
    wrong = server.client.post(address, content=_png(drawn[:50]), headers={"content-type": "image/png"})
    assert wrong.status_code == 422 and "128x96" in wrong.json()["detail"]
    assert server.client.delete(f"{address}/{mask['id']}").status_code == 204
    assert server.client.get(f"{address}/{mask['id']}").status_code == 404
    assert server.client.post(f"/api/v1/photos/{uploaded['id']}/jobs", json={"mask": mask["id"]}).status_code == 422


def test_a_preview_heeds_a_hint_and_leaves_the_queue_alone(server: Server) -> None:
    uploaded = server.upload(encoded("jpeg", height=480, width=640))
    job = server.done(server.submit(uploaded["id"], colorize=True)["id"])
    address = f"/api/v1/photos/{uploaded['id']}/preview"
    asked = {"colorize": True, "mask": job["mask_id"], "side_px": 320}
    plain = _decoded(server.client.post(address, json=asked).content)
    assert plain.shape == (240, 320, 3)
    hint = {"x": 320, "y": 240, "radius_px": 60, "color": "#2040c0"}
    hinted = _decoded(server.client.post(address, json=asked | {"hints": [hint]}).content)
    blue, red = hinted[120, 160, 0], hinted[120, 160, 2]
    assert int(blue) - int(red) > int(plain[120, 160, 0]) - int(plain[120, 160, 2]) + 20
    outside = server.client.post(address, json=asked | {"hints": [hint | {"x": 640}]})
    assert outside.status_code == 422 and "outside" in outside.json()["detail"]
    assert server.client.get(f"/api/v1/photos/{uploaded['id']}").json()["jobs"] != []
    assert len(server.client.get(f"/api/v1/photos/{uploaded['id']}").json()["jobs"]) == 1


def test_a_job_says_what_each_step_did(server: Server) -> None:
    uploaded = server.upload(encoded("png"))
    job = server.done(server.submit(uploaded["id"], clean=0.5, colorize=True)["id"])
    steps = {step["name"]: step for step in job["result"]["steps"]}
    assert list(steps) == ["frame", "damage", "fill", "clean", "colorize"]
    assert {name: step["outcome"] for name, step in steps.items()}["damage"] == "found"
    assert steps["clean"]["outcome"] in ("cleaned", "sound")
    assert 0 <= steps["clean"]["facts"]["need"] <= 1
    assert steps["colorize"]["outcome"] == "colored" and steps["colorize"]["pixels_changed"] > 0


def test_a_job_says_how_much_of_which_faces_it_changed(server: Server) -> None:
    uploaded = server.upload((EXAMPLES / "lincoln-antietam-1862.jpg").read_bytes())
    drawn = np.zeros((uploaded["height"], uploaded["width"]), bool)
    drawn[200:210, 405:435] = True  # in the face of the man in the middle
    address = f"/api/v1/photos/{uploaded['id']}/masks"
    mask = server.client.post(address, content=_png(drawn), headers={"content-type": "image/png"}).json()
    job = server.done(server.submit(uploaded["id"], clean=0, mask=mask["id"])["id"])
    facts = {step["name"]: step["facts"] for step in job["result"]["steps"]}["fill"]
    changed = [number for number in range(1, int(facts["faces"]) + 1) if f"{number}.changed" in facts]
    assert len(changed) == facts["faces_touched"] == 1
    left, top, right, bottom = (facts[f"{changed[0]}.{side}"] for side in ("left", "top", "right", "bottom"))
    assert left < 420 < right and top < 205 < bottom
    assert 0 < facts[f"{changed[0]}.changed"] <= drawn.sum() / ((right - left) * (bottom - top))


def test_a_preview_fills_what_was_painted_and_is_in_no_mask_yet(server: Server) -> None:
    uploaded = server.upload(encoded("png", height=480, width=640))
    address = f"/api/v1/photos/{uploaded['id']}/preview"
    empty = server.client.post(f"/api/v1/photos/{uploaded['id']}/masks/edits", json={"strokes": []}).json()["id"]
    asked = {"mask": empty, "clean": 0, "side_px": 320}
    plain = _decoded(server.client.post(address, json=asked).content)
    strokes = [{"kind": "area", "points": [[200, 200], [280, 200], [280, 280], [200, 280]]}]
    painted = _decoded(server.client.post(address, json=asked | {"strokes": strokes}).content)
    changed = np.abs(painted.astype(int) - plain).max(axis=-1) > 6 if plain.ndim == 3 else np.abs(painted.astype(int) - plain) > 6
    rows, columns = np.nonzero(changed)
    assert len(rows) > 100 and rows.min() > 90 and rows.max() < 150 and columns.min() > 90 and columns.max() < 150
    again = _decoded(server.client.post(address, json=asked).content)
    assert np.array_equal(plain, again), "what was painted stays in the next preview"


def test_a_photograph_is_kept_longer(make_server: Callable[..., Server]) -> None:
    server = make_server(workers=0, keep_hours=0.01).start()
    uploaded = server.upload(encoded("png"))
    time.sleep(1.2)
    kept = server.client.post(f"/api/v1/photos/{uploaded['id']}/keep").json()
    assert kept["expires"] > uploaded["expires"]
    assert server.client.get(f"/api/v1/photos/{uploaded['id']}").json()["expires"] == kept["expires"]
    assert server.client.post(f"/api/v1/photos/{new_id()}/keep").status_code == 404


def test_several_results_come_in_one_zip_under_names_of_their_own(server: Server) -> None:
    jobs = []
    for _ in range(2):
        uploaded = server.upload(encoded("png"), "same.png")
        jobs.append(server.submit(uploaded["id"], clean=0)["id"])
    for job in jobs:
        server.done(job)
    answer = server.client.get(f"/api/v1/zip?jobs={','.join(jobs)}&format=jpeg")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == ["same.restored.jpg", "same.restored-2.jpg", "records.json"]
        assert photo.read(archive.read(names[0])).format == "jpeg"
        records = json.loads(archive.read("records.json"))
        assert list(records) == names[:2] and all(record["steps"] for record in records.values())


def test_a_zip_leaves_out_what_is_gone_or_does_not_fit_and_says_so(server: Server) -> None:
    kept, gone = (server.upload(encoded("png"), name) for name in ("kept.png", "gone.png"))
    wide = server.upload(encoded("png", width=16_400, height=16), "wide.png")
    jobs = [server.submit(one["id"], clean=0, fill=False)["id"] for one in (kept, gone, wide)]
    for job in jobs:
        server.done(job)
    order = {"jobs": jobs, "format": "webp", "quality": 80}
    ordered = server.client.post("/api/v1/zips", json=order).json()
    assert ordered["files"] == 2 and [one["name"] for one in ordered["left_out"]] == ["wide.png"]
    assert "16,383" in ordered["left_out"][0]["why"]
    assert server.client.delete(f"/api/v1/photos/{gone['id']}").status_code == 204  # by then it is gone
    query = f"jobs={','.join(jobs)}&format=webp&quality=80"
    for answer in (server.client.get(ordered["url"]), server.client.get(f"/api/v1/zip?{query}")):
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert archive.testzip() is None and archive.namelist() == ["kept.restored.webp", "records.json"]
            left = json.loads(archive.read("records.json"))["left_out"]
        assert [(one["job"], one["code"]) for one in left] == [(jobs[1], "not-found"), (jobs[2], "unwritable")]
    result = next((server.folder / "data" / "files" / "photos" / kept["id"]).rglob("result"))
    whole = result.read_bytes()
    result.write_bytes(b"what a broken disk gives")  # found only while the zip is on its way
    with zipfile.ZipFile(io.BytesIO(server.client.get(ordered["url"]).content)) as archive:
        assert archive.namelist() == ["records.json"]
        assert json.loads(archive.read("records.json"))["left_out"][-1]["name"] == "kept.png"
    result.write_bytes(whole)
    assert "Traceback" not in server.log.read_text()
    nothing = server.client.post("/api/v1/zips", json=order | {"jobs": jobs[1:]})
    assert nothing.status_code == 404 and server.client.get(f"/api/v1/zips/{new_id()}").status_code == 404
    many = server.client.post("/api/v1/zips", json={"jobs": [*(new_id() for _ in range(1999)), jobs[0]]}).json()
    assert many["files"] == 1 and len(many["left_out"]) == 1999
    with zipfile.ZipFile(io.BytesIO(server.client.get(many["url"]).content)) as archive:
        assert archive.namelist() == ["kept.restored.png", "records.json"]


@pytest.mark.parametrize(("busy", "written"), [(2, True), (99, False)])
def test_a_zip_waits_a_while_for_a_busy_server(busy: int, written: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zips, "BUSY_PAUSE_S", 0.0)
    tries: list[str] = []

    async def exported(*_: object, format: str, **__: object) -> tuple[Path, dict[str, str]]:
        tries.append(format)
        if len(tries) <= busy:
            raise Problem("busy", "The server is busy.")
        return Path("result"), {"format": format}

    made = zips.Zip(cast(Any, SimpleNamespace(exported=exported)), "webp", 80, drop_location=False)
    photo, result = SimpleNamespace(has_location=False), SimpleNamespace(format="png")

    async def file() -> tuple[Path, str]:
        with ExitStack() as stack:
            return await made._file(cast(Any, None), cast(Any, photo), cast(Any, result), stack)

    if written:
        assert awaited(file()) == (Path("result"), "webp") and len(tries) == busy + 1
    else:
        with pytest.raises(Problem, match="busy"):
            awaited(file())


def test_deleting_a_photograph_deletes_everything_that_came_of_it(server: Server) -> None:
    uploaded = server.upload(encoded("png"))
    job = server.done(server.submit(uploaded["id"])["id"])
    folder = server.folder / "data" / "files" / "photos" / uploaded["id"]
    assert folder.is_dir()
    assert server.client.delete(f"/api/v1/photos/{uploaded['id']}").status_code == 204
    assert not folder.exists()
    addresses = [f"photos/{uploaded['id']}", f"jobs/{job['id']}", f"jobs/{job['id']}/result", f"photos/{uploaded['id']}/image"]
    for address in addresses:
        answer = server.client.get(f"/api/v1/{address}")
        assert answer.status_code == 404 and answer.headers["content-type"] == "application/problem+json"
    assert server.client.post("/api/v1/photos/query", json={"ids": [uploaded["id"]]}).json() == {"photos": []}


def test_one_request_does_for_a_script(server: Server) -> None:
    data = encoded("jpeg")
    fields = {"clean": "0", "format": "png", "colorize": "true"}
    answer = server.client.post("/api/v1/restore", files={"file": ("a.jpg", data)}, data=fields)
    assert answer.status_code == 200, answer.text
    assert photo.read(answer.content).channels == 3
    colored = server.client.post("/api/v1/colorize", files={"file": ("a.jpg", data)})
    assert photo.read(colored.content).format == "jpeg" and photo.read(colored.content).channels == 3
    paged = io.BytesIO()
    leaf = Image.new("L", (64, 48), 128)
    leaf.save(paged, "TIFF", save_all=True, append_images=[leaf])
    first = server.client.post("/api/v1/restore", files={"file": ("a.tif", paged.getvalue())}, data={"fill": "false"})
    assert "it has 2 pages" in first.headers["X-Unfade-Notes"].lower()
    drawn = np.zeros((96, 128), bool)
    drawn[10:20, 10:20] = True
    masked = server.client.post("/api/v1/restore", files={"file": ("a.jpg", data), "mask": ("m.png", _png(drawn))}, data={"clean": "0"})
    assert masked.status_code == 200
    wrong = server.client.post("/api/v1/restore", files={"file": ("a.jpg", data)}, data={"clean": "2"})
    assert wrong.status_code == 422 and "clean" in wrong.json()["detail"].lower()
    odd = server.client.post("/api/v1/restore", files={"file": ("a.jpg", data)}, data={"cleen": "1"})
    assert odd.status_code == 422
    files = server.folder / "data" / "files" / "photos"

    def kept() -> list[str]:
        known = server.client.post("/api/v1/photos/query", json={"ids": [folder.name for folder in files.iterdir()]}).json()
        return [found["name"] for found in known["photos"]]

    wait_for(lambda: "a.jpg" not in kept())  # it goes once the answer has gone out


def test_where_it_was_taken_stays_unless_it_is_to_be_dropped(server: Server) -> None:
    exif = _exif_with_gps()
    with_gps = photo.read(picture(channels=3)).with_metadata(photo.Metadata(exif=exif))
    uploaded = server.upload(photo.encode_file(with_gps, "jpeg"))
    assert uploaded["has_location"]
    job = server.done(server.submit(uploaded["id"])["id"])
    kept = photo.read(server.client.get(f"/api/v1/jobs/{job['id']}/result").content)
    assert b"\x25\x88" in (kept.metadata.exif or b"")
    dropped = photo.read(server.client.get(f"/api/v1/jobs/{job['id']}/result?location=drop").content)
    assert b"\x25\x88" not in (dropped.metadata.exif or b"") and b"Aunt May" in (dropped.metadata.exif or b"")


def _exif_with_gps() -> bytes:
    import struct

    artist = b"Aunt May\0"
    gps_at = 8 + 2 + 2 * 12 + 4
    artist_at = gps_at + 2 + 12 + 4
    first = struct.pack("<H", 2) + struct.pack("<HHII", 0x013B, 2, len(artist), artist_at) + struct.pack("<HHII", 0x8825, 4, 1, gps_at)
    gps = struct.pack("<H", 1) + struct.pack("<HHI4s", 1, 2, 2, b"N\0\0\0") + bytes(4)
    return b"II*\0" + struct.pack("<I", 8) + first + bytes(4) + gps + artist


def test_health_metrics_and_the_document_say_nothing_secret(server: Server) -> None:
    uploaded = server.upload(encoded("png"), "secret-name.png")
    assert server.client.get("/healthz").json()["status"] == "ok"
    metrics = server.client.get("/metrics").text
    assert "unfade_jobs_queued" in metrics and 'route="/api/v1/photos"' in metrics
    assert uploaded["id"] not in metrics and "secret-name" not in metrics
    document = server.client.get("/api/openapi.json").json()
    assert {"/api/v1/restore", "/api/v1/photos/{photo_id}/jobs", "/healthz"} <= document["paths"].keys()
    assert uploaded["id"] not in server.log.read_text() and "secret-name" not in server.log.read_text()


def test_an_answer_does_not_wait_for_the_browser_to_acknowledge_its_head(server: Server) -> None:
    seconds = []
    for _ in range(20):
        began = time.perf_counter()
        assert server.client.get("/api/v1/settings").status_code == 200
        seconds.append(time.perf_counter() - began)
    assert min(seconds) < 0.03  # an acknowledgement is held back for 40 ms


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/photos/short", 404),
        ("PUT", "/api/v1/photos", 405),
        ("GET", "/page/../app.py", 404),
    ],
)
def test_what_is_not_there_is_a_problem_with_a_sentence(server: Server, method: str, address: str, status: int) -> None:
    answer = server.client.request(method, httpx.URL(server.url + address))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].endswith(".")


def test_an_upload_that_is_sent_again_is_one_photograph(server: Server) -> None:
    data, key = encoded("png"), new_id()

    def send(data: bytes, **headers: str) -> httpx.Response:
        return server.client.post("/api/v1/photos", files={"file": ("aunt-may.png", data)}, headers=headers)

    with ThreadPoolExecutor(4) as pool:  # the first may still be decoded when the second comes
        answers = list(pool.map(lambda _: send(data, **{"Idempotency-Key": key}), range(4)))
    assert [answer.status_code for answer in answers] == [201] * 4
    assert {answer.json()["id"] for answer in answers} == {key} and len({answer.json()["created"] for answer in answers}) == 1
    job = server.done(server.submit(key)["id"])
    again = send(data, **{"Idempotency-Key": f'"{key}"'}).json()
    assert [known["id"] for known in again["jobs"]] == [job["id"]]

    for other in (data + b"\0", data[:-1], encoded("jpeg")):
        answer = send(other, **{"Idempotency-Key": key})
        assert answer.status_code == 422 and "another file" in answer.json()["detail"]
    assert send(data, **{"Idempotency-Key": "short"}).status_code == 422
    assert send(data).json()["id"] != key


def test_a_preview_of_a_photograph_that_is_deleted_meanwhile_is_not_found(make_server: Callable[..., Server]) -> None:
    server = make_server(workers=0).start()  # nobody makes it
    photo_id = server.upload(encoded())["id"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: server.client.post(f"/api/v1/photos/{photo_id}/preview", json={}))
        time.sleep(1)
        assert not waiting.done()
        assert server.client.delete(f"/api/v1/photos/{photo_id}").status_code == 204
        answer = waiting.result(10)
    assert answer.status_code == 404 and answer.json()["detail"].startswith("There is no such photograph")


def test_what_is_said_of_a_file_that_is_refused_reads_well(server: Server) -> None:
    said = server.client.post("/api/v1/photos", files={"file": ("letter.jpg", b"Dear aunt")}).json()["detail"]
    assert said == "The file is not a photograph that can be read here; give one of these: AVIF, BMP, GIF, HEIF, JPEG, PNG, TIFF or WebP."
