"""What is added by adding a file.

A registry reads every module of a package, refuses two things of one name, and suggests the near name.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cached_property
from types import ModuleType
from typing import Generic, TypeVar

from unfade.errors import UnknownNameError, nearest

Thing = TypeVar("Thing")


class Registry(Mapping[str, Thing], Generic[Thing]):
    """The things that the modules of `package` offer, by name.

    A module offers one thing as `attribute` (`STEP`); its name is the module's, with hyphens for underscores.
    A family of things that share a file is offered as `FAMILY`: a mapping of names to things. Modules whose
    names begin with an underscore offer nothing. No module is imported before a name is first asked for.
    `noun` is the word for messages. Looking up an unknown name raises `UnknownNameError`, which suggests the
    nearest.

    >>> from unfade.ageing import KINDS
    >>> "scratches" in KINDS
    True
    >>> KINDS["scratchs"]
    Traceback (most recent call last):
    ...
    unfade.errors.UnknownNameError: there is no kind of damage called 'scratchs'; did you mean 'scratches'?
    """

    def __init__(self, package: str, attribute: str, noun: str) -> None:
        self._package, self._attribute, self._noun = package, attribute, noun

    @cached_property
    def _things(self) -> dict[str, Thing]:
        package = importlib.import_module(self._package)
        things: dict[str, Thing] = {}
        for found in sorted(pkgutil.iter_modules(package.__path__), key=lambda found: found.name):
            if found.name.startswith("_"):
                continue
            for name, thing in self._offered(importlib.import_module(f"{self._package}.{found.name}")):
                if name in things:
                    raise ValueError(f"two {self._noun}s are called {name!r} in {self._package}; rename one of them")
                things[name] = thing
        return dict(sorted(things.items()))

    def _offered(self, module: ModuleType) -> Iterator[tuple[str, Thing]]:
        one: Thing | None = getattr(module, self._attribute, None)
        if one is not None:
            yield module.__name__.rpartition(".")[2].replace("_", "-"), one
        family: Mapping[str, Thing] = getattr(module, "FAMILY", {})
        yield from family.items()

    def names(self) -> tuple[str, ...]:
        """The names of the files, none imported: right for a package whose every module offers a thing."""
        package = importlib.import_module(self._package)
        found = (module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_"))
        return tuple(sorted(name.replace("_", "-") for name in found))

    def alone(self, name: str) -> Thing:
        """The thing of the file of this name, which is one of `names`; no other file is imported."""
        module = importlib.import_module(f"{self._package}.{name.replace('-', '_')}")
        return dict(self._offered(module))[name]

    def __getitem__(self, name: str) -> Thing:
        if name in self._things:
            return self._things[name]
        raise UnknownNameError(f"there is no {self._noun} called {name!r}; {nearest(name, self._things)}")

    def __contains__(self, name: object) -> bool:
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def __len__(self) -> int:
        return len(self._things)
