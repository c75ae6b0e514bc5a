"""`python -m bot` and `newsdesk` are the same command."""

import io
import sys


def main() -> None:
    """The entry point of the console script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a title is no reason to fail

    from bot.cli import app  # here, because the processes that read cards import this module and need none of it

    app(prog_name="newsdesk")


if __name__ == "__main__":
    main()
