"""The deliveries: what is wanted in each channel against what is there. The planner writes, the courier works."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    and_,
    case,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)

from bot.cards.model import State
from bot.desk.delivery import UNPUBLISHED, Delivery, Progress
from bot.desk.subscription import When
from bot.store.database import Database
from bot.store.tables import (
    card_aliases,
    card_topics,
    cards,
    circuits,
    decisions,
    deliveries,
    subscription_topics,
    subscriptions,
)
from bot.store.visibility import verdict, visible

_AT_REST = {"due_at": None, "attempts": 0, "last_error": None}
_IN_ORDER = (deliveries.c.timeline, deliveries.c.id)
AT_ONCE = 10
"""Deliveries of one channel that are fetched together."""
_COLUMNS = tuple(deliveries.c[name] for name in Delivery.__slots__)


@dataclass(frozen=True, slots=True)
class QueueState:
    """How much waits, since when the oldest does, how much is set aside, and the last errors by channel."""

    waiting: int
    oldest: datetime | None
    quarantined: int
    errors: tuple[tuple[int, str], ...]


class Deliveries:
    """The table of wanted against actual."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def plan(self, now: datetime, max_age: timedelta) -> int:
        """Write what is wanted for every card that changed since the last plan. Returns how many deliveries are new.

        Costs one look at an index when nothing changed.
        """
        async with self._database.read() as connection:
            if (await connection.execute(select(cards.c.id).where(cards.c.unplanned).limit(1))).first() is None:
                return 0
        async with self._database.write() as connection:
            await connection.execute(_follow_cards(now))
            await connection.execute(_new_deliveries(now, max_age))
            added: int = (await connection.exec_driver_sql("SELECT changes()")).scalar_one()
            await connection.execute(update(cards).where(cards.c.unplanned).values(unplanned=False))
            return added

    async def due(self, now: datetime) -> list[int]:
        """The channels with something to do now, those left alone excepted."""
        closed = select(circuits.c.channel_id).where(circuits.c.probe_at > now)
        waiting = select(deliveries.c.channel_id).where(deliveries.c.due_at <= now).distinct()
        waiting = waiting.where(deliveries.c.channel_id.not_in(closed))
        async with self._database.read() as connection:
            return list((await connection.execute(waiting)).scalars())

    async def next_due(self) -> datetime | None:
        """When the next delivery is due; None when all is at rest.

        A channel's is that of its oldest card, which holds back the younger ones, and not before its next probe.
        """
        place = func.row_number().over(partition_by=deliveries.c.channel_id, order_by=_IN_ORDER).label("place")
        asked = select(deliveries.c.channel_id, deliveries.c.due_at, place).where(deliveries.c.due_at.is_not(None))
        heads = asked.subquery()
        probe = func.coalesce(circuits.c.probe_at, heads.c.due_at)
        due = case((probe > heads.c.due_at, probe), else_=heads.c.due_at)
        joined = heads.outerjoin(circuits, circuits.c.channel_id == heads.c.channel_id)
        earliest = select(func.min(due)).select_from(joined).where(heads.c.place == 1)
        async with self._database.read() as connection:
            moment: datetime | None = (await connection.execute(earliest)).scalar_one()
            return moment

    async def state(self) -> QueueState:
        """The queue as a whole."""
        due, quarantined = deliveries.c.due_at.is_not(None), deliveries.c.progress == Progress.QUARANTINED
        counts = select(
            func.count().filter(due), func.min(deliveries.c.planned_at).filter(due), func.count().filter(quarantined)
        )
        errors = (
            select(deliveries.c.channel_id, deliveries.c.last_error)
            .where(deliveries.c.last_error.is_not(None))
            .order_by(deliveries.c.id.desc())
            .limit(5)
        )
        async with self._database.read() as connection:
            waiting, oldest, set_aside = (await connection.execute(counts.select_from(deliveries))).one()
            found = tuple((channel_id, text) for channel_id, text in await connection.execute(errors))
        return QueueState(waiting, oldest, set_aside, found)

    async def head(self, channel_id: int, now: datetime) -> Delivery | None:
        """A channel's next delivery, oldest card first. None while the oldest waits for its next try."""
        oldest = (
            select(*_COLUMNS, deliveries.c.due_at)
            .where(deliveries.c.channel_id == channel_id, deliveries.c.due_at.is_not(None))
            .order_by(*_IN_ORDER)
            .limit(1)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(oldest)).mappings().one_or_none()
        if row is None or row["due_at"] > now:
            return None
        return _delivery(row)

    async def work(self, now: datetime, channel_id: int | None = None) -> dict[int, list[Delivery]]:
        """The next deliveries of every channel (or of one) that has something to do now, oldest card first.

        A channel whose oldest delivery waits for its next try is left out, and so is one that is left alone.
        """
        place = func.row_number().over(partition_by=deliveries.c.channel_id, order_by=_IN_ORDER).label("place")
        asked: ColumnElement[bool] = deliveries.c.due_at.is_not(None)
        if channel_id is not None:
            asked &= deliveries.c.channel_id == channel_id
        waiting = select(*_COLUMNS, deliveries.c.due_at, place).where(asked).subquery()
        closed = select(circuits.c.channel_id).where(circuits.c.probe_at > now)
        chosen = select(waiting).where(waiting.c.place <= AT_ONCE, waiting.c.channel_id.not_in(closed))
        found: dict[int, list[Delivery]] = {}
        blocked: set[int] = set()
        async with self._database.read() as connection:
            for row in (await connection.execute(chosen.order_by(waiting.c.channel_id, waiting.c.place))).mappings():
                if row["due_at"] > now:
                    blocked.add(row["channel_id"])
                elif row["channel_id"] not in blocked:
                    found.setdefault(row["channel_id"], []).append(_delivery(row))
        return found

    async def sending(self, delivery: Delivery, now: datetime) -> Delivery | None:
        """Note that the call is about to be made: a crash from here on leaves the row in *sending*.

        Gives the delivery as it stands now; None when nothing is to be posted any more.
        """
        mine = (deliveries.c.id == delivery.id) & deliveries.c.due_at.is_not(None) & deliveries.c.message_id.is_(None)
        wanted = mine & deliveries.c.wanted.is_not(None) & (deliveries.c.wanted != UNPUBLISHED)
        begun = update(deliveries).where(wanted).values(progress=Progress.SENDING, sent_at=now).returning(*_COLUMNS)
        rows = await self._database.write_together(begun)
        return _delivery(rows[0]) if rows else None

    async def plainer(self, delivery: Delivery) -> None:
        """Discord refused a picture: the same delivery is due at once, without pictures."""
        await self._set(delivery, {"plain": True, "progress": Progress.WAITING})

    async def refused(self, delivery: Delivery) -> None:
        """The channel is closed and took nothing: what waits for it stays as it is."""
        await self._set(delivery, {"progress": Progress.WAITING})

    async def posted(self, delivery: Delivery, message_id: int, now: datetime) -> None:
        """The message is there, at the revision that was wanted when the call was made."""
        await self._reached(delivery, {"message_id": message_id, "actual": delivery.wanted, "settled_at": now})

    async def adopted(self, delivery: Delivery, message_id: int) -> None:
        """An earlier try had left this message. Which revision it shows is unknown, so an edit follows."""
        await self._set(delivery, {"message_id": message_id, "actual": "", "progress": Progress.WAITING})

    async def edited(self, delivery: Delivery, now: datetime) -> None:
        """The message shows the wanted revision."""
        await self._reached(delivery, {"actual": delivery.wanted, "settled_at": now})

    async def retracted(self, delivery: Delivery, now: datetime) -> None:
        """The message is gone, as wanted."""
        await self._reached(delivery, {"message_id": None, "actual": None, "settled_at": now})

    async def unneeded(self, delivery: Delivery) -> None:
        """The channel holds what is wanted already: an edit was taken back, or a post before it was sent."""
        await self._set(
            delivery, _AT_REST | {"progress": Progress.WAITING if delivery.message_id is None else Progress.SETTLED}
        )

    async def removed(self, delivery: Delivery, now: datetime) -> None:
        """Somebody deleted the message in Discord: it stays deleted, whatever its card does."""
        gone = {"progress": Progress.REMOVED, "message_id": None, "actual": None, "settled_at": now}
        await self._set(delivery, gone | _AT_REST)

    async def quarantined(self, delivery: Delivery, error: str) -> None:
        """Discord refused this card: not tried again until the card changes."""
        await self._set(delivery, {"progress": Progress.QUARANTINED, "due_at": None, "last_error": error})

    async def failed(self, delivery: Delivery, error: str, retry_at: datetime) -> None:
        """To be tried again. A post that may have arrived stays *sending*, so that recovery looks before it posts."""
        values = {"attempts": delivery.attempts + 1, "last_error": error, "due_at": retry_at}
        await self._set(delivery, values)

    async def _reached(self, delivery: Delivery, values: dict[str, Any]) -> None:
        """Settled, unless what is wanted changed during the call: then it stays due."""
        same = deliveries.c.wanted.is_not_distinct_from(delivery.wanted)
        settled = {"due_at": case((same, null()), else_=deliveries.c.due_at), "attempts": 0, "last_error": None}
        progress = case((same, Progress.SETTLED), else_=Progress.WAITING)
        await self._set(delivery, values | settled | {"progress": progress})

    async def _set(self, delivery: Delivery, values: dict[str, Any]) -> None:
        await self._database.write_together(update(deliveries).where(deliveries.c.id == delivery.id).values(values))


def _delivery(row: RowMapping) -> Delivery:
    values = {name: row[name] for name in Delivery.__slots__}
    return Delivery(**{**values, "progress": Progress(row["progress"])})


def _follow_cards(now: datetime) -> Any:
    """Deliveries of changed cards want its new revision, a note in its place, or nothing: as the server sees it now."""
    taken_back = (cards.c.state == State.HELD) & verdict(deliveries.c.guild_id).is_(None)
    revision = case(
        (visible(deliveries.c.guild_id), cards.c.revision),
        (taken_back, UNPUBLISHED),
        else_=None,
    )
    wanted = select(revision).where(cards.c.id == deliveries.c.card_id).scalar_subquery()
    changed = select(cards.c.id).where(cards.c.unplanned)
    return (
        update(deliveries)
        .where(
            deliveries.c.card_id.in_(changed),
            deliveries.c.progress != Progress.REMOVED,
            deliveries.c.wanted.is_distinct_from(wanted),
        )
        .values(
            wanted=wanted,
            due_at=now,
            attempts=0,
            plain=False, progress=case(
            (deliveries.c.progress == Progress.SENDING, Progress.SENDING), else_=Progress.WAITING
        ))
    )  # fmt: skip


def _new_deliveries(now: datetime, max_age: timedelta) -> Any:
    """One delivery for each channel and card that match and have not met, each story once."""
    wanted = _wanted(now, max_age).cte("wanted")
    earlier = wanted.alias("earlier")
    own = card_aliases.alias("own")
    other = card_aliases.alias("other")
    same_article = and_(own.c.card_id == wanted.c.card_id, own.c.alias == other.c.alias)
    told_before = (
        select(literal(1))
        .select_from(
            own.join(other, own.c.alias == other.c.alias).join(deliveries, deliveries.c.card_id == other.c.card_id)
        )
        .where(own.c.card_id == wanted.c.card_id, deliveries.c.channel_id == wanted.c.channel_id)
        .where(deliveries.c.wanted.is_not(None))
    )
    told_now = (
        select(literal(1))
        .select_from(own.join(other, same_article).join(earlier, earlier.c.card_id == other.c.card_id))
        .where(own.c.card_id == wanted.c.card_id, earlier.c.channel_id == wanted.c.channel_id)
        .where(earlier.c.timeline < wanted.c.timeline)
    )
    names = ("subscription_id", "guild_id", "channel_id", "card_id", "timeline", "wanted")
    rows = select(
        *(wanted.c[name] for name in names),
        literal(Progress.WAITING),
        literal(now, deliveries.c.due_at.type),
        literal(now, deliveries.c.due_at.type),
    ).where(~exists(told_before), ~exists(told_now))
    statement = insert(deliveries).prefix_with("OR IGNORE", dialect="sqlite")
    return statement.from_select([*names, "progress", "due_at", "planned_at"], rows.order_by(wanted.c.timeline))


def _wanted(now: datetime, max_age: timedelta) -> Select[Any]:
    """Pairs of subscription and changed card that match; of a channel's subscriptions the oldest."""
    decided = and_(decisions.c.guild_id == subscriptions.c.guild_id, decisions.c.card_id == cards.c.id)
    by_hand = func.coalesce(decisions.c.verdict, "") == State.PUBLISHED
    since = case((by_hand, decisions.c.decided_at), else_=cards.c.visible_at)
    fresh: ColumnElement[bool] = or_(by_hand, cards.c.published_at >= now - max_age)
    return (
        select(
            func.min(subscriptions.c.id).label("subscription_id"),
            subscriptions.c.guild_id,
            subscriptions.c.channel_id,
            cards.c.id.label("card_id"),
            cards.c.timeline,
            cards.c.revision.label("wanted"),
        )
        .select_from(cards.join(subscriptions, literal(True)).outerjoin(decisions, decided))
        .where(
            cards.c.unplanned,
            subscriptions.c.when == When.INSTANT,
            visible(subscriptions.c.guild_id),
            since > subscriptions.c.created_at,
            fresh,
            func.coalesce(cards.c.quality, 0) >= subscriptions.c.min_quality,
            _topic_matches(),
        )
        .group_by(subscriptions.c.channel_id, cards.c.id)
    )


def _topic_matches() -> ColumnElement[bool]:
    chosen = select(subscription_topics.c.topic_id).where(subscription_topics.c.subscription_id == subscriptions.c.id)
    shared = chosen.join(card_topics, card_topics.c.topic_id == subscription_topics.c.topic_id)
    return or_(~exists(chosen), exists(shared.where(card_topics.c.card_id == cards.c.id)))
