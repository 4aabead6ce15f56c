"""A registry finds what lies in a package's files: one thing a file, or a family."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from unfade.errors import UnknownNameError
from unfade.registry import Registry


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An importable package of toys, with a helper that offers nothing."""
    folder = tmp_path / "toybox"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "tin_soldier.py").write_text("TOY = 1")
    (folder / "dolls.py").write_text("FAMILY = {'rag-doll': 2, 'babushka': 3}")
    (folder / "shelf.py").write_text("HEIGHT = 4")
    (folder / "_glue.py").write_text("TOY = 5")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "toybox"]:
        del sys.modules[name]


def toys() -> Registry[int]:
    return Registry("toybox", "TOY", "toy")


def test_a_file_offers_one_thing_or_a_family(package: Path) -> None:
    assert dict(toys()) == {"babushka": 3, "rag-doll": 2, "tin-soldier": 1}
    assert list(toys()) == sorted(toys())


def test_nothing_is_imported_before_a_name_is_asked_for(package: Path) -> None:
    made = toys()
    assert "toybox.dolls" not in sys.modules
    assert "rag-doll" in made and "toybox.dolls" in sys.modules


def test_a_file_may_offer_one_and_a_family(package: Path) -> None:
    (package / "dolls.py").write_text("TOY = 6\nFAMILY = {'rag-doll': 2}")
    assert toys()["dolls"] == 6 and toys()["rag-doll"] == 2


@pytest.mark.parametrize("text", ["FAMILY = {'tin-soldier': 7}", "TOY = 7\nFAMILY = {'zoo': 8}"])
def test_two_things_of_one_name_are_refused(package: Path, text: str) -> None:
    (package / "zoo.py").write_text(text)
    with pytest.raises(ValueError, match=r"two toys are called '(tin-soldier|zoo)' in toybox; rename one"):
        len(toys())


def test_an_unknown_name_is_told_the_nearest(package: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"no toy called 'tin-solder'; did you mean 'tin-soldier'"):
        toys()["tin-solder"]
    with pytest.raises(UnknownNameError, match="there are: babushka, rag-doll, tin-soldier"):
        toys()["x"]
