"""The command line: thin doors to the library, one file per command.

A module of this package that does not begin with an underscore is a command: its function `command`, whose
docstring is the help; or several under one name, a `typer.Typer`. Modules import at the top only what is
light, so that `unfade --help` answers at once; each command imports what it needs when it runs.

Exit status: 0 done; 1 something failed (the sentence says what); 2 asked wrong; 130 interrupted.
"""

from __future__ import annotations

import atexit
import errno
import gc
import signal
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from unfade.cli._names import shown
from unfade.errors import UnfadeError, UsageError
from unfade.registry import Registry

COMMANDS: Registry[Callable[..., None] | typer.Typer] = Registry("unfade.cli", "command", "command")

# The order in which a person meets them; any other follows by name.
_ORDER = (
    "restore", "colorize", "split", "damage", "verify", "replay", "sign", "archive",
    "age", "models", "train", "export", "translate", "evaluate", "bench",
    "serve", "worker",
)  # fmt: skip

# What the system refuses about a file that was named: no fault of Unfade, whichever call met it.
_OF_THE_SYSTEM = {
    errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOSPC, errno.EDQUOT,
    errno.EROFS, errno.EIO, errno.ESTALE, errno.EINVAL,
}  # fmt: skip


class _Commands(TyperGroup):
    """Turns what Unfade raises on purpose into one sentence and an exit status, for every command alike."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            raise _ended(2, str(error)) from None
        except UnfadeError as error:
            raise _ended(1, str(error)) from None
        except KeyboardInterrupt as interrupt:
            status = 128 + getattr(interrupt, "signal", signal.SIGINT)
            raise _ended(status, "interrupted; what was written is whole") from None
        except MemoryError:
            raise _ended(1, "there is not enough memory for this; try a smaller photograph") from None
        except (typer.Exit, typer.Abort, TyperException, BrokenPipeError):
            raise
        except Exception as error:
            if ctx.params.get("traceback"):
                raise
            if isinstance(error, OSError) and error.filename and error.errno in _OF_THE_SYSTEM:
                raise _ended(1, f"{error.filename}: {error.strerror}") from None
            mistake = f"a mistake in Unfade itself: {type(error).__name__}: {error}"
            raise _ended(1, f"{mistake}; run it again as `unfade --traceback ...` and report what it shows") from None


def _ended(status: int, sentence: str) -> SystemExit:
    """Say why the command ends, and with which status."""
    print(f"unfade: {shown(sentence)}", file=sys.stderr)  # noqa: T201
    return SystemExit(status)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # slow to import, and asked for once

        typer.echo(f"unfade {version('unfade')}")
        raise typer.Exit


def build(only: str | None = None) -> typer.Typer:
    """The command line with every command of this package, or with one of them: quicker where it is known
    that no other is asked for."""
    # Plain text instead of boxes: it can be searched, piped, and shown in the reference as it is.
    app = typer.Typer(name="unfade", cls=_Commands, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True)

    @app.callback()
    def unfade(
        show_version: Annotated[
            bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say which version this is, and stop.")
        ] = False,
        traceback: Annotated[bool, typer.Option("--traceback", help="Show where in the program a mistake of its own happened.")] = False,
    ) -> None:
        """Restores and colors old photographs. Nothing is touched that was not damaged.

        \b
        Examples:
          unfade restore grandmother.jpg
          unfade restore --colorize album/*.jpg -o restored/
          unfade colorize street-1910.tif
        """

    if only is not None:
        commands = {only: COMMANDS.alone(only)}
    else:
        names = sorted(COMMANDS, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))
        commands = {name: COMMANDS[name] for name in names}
    for name, made in commands.items():
        if isinstance(made, typer.Typer):
            app.add_typer(made, name=name)
        else:
            app.command(name)(made)
    return app


def main() -> None:
    """Run the command line on this process's arguments."""
    # Collections while modules are imported find nothing and cost 15 ms; the one at the end, 35.
    gc.set_threshold(20_000)
    atexit.register(gc.freeze)
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    build(first if first in COMMANDS.names() else None)()
