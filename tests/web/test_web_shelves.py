"""A shelf that several devices share, by a secret id or by the server's token; and pictures to send to
others."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from tests.web.conftest import Server, encoded
from unfade.queue.records import new_id
from unfade.queue.shelves import MAX_PHOTOS, FullShelfError, Shelves
from unfade.queue.table_sqlite import SqliteTable
from unfade.web import sharing


def test_a_shelf_is_shared_by_whoever_holds_its_id_until_it_is_taken_back(server: Server) -> None:
    made = server.client.post("/api/v1/shelves")
    assert made.status_code == 201
    address = f"/api/v1/shelves/{made.json()['id']}"
    one, other = new_id(), new_id()
    assert server.client.post(address, json={"add": [one, other, one]}).json()["photos"] == [one, other]
    assert server.client.post(address, json={"remove": [one]}).json()["photos"] == [other]
    assert server.client.get(address).json()["photos"] == [other]
    code = server.client.get(f"{address}/code")
    assert code.headers["content-type"].startswith("image/svg+xml") and b"<svg" in code.content
    assert server.client.delete(address).status_code == 204
    for answer in (server.client.get(address), server.client.get(f"{address}/code"), server.client.post(address, json={"add": [one]})):
        assert answer.status_code == 404
    assert server.client.get("/api/v1/session").json()["shelf"] is None


def test_who_knows_the_token_has_one_shelf(make_server: Callable[..., Server]) -> None:
    server = make_server(workers=0, token="a-long-word").start()
    assert server.client.get("/api/v1/session").json()["shelf"] is None
    known = {"Authorization": "Bearer a-long-word"}
    shelf = server.client.get("/api/v1/session", headers=known).json()["shelf"]
    photo = new_id()
    assert server.client.get(f"/api/v1/shelves/{shelf}", headers=known).json()["photos"] == []
    assert server.client.post(f"/api/v1/shelves/{shelf}", json={"add": [photo]}, headers=known).json()["photos"] == [photo]
    assert server.client.get(f"/api/v1/shelves/{shelf}").status_code == 401
    assert "a-long-word" not in shelf


@pytest.fixture
def shelves(tmp_path: object) -> Shelves:
    now = [0.0]
    made = Shelves(SqliteTable(tmp_path / "table.sqlite"), keep_s=100, clock=lambda: now[0])  # type: ignore[operator]
    made.now = now  # type: ignore[attr-defined]
    return made


def test_a_shelf_is_bounded_and_goes_when_nobody_changes_it(shelves: Shelves) -> None:
    shelf = shelves.make()
    shelves.change(shelf, add=[f"{number}" for number in range(MAX_PHOTOS)])
    with pytest.raises(FullShelfError):
        shelves.change(shelf, add=["one more"])
    shelves.now[0] = 99  # type: ignore[attr-defined]
    shelves.sweep()
    assert len(shelves.photos(shelf) or ()) == MAX_PHOTOS
    shelves.change(shelf, remove=["0"])
    shelves.now[0] = 150  # type: ignore[attr-defined]
    shelves.sweep()
    assert shelves.photos(shelf) is not None
    shelves.now[0] = 200  # type: ignore[attr-defined]
    shelves.sweep()
    assert shelves.photos(shelf) is None
    assert shelves.make("x" * 32) == shelves.make("x" * 32)


def test_before_and_after_stand_beside_each_other_the_way_that_fits() -> None:
    tall, wide = np.zeros((40, 20, 3), np.uint8), np.zeros((20, 40, 3), np.uint8)
    assert sharing.pair(tall, tall + 9).shape == (40, 40 + sharing.GAP_PX, 3)
    both = sharing.pair(wide, wide + 9)
    assert both.shape == (40 + sharing.GAP_PX, 40, 3)
    assert (both[:20] == 0).all() and (both[-20:] == 9).all()


def test_a_sweep_goes_from_before_to_after_and_back() -> None:
    before, after = np.zeros((10, 64, 3), np.uint8), np.full((10, 64, 3), 100, np.uint8)
    made = sharing.frames(before, after)
    seen = [float((frame == 100).mean()) for frame in made]
    assert seen[0] == 0 and seen[len(seen) // 2] == 1
    assert seen[: len(seen) // 2] == sorted(seen[: len(seen) // 2])


def test_pictures_to_send_say_that_a_model_took_part(server: Server) -> None:
    uploaded = server.upload(encoded("png"), "aunt may.png")
    job = server.done(server.submit(uploaded["id"])["id"])
    for kind, format in (("pair", "JPEG"), ("sweep", "WEBP")):
        answer = server.client.get(f"/api/v1/jobs/{job['id']}/share?kind={kind}")
        assert answer.status_code == 200, answer.text
        picture = Image.open(io.BytesIO(answer.content))
        assert picture.format == format and "aunt may.before-after" in answer.headers["content-disposition"].replace("%20", " ")
        assert b"compositeWithTrainedAlgorithmicMedia" in answer.content
        assert getattr(picture, "n_frames", 1) == (sharing.FRAMES if kind == "sweep" else 1)
    assert server.client.get(f"/api/v1/jobs/{job['id']}/share?kind=poem").status_code == 422
