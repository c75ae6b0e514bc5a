"""Stories in one server: a followed card tells a story with everybody's cards and with those that the server follows.

Everybody's stories (`bot.store.cards.story_batch`) know nothing of followed cards, so that no server changes another's.
Which cards are alike is found out once for all servers; each joins its card to the most similar one that it sees.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import CardState
from bot.domain.story_clustering import LARGEST, SPAN
from bot.domain.story_matching import SAME_ADDRESS, SAME_STORY, StoryCard
from bot.store.cards.search_entries import SHARED
from bot.store.cards.story_coverage import mark_stale
from bot.store.cards.story_decisions import match_decisions
from bot.store.sql_helpers import chunks
from bot.store.tables import cards, deliveries, delivery_cards, server_cards, story_coverage, story_links, story_texts

_IS_ROW = cards.c.id == server_cards.c.card_id


@dataclass(frozen=True, slots=True)
class StoryLink:
    """A card that another is like. `source_id` is `SHARED` if it is everybody's."""

    other_id: int
    similarity: int
    source_id: int

    @property
    def joins(self) -> bool:
        """Whether the two tell one story where both are seen."""
        return self.similarity >= SAME_STORY


async def assign_rows(
    connection: AsyncConnection,
    linked: Sequence[tuple[StoryCard, int | None, Sequence[StoryLink]]],
    new_ids: Collection[int],
) -> None:
    """Give new cards their stories in the servers that follow their sources. The links are stored already.

    `linked` are the cards in the order in which they got their stories, with the story of everybody's and the links;
    of everybody's cards `new_ids` had none before.
    """
    await match_decisions(connection, [card.card_id for card, _, _ in linked], new_ids)
    followed = [(card, links) for card, _, links in linked if card.source_id != SHARED]
    await _start_stories(
        connection, [card.card_id for card, links in followed if not any(link.joins for link in links)]
    )
    for card, story_id, links in linked:
        if card.source_id != SHARED:
            if any(link.joins for link in links):
                await _join_story(connection, card.card_id, card.published_at, card.report.publisher)
        elif story_id == card.card_id and any(link.joins and link.source_id != SHARED for link in links):
            await connection.execute(_TAKE_OVER, {"card": card.card_id})


async def has_rows_without_story(connection: AsyncConnection) -> bool:
    """Whether a card has no story yet in a server that sees it."""
    waiting = select(cards.c.id).join(server_cards, _IS_ROW).where(_HAS_NO_STORY, ~cards.c.needs_story).limit(1)
    return (await connection.execute(waiting)).first() is not None


async def assign_rows_without_story(connection: AsyncConnection, most: int) -> int:
    """Give stories to rows of cards that were there before: a server began to follow their source.

    Returns the number of such cards, at most `most`.
    """
    publisher = func.coalesce(story_texts.c.publisher, "")
    waiting = select(cards.c.id, cards.c.published_at, publisher).where(
        cards.c.id.in_(select(server_cards.c.card_id).where(_HAS_NO_STORY)), ~cards.c.needs_story
    )
    waiting = waiting.select_from(cards.outerjoin(story_texts, story_texts.c.card_id == cards.c.id))
    found = (await connection.execute(waiting.order_by(cards.c.sort_key).limit(most))).all()
    ids = [card_id for card_id, *_ in found]
    joining = select(story_links.c.card_id).where(
        story_links.c.card_id.in_(ids), story_links.c.similarity >= SAME_STORY
    )
    linked = set((await connection.execute(joining)).scalars())
    await match_decisions(connection, ids, ())
    await _start_stories(connection, [card_id for card_id in ids if card_id not in linked])
    for card_id, published_at, name in found:
        if card_id in linked:
            await _join_story(connection, card_id, published_at, name)
    return len(found)


async def clear_unposted_rows(connection: AsyncConnection, card_ids: Collection[int]) -> None:
    """Take cards out of their stories in the servers that have not posted them."""
    posted = select(delivery_cards.c.card_id).join(deliveries, deliveries.c.id == delivery_cards.c.delivery_id)
    posted = posted.where(
        delivery_cards.c.card_id == server_cards.c.card_id, deliveries.c.guild_id == server_cards.c.guild_id
    )
    rows = server_cards.c.card_id.in_(card_ids) & ~exists(posted.correlate(server_cards))
    await mark_stale(connection, select(server_cards.c.story_id).where(rows, ~_HAS_NO_STORY))
    await connection.execute(update(server_cards).where(rows).values(story_id=None))


async def move_stories(connection: AsyncConnection, ending: int, into: int) -> None:
    """Make one of everybody's stories part of another, in all servers."""
    for table in (cards, server_cards):
        await connection.execute(update(table).where(table.c.story_id == ending).values(story_id=into))
    await connection.execute(delete(story_coverage).where(story_coverage.c.story_id == ending))
    await mark_stale(connection, [into])


async def _start_stories(connection: AsyncConnection, card_ids: Sequence[int]) -> None:
    for some in chunks(card_ids):
        rows = server_cards.c.card_id.in_(some) & _HAS_NO_STORY
        await connection.execute(update(server_cards).where(rows).values(story_id=server_cards.c.card_id))


_HAS_NO_STORY: ColumnElement[bool] = server_cards.c.story_id.is_(None)


async def _join_story(connection: AsyncConnection, card_id: int, published_at: datetime, publisher: str) -> None:
    values = {"card": card_id, "publisher": publisher, "since": published_at - SPAN, "until": published_at + SPAN}
    await connection.execute(_JOIN, values)


_CARD: ColumnElement[int] = bindparam("card", type_=cards.c.id.type)
_SINCE, _UNTIL = (bindparam(name, type_=cards.c.published_at.type) for name in ("since", "until"))
_PUBLISHER: ColumnElement[str] = bindparam("publisher", type_=story_texts.c.publisher.type)
_link, _other, _there = story_links.alias("link"), cards.alias("other"), server_cards.alias("there")
_story = func.coalesce(_there.c.story_id, _other.c.story_id)
"""The story of a linked card in the server of the updated row; null if the server does not see the card."""


def _build_join() -> Any:
    """Build the statement that joins a card, in each server, to the most similar card that the server sees."""
    here = and_(_there.c.guild_id == server_cards.c.guild_id, _there.c.card_id == _other.c.id)
    linked = _link.join(_other, _other.c.id == _link.c.other_id).outerjoin(_there, here)
    row, member = server_cards.alias("row"), cards.alias("member")
    shared = member.c.story_id == _story
    own = and_(row.c.guild_id == server_cards.c.guild_id, row.c.story_id == _story)
    of_server = row.join(member, member.c.id == row.c.card_id)
    counts = [
        select(func.count()).select_from(member).where(shared),
        select(func.count()).select_from(row).where(own),
    ]
    sizes = [count.correlate(_other, _there, server_cards).scalar_subquery() for count in counts]
    spoiled = [
        exists(
            select(literal(1))
            .select_from(source)
            .where(condition, _keeps_out(member))
            .correlate(_other, _there, server_cards)
        )
        for source, condition in ((member, shared), (of_server, own))
    ]
    has_room = and_(sizes[0] + sizes[1] < LARGEST, *(~each for each in spoiled))
    best = (
        select(_story)
        .select_from(linked)
        .where(
            _link.c.card_id == _CARD,
            _link.c.similarity >= SAME_STORY,
            _other.c.state != CardState.WITHDRAWN,
            _story.is_not(None),
            or_(_link.c.similarity == SAME_ADDRESS, has_room),
        )
        .order_by(_link.c.similarity.desc(), _link.c.other_id.desc())
        .limit(1)
        .correlate(server_cards)
    )
    story = func.coalesce(best.scalar_subquery(), server_cards.c.card_id)
    return update(server_cards).where(server_cards.c.card_id == _CARD, _HAS_NO_STORY).values(story_id=story)


def _keeps_out(member: Any) -> ColumnElement[bool]:
    """Whether a card of a story keeps the new one out: it is too far in time, or another report of its publisher."""
    text, version = story_texts.alias("text"), story_links.alias("version")
    is_version = select(literal(1)).where(
        version.c.card_id == _CARD, version.c.other_id == member.c.id, version.c.similarity >= SAME_STORY
    )
    report = select(literal(1)).where(
        text.c.card_id == member.c.id,
        text.c.publisher == _PUBLISHER,
        text.c.publisher != "",
        ~exists(is_version.correlate(member)),
    )
    return or_(member.c.published_at < _SINCE, member.c.published_at > _UNTIL, exists(report.correlate(member)))


def _build_takeover() -> Any:
    """Build the statement by which a card of everybody's, the first of its story, takes over those of followed cards.

    In each server it is the story of the followed card that is most like it.
    """
    row, shared = server_cards.alias("row"), cards.alias("shared")
    is_shared = exists(select(literal(1)).where(shared.c.story_id == row.c.story_id).correlate(row))
    order = (_link.c.similarity.desc(), _link.c.other_id.desc())
    rank = func.row_number().over(partition_by=row.c.guild_id, order_by=order)
    linked = _link.join(row, row.c.card_id == _link.c.other_id)
    ranked = (
        select(row.c.guild_id, row.c.story_id, _link.c.similarity, rank.label("rank"))
        .select_from(linked)
        .where(_link.c.card_id == _CARD, _link.c.similarity >= SAME_STORY, row.c.story_id.is_not(None), ~is_shared)
        .subquery()
    )
    taken = select(ranked.c.guild_id, ranked.c.story_id).where(
        or_(ranked.c.rank == 1, ranked.c.similarity == SAME_ADDRESS)
    )
    key = tuple_(server_cards.c.guild_id, server_cards.c.story_id)
    return update(server_cards).where(key.in_(taken)).values(story_id=_CARD)


_JOIN, _TAKE_OVER = _build_join(), _build_takeover()
