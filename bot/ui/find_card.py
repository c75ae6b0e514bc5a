"""Find the cards that a message links to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import discord

from bot.cards.urls import find_links
from bot.client.bot import Interaction
from bot.client.permissions import guild_id_of
from bot.errors import UserError
from bot.i18n import tr, trn
from bot.render.card_list import render_card_list
from bot.ui.components import iter_displayed_texts
from bot.ui.share_button import MAX_SHARED_CARDS, share_buttons
from bot.ui.views import build_list_view

_LINKS = 10
"""Maximum links of a message to look up, from the first on."""


async def build_linked_cards_reply(interaction: Interaction, message: discord.Message) -> dict[str, Any]:
    """Return the cards the message links to. Raises `UserError` if it has no link, or no link has a card."""
    addresses = find_links("\n".join(_iter_texts(message)), _LINKS)
    if not addresses:
        raise UserError(tr("That message has no links."))
    bot = interaction.client
    cards = await bot.store.cards.find_by_urls(addresses, guild_id_of(interaction), limit=MAX_SHARED_CARDS)
    if not cards:
        nothing = trn(
            "No card here has that link. Find cards by their words with `/search`.",
            "No card here has any of the {count} links I checked. Find cards by their words with `/search`.",
            len(addresses),
        )
        raise UserError(nothing)
    embeds = render_card_list(cards, bot.settings.asset_base_url)
    return {"embeds": embeds, "view": build_list_view(cards, share_buttons(interaction, cards))}


def find_message_links(message: discord.Message, most: int) -> list[str]:
    """Return the first links of a message. Those of its embeds count only if its text has none."""
    parts: list[discord.Message | discord.MessageSnapshot] = [message, *message.message_snapshots]
    own = find_links("\n".join(part.content for part in parts), most)
    return list((own or find_links("\n".join(_iter_texts(message)), most)).values())


def _iter_texts(message: discord.Message) -> Iterator[str]:
    """Yield the texts of a message, or of one it forwards, that may contain links, one per line: links end there."""
    # A forward has its text in a snapshot and none of its own.
    parts: list[discord.Message | discord.MessageSnapshot] = [message, *message.message_snapshots]
    for part in parts:
        yield part.content
        yield from iter_displayed_texts(part.components)
        for embed in part.embeds:
            yield from (embed.url or "", embed.description or "", embed.author.url or "")
            yield from (field.value or "" for field in embed.fields)
