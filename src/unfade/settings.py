"""A process's settings: made at the door from UNFADE_* variables, and handed down.

Nothing else in Unfade reads the environment.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from unfade.errors import UsageError

if TYPE_CHECKING:
    from unfade.models.session import Sessions

PREFIX = "UNFADE_"
DAY_S, YEAR_S = 86_400, 31_536_000  # poll(2) waits 24 days at most
CENTURY_H = 876_600  # dates end with the year 9999
_LISTS = ("hosts", "trusted_proxies")  # empty means none


class Settings(BaseSettings):
    """What holds for a whole process, whichever photograph it works on.

    Each field is the variable UNFADE_ and its name in capitals.

    Every number has a limit, within which what is computed from it is one that the system takes.

    Frozen. Make it with `read_settings`, which turns a bad value into one sentence.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", allow_inf_nan=False)

    max_megapixels: float = Field(
        default=200,
        gt=0,
        le=1_000_000,
        description="Photographs with more pixels are refused, by their header, before anything is decoded.",
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="Threads that a model may use. Unset: as many as this process, or its container, may use cores.",
    )
    models: Path | None = Field(
        default=None,
        description="A folder of models (.toml cards beside .onnx weights), used instead of those that ship for the tasks that they do.",
    )

    # The web application. Its limits come from here only, never from a request.
    host: str = Field(
        default="127.0.0.1", description="The address that `unfade serve` listens on; 0.0.0.0: every one, for others to reach."
    )
    port: int = Field(default=8080, ge=0, le=65_535, description="The port that `unfade serve` listens on; 0: any that is free.")
    token: SecretStr | None = Field(
        default=None,
        min_length=8,
        description="Whoever uses the web server must show this, of 8 characters or more. Unset: nobody need show any.",
    )
    hosts: str = Field(
        default="",
        description="Names, with commas between, that browsers may call the server, beside localhost, this machine's own and addresses.",
    )
    trusted_proxies: str = Field(
        default="127.0.0.1",
        description="Addresses, with commas between, of proxies whose X-Forwarded-For, -Proto and -Prefix are believed. Empty: none.",
    )
    root_path: str = Field(
        default="",
        pattern="^(/[A-Za-z0-9_~-][A-Za-z0-9_~.-]*)*$",
        max_length=200,
        description="The path under which a proxy shows the web server, as /unfade. Unset: what a trusted proxy's X-Forwarded-Prefix says.",
    )
    data: Path = Field(
        default=Path("~/.unfade"),
        description="The folder in which the web server and its workers keep the queue and, unless UNFADE_FILES, the files.",
    )
    files: str | None = Field(
        default=None, description="Where uploads and results lie: a folder or any fsspec URL (s3://bucket/unfade). Unset: in UNFADE_DATA."
    )
    queue: str | None = Field(
        default=None,
        description="redis://host:port/number, for workers on several machines. Unset: SQLite in UNFADE_DATA, for one machine.",
    )
    workers: int = Field(default=1, ge=0, le=64, description="Worker processes that `unfade serve` starts; 0: they are started elsewhere.")
    max_queue: int = Field(default=200, ge=1, le=1_000_000, description="Jobs that may wait; one more is answered with 429.")
    max_upload_mb: float = Field(default=300, gt=0, le=10_000_000, description="The largest file that is taken from the web, in megabytes.")
    upload_timeout_s: float = Field(default=300, gt=0, le=DAY_S, description="A web upload that takes longer is refused.")
    requests_per_minute: int = Field(
        default=600, ge=1, le=1_000_000_000, description="Requests that change something, from one address; more are answered with 429."
    )
    decode_timeout_s: float = Field(
        default=120, gt=0, le=DAY_S, description="A photograph from the web that takes longer to decode is refused."
    )
    decode_memory_mb: int | None = Field(
        default=None,
        ge=256,
        le=1 << 30,
        description="Memory for decoding one photograph from the web. Unset: what one of UNFADE_MAX_MEGAPIXELS needs.",
    )
    job_timeout_s: float = Field(
        default=3600, gt=0, le=YEAR_S, description="A web job that takes longer kills its worker, and is tried again."
    )
    job_attempts: int = Field(
        default=3, ge=1, le=1_000_000, description="How often a web job may kill its worker before it is marked as failed."
    )
    lease_s: float = Field(default=15, ge=1, le=DAY_S, description="A worker that is silent for so long has died; its job goes to another.")
    idle_s: float = Field(
        default=300, gt=0, le=YEAR_S, description="A web worker that had nothing to do for so long gives its models' memory back."
    )
    grace_s: float = Field(
        default=20,
        ge=0,
        le=DAY_S,
        description="On shutdown, how long a web worker may finish its job before it puts it back into the queue.",
    )
    keep_hours: float = Field(
        default=24, gt=0, le=CENTURY_H, description="Photographs and results of the web application are deleted after so long."
    )
    min_free_mb: float = Field(
        default=200, ge=0, le=1_000_000_000, description="Free space on the disk below which the web server takes no more, in megabytes."
    )
    archive: Path | None = Field(
        default=None, description="The manifest of an archive (or the folder it lies in), whose results are reviewed on the page /review."
    )
    iiif_origin: str = Field(
        default="",
        pattern=r"^(\*|https?://[A-Za-z0-9.-]+(:\d+)?)?$",
        description="A site whose IIIF viewer may show pictures of the web server, as https://viewer.example; *: any. Unset: none.",
    )
    drop_location: bool = Field(
        default=False, description="Leave GPS data out of what the web server gives back, unless a request says otherwise."
    )


def variable(field: str) -> str:
    """The environment variable of a settings field: `max_megapixels` -> `UNFADE_MAX_MEGAPIXELS`."""
    return PREFIX + field.upper()


def read_settings() -> Settings:
    """Read the settings from this process's environment.

    Raises `UsageError`, one sentence for the first wrong value, with its variable, the value and what it
    may be; and for a variable that is nearly one of ours: a misspelled limit that is quietly ignored is a
    limit that nobody set.
    """
    ours = [variable(field) for field in Settings.model_fields]
    for name in os.environ:
        if name.startswith(PREFIX) and name not in ours and (near := difflib.get_close_matches(name, ours, n=1, cutoff=0.85)):
            raise UsageError(f"{name} is set, but there is no such setting; did you mean {near[0]}?")
        # An empty folder would be the working directory, an empty token none.
        if name in ours and not os.environ[name] and name not in map(variable, _LISTS):
            raise UsageError(f"{name} is set, and empty; unset it for the default, or give it a value")
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name, field = variable(str(first["loc"][0])), Settings.model_fields[str(first["loc"][0])]
        shown = "not usable" if name == variable("token") else repr(os.environ.get(name))  # a secret is not printed
        why = f"{first['msg'][0].lower()}{first['msg'][1:]}"
        if first["type"] == "too_short":  # said of a secret, whose type has items
            why = f"it should have {first['ctx']['min_length']} characters or more"
        raise UsageError(
            f"{name} is {shown}: {why}. "
            f"{field.description} Unset it for the default{'' if field.default is None else f' ({field.default})'}."
        ) from error
    if settings.models is not None:
        _check_models(settings.models)
    return settings


def _check_models(folder: Path) -> None:
    """Refuse a folder of models that cannot be read: the shipped ones would be taken instead, without a
    word.
    """
    try:
        with os.scandir(folder):
            pass
    except NotADirectoryError as error:
        raise UsageError(
            f"UNFADE_MODELS is {str(folder)!r}, which is not a folder; name a folder of .toml cards and .onnx weights, or unset it"
        ) from error
    except OSError as error:
        raise UsageError(
            f"UNFADE_MODELS is {str(folder)!r}, which cannot be read ({error.strerror}); name a folder that can, or unset it"
        ) from error


def open_sessions(settings: Settings) -> Sessions:
    """The models as the settings want them: so many threads, and those of the folder `models` instead of
    the shipped ones.

    Of several models for one task the newest version is taken. Nothing is opened until a step asks for
    it. Raises `ModelCorruptError` for a broken card.
    """
    from unfade.models.card import read_card
    from unfade.models.session import Sessions
    from unfade.models.store import cards_in, shipped

    if settings.models is None:
        return Sessions(settings.threads)
    paths = {read_card(path): path for path in cards_in(settings.models)}
    if not paths:
        raise UsageError(
            f"UNFADE_MODELS is {str(settings.models)!r}, which holds no model (.toml card); name a folder of models, or unset it"
        )
    return Sessions(settings.threads, {model.card.task: paths[model.card] for model in shipped(settings.models)})
