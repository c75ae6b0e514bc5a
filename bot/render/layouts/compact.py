"""Lines, each with its thumbnail."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.cards.urls import resolve_asset_url
from bot.i18n import tr_noop
from bot.render.card_list import fair_share
from bot.render.colour import topic_colour
from bot.render.layouts.headline import format_line
from bot.render.layouts.layout import fill_messages
from bot.render.limits import EMBED_TOTAL, EMBEDS, count_units
from bot.store.cards.rows import StoredCard


class CompactLayout:
    """A line with a thumbnail for each card. Sizes are in UTF-16 units, as Discord counts."""

    description = tr_noop("compact: a line with a small picture each")
    needs_sizes = True

    def measure_card(self, card: StoredCard) -> int:
        return count_units(format_line(card))

    def split_cards(self, sizes: Sequence[int]) -> list[int]:
        return fill_messages(sizes, EMBED_TOTAL, EMBEDS)

    def render_cards(self, cards: Sequence[StoredCard], pictures: str | None) -> list[discord.Embed]:
        lines = [format_line(card) for card in cards[:EMBEDS]]
        # The cards may have grown since they were divided into messages.
        share = fair_share([count_units(line) for line in lines], EMBED_TOTAL)
        return [
            _render_line(card, line if count_units(line) <= share else format_line(card, share), pictures)
            for card, line in zip(cards, lines, strict=False)
        ]


def _render_line(stored: StoredCard, line: str, pictures: str | None) -> discord.Embed:
    card = stored.card
    embed = discord.Embed(description=line, colour=topic_colour(card.topics))
    # The link is in the text: embeds of one message with the same URL of their own would be merged.
    picture = resolve_asset_url(card.image.url, pictures) if card.image else None
    return embed.set_thumbnail(url=picture)
