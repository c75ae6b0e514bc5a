"""Plan review messages for moderators with set-based SQL: a few at a time, best first; the rest stays in the queue.

A review is a regular delivery: a message that is updated when its card changes or a decision is made.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Text,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import State
from bot.desk.delivery import SEEN_AS, Content, Progress, written
from bot.desk.subscription import Layout, OnWithdrawal
from bot.language import ENGLISH
from bot.store.database import Database
from bot.store.records import best_of_some, timeline
from bot.store.tables import cards, deliveries, delivery_cards, flags, guild_settings
from bot.store.upserts import upsert
from bot.store.visibility import ever_decided, last_entry, open_flags, undecided, visible

MOST_OPEN = 25
_LOOKED_AT = 500
"""Number of the best waiting cards considered when there is room for more reviews."""
_REVIEW: ColumnElement[str] = literal_column(f"'{Layout.REVIEW}'")
"""A literal, because the partial index on reviews is not used with a parameter."""
_Guild = ColumnElement[int]


class Reviews:
    """Review channels, at most one per server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def channel(self, guild_id: int) -> int | None:
        """Return the id of the server's review channel, if any."""
        asked = select(guild_settings.c.review_channel_id).where(guild_settings.c.guild_id == guild_id)
        async with self._database.read() as connection:
            found: int | None = (await connection.execute(asked)).scalar_one_or_none()
            return found

    async def set_channel(
        self, guild_id: int, channel_id: int | None, most_open: int, now: datetime, max_age: timedelta
    ) -> None:
        """Set or clear the review channel. Open reviews in other channels are deleted; decided ones stay."""
        values = {"review_channel_id": channel_id, "review_open": most_open}
        row = upsert(guild_settings).values(guild_id=guild_id, **values)
        async with self._database.write() as connection:
            await connection.execute(row.on_conflict_do_update(index_elements=["guild_id"], set_=values))
            elsewhere = _is_review(guild_id) & deliveries.c.channel_id.is_distinct_from(channel_id)
            waiting = select(deliveries.c.id).where(elsewhere, _is_open(deliveries.c.guild_id))
            ids = (await connection.execute(waiting)).scalars().all()
            await connection.execute(delete(delivery_cards).where(delivery_cards.c.delivery_id.in_(ids)))
            gone = {"wanted": None, "due_at": now, "progress": _waiting_again()}
            await connection.execute(update(deliveries).where(deliveries.c.id.in_(ids)).values(gone))
            if channel_id is not None:
                await _fill(connection, now, _fresh_cards(now - max_age), [guild_id])

    async def expire(self, now: datetime, max_age: timedelta) -> None:
        """Mark cards under review that exceed `max_age` for planning, to make room for others."""
        old = select(delivery_cards.c.card_id).where(
            delivery_cards.c.delivery_id.in_(
                select(deliveries.c.id).where(deliveries.c.layout == _REVIEW, deliveries.c.wanted.is_not(None))
            )
        )
        mine = cards.c.id.in_(old) & (cards.c.published_at < now - max_age) & (cards.c.state == State.HELD)
        async with self._database.write() as connection:
            await connection.execute(update(cards).where(mine & ~cards.c.unplanned).values(unplanned=True))


def review_revision(guild_id: _Guild, now: datetime, max_age: timedelta) -> ColumnElement[Any]:
    """The revision that a review shows of its card; null to remove the review.

    Reviews are removed for cards withdrawn by their source, and for old undecided cards, which stay in the queue.
    """
    unanswered = undecided(guild_id) & ~ever_decided(guild_id) & (open_flags(guild_id) == 0)
    old = (cards.c.published_at < now - max_age) & unanswered
    return case((or_(cards.c.state == State.WITHDRAWN, old), None), else_=_state(guild_id))


def _state(guild_id: _Guild) -> ColumnElement[str]:
    """The card's revision, its last audit entry and its number of open flags."""
    entry = sql_cast(func.coalesce(last_entry(guild_id), 0), Text)
    reports = sql_cast(open_flags(guild_id), Text)
    return cards.c.revision.concat(SEEN_AS).concat(entry).concat(SEEN_AS).concat(reports)


async def new_reviews(connection: AsyncConnection, now: datetime, max_age: timedelta) -> int:
    """Add reviews of changed cards, and of the best waiting cards in servers where room became free."""
    touched = (
        select(deliveries.c.guild_id)
        .join(delivery_cards, delivery_cards.c.delivery_id == deliveries.c.id)
        .join(cards, cards.c.id == delivery_cards.c.card_id)
        .where(deliveries.c.layout == _REVIEW, cards.c.unplanned)
        .distinct()
    )
    relieved = list((await connection.execute(touched)).scalars())
    fresh = or_(cards.c.published_at >= now - max_age, cards.c.state == State.PUBLISHED)
    added = await _fill(connection, now, cards.c.unplanned & fresh, None)
    if relieved:
        added += await _fill(connection, now, _fresh_cards(now - max_age), relieved)
    return added


def _fresh_cards(oldest: datetime) -> ColumnElement[bool]:
    best = (
        select(cards.c.id)
        .where(cards.c.state == State.HELD, cards.c.timeline >= timeline(oldest, 0))
        .order_by(best_of_some(), cards.c.timeline.desc())
        .limit(_LOOKED_AT)
    )
    return cards.c.id.in_(best)


def _is_review(guild_id: int) -> ColumnElement[bool]:
    return (deliveries.c.layout == _REVIEW) & (deliveries.c.guild_id == guild_id)


def _waits(guild_id: _Guild) -> ColumnElement[bool]:
    """Whether the card is waiting for a decision of the server."""
    return or_(undecided(guild_id), and_(visible(guild_id), open_flags(guild_id) > 0))


def _is_open(guild_id: _Guild) -> ColumnElement[bool]:
    """Whether the review in the row of `deliveries` is waiting for a decision."""
    mine = delivery_cards.join(cards, cards.c.id == delivery_cards.c.card_id)
    asked = select(literal(1)).select_from(mine).where(delivery_cards.c.delivery_id == deliveries.c.id)
    return deliveries.c.wanted.is_not(None) & exists(asked.where(_waits(guild_id)).correlate(deliveries))


def _waiting_again() -> ColumnElement[str]:
    return case((deliveries.c.progress == Progress.SENDING, Progress.SENDING), else_=Progress.WAITING)


async def _fill(
    connection: AsyncConnection, now: datetime, chosen: ColumnElement[bool], guild_ids: Collection[int] | None
) -> int:
    """Add reviews of the best chosen cards to servers with room. Returns the number added."""
    # Fast path: most planning runs have no held or flagged cards, so no server needs to be checked.
    waiting = or_(cards.c.state == State.HELD, cards.c.id.in_(select(flags.c.card_id)))
    if (await connection.execute(select(cards.c.id).where(chosen, waiting).limit(1))).first() is None:
        return 0
    room = await _room(connection, guild_ids)
    if not room:
        return 0
    here = guild_settings.c
    met = (
        select(literal(1))
        .where(delivery_cards.c.channel_id == here.review_channel_id, delivery_cards.c.card_id == cards.c.id)
        .correlate(guild_settings, cards)
    )
    best_first = (open_flags(here.guild_id).desc(), cards.c.points.desc(), cards.c.timeline.desc())
    best = func.row_number().over(partition_by=here.guild_id, order_by=best_first)
    language = func.coalesce(here.language, ENGLISH).label("language")
    columns = (here.guild_id, here.review_channel_id, language, cards.c.id.label("card_id"), cards.c.timeline)
    pairs = (
        select(*columns, _state(here.guild_id).label("revision"), best.label("place"))
        .select_from(guild_settings.join(cards, literal(True)))
        .where(here.guild_id.in_(room), chosen, _waits(here.guild_id), ~exists(met))
        .subquery()
    )
    fitting = select(pairs).where(pairs.c.place <= max(room.values())).order_by(pairs.c.timeline)
    found = (await connection.execute(fitting)).mappings().all()
    return await _add(connection, [each for each in found if each["place"] <= room[each["guild_id"]]], now)


async def _room(connection: AsyncConnection, guild_ids: Collection[int] | None) -> dict[int, int]:
    """Return the number of free review places by guild id, for servers that have any."""
    here = guild_settings.c
    open_now = (
        select(func.count())
        .select_from(deliveries)
        .where(deliveries.c.guild_id == here.guild_id, deliveries.c.layout == _REVIEW)
        .where(deliveries.c.progress != Progress.REMOVED, _is_open(here.guild_id))
        .correlate(guild_settings)
        .scalar_subquery()
    )
    asked = select(here.guild_id, here.review_open - open_now).where(here.review_channel_id.is_not(None))
    if guild_ids is not None:
        asked = asked.where(here.guild_id.in_(guild_ids))
    return {guild_id: room for guild_id, room in await connection.execute(asked) if room > 0}


async def _add(connection: AsyncConnection, found: Sequence[Any], now: datetime) -> int:
    if not found:
        return 0
    rows = [
        {
            "subscription_id": 0,
            "guild_id": each["guild_id"],
            "channel_id": each["review_channel_id"],
            "timeline": each["timeline"],
            "wanted": written([Content(each["card_id"], each["revision"])]),
            "progress": Progress.WAITING,
            "planned_at": now,
            "due_at": now,
            "layout": Layout.REVIEW,
            "on_withdrawal": OnWithdrawal.DELETE,
            "language": each["language"],
        }
        for each in found
    ]
    adding = insert(deliveries).returning(deliveries.c.id, sort_by_parameter_order=True)
    ids = (await connection.execute(adding, rows)).scalars().all()
    places = [
        {
            "delivery_id": delivery_id,
            "card_id": each["card_id"],
            "channel_id": each["review_channel_id"],
            "place": 0,
            "revision": each["revision"],
        }
        for delivery_id, each in zip(ids, found, strict=True)
    ]
    await connection.execute(insert(delivery_cards), places)
    return len(places)
