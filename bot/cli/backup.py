"""`newsdesk backup` and `newsdesk restore`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.console import OUT, format_count, is_terminal, report_write_errors
from bot.cli.health import is_bot_alive
from bot.clock import utc_now
from bot.errors import StoreError, UserError
from bot.settings import Settings, load_settings
from bot.store import backup_store, restore_store
from bot.store.database import describe_location, is_server
from bot.store.inspection import count_rows

app = typer.Typer()


@app.command()
def backup(file: Annotated[Path, typer.Argument(help="The copy; an older one is replaced.")]) -> None:
    """Copy the store while the bot runs."""
    settings = load_settings()
    with report_write_errors(str(file)):
        asyncio.run(backup_store(settings.database_url, file))
    _print_line(f"Backed up {describe_location(settings.database_url)} to {_describe_file(file)}.")


@app.command(name="restore")
def restore_(
    file: Annotated[Path, typer.Argument(help="What `newsdesk backup` wrote.", exists=True, dir_okay=False)],
    yes: Annotated[bool, typer.Option("--yes", help="Replace the store without asking.")] = False,
) -> None:
    """Put a backup in the store's place, while the bot is stopped. What it has posted since is not posted again.

    The former store is kept beside it.
    """
    settings = load_settings()
    if asyncio.run(_is_bot_running(settings)):
        raise UserError("The bot works with this store, or did within the last minutes. Stop it, wait, try again.")
    url = settings.database_url
    # A server's store is refused below, with what to use instead.
    if not yes and not is_server(url):
        _confirm_restore(file, Path(describe_location(url)))
    with report_write_errors("The database"):
        former = asyncio.run(restore_store(file, url, utc_now()))
    kept = f" The former store is kept as {former}." if former else ""
    _print_line(f"Restored {_describe_file(file)} to {describe_location(url)}.{kept}")


def _confirm_restore(file: Path, store: Path) -> None:
    if not store.exists():
        return
    if not is_terminal():
        raise UserError(f"There is a store at {store} already.", "Give --yes to replace it; it is kept beside the new.")
    question = f"Replace the store at {_describe_file(store)} with {_describe_file(file)}? It is kept beside the new."
    if not typer.confirm(question):
        _print_line(f"Left {store} as it is.")
        raise typer.Exit


def _describe_file(file: Path) -> str:
    """Name a store's file, with what it holds: `copy.db (41 cards, 3 subscriptions)`."""
    if (counts := count_rows(file)) is None:
        return str(file)
    cards, subscriptions = counts
    return f"{file} ({format_count(cards, 'card')}, {format_count(subscriptions, 'subscription')})"


def _print_line(text: str) -> None:
    OUT.print(text, markup=False, highlight=False, soft_wrap=True)


async def _is_bot_running(settings: Settings) -> bool:
    """Return whether a bot uses the store; False if it cannot be opened, since that is what backups are for."""
    try:
        return await is_bot_alive(settings, utc_now())
    except StoreError:
        return False
