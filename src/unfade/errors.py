"""The tree of errors.

One class per case that a caller treats differently; each message says what was asked, the limit, and what
to do.

UnfadeError
├── UsageError            asked wrong: an option out of range, a mask of another size (exit status 2)
│   └── UnknownNameError  no step, kind, measure, model or recipe of that name; the nearest is suggested
├── PhotoError            something about one photograph
│   ├── UnreadableError   empty, truncated, a lying header, a directory, no permission
│   │   └── OtherKindError  no photograph, or one of a kind that is not read here: a film, a raw file
│   ├── TooLargeError     over the pixel limit, seen in the header before anything was decoded
│   └── UnwritableError   the output cannot be written: no folder, no permission, disk full
│       └── ExistsError   the output is there already and overwriting was not asked for
├── ModelError            something about a model
│   ├── ModelMissingError its weights are not where the card says
│   ├── ModelCorruptError its weights' SHA-256 is not the card's, or ONNX Runtime cannot open them
│   └── ModelTaskError    a model for another task
├── RecordError           a record of a restoration: none, changed, of another form, of another photograph
├── RecipeError           a training recipe with an unknown key or a value out of range
├── DataError             training or bench folders: empty, unmatched, of different sizes
├── TrainingError         training cannot go on: a loss that is not a number, no checkpoint to resume
├── ExportError           ONNX Runtime and PyTorch do not agree
├── AwayError             the queue, its ledger or its storage cannot be reached; it comes back by itself
└── MissingExtraError     an optional part is not installed; the message gives the pip line
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest one that there is, or all of them."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}."


class UnfadeError(Exception):
    """The root: everything Unfade raises on purpose.

    `str(error)` is one clear sentence for the person who asked.
    """


class UsageError(UnfadeError, ValueError):
    """What was asked cannot be done as asked: an option out of range, a mask of another size."""


class UnknownNameError(UsageError):
    """No thing of that name is registered."""


class PhotoError(UnfadeError):
    """One photograph cannot be handled; others can."""


class UnreadableError(PhotoError):
    """The photograph cannot be read."""


class OtherKindError(UnreadableError):
    """The file is no photograph, or one of a kind that is not read here."""


class TooLargeError(PhotoError):
    """The photograph has more pixels than the limit. `megapixels`: how many, where that is known.

    `remedy` is what whoever runs Unfade can do; `for_visitors` says what somebody can who sends photographs.
    """

    def __init__(self, message: str = "", *, remedy: str = "", megapixels: float | None = None) -> None:
        super().__init__(f"{message} {remedy}".strip())
        self.message, self.megapixels = message, megapixels

    @property
    def for_visitors(self) -> str:
        """The sentence without settings, which a visitor of the page cannot change."""
        return f"{sentence(self.message)} Send a smaller copy."


class UnwritableError(PhotoError):
    """The result cannot be written."""


class ExistsError(UnwritableError):
    """The output file exists and overwriting was not asked for."""


class ModelError(UnfadeError):
    """A model cannot be used."""


class ModelMissingError(ModelError):
    """The model's weights are missing."""


class ModelCorruptError(ModelError):
    """The model's weights are not those that the card names."""


class ModelTaskError(ModelError):
    """The model is for another task."""


class RecordError(UnfadeError):
    """The record of a restoration is missing, was changed, or is of something else."""


class RecipeError(UnfadeError):
    """A training recipe does not validate."""


class DataError(UnfadeError):
    """A folder of pictures does not hold what was asked of it."""


class TrainingError(UnfadeError):
    """Training cannot go on."""


class ExportError(UnfadeError):
    """The exported model does not agree with the trained one."""


class AwayError(UnfadeError):
    """The queue, its ledger or its storage cannot be reached for now. Tried again later, it may succeed."""


class MissingExtraError(UnfadeError, ImportError):
    """An optional part of Unfade is not installed."""


def pip_line(extra: str) -> str:
    """What to type for an optional part, wherever Unfade comes from.

    >>> pip_line("train")
    "pip install 'unfade[train]', or in the folder of its source pip install '.[train]'"
    """
    return f"pip install 'unfade[{extra}]', or in the folder of its source pip install '.[{extra}]'"


@contextmanager
def needs(extra: str) -> Iterator[None]:
    """Import what an extra brings within this block: a missing package raises `MissingExtraError` with the
    pip line.

    A module of Unfade itself that is missing is a mistake of ours, and passes as it is.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "unfade":
            raise
        raise MissingExtraError(f"this needs {error.name}, which is not installed: {pip_line(extra)}") from error


def sentence(text: str) -> str:
    """A message as a sentence: a capital, and a full stop.

    >>> sentence("the mask is 4x3 pixels")
    'The mask is 4x3 pixels.'
    """
    text = " ".join(text.split())
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else text + "."
