"""What messages list of a story after moderators split or joined stories.

A message tells the story of its first card. Its cards that tell another one by now leave it; and it lists the cards of
its story that its channel has in other messages, since the channel gets each card only once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, case, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.delivery import DeliveryStatus
from bot.domain.moderation import EVERYWHERE, Verdict
from bot.domain.subscription import Layout
from bot.store.cards import stories
from bot.store.cards.revisions import visible_revision
from bot.store.cards.visibility import IS_SHARED, is_visible_to
from bot.store.tables import cards, decisions, deliveries, delivery_cards, server_cards


@dataclass(frozen=True, slots=True)
class _Place:
    """A card in a message."""

    card_id: int
    story_id: int
    is_own: bool
    is_shown: bool
    has_left: bool


@dataclass(slots=True)
class _Post:
    """A message that tells one story."""

    id: int
    channel_id: int
    is_unsent: bool
    places: list[_Place] = field(default_factory=list)

    @property
    def own(self) -> list[_Place]:
        return [each for each in self.places if each.is_own]

    @property
    def lead(self) -> _Place:
        """The card whose story it tells: the first that it shows."""
        return next((each for each in self.own if each.is_shown and not each.has_left), self.own[0])


async def regroup_posts(
    connection: AsyncConnection,
    guild_id: int,
    card_ids: Collection[int],
    *,
    joined: Mapping[int, Collection[int]] | None = None,
    fresh_since: datetime | None = None,
) -> set[int]:
    """Let the server's messages with these cards show what belongs to their stories. Returns the cards to plan.

    A message that tells the story of a key of `joined` lists its values as well. With `fresh_since` cards that leave a
    message get one of their own by the plan, if the server has had them only since then; all others are never posted.
    """
    posts = await _load_posts(connection, guild_id, card_ids)
    changed: set[int] = set()
    by_channel: defaultdict[int, list[_Post]] = defaultdict(list)
    for post in posts:
        by_channel[post.channel_id].append(post)
    for of_channel in by_channel.values():
        if await _merge_unsent(connection, of_channel):
            # Once more with what is in place now: each round has a message less.
            return await regroup_posts(connection, guild_id, card_ids, joined=joined, fresh_since=fresh_since)
        for post in of_channel:
            changed.add(post.lead.card_id)
            changed |= await _drop_strangers(connection, guild_id, post, fresh_since)
            others = {each.card_id for other in of_channel if other is not post for each in other.own}
            others.update((joined or {}).get(post.lead.card_id, ()))
            await _list_others(connection, guild_id, post, others)
    return changed


async def _load_posts(connection: AsyncConnection, guild_id: int, card_ids: Collection[int]) -> list[_Post]:
    """Load the messages of one story that have one of these cards, oldest first. What a moderator deleted stays so."""
    row, message = delivery_cards.c, deliveries.c
    having = select(row.delivery_id).where(row.card_id.in_(card_ids))
    unsent = (message.status == DeliveryStatus.WAITING) & message.sent_at.is_(None) & message.message_id.is_(None)
    query = (
        select(
            *(message.id, message.channel_id, unsent, row.card_id, stories.story_id_in(guild_id, cards)),
            *(row.channel_id.is_not(None), row.revision.is_not(None), row.left_story),
        )
        .select_from(
            deliveries.join(delivery_cards, row.delivery_id == message.id).join(cards, cards.c.id == row.card_id)
        )
        .where(message.id.in_(having), message.guild_id == guild_id, message.layout == Layout.CARD)
        .where(message.status != DeliveryStatus.REMOVED, message.desired_kind.is_not(None))
        .order_by(message.id, row.position, row.card_id)
    )
    posts: dict[int, _Post] = {}
    for delivery_id, channel_id, is_unsent, *place in await connection.execute(query):
        post = posts.setdefault(delivery_id, _Post(delivery_id, channel_id, is_unsent))
        post.places.append(_Place(*place))
    return [post for post in posts.values() if post.own]


async def _merge_unsent(connection: AsyncConnection, posts: list[_Post]) -> bool:
    """Move the cards of an unsent message into the channel's first one of its story. Whether there was one."""
    for post in reversed(posts):
        others = [each for each in posts if each is not post and each.lead.story_id == post.lead.story_id]
        if not post.is_unsent or not others:
            continue
        place = select(cards.c.sort_key).where(cards.c.id == delivery_cards.c.card_id).scalar_subquery()
        ids = [each.card_id for each in post.own]
        into, listed = delivery_cards.c.delivery_id == others[0].id, delivery_cards.c.channel_id.is_(None)
        await connection.execute(delete(delivery_cards).where(into, listed, delivery_cards.c.card_id.in_(ids)))
        moving = update(delivery_cards).where(
            delivery_cards.c.delivery_id == post.id, delivery_cards.c.card_id.in_(ids)
        )
        await connection.execute(moving.values(delivery_id=others[0].id, position=place))
        await connection.execute(delete(deliveries).where(deliveries.c.id == post.id))
        return True
    return False


async def _drop_strangers(
    connection: AsyncConnection, guild_id: int, post: _Post, fresh_since: datetime | None
) -> set[int]:
    """Take the cards of other stories out of a message, and its own back in. Returns those to be posted anew."""
    story_id = post.lead.story_id
    strangers = {each.card_id for each in post.places if each.story_id != story_id}
    leaving = [each.card_id for each in post.own if each.card_id in strangers and not each.has_left]
    fresh = await _find_fresh(connection, guild_id, leaving, fresh_since) if fresh_since else set()
    listed = strangers - {each.card_id for each in post.own}
    gone = delivery_cards.c.card_id.in_(fresh | listed)
    await connection.execute(delete(delivery_cards).where(delivery_cards.c.delivery_id == post.id, gone))
    await _set_rows(connection, guild_id, post.id, set(leaving) - fresh, left_story=True)
    returning = {each.card_id for each in post.own if each.has_left} - strangers
    await _set_rows(connection, guild_id, post.id, returning, left_story=False)
    return fresh


async def _list_others(connection: AsyncConnection, guild_id: int, post: _Post, card_ids: Collection[int]) -> None:
    """Let a message list those of these cards that tell its story, beside its own."""
    present = {each.card_id for each in post.places}
    wanted = select(cards.c.id, cards.c.sort_key).where(
        cards.c.id.in_(set(card_ids) - present), stories.story_id_in(guild_id, cards) == post.lead.story_id
    )
    rows = [
        {"delivery_id": post.id, "card_id": card_id, "channel_id": None, "position": sort_key}
        for card_id, sort_key in await connection.execute(wanted)
    ]
    if rows:
        await connection.execute(insert(delivery_cards), rows)
        await _set_rows(connection, guild_id, post.id, {row["card_id"] for row in rows}, left_story=False)


async def _set_rows(
    connection: AsyncConnection, guild_id: int, delivery_id: int, card_ids: Collection[int], *, left_story: bool
) -> None:
    """Note whether cards have left a message, and show what it shows of them now: the plan sees no change of them."""
    seen = case((is_visible_to(guild_id), visible_revision(guild_id)), else_=None)
    revision = select(seen).select_from(cards).where(cards.c.id == delivery_cards.c.card_id)
    shown = None if left_story else revision.correlate(delivery_cards).scalar_subquery()
    rows = (delivery_cards.c.delivery_id == delivery_id) & delivery_cards.c.card_id.in_(card_ids)
    await connection.execute(update(delivery_cards).where(rows).values(left_story=left_story, revision=shown))


async def _find_fresh(
    connection: AsyncConnection, guild_id: int, card_ids: Collection[int], since: datetime
) -> set[int]:
    """Return those of the cards that came to the server, or were published by hand, since then."""
    arrived = select(server_cards.c.arrived_at).where(
        server_cards.c.guild_id == guild_id, server_cards.c.card_id == cards.c.id, ~server_cards.c.is_backlog
    )
    decided = select(func.max(decisions.c.decided_at)).where(
        decisions.c.card_id == cards.c.id,
        decisions.c.guild_id.in_((guild_id, EVERYWHERE)),
        decisions.c.verdict == Verdict.PUBLISH,
    )
    came: ColumnElement[datetime | None] = case(
        (IS_SHARED, cards.c.published_at), else_=arrived.correlate(cards).scalar_subquery()
    )
    fresh = or_(came >= since, decided.correlate(cards).scalar_subquery() >= since)
    return set((await connection.execute(select(cards.c.id).where(cards.c.id.in_(card_ids), fresh))).scalars())
