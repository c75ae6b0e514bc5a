"""Stories in one server: a followed card tells a story with everybody's cards and with those that the server follows.

Everybody's stories (`bot.store.cards.stories`) know nothing of followed cards, so that no server changes another's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import Card, CardState, HeldReason
from bot.domain.moderation import Verdict
from bot.domain.publishers import are_different_publishers
from bot.domain.story_clustering import ClusterMember, assign_stories
from bot.domain.story_keys import neighbour_keys
from bot.store.cards import stories
from bot.store.cards.plan_scope import PlanScope
from bot.store.cards.rows import card_from_row, stored_card_columns
from bot.store.cards.visibility import IS_SHARED, is_visible_to
from bot.store.sql_helpers import chunks
from bot.store.tables import cards, decisions, server_cards, story_keys

_IS_ROW = cards.c.id == server_cards.c.card_id


@dataclass(slots=True)
class _ServerChange:
    """What changes in one server: stories of its cards that have none, and those that are now part of another."""

    given: dict[int, int] = field(default_factory=dict)
    """By card id."""
    moved: dict[int, int] = field(default_factory=dict)
    """By id of the story that ends."""


async def update_server_stories(connection: AsyncConnection, scope: PlanScope, now: datetime) -> None:
    """Assign the stories of changed followed cards, and publish those that a second publisher covers by now."""
    waiting = select(server_cards.c.card_id).where(_IS_UNCOVERED).limit(1)
    is_waited = (await connection.execute(waiting)).first() is not None
    if is_waited:
        # Otherwise everybody's cards get a story only when a channel takes them, which may be never.
        changed = select(cards.c.id).where(scope.needs_planning, cards.c.state == CardState.PUBLISHED)
        await join_server_stories(connection, await stories.assign_story_ids(connection, changed))
    await assign_server_stories(connection, scope)
    if is_waited:
        await _publish_covered(connection, scope, now)


async def assign_server_stories(connection: AsyncConnection, scope: PlanScope) -> None:
    """Assign a story to each changed followed card that has none in its server."""
    query = select(server_cards.c.guild_id, server_cards.c.card_id).join_from(server_cards, cards, _IS_ROW)
    query = query.where(scope.needs_planning_here, server_cards.c.story_id.is_(None))
    rows = (await connection.execute(query)).all()
    if not rows:
        return
    found = await stories.load_members(connection, query.with_only_columns(server_cards.c.card_id))
    await stories.insert_keys(connection, found)
    new = {member.card_id: member for member in found}
    arrived: defaultdict[int, set[int]] = defaultdict(set)
    for guild_id, card_id in rows:
        arrived[guild_id].add(card_id)
    await _settle(connection, new, arrived)


async def join_server_stories(connection: AsyncConnection, shared: Collection[ClusterMember]) -> None:
    """Let followed cards join the stories of everybody's cards that have just got one."""
    new = {member.card_id: replace(member, story_id=None) for member in shared}
    keys = _neighbours(new.values())
    touched: set[int] = set()
    for some in chunks(sorted(keys)):
        query = select(server_cards.c.guild_id).join(story_keys, story_keys.c.card_id == server_cards.c.card_id)
        query = query.where(story_keys.c.key.in_(some), server_cards.c.story_id.is_not(None)).distinct()
        touched.update((await connection.execute(query)).scalars())
    if touched:
        await _settle(connection, new, {guild_id: set(new) for guild_id in touched})


async def _settle(
    connection: AsyncConnection, new: Mapping[int, ClusterMember], arrived: Mapping[int, Collection[int]]
) -> None:
    """Cluster the new cards of each server with those that it has, and store what changes."""
    keys = _neighbours(new.values())
    shared = await stories.load_known_members(connection, keys, set(new))
    # Where the new cards are everybody's they have a story by now.
    story_of = {member.card_id: member.story_id for member in shared if member.story_id is not None}
    query = select(cards.c.id, cards.c.story_id).where(cards.c.id.in_(list(new)), cards.c.story_id.is_not(None))
    story_of |= dict((await connection.execute(query)).all())
    own = await _load_own(connection, keys, arrived)
    clustered: dict[Any, _ServerChange] = {}
    by_change: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    moves: list[tuple[int, int, int]] = []
    for guild_id, card_ids in arrived.items():
        ids, here = frozenset(card_ids), own.get(guild_id, frozenset())
        # A thousand servers that follow one feed mostly have the same cards: one clustering serves them all.
        if (ids, here) not in clustered:
            members = [*(new[card_id] for card_id in ids), *shared, *(each for each in here if each.card_id not in ids)]
            clustered[ids, here] = _find_changes(members, story_of)
        change = clustered[ids, here]
        for given in change.given.items():
            by_change[given].append(guild_id)
        moves += [(guild_id, before, after) for before, after in change.moved.items()]
    await _write_changes(connection, by_change, moves)


def _find_changes(members: Sequence[ClusterMember], story_of: Mapping[int, int]) -> _ServerChange:
    """Cluster one server's cards. Everybody's keep their stories, `story_of`, and the server's own follow them."""
    clusters: defaultdict[int, list[ClusterMember]] = defaultdict(list)
    stories_by_card = assign_stories(members)
    for member in members:
        clusters[stories_by_card[member.card_id]].append(member)
    change = _ServerChange()
    for found, cluster in clusters.items():
        story = min((story_of[each.card_id] for each in cluster if each.card_id in story_of), default=found)
        for each in cluster:
            if each.card_id in story_of:
                continue
            if each.story_id is None:
                change.given[each.card_id] = story
            elif each.story_id != story:
                change.moved[each.story_id] = story
    return change


async def _load_own(
    connection: AsyncConnection, keys: Collection[str], guild_ids: Collection[int]
) -> dict[int, frozenset[ClusterMember]]:
    """Load the cards of these servers that have a story and share one of these keys, by server."""
    met: defaultdict[int, set[str]] = defaultdict(set)
    for some in chunks(sorted(keys)):
        # Only cards that have rows: a key of everybody's cards may stand for thousands of them.
        query = select(story_keys.c.card_id, story_keys.c.key).join(cards, cards.c.id == story_keys.c.card_id)
        for card_id, key in await connection.execute(query.where(story_keys.c.key.in_(some), ~IS_SHARED)):
            met[card_id].add(key)
    found: defaultdict[int, set[ClusterMember]] = defaultdict(set)
    wanted = set(guild_ids)
    for ids in chunks(sorted(met)):
        columns = (server_cards.c.guild_id, server_cards.c.card_id, cards.c.published_at, server_cards.c.story_id)
        rows = select(*columns).join_from(server_cards, cards, _IS_ROW)
        rows = rows.where(server_cards.c.card_id.in_(ids), server_cards.c.story_id.is_not(None))
        for guild_id, card_id, published_at, story_id in await connection.execute(rows):
            if guild_id in wanted:
                found[guild_id].add(ClusterMember(card_id, published_at, frozenset(met[card_id]), story_id))
    return {guild_id: frozenset(members) for guild_id, members in found.items()}


async def _write_changes(
    connection: AsyncConnection,
    given: Mapping[tuple[int, int], Sequence[int]],
    moves: Iterable[tuple[int, int, int]],
) -> None:
    for (card_id, story_id), guild_ids in given.items():
        for some in chunks(guild_ids):
            rows = (server_cards.c.card_id == card_id) & server_cards.c.guild_id.in_(some)
            await connection.execute(update(server_cards).where(rows).values(story_id=story_id))
    for guild_id, before, after in moves:
        rows = (server_cards.c.guild_id == guild_id) & (server_cards.c.story_id == before)
        await connection.execute(update(server_cards).where(rows).values(story_id=after))


def _neighbours(members: Iterable[ClusterMember]) -> set[str]:
    return {key for member in members for key in neighbour_keys(member.keys)}


async def _publish_covered(connection: AsyncConnection, scope: PlanScope, now: datetime) -> None:
    """Publish the held cards whose policy waits for a second publisher, where their story has one by now."""
    changed = select(stories.story_id_of(cards)).where(cards.c.id.in_(scope.select_changed_ids()))
    changed_rows = (
        select(server_cards.c.story_id).join_from(server_cards, cards, _IS_ROW).where(scope.needs_planning_here)
    )
    waiting = select(server_cards.c.guild_id, server_cards.c.card_id, server_cards.c.story_id).where(
        _IS_UNCOVERED,
        scope.covers(server_cards.c.guild_id),
        server_cards.c.story_id.in_(changed.union(changed_rows)),
    )
    for guild_id, card_id, story_id in (await connection.execute(waiting)).all():
        members = await _load_story(connection, guild_id, story_id)
        own = members.pop(card_id, None)
        if own and any(are_different_publishers(own, other) for other in members.values()):
            row = (server_cards.c.guild_id == guild_id) & (server_cards.c.card_id == card_id)
            values = {"state": CardState.PUBLISHED, "held_reason": None, "arrived_at": now, "needs_planning": True}
            await connection.execute(update(server_cards).where(row).values(values))


# As a literal, because the partial index is not used with a parameter.
_IS_UNCOVERED: ColumnElement[bool] = server_cards.c.held_reason == literal_column(f"'{HeldReason.UNCOVERED}'")


async def _load_story(connection: AsyncConnection, guild_id: int, story_id: int) -> dict[int, Card]:
    """Load the cards of a story that a server sees, and those that wait there for a second publisher, by id."""
    columns = stored_card_columns(guild_id)
    shared = select(*columns).where(cards.c.story_id == story_id, is_visible_to(guild_id))
    decided_against = select(decisions.c.card_id).where(
        decisions.c.guild_id == guild_id, decisions.c.verdict == Verdict.WITHDRAW
    )
    own: Select[Any] = select(*columns).join_from(server_cards, cards, _IS_ROW)
    here = and_(server_cards.c.guild_id == guild_id, server_cards.c.story_id == story_id, ~IS_SHARED)
    own = own.where(here, cards.c.state != CardState.WITHDRAWN, cards.c.id.not_in(decided_against))
    found: dict[int, Card] = {}
    for query in (shared, own):
        rows = (await connection.execute(query)).mappings()
        found |= {row["id"]: card_from_row(row).card for row in rows}
    return found
