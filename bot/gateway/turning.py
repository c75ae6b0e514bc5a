"""Pagination: requests are stored, so that page buttons work after any restart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import discord

from bot.errors import UserError
from bot.gateway.acknowledgement import Acknowledgement, answer
from bot.gateway.failures import Answering
from bot.gateway.sharing import can_be_shared, without_sharing
from bot.language import tr
from bot.store.reading import Cursor, Page
from bot.store.records import FiledCard

if TYPE_CHECKING:
    from bot.gateway.client import NewsBot

PAGE = 5
_FARTHEST = 2**62  # keeps a forged button from overflowing the database's integers
PLACE = r"[nop]-?\d{1,19}"
KEY = r"[0-9a-f]{12}"
Request = dict[str, Any]
Reply = dict[str, Any]
"""Keyword arguments of `edit_message` and `send_message`: embeds and view."""


@dataclass(frozen=True, slots=True)
class Place:
    """A cursor: after a card in time (`o` older, `n` newer), or an offset (`p`)."""

    kind: str
    value: int

    def __str__(self) -> str:
        return f"{self.kind}{self.value}"

    @classmethod
    def parsed(cls, text: str) -> Self:
        return cls(text[0], max(-_FARTHEST, min(int(text[1:]), _FARTHEST)))

    @property
    def cursor(self) -> Cursor | None:
        return None if self.kind == "p" else Cursor(self.value, newer=self.kind == "n")

    @property
    def offset(self) -> int:
        return max(0, self.value) if self.kind == "p" else 0


START = Place("p", 0)


class TurnButton(
    Answering,
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=rf"nd:turn:(?P<key>{KEY}):(?P<place>{PLACE})",
):
    """Turns the page of a list, for anyone who sees it; the page is queried again."""

    acknowledgement = Acknowledgement.UPDATE

    def __init__(self, key: str, place: Place, label: str) -> None:
        super().__init__(discord.ui.Button(label=label, custom_id=f"nd:turn:{key}:{place}"))
        self.key = key
        self.place = place

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        return cls(match["key"], Place.parsed(match["place"]), "")

    async def act(self, interaction: discord.Interaction[NewsBot]) -> None:
        reply = await turned(interaction, self.key, self.place)
        if not can_be_shared(interaction.message):
            without_sharing(reply["view"])
        await answer(interaction, **reply)


async def listed(interaction: discord.Interaction[NewsBot], request: Request) -> Reply:
    """Return the first page of a list. Raises `UserError` if it is empty."""
    client = interaction.client
    key = client.store.listings.keep(request, client.clock())
    return await _page(interaction, request, key, START)


async def turned(interaction: discord.Interaction[NewsBot], key: str, place: Place) -> Reply:
    """Return another page of a stored request."""
    request = await interaction.client.store.listings.recall(key)
    if request is None:
        raise UserError(tr("This list is too old to turn its pages. Ask for it again."))
    return await _page(interaction, request, key, place)


async def _page(interaction: discord.Interaction[NewsBot], request: Request, key: str, place: Place) -> Reply:
    from bot.gateway.lists import KINDS  # its pages have buttons that import this module

    return await KINDS[request["kind"]](interaction, request, key, place)


def offset_page(cards: tuple[FiledCard, ...], total: int, place: Place) -> Page:
    return Page(cards, has_newer=place.offset > 0, has_older=place.offset + len(cards) < total)


def turns(key: str, page: Page, offset: int | None = None) -> list[TurnButton]:
    """Build the previous/next buttons that apply: cursors by time, or offsets for lists in another order."""
    if offset is None:
        ends = (page.cards[0].timeline, page.cards[-1].timeline)
        return turns_between(key, *ends, has_newer=page.has_newer, has_older=page.has_older)
    back, on = Place("p", max(0, offset - PAGE)), Place("p", offset + len(page.cards))
    return _turn_buttons(key, back if page.has_newer else None, on if page.has_older else None)


def turns_between(key: str, newest: int, oldest: int, *, has_newer: bool, has_older: bool) -> list[TurnButton]:
    """Build the previous/next buttons of a page between two cursors in time."""
    return _turn_buttons(key, Place("n", newest) if has_newer else None, Place("o", oldest) if has_older else None)


def _turn_buttons(key: str, back: Place | None, on: Place | None) -> list[TurnButton]:
    found = [TurnButton(key, back, tr("← Back"))] if back else []
    return found + ([TurnButton(key, on, tr("More →"))] if on else [])
