"""Find the cards that a message links to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import discord

from bot.cards.links import addresses_in
from bot.errors import UserError
from bot.gateway.rights import guild_id
from bot.gateway.sharing import MOST, sharing
from bot.gateway.views import list_view
from bot.language import tr, trn
from bot.render.lists import card_list

if TYPE_CHECKING:
    from bot.gateway.client import NewsBot

_LINKS = 10
"""Maximum links of a message to look up, from the first on."""


async def found_reply(interaction: discord.Interaction[NewsBot], message: discord.Message) -> dict[str, Any]:
    """Return the cards the message links to. Raises `UserError` if it has no link, or no link has a card."""
    addresses = addresses_in("\n".join(_texts(message)), _LINKS)
    if not addresses:
        raise UserError(tr("There is no web link in that message."))
    bot = interaction.client
    cards = await bot.store.lookup.by_addresses(addresses, guild_id(interaction), limit=MOST)
    if not cards:
        nothing = trn(
            "That link is not the address of a card here. `/search` finds cards by their words.",
            "None of the {count} links looked up is the address of a card here. `/search` finds cards by their words.",
            len(addresses),
        )
        raise UserError(nothing)
    embeds = card_list(cards, bot.settings.asset_base_url)
    return {"embeds": embeds, "view": list_view(cards, sharing(interaction, cards))}


def _texts(message: discord.Message) -> Iterator[str]:
    """Yield the texts of a message, or of one it forwards, that may contain links, one per line: links end there."""
    parts: list[discord.Message | discord.MessageSnapshot] = [message, *message.message_snapshots]
    for part in parts:
        yield part.content
        for embed in part.embeds:
            yield from (embed.url or "", embed.description or "", embed.author.url or "")
            yield from (field.value or "" for field in embed.fields)
