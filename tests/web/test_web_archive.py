"""The results of an archive are reviewed over the web, and pictures are served as IIIF images."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest

from tests.unit.test_archive_parts import REPAIR, run_here, scan
from tests.web.conftest import Server, awaited, encoded
from unfade.archive.archiving import order_of
from unfade.archive.checking import check
from unfade.archive.manifest import NAME, Decision, Manifest
from unfade.errors import UnreadableError
from unfade.settings import Settings
from unfade.web.problems import Problem
from unfade.web.review import Review
from unfade.web.routes.pictures import view_of


@pytest.fixture
def archive(tmp_path: Path, golden: Path) -> Path:
    """A small archive that is done: three results, of which one is large enough for tiles."""
    scans = tmp_path / "scans"
    scan(scans / "a.tif", bits=16)
    scan(scans / "b.png", hole=40, seed=3)
    wide = np.tile(np.linspace(30, 220, 1300, dtype=np.float32), (700, 1)) + np.random.default_rng(4).normal(0, 2, (700, 1300))
    wide[300:303, 100:900] = 255
    assert cv2.imwrite(str(scans / "wide.png"), wide.astype(np.uint8))
    order = order_of(str(scans), str(tmp_path / "to"), REPAIR, Settings(models=golden, threads=1))
    run_here(replace(order, hold=0.3)).close()
    return tmp_path / "to"


def shape(data: bytes) -> tuple[int, int]:
    """Width and height of a JPEG."""
    height, width = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    return width, height


def test_results_are_reviewed_and_refused_ones_leave(make_server: Callable[..., Server], archive: Path) -> None:
    server = make_server(workers=0, archive=archive).start()
    told = server.client.get("/api/v1/archive").json()
    assert told["open"] == 3 and [entry["risk"] for entry in told["entries"]] == sorted(
        (entry["risk"] for entry in told["entries"]), reverse=True
    )
    riskiest = told["entries"][0]
    one = f"/api/v1/archive/results/{riskiest['id']}"
    thumbs = [server.client.get(f"{one}/{side}/image?side_px=300") for side in ("before", "after")]
    assert all(thumb.status_code == 200 for thumb in thumbs)
    refused = server.client.post(f"{one}/decision", json={"decision": "refused"}).json()
    assert (refused["decision"], refused["place"]) == ("refused", "refused")
    stem = riskiest["name"].rpartition(".")[0]
    assert not list(archive.glob(f"{stem}.restored.*")) and list((archive / ".unfade" / "refused").glob(f"{stem}.restored.*"))
    assert server.client.post(f"{one}/decision", json={"decision": "accepted"}).json()["place"] == "delivered"
    assert list(archive.glob(f"{stem}.restored.*"))
    assert server.client.get("/api/v1/archive?which=decided").json()["accepted"] == 1
    assert server.client.get("/api/v1/archive/results/99").status_code == 404
    assert server.client.post(f"{one}/decision", json={"decision": "maybe"}).status_code == 422
    server.stop()
    assert check(Manifest(archive / NAME)).wrong == ()


@pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes on Linux only")
def test_a_master_whose_name_is_no_utf_8_is_reviewed(make_server: Callable[..., Server], tmp_path: Path, golden: Path) -> None:
    scans = tmp_path / "scans"
    scan(scans / "a.tif").rename(scans / os.fsdecode(b"caf\xe9.tif"))
    run_here(order_of(str(scans), str(tmp_path / "to"), REPAIR, Settings(models=golden, threads=1))).close()
    server = make_server(workers=0, archive=tmp_path / "to").start()
    told = server.client.get("/api/v1/archive").json()["entries"][0]
    assert told["name"] == r"caf\xe9.tif"
    one = f"/api/v1/archive/results/{told['id']}"
    assert all(shape(server.client.get(f"{one}/{side}/image?side_px=1024").content) == (120, 90) for side in ("before", "after"))
    assert server.client.get(f"{one}/before/tiles").status_code == 200
    assert server.client.post(f"{one}/decision", json={"decision": "refused"}).json()["place"] == "refused"
    assert (tmp_path / "to" / ".unfade" / "refused" / os.fsdecode(b"caf\xe9.restored.tif")).is_file()


def test_what_is_done_again_is_seen_and_decided_about_as_it_is_now(
    make_server: Callable[..., Server], archive: Path, tmp_path: Path, golden: Path
) -> None:
    server = make_server(workers=0, archive=archive).start()

    def wide() -> dict[str, Any]:
        return next(entry for entry in server.client.get("/api/v1/archive?which=all").json()["entries"] if entry["name"] == "wide.png")

    first = wide()
    one = f"/api/v1/archive/results/{first['id']}"
    parts = ("image?side_px=300", "image?side_px=1024", "tiles/11/0/0", "iiif/full/max/0/default.jpg")
    addresses = [f"{one}/{side}/{part}" for side in ("before", "after") for part in parts]
    seen = {address: server.client.get(address) for address in addresses}
    for address, answer in seen.items():
        assert answer.status_code == 200 and "no-cache" in answer.headers["cache-control"], address
        unchanged = server.client.get(address, headers={"If-None-Match": f'"another", W/{answer.headers["etag"]}'})
        assert (unchanged.status_code, unchanged.content) == (304, b""), address
    named = f"{one}/after/image?side_px=300&made={first['made']}"
    assert "immutable" in server.client.get(named).headers["cache-control"]
    lighter = REPAIR.changed(lightness=0.8)
    run_here(order_of(str(tmp_path / "scans"), str(archive), lighter, Settings(models=golden, threads=1))).close()
    again = wide()
    assert again["id"] == first["id"] and again["made"] != first["made"]
    for address, before in seen.items():
        answer = server.client.get(address, headers={"If-None-Match": before.headers["etag"]})
        assert answer.status_code == 200 and answer.headers["etag"] != before.headers["etag"], address
        assert ("/after/" in address) == (answer.content != before.content), address
    assert "immutable" not in server.client.get(named).headers["cache-control"], "another picture than the address names is kept"
    refused = server.client.post(f"{one}/decision", json={"decision": "accepted", "made": first["made"]})
    assert refused.status_code == 409 and "made anew" in refused.json()["detail"] and wide()["decision"] is None
    assert server.client.post(f"{one}/decision", json={"decision": "accepted", "made": again["made"]}).json()["decision"] == "accepted"


@pytest.mark.parametrize("decision", ["accepted", "refused"])
def test_what_a_decision_moves_while_it_is_read_is_found(archive: Path, decision: Decision) -> None:
    review = Review(archive)
    for stale in review.entries("all", limit=9, offset=0):
        review.decide(stale.id, decision)  # after the entry was read, and before its files are
        assert review.frame(stale) == review.frame(review.entry(stale.id))
        with review.picture(stale, "after") as result, review.picture(stale, "before") as master:
            assert result.is_file() and master.is_file() and result != master
        assert review.thumbnail(stale, "after")
    (archive / ".unfade" / "refused").mkdir(parents=True, exist_ok=True)
    for gone in archive.rglob("*a.restored.unfade.json"):
        gone.unlink()
    with pytest.raises(Problem, match="no such record"):
        review.frame(next(entry for entry in review.entries("all", limit=9, offset=0) if entry.name == "a.tif"))
    review.close()


@pytest.mark.parametrize("moves", [True, False])
def test_what_a_decision_moves_while_it_is_shown_is_looked_for_again(archive: Path, moves: bool) -> None:
    review, tries = Review(archive), list[str]()

    async def pyramid(path: str, **_: object) -> str:
        tries.append(path)
        if len(tries) == 1:  # its file was found; then a decision moves it, or it is broken
            if moves:
                review.decide(1, "refused")
            raise UnreadableError("the photograph cannot be decoded")
        return "an index"

    service = cast(Any, SimpleNamespace(review=review, pyramid=pyramid))
    if moves:
        assert awaited(view_of(service, result="1")) == (tries[0], "an index")
    else:
        with pytest.raises(UnreadableError):
            awaited(view_of(service, result="1"))
    assert len(tries) == 1 + moves
    review.close()


def test_without_an_archive_there_is_none(server: Server) -> None:
    for address in ("", "/results/1", "/results/1/after/tiles"):
        assert server.client.get(f"/api/v1/archive{address}").status_code == 404
    assert server.client.get("/review").status_code == 200


def every_address(info: dict) -> list[tuple[str, tuple[int, int]]]:
    """What a viewer may ask for, after IIIF Image API 3.0: each tile of each scale factor, and each size."""
    width, height, found = info["width"], info["height"], []
    tile = info["tiles"][0]
    for factor in tile["scaleFactors"]:
        span = tile["width"] * factor
        for top in range(0, height, span):
            for left in range(0, width, span):
                across, down = min(span, width - left), min(span, height - top)
                size = -(-across // factor), -(-down // factor)
                found.append((f"{left},{top},{across},{down}/{size[0]},{size[1]}/0/default.jpg", size))
    for size in info["sizes"]:
        found.append((f"full/{size['width']},{size['height']}/0/default.jpg", (size["width"], size["height"])))
    return found


def test_a_viewer_finds_every_tile_that_the_info_lists(make_server: Callable[..., Server], archive: Path) -> None:
    server = make_server(workers=0, archive=archive, iiif_origin="https://viewer.example").start()
    number = next(entry["id"] for entry in server.client.get("/api/v1/archive").json()["entries"] if entry["name"] == "wide.png")
    photo = server.upload(encoded("png"))["id"]
    for base in (f"/api/v1/archive/results/{number}/after/iiif", f"/api/v1/photos/{photo}/iiif"):
        answer = server.client.get(base, follow_redirects=True)
        info = answer.json()
        assert info["id"] == f"{server.url}{base}" and info["type"] == "ImageService3" and info["profile"] == "level0"
        assert answer.headers["content-type"].startswith("application/ld+json")
        assert answer.headers["access-control-allow-origin"] == "https://viewer.example"
        addresses = every_address(info)
        assert len(addresses) >= 2
        for address, size in addresses:
            picture = server.client.get(f"{base}/{address}")
            assert picture.status_code == 200 and shape(picture.content) == size, address
        largest = shape(server.client.get(f"{base}/full/max/0/default.jpg").content)
        assert largest[0] <= info["maxWidth"] and largest[1] <= info["maxHeight"]
        for wrong in (
            "full/max/90/default.jpg",
            "full/max/0/gray.jpg",
            "1,1,5,5/5,5/0/default.jpg",
            "full/7,/0/default.jpg",
            "x/max/0/default.jpg",
        ):
            assert server.client.get(f"{base}/{wrong}").status_code == 404
    whole = cv2.imdecode(np.frombuffer(server.client.get(f"{base}/full/max/0/default.jpg").content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert whole.shape == (96, 128)


def test_other_sites_see_nothing_unless_told(server: Server) -> None:
    photo = server.upload(encoded("png"))["id"]
    answer = server.client.get(f"/api/v1/photos/{photo}/iiif/info.json")
    assert "access-control-allow-origin" not in answer.headers and answer.headers["cross-origin-resource-policy"] == "same-origin"
