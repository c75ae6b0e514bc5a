"""Plan review messages for moderators with set-based SQL: a few at a time, best first; the rest stays in the queue.

A review is a regular delivery: a message that is updated when its card changes or a decision is made.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    Text,
    Update,
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
    union_all,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import CardState
from bot.domain.delivery import REVISION_MARK, CardRevision, ContentKind, DeliveryStatus, hash_content
from bot.domain.moderation import EVERYWHERE
from bot.domain.subscription import Layout, OnWithdrawal
from bot.i18n import ENGLISH
from bot.store.cards.plan_scope import OLDEST, PlanScope
from bot.store.cards.revisions import visible_revision
from bot.store.cards.rows import compute_sort_key, score_order
from bot.store.cards.visibility import (
    IS_SHARED,
    count_open_reports,
    count_submissions,
    is_undecided,
    is_visible_to,
    last_entry_id,
    row_value,
    state_in,
    was_ever_decided,
)
from bot.store.database import Database
from bot.store.subscriptions.guild_settings import put_settings
from bot.store.tables import cards, deliveries, delivery_cards, guild_settings, reports, server_cards

MAX_OPEN_REVIEWS = 25
_SCAN_LIMIT = 500
"""Number of the best waiting cards considered when there is room for more reviews."""
_REVIEW: ColumnElement[str] = literal_column(f"'{Layout.REVIEW}'")
"""A literal, because the partial index on reviews is not used with a parameter."""
_Guild = ColumnElement[int]


class ReviewChannels:
    """Review channels, at most one per server (`GuildSettings.get_review_channel`)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set_channel(
        self, guild_id: int, channel_id: int | None, most_open: int, now: datetime, max_age: timedelta
    ) -> None:
        """Set or clear the review channel. Open reviews in other channels are deleted; decided ones stay."""
        async with self._database.begin_write() as connection:
            await put_settings(connection, guild_id, review_channel_id=channel_id, max_open_reviews=most_open)
            elsewhere = _is_review(guild_id) & deliveries.c.channel_id.is_distinct_from(channel_id)
            waiting = select(deliveries.c.id).where(elsewhere, _is_open_review(deliveries.c.guild_id))
            ids = (await connection.execute(waiting)).scalars().all()
            await connection.execute(delete(delivery_cards).where(delivery_cards.c.delivery_id.in_(ids)))
            removed = {"desired_kind": None, "desired_hash": None, "due_at": now, "status": _waiting_contents()}
            await connection.execute(update(deliveries).where(deliveries.c.id.in_(ids)).values(removed))
            if channel_id is not None:
                await _fill_reviews(connection, now, _best_waiting(now - max_age), [guild_id])

    async def expire_old(self, now: datetime, max_age: timedelta) -> None:
        """Mark cards under review that exceed `max_age` for planning, to make room for others."""
        async with self._database.begin_write() as connection:
            for statement in _expire_statements():
                await connection.execute(statement, {"oldest": now - max_age})


@cache
def _expire_statements() -> tuple[Update, Update]:
    """Mark cards under review that are older than `oldest`: everybody's, and in servers those of followed sources."""
    reviewed = select(delivery_cards.c.card_id).where(
        delivery_cards.c.delivery_id.in_(
            select(deliveries.c.id).where(deliveries.c.layout == _REVIEW, deliveries.c.desired_kind.is_not(None))
        )
    )
    condition = cards.c.id.in_(reviewed) & (cards.c.published_at < OLDEST) & (cards.c.state == CardState.HELD)
    under_review = (
        select(literal(1))
        .select_from(delivery_cards.join(deliveries, deliveries.c.id == delivery_cards.c.delivery_id))
        .where(
            delivery_cards.c.card_id == server_cards.c.card_id,
            deliveries.c.guild_id == server_cards.c.guild_id,
            deliveries.c.layout == _REVIEW,
            deliveries.c.desired_kind.is_not(None),
        )
    )
    old_rows = (server_cards.c.arrived_at < OLDEST) & (server_cards.c.state == CardState.HELD)
    old_rows &= server_cards.c.card_id.in_(reviewed) & exists(under_review.correlate(server_cards))
    return (
        update(cards).where(condition & ~cards.c.needs_planning).values(needs_planning=True),
        update(server_cards).where(old_rows).values(needs_planning=True),
    )


def review_revision(guild_id: _Guild, oldest: ColumnElement[datetime]) -> ColumnElement[Any]:
    """The revision that a review shows of its card; null to remove the review.

    Reviews are removed for cards withdrawn by their source, and for old undecided cards, which stay in the queue.
    """
    unanswered = is_undecided(guild_id) & ~was_ever_decided(guild_id) & (count_open_reports(guild_id) == 0)
    arrived_at = row_value(server_cards.c.arrived_at, cards.c.published_at, guild_id)
    old = (arrived_at < oldest) & unanswered
    gone = or_(cards.c.state == CardState.WITHDRAWN, state_in(guild_id) == CardState.FOLLOWED)
    return case((or_(gone, old), None), else_=_review_state(guild_id))


def _review_state(guild_id: _Guild) -> ColumnElement[str]:
    """The card's revision, its last audit entry, its numbers of open reports and of people who submitted it, and for a
    followed card the server.
    """
    entry = sql_cast(func.coalesce(last_entry_id(guild_id), 0), Text)
    reports = sql_cast(count_open_reports(guild_id), Text)
    # A review shows the quality that the server gives to the feed: another server's must not come from a cache.
    server = case((IS_SHARED, literal("")), else_=literal(REVISION_MARK).concat(sql_cast(guild_id, Text)))
    state = visible_revision(guild_id).concat(REVISION_MARK).concat(entry).concat(REVISION_MARK).concat(reports)
    people = count_submissions(guild_id)
    # Nothing where nobody did, so that reviews from before there were submissions stay as they are.
    submitted = case((people > 0, literal(f"{REVISION_MARK}s").concat(sql_cast(people, Text))), else_=literal(""))
    return state.concat(server).concat(submitted)


async def add_new_reviews(connection: AsyncConnection, now: datetime, max_age: timedelta) -> int:
    """Add reviews of changed cards, and of the best waiting cards in servers where room became free."""
    scope = PlanScope()
    changed_rows = await connection.execute(scope.build(_select_reviewing), scope.values(now, max_age))
    with_room = list(changed_rows.scalars())
    added = await add_card_reviews(connection, now, max_age, scope)
    if with_room:
        added += await _fill_reviews(connection, now, _best_waiting(now - max_age), with_room)
    return added


def _select_reviewing(scope: PlanScope) -> Select[Any]:
    """Select the ids of the servers with reviews of changed cards."""
    return (
        select(deliveries.c.guild_id)
        .join(delivery_cards, delivery_cards.c.delivery_id == deliveries.c.id)
        .join(cards, cards.c.id == delivery_cards.c.card_id)
        .where(deliveries.c.layout == _REVIEW, cards.c.id.in_(scope.select_changed_ids()))
        .distinct()
    )


async def add_card_reviews(connection: AsyncConnection, now: datetime, max_age: timedelta, scope: PlanScope) -> int:
    """Add reviews of the changed cards. Returns the number added."""
    # Most planning runs have no held or reported cards, so no server needs to be checked.
    first = await connection.execute(scope.build(_select_first_candidate), scope.values(now, max_age))
    if first.first() is None:
        return 0
    guild_ids = None if scope.guild_id == EVERYWHERE else [scope.guild_id]
    return await _fill_reviews(connection, now, _conditions_of_scope(scope, now - max_age), guild_ids)


def _select_first_candidate(scope: PlanScope) -> CompoundSelect[Any]:
    candidates = _select_candidates(_conditions_of_scope(scope, OLDEST))
    return union_all(*(select(part.limit(1).subquery()) for part in candidates))


def _conditions_of_scope(scope: PlanScope, oldest: datetime | ColumnElement[datetime]) -> _Waiting:
    """Return the conditions for the changed cards of a scope, unless they are held and too old."""
    fresh = or_(cards.c.published_at >= oldest, cards.c.state == CardState.PUBLISHED)
    fresh_row = or_(server_cards.c.arrived_at >= oldest, server_cards.c.state == CardState.PUBLISHED)
    return _Waiting(scope.needs_planning & fresh, scope.needs_planning_here & fresh_row)


class _Waiting(NamedTuple):
    """The cards to consider for reviews: conditions on everybody's, and on the rows of followed sources' cards."""

    shared: ColumnElement[bool]
    followed: ColumnElement[bool]


def _best_waiting(oldest: datetime) -> _Waiting:
    row = server_cards.c
    return _Waiting(_is_fresh(oldest), and_(row.state == CardState.HELD, row.sort_key >= compute_sort_key(oldest, 0)))


def _is_fresh(oldest: datetime) -> ColumnElement[bool]:
    best = (
        select(cards.c.id)
        .where(cards.c.state == CardState.HELD, cards.c.sort_key >= compute_sort_key(oldest, 0))
        .order_by(score_order(), cards.c.sort_key.desc())
        .limit(_SCAN_LIMIT)
    )
    return cards.c.id.in_(best)


def _is_review(guild_id: int) -> ColumnElement[bool]:
    return (deliveries.c.layout == _REVIEW) & (deliveries.c.guild_id == guild_id)


def _is_waiting(guild_id: _Guild) -> ColumnElement[bool]:
    """Whether the card is waiting for a decision of the server."""
    return or_(is_undecided(guild_id), and_(is_visible_to(guild_id), count_open_reports(guild_id) > 0))


def _is_open_review(guild_id: _Guild) -> ColumnElement[bool]:
    """Whether the review in the row of `deliveries` is waiting for a decision."""
    joined = delivery_cards.join(cards, cards.c.id == delivery_cards.c.card_id)
    query = select(literal(1)).select_from(joined).where(delivery_cards.c.delivery_id == deliveries.c.id)
    return deliveries.c.desired_kind.is_not(None) & exists(query.where(_is_waiting(guild_id)).correlate(deliveries))


def _waiting_contents() -> ColumnElement[str]:
    # A message under way keeps its status: it may have arrived, and must be found before it can be removed.
    return case((deliveries.c.status == DeliveryStatus.SENDING, DeliveryStatus.SENDING), else_=DeliveryStatus.WAITING)


def _select_candidates(condition: _Waiting) -> tuple[Select[Any], Select[Any]]:
    """Select the ids of the held and reported cards among these, everybody's and those of followed sources."""
    reported = cards.c.id.in_(select(reports.c.card_id))
    shared = select(cards.c.id).where(IS_SHARED, condition.shared, or_(cards.c.state == CardState.HELD, reported))
    followed = select(cards.c.id).join_from(server_cards, cards, cards.c.id == server_cards.c.card_id)
    return shared, followed.where(condition.followed, or_(server_cards.c.state == CardState.HELD, reported))


async def _fill_reviews(
    connection: AsyncConnection, now: datetime, condition: _Waiting, guild_ids: Collection[int] | None
) -> int:
    """Add reviews of the best chosen cards to servers with room. Returns the number added."""
    shared, followed = _select_candidates(condition)
    if guild_ids is not None:
        followed = followed.where(server_cards.c.guild_id.in_(guild_ids))
    room = await _free_slots(connection, guild_ids)
    reporting = await _find_guilds_with_reports(connection, union_all(shared, followed), guild_ids)
    if not room and not reporting:
        return 0
    settings = guild_settings.c
    met = (
        select(literal(1))
        .where(delivery_cards.c.channel_id == settings.review_channel_id, delivery_cards.c.card_id == cards.c.id)
        .correlate(guild_settings, cards)
    )
    columns = (
        settings.guild_id,
        settings.review_channel_id,
        func.coalesce(settings.language, ENGLISH).label("language"),
        cards.c.id.label("card_id"),
        cards.c.sort_key,
        _review_state(settings.guild_id).label("revision"),
        count_open_reports(settings.guild_id).label("reports"),
    )
    new = and_(settings.guild_id.in_({*room, *reporting}), _is_waiting(settings.guild_id), ~exists(met))
    of_server = guild_settings.join(server_cards, server_cards.c.guild_id == settings.guild_id)
    found = union_all(
        select(*columns, cards.c.score)
        .select_from(guild_settings.join(cards, literal(True)))
        .where(IS_SHARED, condition.shared, new),
        select(*columns, server_cards.c.quality)
        .select_from(of_server.join(cards, cards.c.id == server_cards.c.card_id))
        .where(condition.followed, new),
    ).subquery()
    best_first = (found.c.reports.desc(), found.c.score.desc(), found.c.sort_key.desc())
    best = func.row_number().over(partition_by=found.c.guild_id, order_by=best_first)
    pairs = select(found, best.label("position")).subquery()
    # SQL cuts at the largest room of any server, Python at that of each: the numbers are not in a table to join.
    # Readers see what was reported, so that comes at once, room or not.
    is_urgent = (pairs.c.reports > 0) & (pairs.c.position <= MAX_OPEN_REVIEWS)
    fitting = or_(pairs.c.position <= max(room.values(), default=0), is_urgent)
    rows = (await connection.execute(select(pairs).where(fitting).order_by(pairs.c.sort_key))).mappings().all()
    found_rows = [each for each in rows if each["reports"] or each["position"] <= room.get(each["guild_id"], 0)]
    return await _insert_reviews(connection, found_rows, now)


async def _find_guilds_with_reports(
    connection: AsyncConnection, card_ids: CompoundSelect[Any], guild_ids: Collection[int] | None
) -> set[int]:
    """Return the servers with a review channel in which any of these cards was reported, lately or long ago."""
    query = select(reports.c.guild_id).join(guild_settings, guild_settings.c.guild_id == reports.c.guild_id)
    query = query.where(guild_settings.c.review_channel_id.is_not(None), reports.c.card_id.in_(card_ids))
    if guild_ids is not None:
        query = query.where(reports.c.guild_id.in_(guild_ids))
    return set((await connection.execute(query.distinct())).scalars())


async def _free_slots(connection: AsyncConnection, guild_ids: Collection[int] | None) -> dict[int, int]:
    """Return the number of free review places by guild id, for servers that have any."""
    settings = guild_settings.c
    open_now = (
        select(func.count())
        .select_from(deliveries)
        .where(deliveries.c.guild_id == settings.guild_id, deliveries.c.layout == _REVIEW)
        .where(deliveries.c.status != DeliveryStatus.REMOVED, _is_open_review(settings.guild_id))
        .correlate(guild_settings)
        .scalar_subquery()
    )
    query = select(settings.guild_id, settings.max_open_reviews - open_now).where(
        settings.review_channel_id.is_not(None)
    )
    if guild_ids is not None:
        query = query.where(settings.guild_id.in_(guild_ids))
    return {guild_id: room for guild_id, room in await connection.execute(query) if room > 0}


async def _insert_reviews(connection: AsyncConnection, found: Sequence[Any], now: datetime) -> int:
    if not found:
        return 0
    rows = [
        {
            "subscription_id": 0,
            "guild_id": each["guild_id"],
            "channel_id": each["review_channel_id"],
            "sort_key": each["sort_key"],
            "desired_kind": ContentKind.CARDS,
            "desired_hash": hash_content(ContentKind.CARDS, [CardRevision(each["card_id"], each["revision"])]),
            "status": DeliveryStatus.WAITING,
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
            "position": 0,
            "revision": each["revision"],
        }
        for delivery_id, each in zip(ids, found, strict=True)
    ]
    await connection.execute(insert(delivery_cards), places)
    return len(places)
