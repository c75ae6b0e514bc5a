"""Planning: what is due, and for changed cards the messages: update the existing ones, then add new posts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ScalarSelect,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.delivery import UNPUBLISHED, WITHDRAWN, CrosspostState, DeliveryStatus
from bot.domain.subscription import Layout, OnWithdrawal
from bot.store.cards import stories
from bot.store.cards.visibility import is_undecided, is_visible_to, visible_revision, was_ever_decided
from bot.store.database import Database
from bot.store.moderation.reviews import add_card_reviews, add_new_reviews, review_revision
from bot.store.outbox.digests import is_released
from bot.store.outbox.new_posts import add_new_posts
from bot.store.outbox.plan_scope import PlanScope
from bot.store.sql_helpers import chunks
from bot.store.subscriptions.quiet_hours import MAX_QUIET
from bot.store.subscriptions.subscriptions import MAX_LOOK_AHEAD
from bot.store.tables import (
    cards,
    deferred,
    deliveries,
    delivery_cards,
    quiet_hours,
    subscriptions,
)

_CHUNK = 5000
"""Messages per statement; both engines allow some 32,000 parameters."""
_CROSSPOST_EDITS_APART = timedelta(minutes=20) // timedelta(microseconds=1)
"""Discord allows three edits per hour of a crossposted message (measured by others; not documented)."""


@dataclass(frozen=True, slots=True)
class DueWork:
    """Whether cards have changed, quiet hours begin or end, deferred cards may be posted, digests are due.

    `is_too_far`: a digest or the end of quiet hours is further in the future than possible (the clock was set back).
    """

    cards: bool
    quiet: bool
    deferred: bool
    digests: bool
    is_too_far: bool


# Built once: it runs with every tick, and building it takes longer than running it.
_NOW = bindparam("now", type_=subscriptions.c.next_at.type)
_QUIET_LIMIT = bindparam("quiet_limit", type_=subscriptions.c.next_at.type)
_LIMIT = bindparam("limit", type_=subscriptions.c.next_at.type)
_DUE = select(
    exists().where(cards.c.unplanned),
    exists().where(quiet_hours.c.turns_at <= _NOW) | exists().where(quiet_hours.c.turns_at > _QUIET_LIMIT),
    exists().where(deferred.c.channel_id > 0),
    exists().where(subscriptions.c.next_at <= _NOW),
    exists().where(subscriptions.c.next_at > _LIMIT),
)
_RELEASED = select(exists(select(literal(1)).select_from(deferred.join(subscriptions)).where(is_released())))


class DeliveryPlanner:
    """Plan what each channel shows. The runs exclude each other, and all other writes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_due(self, now: datetime) -> DueWork:
        """Check, by index lookups only, whether a planning run has anything to do."""
        values = {"now": now, "quiet_limit": now + MAX_QUIET, "limit": now + MAX_LOOK_AHEAD}
        async with self._database.begin_autocommit() as connection:
            due = DueWork(*(await connection.execute(_DUE, values)).one())
            if due.deferred:  # rare, and a more expensive query
                due = replace(due, deferred=(await connection.execute(_RELEASED)).scalar_one())
        return due

    async def plan_deliveries(self, now: datetime, max_age: timedelta) -> int:
        """Update the desired state for all cards changed since the last plan; return the number of new deliveries."""
        async with self._database.begin_write() as connection:
            added = await _plan_messages(connection, now, max_age, PlanScope())
            added += await add_new_reviews(connection, now, max_age)
            await connection.execute(update(cards).where(cards.c.unplanned).values(unplanned=False))
            return added

    async def plan_cards(self, card_ids: Collection[int], guild_id: int, now: datetime, max_age: timedelta) -> int:
        """Plan only these cards, for one server or `EVERYWHERE`; return the number of new deliveries.

        The cards stay marked as changed, since they may have changed for other servers as well: the next
        `plan_deliveries` plans the rest. Nothing is planned twice, because both exclude all other writes.
        """
        scope = PlanScope(card_ids, guild_id)
        async with self._database.begin_write() as connection:
            added = await _plan_messages(connection, now, max_age, scope)
            return added + await add_card_reviews(connection, now, max_age, scope.changed, guild_id)


async def _plan_messages(connection: AsyncConnection, now: datetime, max_age: timedelta, scope: PlanScope) -> int:
    """Plan the messages of changed cards. Returns the number of new ones. Run it in `begin_write`, one at a time."""
    await stories.renew_keys(connection, scope.changed_ids())
    await connection.execute(_update_revisions(now, max_age, scope))
    changed_rows = select(delivery_cards.c.delivery_id).where(delivery_cards.c.card_id.in_(scope.changed_ids()))
    affected = deliveries.c.id.in_(changed_rows) & scope.covers(deliveries.c.guild_id)
    # Before new posts are added: a card joins a message of its story only if that message is still to be there.
    await connection.execute(_update_wanted(now, affected))
    new, joined = await add_new_posts(connection, now, max_age, scope)
    for ids in chunks([*new, *joined], _CHUNK):
        await connection.execute(_update_wanted(now, deliveries.c.id.in_(ids)))
    return len(new)


def _update_revisions(now: datetime, max_age: timedelta, scope: PlanScope) -> Any:
    """Set what each message shows of its changed cards: a revision, `UNPUBLISHED`, or null for nothing.

    `UNPUBLISHED` is for cards whose file went from published to held or was rescheduled. A withdrawal, or a moderator
    undoing a publication, removes the card.
    """
    server = deliveries.c.guild_id
    taken_back = or_(is_undecided(server) & ~was_ever_decided(server), cards.c.scheduled)
    kept = (deliveries.c.on_withdrawal == OnWithdrawal.KEEP) & deliveries.c.message_id.is_not(None)
    shown = case(
        (deliveries.c.layout == Layout.REVIEW, review_revision(server, now, max_age)),
        (is_visible_to(server), visible_revision(server)),
        (taken_back, UNPUBLISHED),
        (kept, delivery_cards.c.revision),
        else_=None,
    )
    revision = (
        select(shown)
        .select_from(cards.join(deliveries, deliveries.c.id == delivery_cards.c.delivery_id))
        .where(cards.c.id == delivery_cards.c.card_id)
        .correlate(delivery_cards)
        .scalar_subquery()
    )
    # Correlated, so that the few rows of the cards are read and not all deliveries of the server.
    server_of_row = select(server).where(deliveries.c.id == delivery_cards.c.delivery_id).scalar_subquery()
    changed = delivery_cards.c.card_id.in_(scope.changed_ids())
    return update(delivery_cards).where(changed, scope.covers(server_of_row)).values(revision=revision)


def _update_wanted(now: datetime, condition: ColumnElement[bool]) -> Any:
    """Recompute `wanted` for these messages; those where it differs become due."""
    wanted = _wanted_contents()
    under_way = deliveries.c.progress == DeliveryStatus.SENDING
    goes_again = deliveries.c.message_id.is_(None) & (deliveries.c.crosspost == CrosspostState.DONE)
    return (
        update(deliveries)
        .where(
            condition,
            deliveries.c.progress != DeliveryStatus.REMOVED,
            deliveries.c.wanted.is_distinct_from(wanted),
        )
        .values(
            wanted=wanted,
            due_at=_due_at(now, wanted),
            attempts=0,
            plain=False,
            crosspost=case((goes_again, CrosspostState.WANTED), else_=deliveries.c.crosspost),
            progress=case((under_way, DeliveryStatus.SENDING), else_=DeliveryStatus.WAITING),
        )
    )


def _due_at(now: datetime, wanted: ScalarSelect[Any]) -> ColumnElement[Any]:
    """Return when a changed message is due: now, with three exceptions.

    Repeated edits of a crossposted message are spaced by `_CROSSPOST_EDITS_APART`, except a retraction or a note that
    replaces the cards. Unsent messages keep waiting for the end of quiet hours or of the subscription's pause.
    """
    unsent = deliveries.c.message_id.is_(None) & (deliveries.c.progress == DeliveryStatus.WAITING)
    is_quiet = unsent & deliveries.c.slot.is_not(None) & (deliveries.c.attempts == 0) & (deliveries.c.due_at > now)
    paused = exists().where(subscriptions.c.id == deliveries.c.subscription_id, subscriptions.c.paused)
    at = deliveries.c.due_at.type
    next_edit = type_coerce(type_coerce(deliveries.c.settled_at, BigInteger) + _CROSSPOST_EDITS_APART, at)
    was_edited = deliveries.c.settled_at > deliveries.c.crossposted_at
    was_edited &= deliveries.c.settled_at <= now  # false if the clock was set back since
    waits = and_(was_edited, next_edit > now, deliveries.c.message_id.is_not(None), _names_cards(wanted))
    return case((unsent & paused, None), (is_quiet, deliveries.c.due_at), (waits, next_edit), else_=literal(now, at))


def _names_cards(wanted: ScalarSelect[Any]) -> ColumnElement[bool]:
    return wanted.is_not(None) & wanted.not_in((UNPUBLISHED, WITHDRAWN))


def _wanted_contents() -> ScalarSelect[Any]:
    """Build a message's `wanted` value in the format that `bot.domain.delivery.parse_contents` parses.

    A message stays up while any card of its story is visible. If the shown cards disappear, a suppressed one replaces
    them; without any, it becomes a note or is retracted.
    """
    condition = (
        select(delivery_cards)
        .where(delivery_cards.c.delivery_id == deliveries.c.id, delivery_cards.c.revision.is_not(None))
        .order_by(delivery_cards.c.place, delivery_cards.c.card_id)
        .correlate(deliveries)
        .subquery()
    )
    is_published = condition.c.revision != UNPUBLISHED
    token = condition.c.card_id.concat(":").concat(condition.c.revision)
    marked = (deliveries.c.on_withdrawal == OnWithdrawal.MARK) & deliveries.c.message_id.is_not(None)
    return (
        select(
            func.coalesce(
                func.aggregate_strings(token, " ").filter(is_published, condition.c.shown),
                func.min(token).filter(is_published),
                func.max(condition.c.revision),
                case((marked, WITHDRAWN), else_=None),
            )
        )
        .select_from(condition)
        .correlate(deliveries)
        .scalar_subquery()
    )
