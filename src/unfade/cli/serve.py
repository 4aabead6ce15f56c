"""`unfade serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unfade.cli._names import named_path
from unfade.errors import needs


def command(
    host: Annotated[str | None, typer.Option("--host", help="The address to listen on; 0.0.0.0: every one. Default: UNFADE_HOST.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, help="The port to listen on. Default: UNFADE_PORT.")] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=0, max=64, help="Worker processes; 0: none, they run elsewhere. Default: UNFADE_WORKERS.")
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(
            "--archive", parser=named_path, metavar="DEST|MANIFEST", help="Review the results of `unfade archive run` on the page /review."
        ),
    ] = None,
    root_path: Annotated[
        str | None, typer.Option("--root-path", help="The path under which a proxy shows the page, as /unfade. Default: UNFADE_ROOT_PATH.")
    ] = None,
) -> None:
    """Open the web page, for this machine or for others.

    Nothing else needs to be installed or started: queue, files and workers are in it. Limits and the token
    come from UNFADE_* variables.

    \b
    Examples:
      unfade serve
      unfade serve --archive restored/
      UNFADE_TOKEN=$(openssl rand -hex 16) unfade serve --host 0.0.0.0
      UNFADE_QUEUE=redis://queue.example/0 UNFADE_FILES=s3://bucket/unfade unfade serve --workers 0
    """
    from unfade.settings import read_settings

    asked = {"host": host, "port": port, "workers": workers, "root_path": root_path, "archive": archive}
    settings = read_settings().model_copy(update={name: value for name, value in asked.items() if value is not None})
    with needs("web"):
        from unfade.web.server import serve
    serve(settings, say=lambda text: typer.echo(text, err=True))
