"""Cards that a member missed since they last read in a guild, best first."""

from __future__ import annotations

from datetime import datetime

import discord

from bot.client.bot import Interaction, NewsBot
from bot.client.permissions import guild_id_of
from bot.domain.catch_up import DEFAULT_LOOK_BACK, MAX_CARDS, select_missed
from bot.errors import UserError
from bot.i18n import tr, trn
from bot.render.card_list import render_card_list
from bot.ui.components import arrange_rows
from bot.ui.page_requests import CatchUpRequest
from bot.ui.pagination import (
    PAGE_SIZE,
    START,
    PageButton,
    PageCursor,
    Reply,
    first_page,
    page_at_offset,
    page_buttons,
    save_request,
)
from bot.ui.story_members import load_others
from bot.ui.views import build_list_view


async def show_catch_up(interaction: Interaction) -> Reply:
    """Return the first page and mark everything as read. Raises `UserError` if there is nothing at all."""
    bot, user_id, guild_id = interaction.client, interaction.user.id, guild_id_of(interaction)
    now = bot.clock()
    first = now - DEFAULT_LOOK_BACK
    since = await bot.store.members.last_read.last_read_at(user_id, guild_id) or first
    try:
        reply = await first_page(interaction, CatchUpRequest(since, now))
    except UserError as nothing:
        # Who has not read for a week was shown that week already.
        if since <= first:
            raise
        reply = _offer_last_days(bot, now, str(nothing))
    await bot.store.members.last_read.mark_read(user_id, guild_id, now)
    return reply


def _offer_last_days(bot: NewsBot, now: datetime, text: str) -> Reply:
    """Return the text with a button that shows the usual time anyway."""
    key = save_request(bot, CatchUpRequest(now - DEFAULT_LOOK_BACK, now))
    days = DEFAULT_LOOK_BACK.days
    label = trn("Show the last {count} day anyway", "Show the last {count} days anyway", days)
    return {"content": text, "view": arrange_rows([PageButton(key, START, label)])}


async def show_catch_up_page(interaction: Interaction, request: CatchUpRequest, key: str, place: PageCursor) -> Reply:
    """Return a page of what was missed at that time, limited to cards still visible here."""
    since, until = request.since, request.until
    bot, guild_id = interaction.client, guild_id_of(interaction)
    candidate_pool = await bot.store.outbox.candidates.load_pool([guild_id], since, until - bot.settings.max_age)
    found = select_missed(candidate_pool.for_guild(guild_id), since, until)
    ids = [card.card_id for card in found.best[place.offset : place.offset + PAGE_SIZE]]
    if not ids:
        raise UserError(
            tr("You haven't missed anything: you last read here {when}.", when=discord.utils.format_dt(since, "R"))
        )
    by_id = await bot.store.cards.get_by_ids(ids, guild_id)
    cards = tuple(by_id[card_id] for card_id in ids)
    buttons = page_buttons(key, page_at_offset(cards, len(found.best), place), place.offset)
    others = await load_others(interaction, cards)
    notes = [others.get(card.id, "") for card in cards]
    embeds = render_card_list(cards, bot.settings.asset_base_url, notes=notes)
    return {
        "content": _describe_missed(found.stories, since),
        "embeds": embeds,
        "view": build_list_view(cards, buttons, others),
    }


def _describe_missed(stories: int, since: datetime) -> str:
    when = discord.utils.format_dt(since, "f")
    missed_since = trn("{count} story since {when}.", "{count} stories since {when}.", stories, when=when)
    best = tr("These are the best {most}. See everything with `/latest`.", most=MAX_CARDS)
    return f"{missed_since} {best}" if stories > MAX_CARDS else missed_since


async def mark_read(interaction: Interaction) -> None:
    """Record that the member has just viewed this guild's cards."""
    bot = interaction.client
    await bot.store.members.last_read.mark_read(interaction.user.id, guild_id_of(interaction), bot.clock())
