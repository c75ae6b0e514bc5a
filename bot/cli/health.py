"""`newsdesk health`, and whether a bot works with a store."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime, timedelta

import typer

from bot.cli.console import PROBLEMS
from bot.clock import utc_now
from bot.errors import StoreError
from bot.settings import Settings, load_settings
from bot.store import open_read_only
from bot.store.health import STILL_FOR

app = typer.Typer()


@app.command()
def health() -> None:
    """Say whether the running bot is well, and why not. For the container as well: exit code 1 when not."""
    well, seen = asyncio.run(read_health(load_settings(), utc_now()))
    sys.stdout.write(f"{seen}\n")
    raise typer.Exit(0 if well else PROBLEMS)


async def is_bot_alive(settings: Settings, now: datetime) -> bool:
    """Return whether a running bot has updated its heartbeat in the store recently."""
    async with open_read_only(settings.database_url) as store:
        return is_fresh((await store.health.read_heartbeats(now)).at, now)


async def read_health(settings: Settings, now: datetime) -> tuple[bool, str]:
    """Return whether the running bot is healthy, and a one-line summary."""
    try:
        async with open_read_only(settings.database_url) as store:
            heartbeats = await store.health.read_heartbeats(now)
    except StoreError as error:
        return False, f"Not well: {error}"
    if heartbeats.at is None:
        return False, "Not at work: no bot has ever noted itself in this store. Is it started, and is this its store?"
    ago = f"the last heartbeat came {format_span(now - heartbeats.at)} ago"
    if not is_fresh(heartbeats.at, now):
        return False, f"Not at work: {ago}. Its log says why it ended or hangs."
    wrong = [f"{part}: {words}" for each in heartbeats.troubles.values() for part, words in each.items()]
    if wrong:
        return False, f"Not well: {'; '.join(wrong).rstrip('.')}. The log says more."
    return True, f"At work: {ago}, and nothing is wrong."


def is_fresh(at: datetime | None, now: datetime) -> bool:
    return at is not None and now - at < STILL_FOR


def format_span(span: timedelta) -> str:
    """Format roughly, in one unit; after the clock was set back it is 0 seconds."""
    seconds = max(0, round(span.total_seconds()))
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        # From two on, so that no unit needs a singular.
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"
