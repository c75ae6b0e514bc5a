"""The paginated lists for members, and how each page is rendered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import discord

from bot.client.bot import Interaction
from bot.client.permissions import guild_id_of
from bot.errors import UserError
from bot.i18n import tr, tr_noop, trn
from bot.render.card_list import render_card_list
from bot.render.limits import BUTTON_LABEL
from bot.render.markdown import fit_escaped, fit_plain
from bot.store.cards.repository import CardPage, CardQuery, SearchOrder
from bot.store.moderation.audit_log import AuditFilter
from bot.store.moderation.queue import QueueFilters
from bot.ui.catch_up import show_catch_up_page
from bot.ui.moderation_pages import show_log_page, show_queue_page
from bot.ui.page_requests import CatchUpRequest, LatestRequest, SavedRequest
from bot.ui.pagination import (
    PAGE_SIZE,
    START,
    PageButton,
    PageCursor,
    Reply,
    page_at_offset,
    page_buttons,
    save_request,
)
from bot.ui.share_button import share_buttons
from bot.ui.views import arrange_rows, build_list_view, build_saved_view

_ECHO = 100
"""Maximum characters of the query quoted in a reply without hits."""
NO_SAVED = tr_noop("You have not saved any card yet: press 🔖 under one.")
_NOTHING = tr_noop("Nothing found for “{words}”.")
_NOTHING_FILTERED = tr_noop("Nothing found for “{words}” with these filters.")


async def _latest_page(interaction: Interaction, request: LatestRequest, key: str, place: PageCursor) -> Reply:
    page = await interaction.client.store.cards.list_latest(
        guild_id_of(interaction), topic=request.topic, limit=request.count, cursor=place.cursor
    )
    if not page.cards:
        raise UserError(_nothing_yet_text(request.topic))
    return _build_reply(interaction, page, page_buttons(key, page))


def _nothing_yet_text(topic: str | None) -> str:
    if not topic:
        return tr("There is nothing yet. `/topics` shows what there is.")
    about = discord.utils.escape_markdown(topic)
    return tr("There is nothing about **{topic}** yet. `/topics` shows what there is.", topic=about)


async def _search_page(interaction: Interaction, query: CardQuery, key: str, place: PageCursor) -> Reply:
    page = await interaction.client.store.cards.search_cards(
        query, guild_id_of(interaction), limit=PAGE_SIZE, cursor=place.cursor, offset=place.offset
    )
    # Cards were withdrawn, or a forged button points anywhere: only the first page says that nothing matches.
    if not page.cards and place != START:
        raise UserError(tr("There is nothing more on that side any more. Search again to see what there is now."))
    if not page.cards:
        return await _build_nothing_found(interaction, query)
    # A cursor in time stays right when cards arrive. Other orders have none: scores change, so they page by offset.
    by_offset = None if query.order is SearchOrder.NEWEST else place.offset
    return _build_reply(interaction, page, page_buttons(key, page, by_offset))


async def _saved_page(interaction: Interaction, _request: SavedRequest, key: str, place: PageCursor) -> Reply:
    store, guild_id = interaction.client.store, guild_id_of(interaction)
    saved = await store.members.saved_cards.get_page(
        interaction.user.id, guild_id, limit=PAGE_SIZE, offset=place.offset
    )
    hidden = hidden_text(saved.hidden)
    if not saved.cards:
        raise UserError(hidden or tr(NO_SAVED))
    buttons = page_buttons(key, page_at_offset(saved.cards, saved.total, place), place.offset)
    embeds = render_card_list(saved.cards, interaction.client.settings.asset_base_url)
    return {"content": hidden or None, "embeds": embeds, "view": build_saved_view(saved.cards, buttons)}


def hidden_text(count: int) -> str:
    """Return the note on saved cards that are hidden; empty if there are none."""
    hidden = trn(
        "{count} card that you saved cannot be shown: withdrawn since, or not published in this server.",
        "{count} cards that you saved cannot be shown: withdrawn since, or not published in this server.",
        count,
    )
    return hidden if count else ""


PAGES: Mapping[type, Callable[[discord.Interaction[Any], Any, str, PageCursor], Awaitable[Reply]]] = {
    LatestRequest: _latest_page,
    CardQuery: _search_page,
    SavedRequest: _saved_page,
    CatchUpRequest: show_catch_up_page,
    QueueFilters: show_queue_page,
    AuditFilter: show_log_page,
}
"""What loads a page, by the type of its request."""


def _build_reply(interaction: Interaction, page: CardPage, buttons: Sequence[PageButton]) -> Reply:
    embeds = render_card_list(page.cards, interaction.client.settings.asset_base_url, phrases=page.phrases)
    view = build_list_view(page.cards, [*buttons, *share_buttons(interaction, page.cards)])
    return {"content": None, "embeds": embeds, "view": view}


async def _build_nothing_found(interaction: Interaction, query: CardQuery) -> Reply:
    """Reply without hits: offer a corrected spelling as a button, and topics with the same prefix."""
    client = interaction.client
    nothing = _NOTHING_FILTERED if query.is_filtered or query.since or query.until else _NOTHING
    lines = [tr(nothing, words=fit_escaped(query.words, _ECHO))]
    buttons = []
    if suggestion := await client.store.cards.spelling.suggest_query(query, guild_id_of(interaction)):
        key = save_request(client, replace(query, words=suggestion.words))
        lines.append(tr("Did you mean **{words}**?", words=fit_escaped(suggestion.words, _ECHO)))
        label = fit_plain(tr("Search for {words}", words=suggestion.words), BUTTON_LABEL)
        buttons.append(PageButton(key, START, label))
    else:
        lines.append(tr("Try fewer or shorter words; `word*` matches beginnings."))
    lines.append(await _nearby_topics_text(interaction, query))
    return {"content": " ".join(lines).strip(), "embeds": [], "view": arrange_rows(buttons)}


async def _nearby_topics_text(interaction: Interaction, query: CardQuery) -> str:
    """Return topics that start with one of the words, else the largest ones."""
    repository, guild_id = interaction.client.store.cards, guild_id_of(interaction)
    near: list[str] = []
    for word in query.words.split()[:5]:
        # Three letters forgive most slips at the end of a word.
        near += [
            topic.name for topic in await repository.list_topics(guild_id, word[:3], limit=3) if topic.name not in near
        ]
    near = near or [topic.name for topic in await repository.list_topics(guild_id, limit=5)]
    named = ", ".join(f"**{discord.utils.escape_markdown(name)}**" for name in near[:5])
    return tr("Topics close by: {topics}.", topics=named) if named else ""
