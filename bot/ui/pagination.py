"""Pagination: requests are stored, so that page buttons work after any restart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Self

import discord

from bot.client.acknowledgement import Acknowledgement, answer_interaction
from bot.client.bot import Interaction, NewsBot
from bot.client.error_handler import ErrorReportingItem
from bot.errors import UserError
from bot.i18n import tr, tr_noop
from bot.store.cards.card_query import CardPage, TimelineCursor
from bot.store.cards.rows import StoredCard
from bot.ui.components import can_be_shared, without_share_button
from bot.ui.page_requests import PageRequest, dump_request, parse_request

PAGE_SIZE = 5
_FARTHEST = 2**62  # keeps a forged button from overflowing the database's integers
PLACE = r"[nop]-?\d{1,19}"
KEY = r"[0-9a-f]{12}"
TOO_OLD = tr_noop("This list has expired. Run the command again.")
Reply = dict[str, Any]
"""Keyword arguments of `edit_message` and `send_message`: embeds and view."""


@dataclass(frozen=True, slots=True)
class PageCursor:
    """A cursor: after a card in time (`o` older, `n` newer), or an offset (`p`)."""

    kind: str
    value: int

    def __str__(self) -> str:
        return f"{self.kind}{self.value}"

    @classmethod
    def parse(cls, text: str) -> Self:
        return cls(text[0], max(-_FARTHEST, min(int(text[1:]), _FARTHEST)))

    @property
    def cursor(self) -> TimelineCursor | None:
        return None if self.kind == "p" else TimelineCursor(self.value, newer=self.kind == "n")

    @property
    def offset(self) -> int:
        return max(0, self.value) if self.kind == "p" else 0


START = PageCursor("p", 0)


class PageButton(
    ErrorReportingItem,
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=rf"nd:turn:(?P<key>{KEY}):(?P<place>{PLACE})",
):
    """Turns the page of a list, for anyone who sees it; the page is queried again."""

    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, key: str, place: PageCursor, label: str) -> None:
        super().__init__(discord.ui.Button(label=label, custom_id=f"nd:turn:{key}:{place}"))
        self.key = key
        self.place = place

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(match["key"], PageCursor.parse(match["place"]), "")

    async def handle_click(self, interaction: Interaction) -> None:
        reply = await show_page(interaction, self.key, self.place)
        # A shared message is everybody's, and a page of it must not offer to be shared again.
        if not can_be_shared(interaction.message):
            without_share_button(reply["view"])
        await answer_interaction(interaction, **reply)


async def first_page(interaction: Interaction, request: PageRequest) -> Reply:
    """Return the first page of a list. Raises `UserError` if it is empty."""
    return await _load_page(interaction, request, save_request(interaction.client, request), START)


def save_request(bot: NewsBot, request: PageRequest) -> str:
    """Store a request and return the key for its page buttons."""
    return bot.store.list_requests.save_request(dump_request(request), bot.clock())


async def show_page(interaction: Interaction, key: str, place: PageCursor) -> Reply:
    """Return another page of a stored request."""
    stored = await interaction.client.store.list_requests.load_request(key)
    if stored is None:
        raise UserError(tr(TOO_OLD))
    try:
        request = parse_request(stored)
    except (KeyError, TypeError, ValueError):
        raise UserError(tr(TOO_OLD)) from None
    return await _load_page(interaction, request, key, place)


async def _load_page(interaction: Interaction, request: PageRequest, key: str, place: PageCursor) -> Reply:
    load = interaction.client.components.pages[type(request)]
    return await load(interaction, request, key, place)


def page_at_offset(cards: tuple[StoredCard, ...], total: int, place: PageCursor) -> CardPage:
    return CardPage(cards, has_newer=place.offset > 0, has_older=place.offset + len(cards) < total)


def page_buttons(key: str, page: CardPage, offset: int | None = None) -> list[PageButton]:
    """Build the previous/next buttons that apply: cursors by time, or offsets for lists in another order."""
    if offset is None:
        ends = (page.cards[0].sort_key, page.cards[-1].sort_key)
        return page_buttons_between(key, *ends, has_newer=page.has_newer, has_older=page.has_older)
    back, on = PageCursor("p", max(0, offset - PAGE_SIZE)), PageCursor("p", offset + len(page.cards))
    return _build_page_buttons(key, back if page.has_newer else None, on if page.has_older else None)


def page_buttons_between(key: str, newest: int, oldest: int, *, has_newer: bool, has_older: bool) -> list[PageButton]:
    """Build the previous/next buttons of a page between two cursors in time."""
    return _build_page_buttons(
        key, PageCursor("n", newest) if has_newer else None, PageCursor("o", oldest) if has_older else None
    )


def _build_page_buttons(key: str, back: PageCursor | None, on: PageCursor | None) -> list[PageButton]:
    found = [PageButton(key, back, tr("← Back"))] if back else []
    return found + ([PageButton(key, on, tr("More →"))] if on else [])
