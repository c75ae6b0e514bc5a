"""`newsdesk show`."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer

from bot.cli.console import OUT, PROBLEMS
from bot.render.card import render_card
from bot.render.terminal import render_panel
from bot.settings import load_settings
from bot.store import open_read_only

app = typer.Typer()


@app.command()
def show(
    slug: Annotated[str, typer.Argument(help="The card's path below its folder, without suffix.")],
    as_json: Annotated[bool, typer.Option("--json", help="The embed as it will be sent.")] = False,
) -> None:
    """Show one card as it will look in Discord."""
    raise typer.Exit(0 if asyncio.run(_show_card(slug, as_json)) else PROBLEMS)


async def _show_card(slug: str, as_json: bool) -> bool:
    """Print one card, including held ones. Return False if it does not exist."""
    settings = load_settings()
    async with open_read_only(settings.database_url) as store:
        card = await store.cards.get_by_slug(slug, 0, hidden=True)
    if card is None:
        OUT.print(f"There is no card {slug} in the store.", markup=False)
        return False
    embed = render_card(card, settings.asset_base_url)
    if as_json:
        OUT.print_json(json.dumps(embed.to_dict()))
    else:
        OUT.print(render_panel(embed, ["Open", "Save", "More…"] if card.card.url else ["Save", "More…"]))
    return True
