"""Planning: what is due, and for changed cards the messages: update the existing ones, then add new posts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    exists,
    literal,
    null,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.delivery import (
    COVERAGE_EDITS_APART,
    UNPUBLISHED_REVISION,
    AttachedCard,
    ContentKind,
    CrosspostState,
    DeliveryStatus,
    ThreadState,
    compute_content,
    differs_in_coverage_alone,
)
from bot.domain.subscription import Layout, OnWithdrawal
from bot.store.cards.plan_scope import NOW, OLDEST, PlanScope
from bot.store.cards.revisions import visible_revision
from bot.store.cards.story_coverage import refresh_coverage
from bot.store.cards.story_step import StoryStep
from bot.store.cards.visibility import is_undecided, is_visible_to, was_ever_decided
from bot.store.database import Database
from bot.store.moderation.reviews import add_card_reviews, add_new_reviews, review_revision
from bot.store.outbox.contents import ATTACHED, IN_MESSAGE, MESSAGES_AT_ONCE
from bot.store.outbox.coverage import update_message_coverage, update_story_coverage
from bot.store.outbox.digests import is_released
from bot.store.outbox.new_posts import add_new_posts
from bot.store.sql_helpers import chunks
from bot.store.subscriptions.quiet_hours import MAX_QUIET
from bot.store.subscriptions.subscriptions import MAX_LOOK_AHEAD
from bot.store.tables import (
    cards,
    deferred_cards,
    deliveries,
    delivery_cards,
    quiet_hours,
    server_cards,
    story_coverage,
    subscriptions,
)

_STORIES_AT_ONCE = 2000
"""Maximum number of cards that get their stories before a plan: a second or two of work."""
_MICROSECOND = timedelta(microseconds=1)
_CROSSPOST_EDITS_APART = timedelta(minutes=20) // _MICROSECOND
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
_QUIET_LIMIT = bindparam("quiet_limit", type_=subscriptions.c.next_digest_at.type)
_LIMIT = bindparam("limit", type_=subscriptions.c.next_digest_at.type)
_DUE = select(
    or_(
        exists().where(cards.c.needs_planning),
        exists().where(server_cards.c.needs_planning),
        exists().where(story_coverage.c.is_stale),
    ),
    exists().where(quiet_hours.c.changes_at <= NOW) | exists().where(quiet_hours.c.changes_at > _QUIET_LIMIT),
    exists().where(deferred_cards.c.channel_id > 0),
    exists().where(subscriptions.c.next_digest_at <= NOW),
    exists().where(subscriptions.c.next_digest_at > _LIMIT),
)
_RELEASED = select(exists(select(literal(1)).select_from(deferred_cards.join(subscriptions)).where(is_released())))


class DeliveryPlanner:
    """Plan what each channel shows. The runs exclude each other, and all other writes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stories = StoryStep(database)

    async def find_due(self, now: datetime) -> DueWork:
        """Check, by index lookups only, whether a planning run has anything to do."""
        values = {"now": now, "quiet_limit": now + MAX_QUIET, "limit": now + MAX_LOOK_AHEAD}
        async with self._database.begin_autocommit() as connection:
            due = DueWork(*(await connection.execute(_DUE, values)).one())
            if due.deferred:  # rare, and a more expensive query
                due = replace(due, deferred=(await connection.execute(_RELEASED)).scalar_one())
        return due

    async def plan_deliveries(self, now: datetime, max_age: timedelta) -> int:
        """Update the desired state for all cards changed since the last plan; return the number of new deliveries.

        Cards get their stories first; of more than `_STORIES_AT_ONCE` some are left to a later plan.
        """
        assigned = 0
        while assigned < _STORIES_AT_ONCE and (count := await self._stories.assign_pending()):
            assigned += count
        async with self._database.begin_write() as connection:
            added = await _plan_messages(connection, now, max_age, PlanScope())
            added += await add_new_reviews(connection, now, max_age)
            for mark_planned in (_mark_cards_planned, _mark_rows_planned):
                await connection.execute(PlanScope().build(mark_planned))
            return added

    async def plan_cards(self, card_ids: Collection[int], guild_id: int, now: datetime, max_age: timedelta) -> int:
        """Plan only these cards, for one server or `EVERYWHERE`; return the number of new deliveries.

        The cards stay marked as changed, since they may have changed for other servers as well: the next
        `plan_deliveries` plans the rest. Nothing is planned twice, because both exclude all other writes.
        """
        scope = PlanScope(card_ids, guild_id)
        await self._stories.assign_cards(list(card_ids))
        async with self._database.begin_write() as connection:
            added = await _plan_messages(connection, now, max_age, scope)
            return added + await add_card_reviews(connection, now, max_age, scope)


async def _plan_messages(connection: AsyncConnection, now: datetime, max_age: timedelta, scope: PlanScope) -> int:
    """Plan the messages of changed cards. Returns the number of new ones. Run it in `begin_write`, one at a time."""
    counted = await refresh_coverage(connection, scope, now)
    values = scope.values(now, max_age)
    await connection.execute(scope.build(_update_revisions), values)
    covered = await update_story_coverage(connection, counted, scope)
    # Before new posts are added: a card joins a message of its story only if that message is still to be there.
    await _update_contents(connection, scope.build(_select_affected), values)
    added = await add_new_posts(connection, now, max_age, scope)
    await update_message_coverage(connection, sorted(added.new | added.joined | added.listing))
    for ids in chunks(sorted((added.new | added.joined | covered) - added.listing), MESSAGES_AT_ONCE):
        await _update_contents(connection, _select_messages(), {"ids": ids, "now": now})
    for ids in chunks(sorted(added.listing), MESSAGES_AT_ONCE):
        await _update_contents(connection, _select_messages(), {"ids": ids, "now": now}, can_wait=True)
    return len(added.new)


def _mark_cards_planned(scope: PlanScope) -> Any:
    return update(cards).where(scope.needs_planning).values(needs_planning=False)


def _mark_rows_planned(scope: PlanScope) -> Any:
    rows = server_cards.c.needs_planning & ~scope.waits_for_story(server_cards.c.card_id)
    return update(server_cards).where(rows).values(needs_planning=False)


def _update_revisions(scope: PlanScope) -> Any:
    """Set what each message shows of its changed cards: a revision, `UNPUBLISHED_REVISION`, or null for nothing.

    `UNPUBLISHED_REVISION` is for cards whose file went from published to held or was rescheduled. A withdrawal, or a
    moderator undoing a publication, removes the card.
    """
    server = deliveries.c.guild_id
    taken_back = or_(is_undecided(server) & ~was_ever_decided(server), cards.c.scheduled)
    kept = (deliveries.c.on_withdrawal == OnWithdrawal.KEEP) & deliveries.c.message_id.is_not(None)
    shown = case(
        # Its server unfollowed the source and keeps the posts, as they were.
        (delivery_cards.c.detached, delivery_cards.c.revision),
        (delivery_cards.c.left_story, null()),
        (deliveries.c.layout == Layout.REVIEW, review_revision(server, OLDEST)),
        (is_visible_to(server), visible_revision(server)),
        (taken_back, UNPUBLISHED_REVISION),
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
    changed = delivery_cards.c.card_id.in_(scope.select_changed_ids())
    return update(delivery_cards).where(changed, scope.covers(server_of_row)).values(revision=revision)


def _select_affected(scope: PlanScope) -> Select[Any]:
    """Select the messages of changed cards, with their cards."""
    changed_rows = select(delivery_cards.c.delivery_id).where(delivery_cards.c.card_id.in_(scope.select_changed_ids()))
    return _select_contents(deliveries.c.id.in_(changed_rows) & scope.covers(deliveries.c.guild_id))


@cache
def _select_messages() -> Select[Any]:
    """Select messages by `ids`, with their cards."""
    return _select_contents(deliveries.c.id.in_(_IDS))


def _select_contents(condition: ColumnElement[bool]) -> Select[Any]:
    leaves_note = (deliveries.c.on_withdrawal == OnWithdrawal.MARK) & deliveries.c.message_id.is_not(None)
    return (
        select(deliveries.c.id, deliveries.c.desired_hash, leaves_note, *ATTACHED)
        .join(delivery_cards, delivery_cards.c.delivery_id == deliveries.c.id)
        .where(condition, deliveries.c.status != DeliveryStatus.REMOVED)
        .order_by(deliveries.c.id, *IN_MESSAGE)
    )


async def _update_contents(
    connection: AsyncConnection, query: Select[Any], values: Mapping[str, Any], *, can_wait: bool = False
) -> None:
    """Recompute the desired content of the selected messages from their cards; those where it differs become due.

    With `can_wait` all of them wait as they do for the coverage. A message that a moderator deleted is left alone.
    """
    changes: list[dict[str, Any]] = []
    recounted: list[dict[str, Any]] = []
    rows = (await connection.execute(query, values)).all()
    for (delivery_id, hash_before, leaves), attached in groupby(rows, itemgetter(0, 1, 2)):
        kind, content_hash = compute_content([AttachedCard(*row[3:]) for row in attached], leaves_note=leaves)
        # Most changed cards look the same as before (a new score, a decision that confirms): no write, no edit.
        if content_hash != hash_before:
            part = recounted if can_wait or differs_in_coverage_alone(content_hash, hash_before) else changes
            part.append({"delivery_id": delivery_id, "kind": kind, "hash": content_hash})
    # Two statements: each message has a hash of its own, and what else follows is one set-based update.
    for some in chunks(changes, MESSAGES_AT_ONCE):
        await connection.execute(_SET_CONTENT, some)
        ids = [change["delivery_id"] for change in some]
        await connection.execute(_make_due(), {"ids": ids, "now": values["now"]})
    for some in chunks(recounted, MESSAGES_AT_ONCE):
        await connection.execute(_SET_CONTENT, some)
        ids = [change["delivery_id"] for change in some]
        await connection.execute(_make_coverage_due(), {"ids": ids, "now": values["now"]})


_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_SET_CONTENT = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("delivery_id"))
    .values(desired_kind=bindparam("kind"), desired_hash=bindparam("hash"))
)


@cache
def _make_due() -> Any:
    """Make messages due whose desired content has changed: as if new, since it may succeed where the old one failed."""
    # A post in flight may have arrived: recovery looks for it first, whatever is desired now.
    in_flight = deliveries.c.status == DeliveryStatus.SENDING
    # A message that was crossposted and then retracted is crossposted again with its new post, and gets a thread again.
    is_gone = deliveries.c.message_id.is_(None)
    crossposted, has_thread = deliveries.c.crosspost == CrosspostState.DONE, deliveries.c.thread == ThreadState.DONE
    return (
        update(deliveries)
        .where(deliveries.c.id.in_(_IDS))
        .values(
            due_at=_due_at(),
            attempts=0,
            without_images=False,
            crosspost=case((is_gone & crossposted, CrosspostState.WANTED), else_=deliveries.c.crosspost),
            thread=case((is_gone & has_thread, ThreadState.WANTED), else_=deliveries.c.thread),
            status=case((in_flight, DeliveryStatus.SENDING), else_=DeliveryStatus.WAITING),
        )
    )


@cache
def _make_coverage_due() -> Any:
    """Make posts due whose change can wait, such as one of the coverage, later than they were posted or edited.

    All others carry it along: they are due already, or nothing of them is to be sent until another change.
    """
    idle = deliveries.c.message_id.is_not(None) & (deliveries.c.status == DeliveryStatus.SETTLED)
    values = {"due_at": _due_at(COVERAGE_EDITS_APART), "attempts": 0, "status": DeliveryStatus.WAITING}
    return update(deliveries).where(deliveries.c.id.in_(_IDS), idle, deliveries.c.due_at.is_(None)).values(values)


def _due_at(apart: timedelta = timedelta(0)) -> ColumnElement[Any]:
    """Return when a changed message is due: now, with some exceptions.

    An edit waits until its message has been as it is for a time `apart`. Repeated edits of a crossposted message are
    spaced by `_CROSSPOST_EDITS_APART`, except a retraction or a note that replaces the cards. Unsent messages keep
    waiting for the end of quiet hours or of the subscription's pause.
    """
    unsent = deliveries.c.message_id.is_(None) & (deliveries.c.status == DeliveryStatus.WAITING)
    is_quiet = unsent & deliveries.c.slot.is_not(None) & (deliveries.c.attempts == 0) & (deliveries.c.due_at > NOW)
    paused = exists().where(subscriptions.c.id == deliveries.c.subscription_id, subscriptions.c.paused)
    at = deliveries.c.due_at.type
    settled = type_coerce(deliveries.c.settled_at, BigInteger)
    # False if the clock was set back since.
    was_settled = deliveries.c.message_id.is_not(None) & (deliveries.c.settled_at <= NOW)
    shows_cards = deliveries.c.desired_kind == ContentKind.CARDS
    was_edited = and_(was_settled, deliveries.c.settled_at > deliveries.c.crossposted_at, shows_cards)
    wait = case((was_edited, max(_CROSSPOST_EDITS_APART, apart // _MICROSECOND)), else_=apart // _MICROSECOND)
    next_edit = type_coerce(settled + wait, at)
    waits = was_settled & (next_edit > NOW)
    return case((unsent & paused, None), (is_quiet, deliveries.c.due_at), (waits, next_edit), else_=NOW)
