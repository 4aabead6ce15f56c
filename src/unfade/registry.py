"""One file, one thing: a registry reads every module of a package, refuses two things of one name, and suggests the near name."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Generic, TypeVar

from unfade.errors import UnknownNameError

Thing = TypeVar("Thing")


class Registry(Mapping[str, Thing], Generic[Thing]):
    """The things that the modules of `package` offer, by name.

    Each module whose name does not begin with an underscore offers one thing, under the attribute `attribute`; the thing's name is the
    module's, with hyphens for underscores. Modules are imported when a name is first asked for, not before. `noun` is the word for
    messages. Looking up an unknown name raises `UnknownNameError`, which suggests the nearest.
    """

    def __init__(self, package: str, attribute: str, noun: str) -> None:
        self._package, self._attribute, self._noun = package, attribute, noun

    @cached_property
    def _things(self) -> dict[str, Thing]:
        package = importlib.import_module(self._package)
        things: dict[str, Thing] = {}
        for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
            if module.name.startswith("_"):
                continue
            thing = getattr(importlib.import_module(f"{self._package}.{module.name}"), self._attribute, None)
            if thing is None:
                continue
            name = module.name.replace("_", "-")
            if name in things:
                raise ValueError(f"two {self._noun}s are called {name!r} in {self._package}; rename one of the files")
            things[name] = thing
        return things

    def names(self) -> tuple[str, ...]:
        """The names by the files alone, importing none of them: right in a package of which every such module offers a thing."""
        package = importlib.import_module(self._package)
        found = (module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_"))
        return tuple(sorted(name.replace("_", "-") for name in found))

    def __getitem__(self, name: str) -> Thing:
        if name in self._things:
            return self._things[name]
        near = difflib.get_close_matches(name, self._things, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(self._things)}."
        raise UnknownNameError(f"there is no {self._noun} called {name!r}; {hint}")

    def __contains__(self, name: object) -> bool:
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def __len__(self) -> int:
        return len(self._things)
