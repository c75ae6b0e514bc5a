"""Cards that a member missed since they last read in a guild, best first."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import discord

from bot.desk.missed import FIRST, MOST, missed
from bot.errors import UserError
from bot.gateway.rights import guild_id
from bot.gateway.turning import PAGE, Place, Reply, Request, listed, offset_page, turns
from bot.gateway.views import list_view
from bot.language import tr, trn
from bot.render.lists import card_list

if TYPE_CHECKING:
    from bot.gateway.client import NewsBot

    Interaction = discord.Interaction[NewsBot]


async def catch_up(interaction: Interaction) -> Reply:
    """Return the first page and mark everything as read. Raises `UserError` if nothing was missed."""
    bot, user, server = interaction.client, interaction.user.id, guild_id(interaction)
    now = bot.clock()
    since = await bot.store.last_read.of(user, server) or now - FIRST
    reply = await listed(interaction, {"kind": "catchup", "since": since.isoformat(), "until": now.isoformat()})
    await bot.store.last_read.note(user, server, now)
    return reply


async def catch_up_page(interaction: Interaction, request: Request, key: str, place: Place) -> Reply:
    """Return a page of what was missed at that time, limited to cards still visible here."""
    since, until = (datetime.fromisoformat(request[name]) for name in ("since", "until"))
    bot, server = interaction.client, guild_id(interaction)
    pool = await bot.store.pools.pool([server], since, until - bot.settings.max_age)
    found = missed(pool.of(server), since, until)
    ids = [card.card_id for card in found.best[place.offset : place.offset + PAGE]]
    if not ids:
        raise UserError(tr("You have missed nothing since {when}.", when=discord.utils.format_dt(since, "f")))
    by_id = await bot.store.archive.by_ids(ids, server)
    cards = tuple(by_id[card_id] for card_id in ids)
    buttons = turns(key, offset_page(cards, len(found.best), place), place.offset)
    embeds = card_list(cards, bot.settings.asset_base_url)
    return {"content": _words(found.stories, since), "embeds": embeds, "view": list_view(cards, buttons)}


def _words(stories: int, since: datetime) -> str:
    when = discord.utils.format_dt(since, "f")
    missed_since = trn("{count} story since {when}.", "{count} stories since {when}.", stories, when=when)
    best = tr("These are the best {most}; `/latest` has all.", most=MOST)
    return f"{missed_since} {best}" if stories > MOST else missed_since


async def has_read(interaction: Interaction) -> None:
    """Record that the member has just viewed this guild's cards."""
    bot = interaction.client
    await bot.store.last_read.note(interaction.user.id, guild_id(interaction), bot.clock())
