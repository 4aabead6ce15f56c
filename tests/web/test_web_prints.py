"""The prints on a scan are told, and a job looks at the picture alone."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.web.conftest import Server


def scan() -> tuple[bytes, np.ndarray]:
    """A photograph of 120 by 90 pixels, at 40, 30 on a white lid of 240 by 200; as PNG, and its samples."""
    rng = np.random.default_rng(7)
    samples = np.clip(252 + rng.normal(0, 1, (200, 240)), 0, 255).astype(np.uint8)
    waves = np.sin(np.mgrid[0:90, 0:120][1] / 7) * 40 + np.cos(np.mgrid[0:90, 0:120][0] / 5) * 30 + 110
    samples[30:120, 40:160] = np.rint(waves)
    file = io.BytesIO()
    Image.fromarray(samples).save(file, "PNG")
    return file.getvalue(), samples


def test_the_outlines_of_prints_are_told(server: Server) -> None:
    data, _ = scan()
    photo = server.client.post("/api/v1/photos", files={"file": ("page.png", data, "image/png")}).json()
    answer = server.client.post(f"/api/v1/photos/{photo['id']}/prints")
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["prints"]
    assert answer.json()["doubt"] is None and found["sure"] and found["around"] == "light"
    np.testing.assert_allclose(found["picture"], [[40, 30], [160, 30], [160, 120], [40, 120]], atol=0.01)
    assert server.client.post("/api/v1/photos/nothing-is-called-this-in-the-shelf/prints").status_code in (404, 422)


@pytest.mark.parametrize("quarters", range(4))
def test_which_way_is_up_is_told_and_whether_that_is_sure(server: Server, quarters: int) -> None:
    sample = Path(__file__).parents[2] / "src/unfade/web/page/pictures/sample-after.jpg"
    with Image.open(sample) as picture:
        turned = picture.resize((284, 304)).rotate(90 * quarters, expand=True)
    file = io.BytesIO()
    turned.save(file, "PNG")
    photo = server.client.post("/api/v1/photos", files={"file": ("boy.png", file.getvalue(), "image/png")}).json()
    at = f"/api/v1/photos/{photo['id']}/up"
    answer = server.client.post(at, json={})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["sure"] and told["turn"] == 90 * quarters and told["probability"] > 0.99
    # Of a part, in the photograph's pixels.
    (width, height) = turned.size
    whole = [[0, 0], [width, 0], [width, height], [0, height]]
    assert server.client.post(at, json={"corners": whole}).json()["turn"] == told["turn"]
    assert server.client.post(at, json={"corners": [[x + 999, y] for x, y in whole]}).status_code == 422


def test_which_way_is_up_is_not_sure_of_a_pattern(server: Server) -> None:
    data, _ = scan()
    photo = server.client.post("/api/v1/photos", files={"file": ("page.png", data, "image/png")}).json()
    told = server.client.post(f"/api/v1/photos/{photo['id']}/up", json={"corners": [[40, 30], [160, 30], [160, 120], [40, 120]]}).json()
    assert not told["sure"]
