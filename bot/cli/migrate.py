"""`newsdesk migrate`: to another database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from bot.cli.console import OUT, PROBLEMS
from bot.cli.health import is_fresh
from bot.cli.progress import show_progress
from bot.clock import utc_now
from bot.errors import SettingsError
from bot.settings import Settings, check_database_url, load_settings
from bot.store import move_store
from bot.store.health import HEARTBEAT
from bot.store.transfer.move import TableComparison

app = typer.Typer()


@app.command()
def migrate(
    to: Annotated[str, typer.Option(metavar="URL", help="The other one's address, as NEWSDESK_DATABASE_URL has it.")],
) -> None:
    """Move the store to another database, while the bot is stopped. What broke off goes on when it is run again.

    Exit code 1 when the two are not the same at the end.
    """
    compared = asyncio.run(_migrate_store(load_settings(), to, utc_now()))
    raise typer.Exit(0 if _show_migration(compared) else PROBLEMS)


async def _migrate_store(settings: Settings, to: str, now: datetime) -> list[TableComparison]:
    """Move the store to the database at this URL; return the row counts of both."""
    try:
        target = check_database_url(to)
    except ValueError as error:
        raise SettingsError(f"--to: {error}") from None
    with show_progress("Moving rows") as stepped:
        return await move_store(
            settings.database_url, target, lambda notes: _is_recent(notes.get(HEARTBEAT), now), stepped
        )


def _show_migration(compared: Sequence[TableComparison]) -> bool:
    """Print the row counts of every table on both sides, and the next step. Return False if they differ."""
    table = Table("table", box=None, pad_edge=False)
    for heading in ("rows", "there", "checksum", "there"):
        table.add_column(heading, justify="right")
    for each in compared:
        figures = (f"{each.source.rows:,}", f"{each.target.rows:,}", each.source.checksum, each.target.checksum)
        table.add_row(each.table, *figures, style=None if each.is_same else "red")
    OUT.print(table)
    differing = [each.table for each in compared if not each.is_same]
    if differing:
        OUT.print(
            f"Not the same on both sides: {', '.join(differing)}. The new database is no store yet: empty it, and move "
            "once more. The old one is as it was.",
            style="red",
        )
    else:
        OUT.print(
            "All of it is there. Set NEWSDESK_DATABASE_URL to the new address and start the bot. The old database is "
            "as it was: let no bot work with it any more."
        )
    return not differing


def _is_recent(heartbeat: str | None, now: datetime) -> bool:
    return is_fresh(datetime.fromisoformat(heartbeat) if heartbeat else None, now)
