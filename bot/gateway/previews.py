"""Previews of a subscription: the next digest, the last month, and why a card is or is not included."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import discord

from bot.desk.digest import Fate
from bot.desk.subscription import Layout, Subscription, When, Wish
from bot.editions import LOOK_BACK, Preview
from bot.errors import UserError
from bot.gateway.rights import guild_id
from bot.gateway.views import list_view
from bot.language import short_day, speaking, tr
from bot.render.chart import alt_text, bars
from bot.render.digest import digest_message, entry_size, parts
from bot.render.subscriptions import whatif_embed
from bot.render.why import arrived_words, fate_words, fates_line, matches_line
from bot.store.records import FiledCard

if TYPE_CHECKING:
    from bot.gateway.client import NewsBot

Reply = dict[str, Any]
CHART = "whatif.png"


async def preview_reply(interaction: discord.Interaction[NewsBot], subscription: Subscription) -> Reply:
    """Preview the next digest; for an instant subscription, the best card that it would have posted."""
    wish, bot = subscription.wish, interaction.client
    preview = await bot.newsroom.editions.preview(subscription)
    pictures = bot.settings.asset_base_url
    if wish.when is When.INSTANT:
        return _instant_reply(subscription, preview, pictures)
    looked_at = f"-# {fates_line(preview.choice.fates)}"
    if not preview.cards:
        return {"content": f"{tr('There is nothing new for it at the moment.')}\n{looked_at}"}
    first, *_ = parts([entry_size(card) for card in preview.cards], wish.layout)
    with speaking(subscription.language):
        message = digest_message(preview.cards[:first], wish.layout, pictures, heading=preview.heading)
    return {"content": f"{message.content}\n{looked_at}", "embeds": list(message.embeds)}


def _instant_reply(subscription: Subscription, preview: Preview, pictures: str | None) -> Reply:
    matching = matches_line(preview.choice.fates, LOOK_BACK.days)
    if not preview.cards:
        return {"content": matching}
    with speaking(subscription.language):
        message = digest_message(preview.cards[:1], Layout.CARD, pictures, mention=subscription.wish.mention)
    above = f"{message.content} " if message.content else ""
    content = f"{above}{tr('Each card comes like this one.')}\n-# {matching}"
    return {"content": content, "embeds": list(message.embeds)}


async def why_reply(interaction: discord.Interaction[NewsBot], subscription: Subscription, card: FiledCard) -> str:
    """Explain why the channel got a card, or what excludes it."""
    store = interaction.client.store
    if arrived := await store.digests.why(subscription.channel_id, card.id):
        return arrived_words(*arrived)
    if subscription.paused:
        return tr("The subscription is paused. `/digest resume` wakes it.")
    fate = await interaction.client.newsroom.editions.fate(subscription, card)
    if subscription.wish.when is When.INSTANT and fate in (Fate.CHOSEN, Fate.BEATEN, Fate.PROVIDER_FULL):
        fate = Fate.OLD  # an instant subscription has already taken all that it will
    return fate_words(fate)


async def whatif_reply(interaction: discord.Interaction[NewsBot], wish: Wish) -> Reply:
    """Simulate the settings over the last 30 days: a chart by day, and the newest cards."""
    bot = interaction.client
    past = await bot.newsroom.editions.whatif(guild_id(interaction), wish)
    if not past.cards:
        raise UserError(tr("Nothing in the last 30 days matches. Try fewer limits, or look at `/topics`."))
    labels = [short_day(day) for day, _ in past.days]
    counts = [count for _, count in past.days]
    chart = bars(counts, labels, title=tr("Cards a day"))
    file = discord.File(io.BytesIO(chart), CHART, description=alt_text(counts, labels))
    return {
        "embed": whatif_embed(wish, past, f"attachment://{CHART}"),
        "file": file,
        "view": list_view(past.cards[:5], ()),
    }
