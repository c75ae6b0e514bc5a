"""The paginated lists for members, and how each page is rendered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import discord

from bot.errors import UserError
from bot.gateway.catching_up import catch_up_page
from bot.gateway.desk_pages import log_page, queue_page
from bot.gateway.rights import guild_id
from bot.gateway.sharing import sharing
from bot.gateway.turning import PAGE, START, Place, Reply, Request, TurnButton, offset_page, turns
from bot.gateway.views import list_view, rows, saved_view
from bot.language import marked, tr, trn
from bot.render.limits import BUTTON_LABEL
from bot.render.lists import card_list
from bot.render.markdown import fitted, fitted_plain
from bot.store.reading import Order, Page, Query

if TYPE_CHECKING:
    from bot.gateway.client import NewsBot

_ECHO = 100
"""Maximum characters of the query quoted in a reply without hits."""
NO_SAVED = marked("You have not saved any card yet: press 🔖 under one.")
_NOTHING = marked("Nothing found for “{words}”.")
_NOTHING_FILTERED = marked("Nothing found for “{words}” with these filters.")


async def _latest(interaction: discord.Interaction[NewsBot], request: Request, key: str, place: Place) -> Reply:
    store, topic = interaction.client.store, request["topic"]
    page = await store.archive.latest(guild_id(interaction), topic=topic, limit=request["count"], cursor=place.cursor)
    if not page.cards:
        raise UserError(_nothing_yet(topic))
    return _reply(interaction, page, turns(key, page))


def _nothing_yet(topic: str | None) -> str:
    if not topic:
        return tr("There is nothing yet. `/topics` shows what there is.")
    about = discord.utils.escape_markdown(topic)
    return tr("There is nothing about **{topic}** yet. `/topics` shows what there is.", topic=about)


async def _search(interaction: discord.Interaction[NewsBot], request: Request, key: str, place: Place) -> Reply:
    query, store = _query(request), interaction.client.store
    page = await store.archive.search(
        query, guild_id(interaction), limit=PAGE, cursor=place.cursor, offset=place.offset
    )
    if not page.cards and place != START:
        raise UserError(tr("There is nothing more on that side any more. Search again to see what there is now."))
    if not page.cards:
        return await _nothing_found(interaction, request, query)
    by_offset = None if query.order is Order.NEWEST else place.offset
    return _reply(interaction, page, turns(key, page, by_offset))


def _query(request: Request) -> Query:
    """Parse a stored request. Those of earlier versions have no type and no end."""
    return Query(
        request["words"],
        request["topic"],
        request["provider"],
        _moment(request["since"]),
        Order(request["order"]),
        request.get("type"),
        _moment(request.get("until")),
    )


def _moment(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None


async def _saved(interaction: discord.Interaction[NewsBot], _request: Request, key: str, place: Place) -> Reply:
    store, server = interaction.client.store, guild_id(interaction)
    saved = await store.saved.page(interaction.user.id, server, limit=PAGE, offset=place.offset)
    hidden = hidden_text(saved.hidden)
    if not saved.cards:
        raise UserError(hidden or tr(NO_SAVED))
    buttons = turns(key, offset_page(saved.cards, saved.total, place), place.offset)
    embeds = card_list(saved.cards, interaction.client.settings.asset_base_url)
    return {"content": hidden or None, "embeds": embeds, "view": saved_view(saved.cards, buttons)}


def hidden_text(count: int) -> str:
    """Return the note on saved cards that are hidden; empty if there are none."""
    hidden = trn(
        "{count} card that you saved cannot be shown: withdrawn since, or not published in this server.",
        "{count} cards that you saved cannot be shown: withdrawn since, or not published in this server.",
        count,
    )
    return hidden if count else ""


KINDS: Mapping[str, Callable[[discord.Interaction[Any], Request, str, Place], Awaitable[Reply]]] = {
    "latest": _latest,
    "search": _search,
    "saved": _saved,
    "catchup": catch_up_page,
    "queue": queue_page,
    "log": log_page,
}


def _reply(interaction: discord.Interaction[NewsBot], page: Page, buttons: Sequence[TurnButton]) -> Reply:
    embeds = card_list(page.cards, interaction.client.settings.asset_base_url, found=page.found)
    view = list_view(page.cards, [*buttons, *sharing(interaction, page.cards)])
    return {"content": None, "embeds": embeds, "view": view}


async def _nothing_found(interaction: discord.Interaction[NewsBot], request: Request, query: Query) -> Reply:
    """Reply without hits: offer a corrected spelling as a button, and topics with the same prefix."""
    client = interaction.client
    nothing = _NOTHING_FILTERED if query.tags or query.since or query.until else _NOTHING
    said = [tr(nothing, words=fitted(query.words, _ECHO))]
    buttons = []
    if meant := await client.store.speller.meant(query, guild_id(interaction)):
        key = client.store.listings.keep(request | {"words": meant.words}, client.clock())
        said.append(tr("Did you mean **{words}**?", words=fitted(meant.words, _ECHO)))
        label = fitted_plain(tr("Search for {words}", words=meant.words), BUTTON_LABEL)
        buttons.append(TurnButton(key, START, label))
    else:
        said.append(tr("Try fewer or shorter words; `word*` matches beginnings."))
    said.append(await _topics_nearby(interaction, query))
    return {"content": " ".join(said).strip(), "embeds": [], "view": rows(buttons)}


async def _topics_nearby(interaction: discord.Interaction[NewsBot], query: Query) -> str:
    """Return topics that start with one of the words, else the largest ones."""
    archive, server = interaction.client.store.archive, guild_id(interaction)
    near: list[str] = []
    for word in query.words.split()[:5]:
        near += [topic.name for topic in await archive.topics(server, word[:3], limit=3) if topic.name not in near]
    near = near or [topic.name for topic in await archive.topics(server, limit=5)]
    named = ", ".join(f"**{discord.utils.escape_markdown(name)}**" for name in near[:5])
    return tr("Topics close by: {topics}.", topics=named) if named else ""
