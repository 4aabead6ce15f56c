"""What a person does with the page, and sees on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np


def bring(page: Any, *photographs: Path) -> None:
    """Choose photographs; one alone opens by itself."""
    page.set_input_files("#chooser", [str(path) for path in photographs])


def ready(page: Any) -> None:
    """Wait until the result for what is set can be seen and downloaded at full size."""
    page.wait_for_selector("#studio:not([hidden])")
    settled(page)


def settled(page: Any) -> None:
    # A job starts some seconds after the last change; progress then shows, and goes.
    page.wait_for_timeout(500)
    page.wait_for_selector("#state", state="hidden")
    page.wait_for_timeout(3200)
    page.wait_for_selector("#progress", state="hidden")
    page.wait_for_selector("#notice", state="hidden")


def middle(page: Any) -> tuple[float, float]:
    box = page.locator("#view").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def pixels(page: Any, selector: str = "#view") -> np.ndarray:
    """What is to be seen of an element, as (h, w, 3)."""
    seen = cv2.imdecode(np.frombuffer(page.locator(selector).screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert seen is not None
    return np.asarray(seen)


def differ(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.mean(np.abs(one.astype(int) - other.astype(int)).max(axis=-1) > 12))
