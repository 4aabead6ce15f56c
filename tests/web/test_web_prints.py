"""The prints on a scan are told, and a job looks at the picture alone."""

from __future__ import annotations

import io

import numpy as np
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
