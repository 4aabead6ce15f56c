"""The identity through windows gives the picture back, whatever its size, the windows' and their overlap."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from unfade import tiles


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 96), st.data())
def test_identity(height: int, width: int, tile_px: int, data: st.DataObject) -> None:
    overlap_px = data.draw(st.integers(0, tile_px - 1 if tile_px < 8 else tile_px - 4))
    grid = tiles.Grid(tile_px, overlap_px, data.draw(st.sampled_from([1, 4, 8, 16])))
    picture = np.random.default_rng(height * 1000 + width).random((height, width, 2), dtype=np.float32)
    bands = [band.copy() for _, band in tiles.run(height, width, lambda r, c: picture[r, c], lambda part, window: part, grid)]
    np.testing.assert_allclose(np.concatenate(bands), picture, atol=3e-6)
