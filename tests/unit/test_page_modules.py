"""The page's modules as files: each is checked for types, none is long, and the lock of its one tool names no
address."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "src/unfade/web/page").rglob("*.js"))
MOST_LINES = 450


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_a_module_is_checked_for_types_and_not_long(module: Path) -> None:
    lines = module.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "// @ts-check"
    assert len(lines) <= MOST_LINES


def test_the_lock_of_the_type_checker_names_no_address() -> None:
    assert MODULES
    assert "://" not in (ROOT / "package-lock.json").read_text(encoding="utf-8")
