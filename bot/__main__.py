"""`python -m bot` and `newsdesk` are the same command."""


def main() -> None:
    """The entry point of the console script."""
    from bot.cli import app  # here, because the processes that read cards import this module and need none of it

    app(prog_name="newsdesk")


if __name__ == "__main__":
    main()
