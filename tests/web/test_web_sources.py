"""A hole is filled from a chosen place; parts become photographs; what is sent twice is done once."""

from __future__ import annotations

import io
import secrets
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.web.conftest import Server
from unfade.archive import verify

STROKE = {"kind": "brush", "radius_px": 6, "points": [[100, 60]]}


def png(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(samples).save(file, "PNG")
    return file.getvalue()


def woven() -> np.ndarray:
    """A weave that repeats every 20 pixels, of 200 by 120, with a white blot at 100, 60."""
    rows, columns = np.mgrid[:120, :200]
    samples = np.rint(120 + 60 * np.sin(columns * np.pi / 10) * np.sin(rows * np.pi / 10)).astype(np.uint8)
    samples[56:64, 96:104] = 255
    return samples


def test_a_hole_is_filled_from_where_it_goes_on(server: Server) -> None:
    samples = woven()
    photo = server.upload(png(samples), "woven.png")
    at = f"/api/v1/photos/{photo['id']}"
    mask = server.client.post(f"{at}/masks/edits", json={"strokes": [STROKE]}).json()
    answer = server.client.post(f"{at}/sources", json={"strokes": [STROKE], "mask": mask["id"]})
    assert answer.status_code == 200, answer.text
    places = answer.json()["sources"]
    assert places and [place["cost"] for place in places] == sorted(place["cost"] for place in places)
    best = places[0]
    heal = {"points": STROKE["points"], "radius_px": 6, "dx": best["dx"], "dy": best["dy"]}
    job = server.done(server.submit(photo["id"], mask=mask["id"], heals=[heal], clean=0, colorize=False)["id"])
    fill = next(step for step in job["result"]["steps"] if step["name"] == "fill")
    assert fill["facts"]["healed"] > 80
    made = np.array(Image.open(io.BytesIO(server.client.get(f"/api/v1/jobs/{job['id']}/result").content)).convert("L"))
    rows, columns = np.mgrid[56:64, 96:104]
    wanted = 120 + 60 * np.sin(columns * np.pi / 10) * np.sin(rows * np.pi / 10)
    assert np.abs(made[56:64, 96:104] - wanted).mean() < 12
    for wrong in ({"strokes": []}, {"strokes": [STROKE], "mask": "x" * 32}):
        assert server.client.post(f"{at}/sources", json=wrong).status_code in (404, 422)
    assert (
        server.client.post(f"{at}/jobs", json={"mask": mask["id"], "heals": [heal | {"points": [[1, 1]], "radius_px": 0}]}).status_code
        == 422
    )


def test_a_part_becomes_a_photograph_and_a_part_of_that_is_of_the_file(server: Server, tmp_path: Path) -> None:
    samples = np.random.default_rng(5).integers(0, 255, (120, 200), np.uint8)
    photo = server.upload(png(samples), "page.png")
    box = [[20, 10], [180, 10], [180, 110], [20, 110]]
    key = secrets.token_urlsafe(24)

    def cut(photo_id: str, key: str | None = None, **part: object) -> dict[str, object]:
        answer = server.client.post(f"/api/v1/photos/{photo_id}/cuts", json=part, headers={"Idempotency-Key": key} if key else {})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    part = cut(photo["id"], key, corners=box, turn=90, number=2)
    assert (part["id"], part["name"], part["width"], part["height"]) == (key, "page-2.png", 100, 160)
    assert part == cut(photo["id"], key, corners=box, turn=90, number=2)
    other = server.client.post(f"/api/v1/photos/{photo['id']}/cuts", json={"turn": 90}, headers={"Idempotency-Key": key})
    assert other.status_code == 422 and "Idempotency-Key" in other.json()["detail"]
    inner = cut(str(part["id"]), corners=[[10, 20], [90, 20], [90, 100], [10, 100]], turn=90)

    def result(photo_id: str) -> np.ndarray:
        job = server.done(server.submit(photo_id, fill=False, clean=0, colorize=False)["id"])
        made = server.client.get(f"/api/v1/jobs/{job['id']}/result").content
        (tmp_path / "result.png").write_bytes(made)
        (tmp_path / "page.png").write_bytes(png(samples))
        verdict = verify.verify(tmp_path / "result.png", master=tmp_path / "page.png")
        assert [check.holds for check in verdict.checks] == [True, True, True], "a part is proved against its file"
        return np.array(Image.open(io.BytesIO(made)).convert("L"))

    expected = np.rot90(samples[10:110, 20:180], -1)
    np.testing.assert_array_equal(result(str(part["id"])), expected)
    np.testing.assert_array_equal(result(str(inner["id"])), np.rot90(expected[20:100, 10:90], -1))
    assert server.client.get(f"/api/v1/photos/{photo['id']}").json()["width"] == 200, "the whole stays"
    crossed = {"corners": [[0, 0], [50, 50], [50, 0], [0, 50]]}
    assert server.client.post(f"/api/v1/photos/{photo['id']}/cuts", json=crossed).status_code == 422


@pytest.mark.parametrize("of", ["", "one"])
def test_a_mask_that_is_sent_twice_is_made_once(server: Server, of: str) -> None:
    photo = server.upload(png(woven()), "woven.png")
    at = f"/api/v1/photos/{photo['id']}/masks"
    if of:
        at += "/" + server.client.post(f"{at}/edits", json={"strokes": [STROKE]}).json()["id"]
    key = {"Idempotency-Key": secrets.token_urlsafe(24)}
    drawn = [server.client.post(f"{at}/edits", json={"strokes": [STROKE | {"radius_px": 9}]}, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in drawn] == [201, 201] and drawn[0].json() == drawn[1].json()
    assert server.client.post(f"{at}/edits", json={"strokes": [STROKE | {"radius_px": 20}]}, headers=key).status_code == 422
    assert len(server.client.get(f"/api/v1/photos/{photo['id']}").json()["masks"]) == (2 if of else 1)


def test_a_shelf_that_is_asked_for_twice_is_one(server: Server) -> None:
    key = secrets.token_urlsafe(24)
    made = [server.client.post("/api/v1/shelves", headers={"Idempotency-Key": key}).json() for _ in range(2)]
    assert made[0] == made[1] == {"id": key, "photos": []}
