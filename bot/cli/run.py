"""`newsdesk run`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from bot.app import ProcessRole, run_bot
from bot.cli.console import ERR
from bot.logging_config import configure_logging
from bot.settings import load_settings

app = typer.Typer()


@app.command()
def run(
    only: Annotated[ProcessRole | None, typer.Option(help="Do one part, where several processes share a bot.")] = None,
) -> None:
    """Log in to Discord and serve."""
    settings = load_settings()
    token = settings.bot_token()
    # From here on neither the token nor the database's password can reach the log.
    configure_logging(settings.log_level, settings.log_format, ERR, secrets=[token, *settings.url_secrets])
    asyncio.run(run_bot(settings, token, only))
