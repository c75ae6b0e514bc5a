"""The command group of the program: a command's module is imported when it is called; expected errors are sentences."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from typing import Any

import typer
import typer.main
from rich.console import Console
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from bot.errors import NewsdeskError, file_error


class LazyCommand(TyperCommand):
    """A command's line in the help. Its module, which adds it to an `app`, is imported when it is called."""

    def __init__(self, name: str, module: str, summary: str, panel: str) -> None:
        super().__init__(name, help=summary, rich_help_panel=panel)
        self._module = module

    def load(self) -> Any:
        return typer.main.get_group(import_module(self._module).app).commands[str(self.name)]


class CommandGroup(TyperGroup):
    """The command group. Expected errors are printed as a sentence, without traceback."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.load() if isinstance(command, LazyCommand) else command, rest

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except (TyperException, typer.Abort, typer.Exit):
            raise
        except Exception as error:
            if (known := _explain_error(error)) is None:
                raise
            _print_error(known)
            raise typer.Exit(known.exit_code) from None


def _explain_error(error: Exception) -> NewsdeskError | None:
    """Convert an expected error; None for a bug, which needs its traceback."""
    if isinstance(error, NewsdeskError):
        return error
    # Imported here: a command without store, such as one with a wrong option, has no use for it.
    from bot.store.error_messages import explain_store_error

    if trouble := explain_store_error(error):
        return trouble
    # An `OSError` without a number was raised by a program, not by the system: that is a bug. A closed pipe is the
    # business of the caller and handled in `bot.__main__`.
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, BrokenPipeError):
        return file_error(f"{error.filename or 'A file'} cannot be read or written", error)
    return None


def _print_error(error: NewsdeskError) -> None:
    with suppress(OSError):  # the reader may have closed the pipe
        for line in str(error).splitlines():
            Console(stderr=True).print(line, style="red", markup=False, highlight=False, soft_wrap=True)
