"""Every example in a docstring of the package gives what it says."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import unfade

PACKAGE = Path(unfade.__file__).parent


def modules_with_examples() -> list[str]:
    """The names of the modules that have an example; no other module is imported for it."""
    found = [path for path in sorted(PACKAGE.rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]
    return [".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__") for path in found]


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_give_what_they_say(name: str) -> None:
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    examples = [one for one in doctest.DocTestFinder().find(importlib.import_module(name)) if one.examples]
    assert examples, f"{name} has an example that doctest does not see: is it in a docstring?"
    for one in examples:
        runner.run(one, out=said.append)
    assert not runner.failures, "\n" + "".join(said)
