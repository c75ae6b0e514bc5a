"""Add new posts for changed cards with set-based SQL.

The matching pairs of channel and changed card are collected in the temporary table `candidates`; those that need no
message of their own are removed; each of the rest becomes a delivery.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    ScalarSelect,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import CardState
from bot.domain.delivery import CrosspostState, DeliveryStatus
from bot.domain.moderation import EVERYWHERE
from bot.domain.story_keys import RELATED
from bot.domain.subscription import Frequency, Layout
from bot.store.cards import stories
from bot.store.cards.heat import count_publishers_of, heat_of
from bot.store.cards.plan_scope import NOW, OLDEST, PlanScope
from bot.store.cards.revisions import visible_revision
from bot.store.cards.server_cards import has_given_topic
from bot.store.cards.visibility import IS_SHARED, has_topic_here, is_visible_to, verdict_of
from bot.store.outbox.post_candidates import candidates, clear_candidates, drop_excluded, drop_unmatched
from bot.store.outbox.post_threads import wants_thread
from bot.store.sql_helpers import insert_or_ignore
from bot.store.subscriptions.guild_settings import post_language
from bot.store.tables import (
    card_aliases,
    card_topics,
    cards,
    decision_subscriptions,
    decisions,
    deferred_cards,
    deliveries,
    delivery_cards,
    quiet_hours,
    server_cards,
    story_keys,
    subscription_topics,
    subscriptions,
)


@dataclass(frozen=True, slots=True)
class AddedPosts:
    """The ids of messages that are new, of those that a card has joined, and of others that list such a card as well.

    Their rows of `delivery_cards` are complete, their own content is still to be computed.
    """

    new: frozenset[int] = frozenset()
    joined: frozenset[int] = frozenset()
    listing: frozenset[int] = frozenset()


async def add_new_posts(connection: AsyncConnection, now: datetime, max_age: timedelta, scope: PlanScope) -> AddedPosts:
    """Add a message for each matching channel and story that the channel has not received.

    A card whose story the channel has joins its newest message, and is listed on the others.
    """
    if not await _insert_candidates(connection, scope, scope.values(now, max_age)):
        return AddedPosts()
    await drop_unmatched(connection)
    await drop_excluded(connection)
    await connection.execute(_set_stories())
    joined = set((await connection.execute(_claim_listed())).scalars())
    await connection.execute(_drop_delivered())
    listing: set[int] = set()
    if joining := set((await connection.execute(_join_posted_stories())).scalars()):
        joined |= joining
        # One message of each channel at a time; nearly always there are no others.
        while more := set((await connection.execute(_list_on_others())).scalars()):
            listing |= more
        # A card that has just joined a message counts as delivered, too.
        await connection.execute(_drop_delivered())
    await connection.execute(_defer_quiet())
    await connection.execute(_drop_quiet())
    await connection.execute(_keep_oldest())
    await connection.execute(_choose_leads())
    await connection.execute(_add_messages(), {"now": now})
    new = (await connection.execute(_add_cards())).scalars()
    return AddedPosts(frozenset(new), frozenset(joined), frozenset(listing - joined))


async def _insert_candidates(connection: AsyncConnection, scope: PlanScope, values: Mapping[str, Any]) -> bool:
    """Collect the matching pairs of channel and changed card. Returns whether there are any."""
    await clear_candidates(connection)
    for insert_pairs in (_insert_shared_pairs, _insert_followed_pairs):
        await connection.execute(scope.build(insert_pairs), values)
    return (await connection.execute(_find_candidate())).first() is not None


# What follows is built once: that takes longer than to run it.


@cache
def _find_candidate() -> Select[Any]:
    return select(candidates.c.card_id).limit(1)


@cache
def _set_stories() -> Any:
    story = select(stories.story_id_in(candidates.c.guild_id, cards)).where(cards.c.id == candidates.c.card_id)
    return update(candidates).values(story_id=story.scalar_subquery())


@cache
def _drop_delivered() -> Any:
    return delete(candidates).where(exists(_already_delivered()))


def _insert_pairs(pairs: Select[Any]) -> Any:
    names = [column.name for column in candidates.columns if column.name != "story_id"]
    return insert(candidates).from_select(names, pairs)


def _insert_followed_pairs(scope: PlanScope) -> Any:
    """Insert the matching pairs of instant subscription and changed card of a source that the server follows."""
    row, card, own = server_cards.c, cards.c, subscriptions.c
    decided = and_(decisions.c.guild_id == row.guild_id, decisions.c.card_id == row.card_id)
    by_hand = func.coalesce(decisions.c.verdict, "") == CardState.PUBLISHED
    since = case((by_hand, decisions.c.decided_at), else_=row.arrived_at)
    is_picked = func.coalesce(decisions.c.selected_only, False)
    # A feed may bring old news: what counts is when the server got it.
    fresh = or_(by_hand, ~row.is_backlog & (row.arrived_at >= OLDEST))
    fits = and_(row.quality >= own.min_quality, _topic_matches(_followed_topic_ids()))
    columns = (own.id.label("subscription_id"), own.guild_id, own.channel_id, card.id.label("card_id"), card.sort_key)
    heat = func.coalesce(heat_of(card.heat, row.quality, count_publishers_of(row.story_id, row.guild_id)), 0)
    return _insert_pairs(
        select(
            *columns,
            visible_revision(row.guild_id).label("revision"),
            func.coalesce(heat, 0),
            literal(False),
            is_picked,
        )
        .select_from(
            server_cards.join(cards, card.id == row.card_id)
            .join(subscriptions, own.guild_id == row.guild_id)
            .outerjoin(decisions, decided)
        )
        .where(
            scope.needs_planning_here,
            own.frequency == Frequency.INSTANT,
            ~own.paused,
            is_visible_to(own.guild_id),
            since > own.new_after,
            fresh,
            case((is_picked, _is_picked_for()), else_=fits),
        )
    )


def _insert_shared_pairs(scope: PlanScope) -> Any:
    """Insert the matching pairs of instant subscription and changed card that is everybody's."""
    decided = and_(decisions.c.guild_id == subscriptions.c.guild_id, decisions.c.card_id == cards.c.id)
    by_hand = func.coalesce(decisions.c.verdict, "") == CardState.PUBLISHED
    is_picked = func.coalesce(decisions.c.selected_only, False)
    ruling = func.coalesce(verdict_of(EVERYWHERE), "") == CardState.PUBLISHED
    # A moderator's decision is news in itself, however old the card is; otherwise only cards that became visible after
    # the subscription was made count, so that a new subscription does not post the archive.
    since = case((by_hand, decisions.c.decided_at), else_=cards.c.visible_at)
    fresh: ColumnElement[bool] = or_(by_hand, ruling, cards.c.published_at >= OLDEST)
    fits = and_(func.coalesce(cards.c.quality, 0) >= subscriptions.c.min_quality, _topic_matches(_shared_topic_ids()))
    own_rows, card = subscriptions.c, cards.c
    columns = (
        own_rows.id.label("subscription_id"),
        own_rows.guild_id,
        own_rows.channel_id,
        card.id.label("card_id"),
        card.sort_key,
    )
    heat = func.coalesce(heat_of(card.heat, card.quality, count_publishers_of(card.story_id, own_rows.guild_id)), 0)
    return _insert_pairs(
        select(
            *columns,
            visible_revision(own_rows.guild_id).label("revision"),
            func.coalesce(heat, 0),
            literal(False),
            is_picked,
        )
        .select_from(cards.join(subscriptions, literal(True)).outerjoin(decisions, decided))
        .where(
            scope.needs_planning,
            IS_SHARED,
            scope.covers(subscriptions.c.guild_id),
            subscriptions.c.frequency == Frequency.INSTANT,
            ~subscriptions.c.paused,
            is_visible_to(subscriptions.c.guild_id),
            since > subscriptions.c.new_after,
            fresh,
            # Subscriptions that a moderator selected get the card even if their filters would not let it through.
            case((is_picked, _is_picked_for()), else_=fits),
        )
    )


def _is_picked_for() -> ColumnElement[bool]:
    """Whether a moderator selected this subscription when publishing the card."""
    return exists(
        select(literal(1)).where(
            decision_subscriptions.c.guild_id == subscriptions.c.guild_id,
            decision_subscriptions.c.card_id == cards.c.id,
            decision_subscriptions.c.subscription_id == subscriptions.c.id,
        )
    )


def _shared_topic_ids() -> ColumnElement[bool]:
    """Whether the card has the topic in the row of `subscription_topics`."""
    topic = subscription_topics.c.topic_id
    having = select(literal(1)).where(card_topics.c.topic_id == topic, card_topics.c.card_id == cards.c.id)
    return exists(having.correlate_except(card_topics))


def _followed_topic_ids() -> ColumnElement[bool]:
    return has_given_topic(subscription_topics.c.topic_id)


def _topic_matches(given: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the card has a topic of the subscription; `given`: whether it has one without the server's edit."""
    selected = select(subscription_topics.c.topic_id).where(subscription_topics.c.subscription_id == subscriptions.c.id)
    has_topic = has_topic_here(given, subscription_topics.c.topic_id, cards.c.id, subscriptions.c.guild_id)
    # Without topics a subscription takes all cards.
    return or_(~exists(selected), exists(selected.where(has_topic)))


@cache
def _keep_oldest() -> Any:
    """If several subscriptions of a channel match a card, keep only the oldest one."""
    other = candidates.alias("other")
    # A channel gets each card once; which subscription it comes from must not depend on the order of the rows.
    older = (
        (other.c.channel_id == candidates.c.channel_id)
        & (other.c.card_id == candidates.c.card_id)
        & (other.c.subscription_id < candidates.c.subscription_id)
    )
    return delete(candidates).where(exists(select(literal(1)).where(older)))


def _already_delivered() -> Select[Any]:
    already_delivered = delivery_cards.alias("delivered")
    met = (already_delivered.c.channel_id == candidates.c.channel_id) & (
        already_delivered.c.card_id == candidates.c.card_id
    )
    return select(literal(1)).select_from(already_delivered).where(met).correlate(candidates)


@cache
def _claim_listed() -> Any:
    """Turn candidates that their channel's newest message only lists into cards of that message."""
    listing = delivery_cards.alias("listing")
    newest = (
        select(func.max(deliveries.c.id), candidates.c.card_id)
        .select_from(
            candidates.join(deliveries, deliveries.c.channel_id == candidates.c.channel_id).join(
                listing, (listing.c.delivery_id == deliveries.c.id) & (listing.c.card_id == candidates.c.card_id)
            )
        )
        .where(listing.c.channel_id.is_(None), deliveries.c.desired_kind.is_not(None), ~exists(_already_delivered()))
        .group_by(candidates.c.channel_id, candidates.c.card_id)
    )
    channel = select(deliveries.c.channel_id).where(deliveries.c.id == delivery_cards.c.delivery_id)
    claimed = tuple_(delivery_cards.c.delivery_id, delivery_cards.c.card_id).in_(newest)
    claiming = update(delivery_cards).where(claimed).values(channel_id=channel.scalar_subquery())
    return claiming.returning(delivery_cards.c.delivery_id)


@cache
def _join_posted_stories() -> Any:
    """Attach candidates to their channel's newest message about the same story."""
    return _attach_candidates(candidates.c.channel_id, _newest_of_story(), literal(True))


@cache
def _list_on_others() -> Any:
    """Let the channel's newest message about the same story that lacks a card which has joined another one list it."""
    has_card = exists(
        select(literal(1))
        .where(_having.c.delivery_id == deliveries.c.id, _having.c.card_id == candidates.c.card_id)
        .correlate(deliveries, candidates)
    )
    lacking = _newest_of_story(deliveries.c.layout == Layout.CARD, ~has_card)
    return _attach_candidates(literal(None, candidates.c.channel_id.type), lacking, exists(_already_delivered()))


_having = delivery_cards.alias("having")


def _attach_candidates(
    channel_id: ColumnElement[int | None], delivery_id: ScalarSelect[int], condition: ColumnElement[bool]
) -> Any:
    """Attach candidates to messages, which show them unless one of their cards already lists them as related."""
    row, beside = candidates.c, delivery_cards.alias("beside")
    columns = (
        row.card_id,
        row.sort_key,
        row.revision,
        channel_id.label("channel_id"),
        delivery_id.label("delivery_id"),
    )
    # A channel may have several subscriptions that match.
    posted = select(*columns).where(condition).distinct().subquery("posted")
    is_beside = (beside.c.delivery_id == posted.c.delivery_id) & ~beside.c.left_story
    lists = select(literal(1)).where(is_beside, exists(_names_same_article(beside.c.card_id, posted.c.card_id)))
    joining = select(
        *(posted.c[name] for name in ("delivery_id", "card_id", "channel_id", "sort_key", "revision")),
        (deliveries.c.layout == Layout.CARD) & ~exists(lists.correlate_except(beside)),
    ).join(deliveries, deliveries.c.id == posted.c.delivery_id)
    return insert(delivery_cards).from_select(_CARD_COLUMNS, joining).returning(delivery_cards.c.delivery_id)


def _newest_of_story(*conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    """The id of a candidate's channel's newest message about its story, of those that match; null if there is none.

    It goes from the story to its cards, and from each to its message: a channel may have had thousands of others.
    """
    lead, row = cards.alias("lead"), delivery_cards.c
    in_channel = (row.card_id == lead.c.id) & (row.channel_id == candidates.c.channel_id) & ~row.left_story
    # A retracted message is no place to join: the story is posted again with its next card.
    of_lead = select(func.max(deliveries.c.id)).where(in_channel, deliveries.c.desired_kind.is_not(None), *conditions)
    of_lead = of_lead.select_from(deliveries.join(delivery_cards))
    newest = of_lead.correlate_except(deliveries, delivery_cards).scalar_subquery().label("newest")
    parts = stories.select_members(candidates.c.guild_id, candidates.c.story_id, lead, newest)
    told = union_all(*(part.correlate(candidates) for part in parts)).subquery()
    return select(func.max(told.c.newest)).scalar_subquery()


_CARD_COLUMNS = ("delivery_id", "card_id", "channel_id", "position", "revision", "shown")


def _names_same_article(lead_id: ColumnElement[int], card_id: ColumnElement[int]) -> CompoundSelect[Any]:
    """Whether a card is the same article as another, or lists its address among its related stories."""
    own = card_aliases.alias("own")
    listed = (
        select(literal(1))
        .select_from(story_keys.join(card_aliases, story_keys.c.key == RELATED + card_aliases.c.url))
        .where(story_keys.c.card_id == lead_id, card_aliases.c.card_id == card_id)
    )
    same = (
        select(literal(1))
        .select_from(own.join(card_aliases, own.c.url == card_aliases.c.url))
        .where(own.c.card_id == lead_id, card_aliases.c.card_id == card_id)
    )
    return listed.correlate_except(story_keys, card_aliases).union_all(same.correlate_except(own, card_aliases))


def _is_quiet() -> ColumnElement[bool]:
    return exists(
        select(literal(1)).where(
            quiet_hours.c.channel_id == candidates.c.channel_id,
            quiet_hours.c.is_quiet,
            or_(quiet_hours.c.override_heat.is_(None), candidates.c.heat < quiet_hours.c.override_heat),
        )
    )


@cache
def _drop_quiet() -> Any:
    return delete(candidates).where(_is_quiet())


@cache
def _defer_quiet() -> Any:
    names = ("channel_id", "card_id", "subscription_id")
    waiting = select(*(candidates.c[name] for name in names)).where(_is_quiet())
    return insert_or_ignore(deferred_cards).from_select(names, waiting)


@cache
def _choose_leads() -> Any:
    """Pick the hottest card of each story as its lead; ties go to the earliest."""
    other = candidates.alias("other")
    better = or_(
        other.c.heat > candidates.c.heat,
        and_(other.c.heat == candidates.c.heat, other.c.sort_key < candidates.c.sort_key),
    )
    # "Not beaten by another" instead of a window function: both engines allow it in an UPDATE.
    beaten = exists(
        select(literal(1)).where(
            other.c.channel_id == candidates.c.channel_id, other.c.story_id == candidates.c.story_id, better
        )
    )
    return update(candidates).where(~beaten).values(lead=True)


@cache
def _add_messages() -> Any:
    """Insert a message for each lead; the planner computes its content from its cards."""
    names = (
        "subscription_id", "guild_id", "channel_id", "sort_key", "status", "planned_at", "due_at", "layout",
        "options", "on_withdrawal", "is_forum", "crosspost", "thread", "language",
    )  # fmt: skip
    rows = (
        select(
            *(candidates.c[name] for name in names[:4]),
            literal(DeliveryStatus.WAITING),
            NOW,
            NOW,
            literal(Layout.CARD),
            subscriptions.c.options,
            subscriptions.c.on_withdrawal,
            subscriptions.c.is_forum,
            case((subscriptions.c.crosspost, CrosspostState.WANTED), else_=None),
            wants_thread(),
            post_language(),
        )
        .join(subscriptions, subscriptions.c.id == candidates.c.subscription_id)
        .where(candidates.c.lead)
        .order_by(candidates.c.sort_key)
    )
    return insert(deliveries).from_select(names, rows)


@cache
def _add_cards() -> Any:
    """Attach the cards to the new messages: the lead first, then the rest of its story by age."""
    lead = candidates.alias("lead")
    place = case((candidates.c.lead, 0), else_=candidates.c.sort_key)
    # The new messages are found again by channel and by their lead's `timeline`, which no other card has: an
    # INSERT … SELECT does not say which row became which id.
    rows = select(
        deliveries.c.id,
        candidates.c.card_id,
        candidates.c.channel_id,
        place,
        candidates.c.revision,
        or_(candidates.c.lead, ~exists(_names_same_article(lead.c.card_id, candidates.c.card_id))),
    ).select_from(
        candidates.join(
            lead,
            and_(
                lead.c.channel_id == candidates.c.channel_id,
                lead.c.story_id == candidates.c.story_id,
                lead.c.lead,
            ),
        ).join(
            deliveries,
            and_(
                deliveries.c.channel_id == lead.c.channel_id,
                deliveries.c.sort_key == lead.c.sort_key,
                deliveries.c.due_at.is_not(None),
                deliveries.c.desired_kind.is_(None),
                # Not an older delivery of this card that is in flight and being retracted.
                deliveries.c.status == DeliveryStatus.WAITING,
                deliveries.c.message_id.is_(None),
            ),
        )
    )
    return insert(delivery_cards).from_select(_CARD_COLUMNS, rows).returning(delivery_cards.c.delivery_id)
