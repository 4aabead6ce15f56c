"""Models are found by task, name and path, and are what their cards say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from unfade.errors import ModelCorruptError, ModelMissingError, ModelTaskError, UnknownNameError
from unfade.models import store


@pytest.fixture
def folder(golden: Path, tmp_path: Path) -> Path:
    """A folder of cards: fill in the versions 1, 9 and 10, and clean."""
    for version in (1, 9, 10):
        card = (
            (golden / "fill.toml")
            .read_text()
            .replace('version = "1"', f'version = "{version}"')
            .replace('"golden-fill"', f'"paint-{version}"')
        )
        (tmp_path / f"fill-{version}.toml").write_text(card)
    shutil.copy(golden / "fill.onnx", tmp_path)
    shutil.copy(golden / "clean.toml", tmp_path / "clean-1.toml")
    return tmp_path


def test_the_newest_version_is_found_by_task(folder: Path) -> None:
    model = store.find("fill", folder=folder)
    assert model.card.version == "10"  # not "9", which sorts after it as text
    assert store.verify(model) == folder / "fill.onnx"


def test_a_model_is_found_by_the_card_file_and_by_its_own_name(folder: Path) -> None:
    assert store.find("fill", "fill-9", folder=folder).card.version == "9"
    assert store.find("fill", "paint-1", folder=folder).card.version == "1"


def test_a_model_is_found_by_path(golden: Path) -> None:
    assert store.find("damage", golden / "damage.toml").weights == golden / "damage.onnx"
    assert store.find("damage", str(golden / "damage.onnx")).card.name == "golden-damage"


def test_a_near_name_is_suggested(folder: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'fill-9'"):
        store.find("fill", "fil-9", folder=folder)


def test_another_task_is_refused(golden: Path) -> None:
    with pytest.raises(ModelTaskError, match="golden-clean is a model for clean, not for fill"):
        store.find("fill", golden / "clean.toml")


def test_no_model_at_all(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError, match="no model for colorize"):
        store.find("colorize", folder=tmp_path)


def test_weights_without_a_card(golden: Path, tmp_path: Path) -> None:
    shutil.copy(golden / "fill.onnx", tmp_path / "mine.onnx")
    with pytest.raises(ModelMissingError, match=r"mine\.toml"):
        store.find("fill", tmp_path / "mine.onnx")


def test_missing_weights(folder: Path) -> None:
    with pytest.raises(ModelMissingError, match=r"clean\.onnx"):
        store.verify(store.find("clean", folder=folder))


def test_changed_weights_are_refused_even_after_they_were_verified(folder: Path) -> None:
    model = store.find("fill", folder=folder)
    store.verify(model)
    weights = folder / "fill.onnx"
    weights.write_bytes(weights.read_bytes() + b"\0")
    with pytest.raises(ModelCorruptError, match="SHA-256"):
        store.verify(model)


def test_a_broken_card(folder: Path) -> None:
    (folder / "fill-11.toml").write_text("name = ")
    with pytest.raises(ModelCorruptError, match=r"fill-11\.toml is not TOML"):
        store.shipped(folder)
    (folder / "fill-11.toml").write_text((folder / "fill-1.toml").read_text() + "\nsurprise = 1\n")
    with pytest.raises(ModelCorruptError, match="surprise"):
        store.find("fill", folder=folder)


def test_a_model_that_is_not_there_is_told_from_one_without_its_card(golden: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError, match=r"there is no file .*mine\.onnx"):
        store.find("fill", tmp_path / "mine.onnx")
    shutil.copy(golden / "fill.onnx", tmp_path / "mine.onnx")
    with pytest.raises(ModelMissingError, match="has no card beside it"):
        store.find("fill", tmp_path / "mine.onnx")


def test_a_card_without_a_licence_is_not_taken_for_ours(golden: Path) -> None:
    assert "licence" not in (golden / "fill.toml").read_text()
    assert store.find("fill", golden / "fill.toml").card.licence == "not known"
    assert all(model.card.licence == "Apache-2.0" for model in store.shipped())
