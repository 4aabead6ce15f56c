"""The page's modules as files: each is checked for types, none is long, and the lock of its one tool names no
address."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "src/unfade/web/page"
MODULES = sorted(PAGE.rglob("*.js"))
LANGUAGES = sorted(path for path in (PAGE / "words").glob("*.js") if path.stem != "en")
# Signs that are the same in every language.
UNTRANSLATED = {"step.progress", "damage.dust-px", "share.result-help", "short.wait", "tab.ready"}
MOST_LINES = 450


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_a_module_is_checked_for_types_and_not_long(module: Path) -> None:
    lines = module.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "// @ts-check"
    assert len(lines) <= MOST_LINES


def test_the_lock_of_the_type_checker_names_no_address() -> None:
    assert MODULES
    assert "://" not in (ROOT / "package-lock.json").read_text(encoding="utf-8")


def words(language: Path) -> dict[str, str]:
    """What stands behind each key of a language's file."""
    return dict(re.findall(r'^  "([\w.-]+)": (.+?),\n(?=  "|\};|  //|\n)', language.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))


def holes(text: str) -> set[str]:
    return set(re.findall(r"\{([a-z]+)\}", text))


MARKUP = "".join(page.read_text(encoding="utf-8") for page in sorted(PAGE.glob("*.html")))
ENGLISH = words(PAGE / "words" / "en.js")


def test_every_word_that_the_page_names_is_there() -> None:
    assert len(ENGLISH) > 200
    named = set(re.findall(r'data-t(?:-[a-z-]+)?="([\w.-]+)"', MARKUP))
    assert named and not named - set(ENGLISH)


def test_every_word_is_named_somewhere() -> None:
    code = "".join(module.read_text(encoding="utf-8") for module in MODULES if module.parent == PAGE)
    assert not [key for key in ENGLISH if f'"{key}"' not in code + MARKUP]


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.stem)
def test_a_language_says_all_with_the_same_values(language: Path) -> None:
    own = words(language)
    assert not set(own) - set(ENGLISH)
    for key, text in own.items():
        assert holes(text) <= holes(ENGLISH[key]), key
        assert holes(text) >= holes(ENGLISH[key]) - {"n"}, key
    missing = set(ENGLISH) - set(own) - UNTRANSLATED
    assert not missing, sorted(missing)
