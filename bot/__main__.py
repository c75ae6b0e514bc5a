"""`python -m bot` and `newsdesk` are the same command."""

import io
import os
import sys


def main() -> None:
    """The entry point of the console script."""
    if sys.stdout is None:  # closed by the parent process
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - open for the whole program
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a title is no reason to fail

    from bot.cli.commands import (
        app,  # here, because the processes that read cards import this module and need none of it
    )

    try:
        app(prog_name="newsdesk")
    finally:
        _flush()


def _flush() -> None:
    """Write out what is still in the buffer: report a full disk, ignore a reader that has closed the pipe."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python flushes once more when it ends
        if not isinstance(error, BrokenPipeError):
            sys.stderr.write(f"The output cannot be written: {error.strerror}.\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
