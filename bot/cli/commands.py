"""The commands of the program, and their lines in the help. What each does is in a module of its own.

Exit codes: 0 success, 1 problems found or an error of the disk, the database or Discord, 2 wrong usage or settings
(`NewsdeskError.exit_code`).
"""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import typer

from bot.cli.command_group import CommandGroup, LazyCommand


class CommandEntry(NamedTuple):
    """Where a command is in this package, and its line in the help: the first sentence of its own help."""

    module: str
    summary: str


COMMANDS: dict[str, dict[str, CommandEntry]] = {
    "Run": {
        "demo": CommandEntry("demo", "The whole bot offline, against a Discord in your browser."),
        "init": CommandEntry("init", "Set a bot up: write its `.env`, and say how to invite it."),
        "run": CommandEntry("run", "Log in to Discord and serve."),
        "health": CommandEntry("health", "Say whether the running bot is well, and why not."),
        "doctor": CommandEntry("doctor", "Look for what keeps the bot from working, and say how to fix it."),
    },
    "Cards": {
        "check": CommandEntry("card_files", "Say what is wrong with card files."),
        "new": CommandEntry("card_files", "Write a card file to complete by hand, and say its path."),
        "load": CommandEntry("load", "Load a folder of cards into the store."),
        "search": CommandEntry("search", "Search the published cards of the store, newest first."),
        "show": CommandEntry("show", "Show one card as it will look in Discord."),
        "feeds": CommandEntry("feed_commands", "The operator's feeds: their cards are everybody's."),
        "token": CommandEntry("tokens", "Tokens with which other programs post cards (docs/intake.md)."),
    },
    "Store": {
        "export": CommandEntry("transfer", "Write what people made as JSON."),
        "import": CommandEntry("transfer", "Take in an export, into an empty store or a used one."),
        "backup": CommandEntry("backup", "Copy the store while the bot runs."),
        "restore": CommandEntry("backup", "Put a backup in the store's place, while the bot is stopped."),
        "migrate": CommandEntry("migrate", "Move the store to another database, while the bot is stopped."),
    },
    "Privacy": {
        "privacy": CommandEntry("privacy", "What is stored about one member."),
    },
}
"""The commands by the panel of the help that shows them."""


class ProgramGroup(CommandGroup):
    """The group of all commands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for panel, entries in COMMANDS.items():
            for name, entry in entries.items():
                self.add_command(LazyCommand(name, f"bot.cli.{entry.module}", entry.summary, panel))


app = typer.Typer(
    cls=ProgramGroup,
    help="Newsdesk: news cards from Markdown files, delivered to Discord.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # takes as long as all else that `--help` needs

        typer.echo(f"newsdesk {version('newsdesk')}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass
