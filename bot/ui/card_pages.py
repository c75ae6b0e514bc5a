"""The paginated lists for members, and how each page is rendered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import discord

from bot.client.bot import Interaction
from bot.client.permissions import guild_id_of
from bot.domain.search_query import is_only_exclusions
from bot.errors import UserError
from bot.i18n import tr, tr_noop, trn
from bot.render.card_list import render_card_list
from bot.render.limits import BUTTON_LABEL
from bot.render.markdown import fit_escaped, fit_plain
from bot.store.cards.card_query import CardPage, CardQuery, SearchOrder
from bot.store.moderation.audit_log import AuditFilter
from bot.store.moderation.queue import QueueFilters
from bot.ui.catch_up import show_catch_up_page
from bot.ui.components import arrange_rows
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
from bot.ui.story_members import load_others
from bot.ui.views import build_list_view, build_saved_view

_COUNTED = 50
"""Maximum number of search results that are counted."""
_ECHO = 100
"""Maximum characters of the query quoted in a reply without hits."""
NO_SAVED = tr_noop("You haven't saved any cards yet. Press 🔖 under one.")
_NOTHING = tr_noop("Nothing found for “{words}”.")
_NOTHING_FILTERED = tr_noop("Nothing found for “{words}” with these filters.")


async def _latest_page(interaction: Interaction, request: LatestRequest, key: str, place: PageCursor) -> Reply:
    page = await interaction.client.store.cards.list_latest(
        guild_id_of(interaction),
        topic=request.topic,
        limit=request.count,
        cursor=place.cursor,
        every_card=request.every_card,
    )
    if not page.cards:
        raise UserError(_nothing_yet_text(request.topic))
    reply = await _build_reply(interaction, page, page_buttons(key, page), grouped=not request.every_card)
    return reply | {"content": f"**{_latest_heading(request.topic)}**"}


def _latest_heading(topic: str | None) -> str:
    return tr("Latest news about {topic}", topic=fit_escaped(topic, _ECHO)) if topic else tr("Latest news")


def _nothing_yet_text(topic: str | None) -> str:
    if not topic:
        return tr("Nothing here yet. See all topics with `/topics`.")
    about = discord.utils.escape_markdown(topic)
    return tr("Nothing about **{topic}** yet. See all topics with `/topics`.", topic=about)


async def _search_page(interaction: Interaction, query: CardQuery, key: str, place: PageCursor) -> Reply:
    page = await interaction.client.store.cards.search_cards(
        query, guild_id_of(interaction), limit=PAGE_SIZE, cursor=place.cursor, offset=place.offset
    )
    # Cards were withdrawn, or a forged button points anywhere: only the first page says that nothing matches.
    if not page.cards and place != START:
        raise UserError(tr("There's nothing more in that direction. Search again to see the current results."))
    if not page.cards:
        if is_only_exclusions(query.words) and not query.is_filtered:
            raise UserError(_only_exclusions_text(query.words))
        return await _build_nothing_found(interaction, query)
    # A cursor in time stays right when cards arrive. Other orders have none: scores change, so they page by offset.
    by_offset = None if query.order is SearchOrder.NEWEST else place.offset
    reply = await _build_reply(interaction, page, page_buttons(key, page, by_offset), grouped=not query.every_card)
    return reply | {"content": await _results_text(interaction, query, page)}


async def _results_text(interaction: Interaction, query: CardQuery, page: CardPage) -> str:
    """Return the heading of search results: counting all hits of a common word would take seconds."""
    count = len(page.cards)
    if page.has_newer or page.has_older:
        repository = interaction.client.store.cards
        count = await repository.count_hits(page, limit=_COUNTED + 1)
    words = fit_escaped(query.words, _ECHO)
    if count > _COUNTED:
        return tr("More than {most} results for “{words}”", most=_COUNTED, words=words)
    return trn("{count} result for “{words}”", "{count} results for “{words}”", count, words=words)


def _only_exclusions_text(words: str) -> str:
    return tr(
        "“{words}” only says what to leave out. Add a word to find, a topic or a publisher.",
        words=fit_escaped(words, _ECHO),
    )


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
        "{count} saved card can't be shown: it was withdrawn, or isn't published in this server.",
        "{count} saved cards can't be shown: they were withdrawn, or aren't published in this server.",
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


async def _build_reply(
    interaction: Interaction, page: CardPage, buttons: Sequence[PageButton], *, grouped: bool
) -> Reply:
    """Build a page of a list; if it is `grouped` by story, with who else has each."""
    others = await load_others(interaction, page.cards) if grouped else {}
    notes = [others.get(card.id, "") for card in page.cards]
    pictures = interaction.client.settings.asset_base_url
    embeds = render_card_list(page.cards, pictures, notes=notes, phrases=page.phrases)
    view = build_list_view(page.cards, [*buttons, *share_buttons(interaction, page.cards)], others)
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
    """Return topics that start with one of the words."""
    repository, guild_id = interaction.client.store.cards, guild_id_of(interaction)
    near: list[str] = []
    for word in query.words.split()[:5]:
        # Three letters forgive most slips at the end of a word.
        near += [
            topic.name for topic in await repository.list_topics(guild_id, word[:3], limit=3) if topic.name not in near
        ]
    named = ", ".join(f"**{discord.utils.escape_markdown(name)}**" for name in near[:5])
    return tr("Similar topics: {topics}.", topics=named) if named else ""
