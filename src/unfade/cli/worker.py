"""`unfade worker`."""

from __future__ import annotations

from unfade.errors import needs


def command() -> None:
    """Do the jobs of a web server that runs elsewhere.

    Reads the same UNFADE_* variables as `unfade serve`: UNFADE_QUEUE and UNFADE_FILES must be those of the
    server, and be reached from here. As many as you like may run, on as many machines. SIGTERM lets it finish
    its job, or put it back.

    \b
    Examples:
      UNFADE_QUEUE=redis://queue.example/0 UNFADE_FILES=s3://bucket/unfade unfade worker
    """
    from unfade.settings import read_settings

    settings = read_settings()
    with needs("web"):
        from unfade.queue import logs
        from unfade.queue.worker import work
    logs.set_up("worker")
    work(settings)
