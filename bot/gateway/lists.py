"""Lists with pages: what was asked for is remembered, so that a button can ask for the next page after any restart."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import discord

from bot.desk.publication import standing
from bot.errors import UserError
from bot.gateway.failures import Answering
from bot.gateway.rights import guild_id, require_moderator
from bot.gateway.views import list_view, queue_view, saved_view
from bot.render.lists import card_list
from bot.store.reading import Cursor, Order, Page, Query
from bot.store.records import FiledCard

if TYPE_CHECKING:
    from bot.gateway.client import NewsBot

PAGE = 5
_FARTHEST = 2**62  # a forged button must not overflow the database's integers
_TURN = r"nd:turn:(?P<key>[0-9a-f]{12}):(?P<place>[nop]-?\d{1,19})"
Request = dict[str, Any]
Reply = dict[str, Any]
"""What `edit_message` and `send_message` take: embeds and view."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: after a card in time (`o` older, `n` newer), or after so many cards (`p`)."""

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
        return self.value if self.kind == "p" else 0


START = Place("p", 0)


class TurnButton(Answering, discord.ui.DynamicItem[discord.ui.Button[Any]], template=_TURN):
    """Turns the page of a list, for anyone who sees it; what the page holds is asked for again."""

    def __init__(self, key: str, place: Place, label: str) -> None:
        super().__init__(discord.ui.Button(label=label, custom_id=f"nd:turn:{key}:{place}"))
        self.key = key
        self.place = place

    @classmethod
    def carrying(cls, match: re.Match[str]) -> Self:
        return cls(match["key"], Place.parsed(match["place"]), "")

    async def act(self, interaction: discord.Interaction[NewsBot]) -> None:
        await interaction.response.edit_message(**await turned(interaction, self.key, self.place))


async def listed(interaction: discord.Interaction[NewsBot], request: Request) -> Reply:
    """The first page of a list. Raises `UserError` when there is nothing to show."""
    client = interaction.client
    key = await client.store.listings.keep(request, client.clock())
    return await _KINDS[request["kind"]](interaction, request, key, START)


async def turned(interaction: discord.Interaction[NewsBot], key: str, place: Place) -> Reply:
    """Another page of a list that was shown before."""
    request = await interaction.client.store.listings.recall(key)
    if request is None:
        raise UserError("This list is too old to turn its pages. Ask for it again.")
    return await _KINDS[request["kind"]](interaction, request, key, place)


async def _latest(interaction: discord.Interaction[NewsBot], request: Request, key: str, place: Place) -> Reply:
    store, topic = interaction.client.store, request["topic"]
    page = await store.archive.latest(guild_id(interaction), topic=topic, limit=request["count"], cursor=place.cursor)
    if not page.cards:
        where = f" about **{discord.utils.escape_markdown(topic)}**" if topic else ""
        raise UserError(f"There is nothing{where} yet. `/topics` shows what there is.")
    return _reply(interaction, page, _turns(key, page))


async def _search(interaction: discord.Interaction[NewsBot], request: Request, key: str, place: Place) -> Reply:
    since = datetime.fromisoformat(request["since"]) if request["since"] else None
    query = Query(request["words"], request["topic"], request["provider"], since, Order(request["order"]))
    store = interaction.client.store
    page = await store.archive.search(
        query, guild_id(interaction), limit=PAGE, cursor=place.cursor, offset=place.offset
    )
    if not page.cards:
        raise UserError(await _nothing_found(interaction, query))
    by_offset = None if query.order is Order.NEWEST else place.offset
    return _reply(interaction, page, _turns(key, page, by_offset))


async def _saved(interaction: discord.Interaction[NewsBot], _request: Request, key: str, place: Place) -> Reply:
    store, server = interaction.client.store, guild_id(interaction)
    saved = await store.saved.page(interaction.user.id, server, limit=PAGE, offset=place.offset)
    hidden = f"{saved.hidden} saved {'card is' if saved.hidden == 1 else 'cards are'} not available here any more."
    if not saved.cards:
        raise UserError(hidden if saved.hidden else "You have not saved any card yet: press 🔖 under one.")
    turns = _turns(key, _offset_page(saved.cards, saved.total, place), place.offset)
    embeds = card_list(saved.cards, interaction.client.settings.asset_base_url)
    return {"content": hidden if saved.hidden else None, "embeds": embeds, "view": saved_view(saved.cards, turns)}


async def _queue(interaction: discord.Interaction[NewsBot], _request: Request, key: str, place: Place) -> Reply:
    require_moderator(interaction)
    queue = await interaction.client.store.desk.queue(guild_id(interaction), limit=PAGE, offset=place.offset)
    if not queue.cards:
        raise UserError("Nothing waits for a decision. Held cards appear here as they come in.")
    turns = _turns(key, _offset_page(queue.cards, queue.total, place), place.offset)
    notes = [standing(card.card.state, card.card.held_reason, card.verdict) for card in queue.cards]
    embeds = card_list(queue.cards, interaction.client.settings.asset_base_url, notes=notes)
    content = f"**{queue.total}** {'card waits' if queue.total == 1 else 'cards wait'} for a decision, hottest first."
    return {"content": content, "embeds": embeds, "view": queue_view(queue.cards, turns)}


_KINDS: Mapping[str, Callable[[discord.Interaction[Any], Request, str, Place], Awaitable[Reply]]] = {
    "latest": _latest,
    "search": _search,
    "saved": _saved,
    "queue": _queue,
}


def _reply(interaction: discord.Interaction[NewsBot], page: Page, turns: Sequence[TurnButton]) -> Reply:
    embeds = card_list(page.cards, interaction.client.settings.asset_base_url)
    return {"embeds": embeds, "view": list_view(page.cards, turns)}


def _offset_page(cards: tuple[FiledCard, ...], total: int, place: Place) -> Page:
    return Page(cards, has_newer=place.offset > 0, has_older=place.offset + len(cards) < total)


def _turns(key: str, page: Page, offset: int | None = None) -> list[TurnButton]:
    """Back and forward, where there is something: by time, or by number for lists in another order."""
    if offset is None:
        back, on = Place("n", page.cards[0].timeline), Place("o", page.cards[-1].timeline)
    else:
        back, on = Place("p", max(0, offset - PAGE)), Place("p", offset + len(page.cards))
    turns = [TurnButton(key, back, "← Back")] if page.has_newer else []
    return turns + ([TurnButton(key, on, "More →")] if page.has_older else [])


async def _nothing_found(interaction: discord.Interaction[NewsBot], query: Query) -> str:
    """No hits, and what could help: topics that begin like one of the words, or the largest ones."""
    archive, server = interaction.client.store.archive, guild_id(interaction)
    near: list[str] = []
    for word in query.words.split()[:5]:
        near += [topic.name for topic in await archive.topics(server, word[:3], limit=3) if topic.name not in near]
    near = near or [topic.name for topic in await archive.topics(server, limit=5)]
    named = ", ".join(f"**{discord.utils.escape_markdown(name)}**" for name in near[:5])
    filters = " with these filters" if query.topic or query.provider or query.since else ""
    hint = f" Topics close by: {named}." if named else ""
    return f"Nothing found{filters}. Try fewer or shorter words; `word*` matches beginnings.{hint}"
