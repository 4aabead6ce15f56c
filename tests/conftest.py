"""What every test may ask for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from unfade.files.photo import read
from unfade.models.session import Sessions


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full-size", action="store_true", help="long tests take as many photographs as their names promise")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The long ones first, those that say how long before the others, and the many in a browser after these:
    # none that takes minutes is begun last.
    def rank(item: pytest.Item) -> tuple[bool, float, bool]:
        marker = item.get_closest_marker("long")
        seconds = 0.0 if marker is None else marker.kwargs.get("seconds", 0.0)
        return marker is None, -seconds, "browser" in item.path.parts

    items.sort(key=rank)


@pytest.fixture(scope="session")
def sized(pytestconfig: pytest.Config) -> Callable[[int, int], int]:
    """`sized(300, 60)`: how many a long test takes, 300 with --full-size, else 60."""
    return lambda full, small: full if pytestconfig.getoption("--full-size") else small


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of photographs for judging; skips, saying so, where it is absent."""
    folder = Path(os.environ.get("UNFADE_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    if not (folder / "data" / "bench").is_dir():
        pytest.skip(f"needs the shared photographs in {folder} (set UNFADE_SHARED)")
    return folder


@pytest.fixture(scope="session")
def examples() -> list[np.ndarray]:
    """The example photographs, (h, w, 3) uint8, small, and without the borders that some of them have."""
    folder = Path(__file__).parents[1] / "examples"
    found = [read(path).as_rgb().samples for path in sorted(folder.glob("*.jpg"))]
    inner = [one[len(one) // 12 : -len(one) // 12, one.shape[1] // 12 : -one.shape[1] // 12] for one in found]
    return [cv2.resize(one, (480, round(480 * one.shape[0] / one.shape[1])), interpolation=cv2.INTER_AREA) for one in inner]


@pytest.fixture
def rng() -> np.random.Generator:
    """Seeded chance, the same in every run."""
    return np.random.default_rng(20261124)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """OpenCV on one thread: on small pictures, threads that wait for each other only cost time."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of the tiny pinned models (`golden/make_models.py` says what each does)."""
    return Path(__file__).parent / "golden" / "models"


@pytest.fixture
def sessions(golden: Path) -> Iterator[Sessions]:
    """The tiny pinned models, one for each task."""
    with Sessions(1, {task: golden / f"{task}.toml" for task in ("damage", "fill", "tone", "clean", "colorize", "translate")}) as sessions:
        yield sessions
