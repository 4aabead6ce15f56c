from __future__ import annotations

import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from unfade.errors import UsageError
from unfade.settings import Settings, read_settings, variable


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(variable(field), raising=False)


def test_every_setting_has_a_default_and_a_sentence_for_the_reference() -> None:
    settings = read_settings()
    assert settings.max_megapixels == 200
    assert all(field.description for field in Settings.model_fields.values())


def test_a_value_comes_from_its_variable_and_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UNFADE_MAX_MEGAPIXELS", "450.5")
    monkeypatch.setenv("UNFADE_THREADS", "2")
    monkeypatch.setenv("UNFADE_MODELS", str(tmp_path))
    settings = read_settings()
    assert (settings.max_megapixels, settings.threads, settings.models) == (450.5, 2, tmp_path)
    with pytest.raises(ValidationError, match="frozen"):
        settings.threads = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("UNFADE_MAX_MEGAPIXELS", "lots"),
        ("UNFADE_MAX_MEGAPIXELS", "0"),
        ("UNFADE_MAX_MEGAPIXELS", "nan"),
        ("UNFADE_THREADS", "0"),
        ("UNFADE_THREADS", "1.5"),
        ("UNFADE_MODELS", "/no/such/folder"),
    ],
)
def test_a_bad_value_is_one_sentence_with_the_variable_and_the_value(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=name) as caught:
        read_settings()
    assert repr(value) in str(caught.value)
    assert "\n" not in str(caught.value)


NUMBERS = [name for name, field in Settings.model_fields.items() if field.annotation in (int, float, int | None, float | None)]


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "1e30", "1" + 30 * "0", "1e400"])
@pytest.mark.parametrize("field", NUMBERS)
def test_no_number_is_without_limit(monkeypatch: pytest.MonkeyPatch, field: str, value: str) -> None:
    monkeypatch.setenv(variable(field), value)
    with pytest.raises(UsageError, match=variable(field)) as caught:
        read_settings()
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("field", NUMBERS)
def test_the_largest_of_each_number_is_one_that_a_server_can_take(field: str) -> None:
    pytest.importorskip("fastapi", reason="needs the web extra")
    from unfade.web.guard import rules_of
    from unfade.web.responses import _sure_time
    from unfade.web.sandbox import limits_of

    most = next(limit.le for limit in Settings.model_fields[field].metadata if hasattr(limit, "le"))
    settings = Settings.model_validate({field: most})
    rules_of(settings)
    assert limits_of(settings).memory_bytes < 2**63  # what setrlimit takes
    assert settings.decode_timeout_s * 1000 < 2**31  # what poll takes
    _sure_time(time.time() + settings.keep_hours * 3600)


@pytest.mark.parametrize("name", ["UNFADE_MODELS", "UNFADE_TOKEN", "UNFADE_DATA", "UNFADE_MAX_MEGAPIXELS"])
def test_an_empty_variable_means_nothing_by_itself(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "")
    with pytest.raises(UsageError, match=f"{name} is set, and empty"):
        read_settings()


@pytest.mark.parametrize("name", ["UNFADE_TRUSTED_PROXIES", "UNFADE_HOSTS"])
def test_an_empty_list_is_none_of_what_it_lists(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "")
    assert getattr(read_settings(), name.removeprefix("UNFADE_").lower()) == ""


def test_a_short_token_is_told_in_characters_and_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNFADE_TOKEN", "abc")
    with pytest.raises(UsageError, match="should have 8 characters or more") as caught:
        read_settings()
    assert "items" not in str(caught.value) and "abc" not in str(caught.value)


def test_a_misspelled_variable_is_not_quietly_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNFADE_MAX_MEGAPIXEL", "450")
    with pytest.raises(UsageError, match="did you mean UNFADE_MAX_MEGAPIXELS"):
        read_settings()


def test_a_variable_that_is_no_setting_is_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNFADE_SHARED", "/somewhere")
    assert read_settings() == Settings()
