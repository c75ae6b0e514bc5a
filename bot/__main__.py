"""`python -m bot` and `newsdesk` are the same command."""

from bot.cli import app


def main() -> None:
    """The entry point of the console script."""
    app(prog_name="newsdesk")


if __name__ == "__main__":
    main()
