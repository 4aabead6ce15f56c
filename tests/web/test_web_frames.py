"""A job frames the photograph: its result, what it began with and its previews are the frame's; masks stay on
the photograph."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from tests.web.conftest import Server

FRAME = {"crop": [40, 30, 120, 90], "rotate": 90}


def uploaded(server: Server) -> tuple[str, np.ndarray]:
    """A photograph of 240 by 200 pixels with a white scratch: its address, and its samples."""
    down, across = np.mgrid[0:200, 0:240]
    samples = np.rint(np.sin(across / 7) * 40 + np.cos(down / 5) * 30 + 110).astype(np.uint8)
    samples[60:64, 50:150] = 255
    file = io.BytesIO()
    Image.fromarray(samples).save(file, "PNG")
    photo = server.client.post("/api/v1/photos", files={"file": ("page.png", file.getvalue(), "image/png")}).json()
    return f"/api/v1/photos/{photo['id']}", samples


def opened(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def done(server: Server, address: str, options: dict[str, Any]) -> dict[str, Any]:
    job: dict[str, Any] = server.client.post(f"{address}/jobs", json=options).json()
    return server.done(job["id"])


def test_a_job_frames_the_photograph(server: Server) -> None:
    address, samples = uploaded(server)
    framed = np.rot90(samples[30:120, 40:160], -1)
    job = done(server, address, {"frame": FRAME, "fill": False, "clean": 0})
    assert job["state"] == "done", job
    result = job["result"]
    assert (result["width"], result["height"], result["pixels_changed"]) == (90, 120, 0)
    assert result["frame"]["turn"] == 90 and (result["frame"]["width"], result["frame"]["height"]) == (240, 200)
    assert job["options"]["frame"] == FRAME | {"straighten": None, "corners": None}
    get = server.client.get
    np.testing.assert_array_equal(opened(get(f"/api/v1/jobs/{job['id']}/result").content), framed)
    before = opened(get(f"/api/v1/jobs/{job['id']}/before/image").content)
    assert before.shape[:2] == (120, 90) and np.abs(before[..., 0].astype(int) - framed).mean() < 4
    tiles = get(f"/api/v1/jobs/{job['id']}/before/tiles").json()
    assert (tiles["width"], tiles["height"]) == (90, 120)
    assert get(tiles["url"].format(level=tiles["max_level"], column=0, row=0)).status_code == 200
    shared = opened(get(f"/api/v1/jobs/{job['id']}/share").content)
    assert shared.ndim == 3
    preview = server.client.post(f"{address}/preview", json={"frame": FRAME, "clean": 0, "fill": False})
    assert opened(preview.content).shape[:2] == (120, 90)


def test_a_mask_stays_on_the_photograph(server: Server) -> None:
    address, _ = uploaded(server)
    first = done(server, address, {"frame": FRAME, "clean": 0})
    mask = opened(server.client.get(f"{address}/masks/{first['mask_id']}").content)
    assert mask.shape == (200, 240) and not mask[:30].any() and not mask[:, 160:].any()
    again = done(server, address, {"frame": FRAME, "clean": 0, "mask": first["mask_id"]})
    results = [server.client.get(f"/api/v1/jobs/{job['id']}/result").content for job in (first, again)]
    np.testing.assert_array_equal(*map(opened, results))
    other = done(server, address, {"frame": {"straighten": 3}, "clean": 0, "mask": first["mask_id"]})
    assert other["state"] == "done" and other["result"]["frame"]["corners"] is not None
    plain = done(server, address, {"clean": 0, "mask": first["mask_id"]})
    assert plain["result"]["frame"] is None and (plain["result"]["width"], plain["result"]["height"]) == (240, 200)
    whole = opened(server.client.get(f"/api/v1/jobs/{plain['id']}/before/image").content)
    assert whole.shape[:2] == (200, 240)


def test_a_frame_that_does_not_fit_is_refused_at_once(server: Server) -> None:
    address, _ = uploaded(server)
    for frame in ({"crop": [200, 0, 100, 50]}, {"rotate": 45}, {"crop": "auto", "corners": [[0, 0], [9, 0], [9, 9], [0, 9]]}, {"skew": 2}):
        answer = server.client.post(f"{address}/jobs", json={"frame": frame})
        assert answer.status_code == 422, frame
    data = io.BytesIO()
    Image.fromarray(np.full((30, 40), 90, np.uint8)).save(data, "PNG")
    files = {"file": ("a.png", data.getvalue(), "image/png")}
    made = server.client.post("/api/v1/restore", files=files, data={"crop": "5,6,20,10", "clean": "0", "fill": "false"})
    assert made.status_code == 200 and opened(made.content).shape == (10, 20)
    assert server.client.post("/api/v1/restore", files=files, data={"crop": "5,6"}).status_code == 422
