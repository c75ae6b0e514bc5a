"""`newsdesk privacy`: what is stored about one member."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from bot.cli.console import OUT
from bot.clock import utc_now
from bot.render.privacy import format_counts, format_export
from bot.settings import load_settings
from bot.store import open_read_only, open_store

app = typer.Typer()
privacy = typer.Typer(help="What is stored about one member.", no_args_is_help=True)
app.add_typer(privacy, name="privacy")
User = Annotated[int, typer.Argument(min=1, max=2**63 - 1, help="The member's numeric id.")]


@privacy.command("export")
def privacy_export(user: User) -> None:
    """Write everything that is stored about a member, as JSON."""
    asyncio.run(_export_member(user))


@privacy.command("erase")
def privacy_erase(user: User) -> None:
    """Delete what is a member's alone, at once. Servers' subscriptions, decisions and the log stay."""
    asyncio.run(_erase_member(user))


async def _export_member(user_id: int) -> None:
    """Export everything stored about a member as one JSON object."""
    async with open_read_only(load_settings().database_url) as store:
        sys.stdout.write(format_export(user_id, await store.members.privacy.export_member(user_id)))


async def _erase_member(user_id: int) -> None:
    """Delete the member's own data, and print what was deleted."""
    async with open_store(load_settings().database_url) as store:
        erased = await store.members.privacy.erase_member(user_id, utc_now())
    OUT.print(f"Erased: {format_counts(erased) or 'nothing, there was nothing'}.", markup=False, highlight=False)
