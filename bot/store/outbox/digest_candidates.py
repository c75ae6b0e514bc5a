"""Load digest candidates: the cards visible in each server, and the ones each channel already received."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    type_coerce,
    union,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import CardState
from bot.cards.text import normalize_name
from bot.domain.delivery import REVISION_MARK
from bot.domain.digest_selection import AlreadyDelivered, Candidate
from bot.domain.moderation import Verdict, is_visible
from bot.store.cards import stories
from bot.store.cards.server_stories import join_server_stories
from bot.store.cards.visibility import IS_SHARED
from bot.store.column_parsers import parse_number, parse_state, verdict_or_none
from bot.store.database import Database
from bot.store.sql_helpers import chunks
from bot.store.tables import (
    card_topics,
    cards,
    decision_subscriptions,
    decisions,
    deferred_cards,
    deliveries,
    delivery_cards,
    follow_topics,
    followed_card_topics,
    moment_from_microseconds,
    server_cards,
    topic_overrides,
    topics,
)

_UNASSIGNED = 300
"""Cards that get a story assigned per transaction."""


@dataclass(frozen=True, slots=True)
class CandidatePool:
    """Cards available to digests: a list shared by all servers, and each server's differences from it."""

    shared_candidates: list[Candidate]
    hidden: Mapping[int, frozenset[int]]
    """By guild id: ids of cards in `shared_candidates` that the server hides or overrides."""
    own_candidates: Mapping[int, list[Candidate]]
    """By guild id: the overridden cards as the server sees them, cards that only it published, and those of the sources
    that it follows."""
    earliest: int | None
    """The lowest card id in any of these stories (that card need not be a candidate); None without cards."""

    def for_guild(self, guild_id: int) -> list[Candidate]:
        """Return one server's candidates; servers without overrides share the same list object."""
        hidden, own = self.hidden.get(guild_id), self.own_candidates.get(guild_id)
        if not hidden and not own:
            return self.shared_candidates
        return [card for card in self.shared_candidates if card.card_id not in (hidden or ())] + list(own or ())


class CandidateStore:
    """Queries for digest candidates and channel history."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_pool(self, guild_ids: Collection[int], since: datetime, oldest: datetime) -> CandidatePool:
        """Load visible cards that arrived after `since` and were published no earlier than `oldest`.

        Cards published by a moderator have no age limit. Cards without a story get one assigned.
        """
        parameters = {"guilds": list(guild_ids), "since": since, "oldest": oldest}
        found = await self._fetch_rows(parameters)
        if unassigned := [id_ for id_, story_id, *_ in found.rows if story_id is None]:
            await self._assign_stories(unassigned)
            found = await self._fetch_rows(parameters)
        return _build_pool(found)

    async def _fetch_rows(self, parameters: Mapping[str, Any]) -> _PoolRows:
        async with self._database.begin_read() as connection:
            rows = list((await connection.execute(_OF_EVERYONE, parameters)).all())
            followed = list((await connection.execute(_FOLLOWED, parameters)).all())
            followed += (await connection.execute(_FOLLOWED_BY_HAND, parameters)).all()
            decided = (await connection.execute(_DECISIONS, parameters)).all()
            known = {row.id for row in (*rows, *followed)}
            others = list({row.card_id for row in decided} - known)
            for some in chunks(others):
                rows += (await connection.execute(_BY_IDS, {"ids": some})).all()
            edits = await _fetch_topic_edits(connection, parameters, {row.id for row in (*rows, *followed)})
            picks = await _fetch_picks(connection, parameters) if any(row.selected_only for row in decided) else {}
        return _PoolRows(
            rows, followed, _GuildOverrides({(row.guild_id, row.card_id): row for row in decided}, edits, picks)
        )

    async def _assign_stories(self, unassigned: Sequence[int]) -> None:
        """Assign stories in small batches, to keep each write transaction short."""
        for some in chunks(unassigned, _UNASSIGNED):
            async with self._database.begin_write() as connection:
                new = await stories.assign_story_ids(connection, select(cards.c.id).where(cards.c.id.in_(some)))
                await join_server_stories(connection, new)

    async def load_delivered(
        self, channel_ids: Collection[int], candidate_pool: CandidatePool
    ) -> dict[int, AlreadyDelivered]:
        """Find the cards and stories that each channel already received, or has queued, by channel id."""
        # Card ids increase as cards are filed: no need to read history before the stories' first card.
        if candidate_pool.earliest is None:
            return {}
        parameters = {"channels": list(channel_ids), "earliest": candidate_pool.earliest}
        async with self._database.begin_autocommit() as connection:
            rows = list((await connection.execute(_DELIVERED, parameters)).all())
            rows += (await connection.execute(_DELIVERED_OF_FOLLOWS, parameters)).all()
        result: defaultdict[int, tuple[set[int], set[int]]] = defaultdict(lambda: (set(), set()))
        for channel_id, card_id, story_id in rows:
            ids, story_ids = result[channel_id]
            ids.add(card_id)
            story_ids.add(story_id)
        return {channel_id: AlreadyDelivered(*already_delivered) for channel_id, already_delivered in result.items()}


# Built once: constructing these statements on each tick costs more than executing them.
_GUILDS: BindParameter[Any] = bindparam("guilds", expanding=True)
# `visible_at` is only set for published cards. With an additional condition on `state`, SQLite would pick that index
# and scan every published card.
_ARRIVED = (cards.c.visible_at > bindparam("since")) & (cards.c.published_at >= bindparam("oldest"))
_TOPICS = (
    select(func.aggregate_strings(topics.c.key, "\n"))
    .select_from(card_topics.join(topics))
    .where(card_topics.c.card_id == cards.c.id)
    .scalar_subquery()
)
"""Topic keys joined by newlines; folded names contain none."""
_kin = cards.alias("kin")
_EARLIEST = select(func.min(_kin.c.id)).where(_kin.c.story_id == cards.c.story_id).scalar_subquery()
_CANDIDATES = select(
    cards.c.id,
    cards.c.story_id,
    cards.c.revision,
    type_coerce(cards.c.published_at, BigInteger).label("published_at"),
    type_coerce(cards.c.visible_at, BigInteger).label("visible_at"),
    _TOPICS.label("topics"),
    cards.c.provider,
    cards.c.quality,
    cards.c.heat,
    cards.c.state,
    _EARLIEST.label("earliest"),
)
_OF_EVERYONE = _CANDIDATES.where(_ARRIVED)
_BY_IDS = _CANDIDATES.where(cards.c.id.in_(bindparam("ids", expanding=True)), IS_SHARED)
_row = server_cards.c
_of_card = select(followed_card_topics.c.topic_id).where(followed_card_topics.c.card_id == _row.card_id)
_of_follow = select(follow_topics.c.topic_id).where(
    follow_topics.c.guild_id == _row.guild_id, follow_topics.c.source_id == _row.source_id
)
_OWN_TOPICS = (
    select(func.aggregate_strings(topics.c.key, "\n"))
    .where(topics.c.id.in_(union(_of_card.correlate(server_cards), _of_follow.correlate(server_cards))))
    .correlate(server_cards)
    .scalar_subquery()
)
_OF_FOLLOWS = (
    select(
        _row.guild_id,
        cards.c.id,
        _row.story_id,
        cards.c.revision,
        type_coerce(cards.c.published_at, BigInteger).label("published_at"),
        type_coerce(_row.arrived_at, BigInteger).label("visible_at"),
        _OWN_TOPICS.label("topics"),
        cards.c.provider,
        _row.quality,
        cards.c.heat,
        _row.state,
        func.coalesce(_row.story_id, cards.c.id).label("earliest"),
    )
    .join_from(server_cards, cards, cards.c.id == _row.card_id)
    .where(_row.guild_id.in_(_GUILDS), ~IS_SHARED, cards.c.state != CardState.WITHDRAWN)
)
_FOLLOWED = _OF_FOLLOWS.where(
    _row.arrived_at > bindparam("since"), _row.arrived_at >= bindparam("oldest"), ~_row.is_backlog
)
_FOLLOWED_BY_HAND = _OF_FOLLOWS.join(
    decisions, (decisions.c.guild_id == _row.guild_id) & (decisions.c.card_id == _row.card_id)
).where(decisions.c.verdict == Verdict.PUBLISH, decisions.c.decided_at > bindparam("since"))
_DECISIONS = select(
    *(decisions.c[name] for name in ("guild_id", "card_id", "verdict", "decided_at", "selected_only"))
).where(
    decisions.c.guild_id.in_(_GUILDS),
    or_(
        (decisions.c.verdict == Verdict.PUBLISH) & (decisions.c.decided_at > bindparam("since")),
        decisions.c.card_id.in_(select(cards.c.id).where(_ARRIVED)),
        exists(select(literal(1)).where(_row.guild_id == decisions.c.guild_id, _row.card_id == decisions.c.card_id)),
    ),
)
_EDITS = select(*(topic_overrides.c[name] for name in ("guild_id", "card_id", "topics", "audit_id"))).where(
    topic_overrides.c.guild_id.in_(_GUILDS)
)
_PICKS = select(*decision_subscriptions.c).where(decision_subscriptions.c.guild_id.in_(_GUILDS))
_CHANNEL_CARDS = union_all(
    select(delivery_cards.c.channel_id, delivery_cards.c.card_id),
    select(deferred_cards.c.channel_id, deferred_cards.c.card_id),
).subquery()
_DELIVERED = (
    select(_CHANNEL_CARDS.c.channel_id, _CHANNEL_CARDS.c.card_id, stories.story_id_of(cards))
    .join(cards, cards.c.id == _CHANNEL_CARDS.c.card_id)
    .where(
        _CHANNEL_CARDS.c.channel_id.in_(bindparam("channels", expanding=True)),
        _CHANNEL_CARDS.c.card_id >= bindparam("earliest"),
    )
)
_DELIVERED_OF_FOLLOWS = (
    select(delivery_cards.c.channel_id, _row.card_id, _row.story_id)
    .join_from(server_cards, delivery_cards, delivery_cards.c.card_id == _row.card_id)
    .join(deliveries, deliveries.c.id == delivery_cards.c.delivery_id)
    .where(
        deliveries.c.guild_id == _row.guild_id,
        delivery_cards.c.channel_id.in_(bindparam("channels", expanding=True)),
        _row.card_id >= bindparam("earliest"),
        _row.story_id.is_not(None),
    )
)
"""What `_DELIVERED` says of followed cards, with the stories that they have in the server of the channel."""


@dataclass(frozen=True, slots=True)
class _PoolRows:
    """Raw rows for a set of candidates."""

    rows: Sequence[Any]
    followed: Sequence[Any]
    """With the guild of each as their first column."""
    own: _GuildOverrides


@lru_cache(maxsize=4096)
def _make_candidate(
    id_: int,
    story_id: int | None,
    revision: str,
    published_at: int,
    arrived_at: int | None,
    topic_keys: str | None,
    provider: str,
    quality: int | None,
    heat: int | None,
) -> Candidate:
    """Build a candidate; cached, since most cards are unchanged between ticks."""
    return Candidate(
        card_id=id_,
        story_id=story_id or id_,
        revision=revision,
        published_at=moment_from_microseconds(published_at),
        arrived_at=moment_from_microseconds(arrived_at or published_at),
        topics=frozenset(topic_keys.split("\n") if topic_keys else ()),
        provider=provider,
        quality=parse_number(quality),
        heat=parse_number(heat),
    )


_Here = tuple[int, int]
"""(guild id, card id)"""


@dataclass(frozen=True, slots=True)
class _GuildOverrides:
    """Per-server overrides: decisions, topics (with the audit entry's id) and selected subscriptions."""

    decisions: Mapping[_Here, Any]
    edits: Mapping[_Here, tuple[Sequence[str], int]]
    picks: Mapping[_Here, frozenset[int]]

    def apply_to(self, key: _Here, state: str, card: Candidate) -> Candidate | None:
        """Return the card as the server sees it; None if it is hidden there."""
        decided = self.decisions.get(key)
        if not is_visible(parse_state(state), verdict_or_none(decided.verdict) if decided else None):
            return None
        if decided and decided.verdict == Verdict.PUBLISH:
            only = self.picks.get(key, frozenset()) if decided.selected_only else None
            card = replace(card, arrived_at=decided.decided_at, picked_for=only)
        if edit := self.edits.get(key):
            names, entry_id = edit
            names = names if isinstance(names, list) else ()
            card = replace(
                card, topics=frozenset(map(normalize_name, names)), revision=f"{card.revision}{REVISION_MARK}{entry_id}"
            )
        return card


async def _fetch_topic_edits(
    connection: AsyncConnection, parameters: Mapping[str, Any], found: Collection[int]
) -> dict[_Here, tuple[Sequence[str], int]]:
    """Load the topic overrides of the found cards.

    Filtered here: overrides are few, and filtering by card id in SQL would scan every card.
    """
    rows = await connection.execute(_EDITS, parameters)
    return {(guild_id, card_id): (names, entry_id) for guild_id, card_id, names, entry_id in rows if card_id in found}


async def _fetch_picks(connection: AsyncConnection, parameters: Mapping[str, Any]) -> dict[_Here, frozenset[int]]:
    rows: dict[_Here, set[int]] = {}
    for guild_id, card_id, subscription_id in await connection.execute(_PICKS, parameters):
        rows.setdefault((guild_id, card_id), set()).add(subscription_id)
    return {key: frozenset(ids) for key, ids in rows.items()}


def _build_pool(found: _PoolRows) -> CandidatePool:
    cards_of = {id_: (state, _make_candidate(id_, *rest)) for id_, *rest, state, _ in found.rows}
    everyone = [card for state, card in cards_of.values() if state == CardState.PUBLISHED]
    hidden: dict[int, set[int]] = {}
    differing: dict[int, list[Candidate]] = {}
    followed = {
        (guild_id, id_): (state, _make_candidate(id_, *rest)) for guild_id, id_, *rest, state, _ in found.followed
    }
    for key in found.own.decisions.keys() | found.own.edits.keys():
        guild_id, card_id = key
        if card_id not in cards_of:
            continue  # of a followed source: below, or nothing for a digest
        hidden.setdefault(guild_id, set()).add(card_id)
        if card := found.own.apply_to(key, *cards_of[card_id]):
            differing.setdefault(guild_id, []).append(card)
    for key, row in sorted(followed.items()):
        if card := found.own.apply_to(key, *row):
            differing.setdefault(key[0], []).append(card)
    firsts = [earliest or id_ for id_, *_, earliest in found.rows]
    earliest = min([*firsts, *(row.earliest for row in found.followed)], default=None)
    return CandidatePool(everyone, {guild: frozenset(ids) for guild, ids in hidden.items()}, differing, earliest)
