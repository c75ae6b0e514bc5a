"""Load digest candidates: the cards visible in each server, and the ones each channel already received."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
from bot.domain.card_edit import CardEdit
from bot.domain.digest_selection import AlreadyDelivered, Candidate
from bot.domain.heat import compute_heat
from bot.domain.moderation import EVERYWHERE, Verdict, is_visible
from bot.domain.story_change import StoryAct, StoryChange
from bot.domain.story_keys import RELATED
from bot.store.cards import stories
from bot.store.cards.heat import count_publishers_of
from bot.store.cards.revisions import visible_revision
from bot.store.cards.rows import parse_edit
from bot.store.cards.story_step import StoryStep
from bot.store.cards.visibility import IS_SHARED, edited_revision
from bot.store.column_parsers import parse_number, parse_state, verdict_or_none
from bot.store.database import Database
from bot.store.sql_helpers import chunks
from bot.store.tables import (
    audit_log,
    card_aliases,
    card_edits,
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
    story_coverage,
    story_decisions,
    story_keys,
    subscriptions,
    topics,
)


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
    has_decided_stories: bool = False
    """Whether a server's moderators split or joined stories."""

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

        Cards published by a moderator have no age limit; those split off arrive once more, unless they are older than
        `oldest`. Cards without a story get one assigned.
        """
        parameters = {"guilds": list(guild_ids), "since": since, "oldest": oldest}
        found = await self._fetch_rows(parameters)
        unassigned = [row.id for row in (*found.rows, *found.followed) if row.story_id is None]
        if unassigned:
            await StoryStep(self._database).assign_cards(unassigned)
            found = await self._fetch_rows(parameters)
        return _build_pool(found)

    async def _fetch_rows(self, parameters: Mapping[str, Any]) -> _PoolRows:
        async with self._database.begin_read() as connection:
            rows = list((await connection.execute(_OF_EVERYONE, parameters)).all())
            followed = list((await connection.execute(_FOLLOWED, parameters)).all())
            followed += (await connection.execute(_FOLLOWED_BY_HAND, parameters)).all()
            decided = (await connection.execute(_DECISIONS, parameters)).all()
            told = (await connection.execute(_DECIDED_STORIES, parameters)).all()
            told_by = {(guild_id, card_id): story_id for guild_id, card_id, story_id in told}
            splits = await _fetch_splits(connection, parameters, told_by) if told_by else {}
            revisions = await _fetch_revisions(connection, parameters) if told_by else {}
            for some in chunks(sorted({card_id for _, card_id in splits})):
                followed += (await connection.execute(_FOLLOWED_BY_IDS, {**parameters, "ids": some})).all()
            known = {row.id for row in (*rows, *followed)}
            others = list(({row.card_id for row in decided} | {card_id for _, card_id in splits}) - known)
            for some in chunks(others):
                rows += (await connection.execute(_BY_IDS, {"ids": some})).all()
            edits = await _fetch_edits(connection, parameters, (*rows, *followed))
            picks = await _fetch_picks(connection, parameters) if any(row.selected_only for row in decided) else {}
            coverage = await _fetch_coverage(connection, parameters, rows, told_by)
        verdicts = {(row.guild_id, row.card_id): row for row in decided}
        return _PoolRows(rows, followed, _GuildOverrides(verdicts, edits, picks, coverage, told_by, splits, revisions))

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
            told = (
                await connection.execute(_DELIVERED_AS_DECIDED, parameters)
                if candidate_pool.has_decided_stories
                else ()
            )
            decided = {(channel_id, card_id): story_id for channel_id, card_id, story_id in told}
        result: defaultdict[int, tuple[set[int], set[int]]] = defaultdict(lambda: (set(), set()))
        for channel_id, card_id, story_id in rows:
            ids, story_ids = result[channel_id]
            ids.add(card_id)
            story_ids.add(decided.get((channel_id, card_id), story_id))
        return {channel_id: AlreadyDelivered(*already_delivered) for channel_id, already_delivered in result.items()}

    async def find_delivered(self, channel_id: int, card_ids: Collection[int]) -> set[int]:
        """Return those of these cards that a channel already received, or has queued."""
        query = select(_CHANNEL_CARDS.c.card_id).where(_CHANNEL_CARDS.c.channel_id == channel_id)
        found: set[int] = set()
        async with self._database.begin_read() as connection:
            for some in chunks(sorted(card_ids)):
                found |= set((await connection.execute(query.where(_CHANNEL_CARDS.c.card_id.in_(some)))).scalars())
        return found


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
    count_publishers_of(cards.c.story_id, EVERYWHERE).label("publishers"),
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
_own_story = stories.coalesce_story_id(_row.guild_id, _row.card_id, _row.story_id)
_OF_FOLLOWS = (
    select(
        _row.guild_id,
        cards.c.id,
        _own_story.label("story_id"),
        cards.c.revision,
        type_coerce(cards.c.published_at, BigInteger).label("published_at"),
        type_coerce(_row.arrived_at, BigInteger).label("visible_at"),
        _OWN_TOPICS.label("topics"),
        cards.c.provider,
        _row.quality,
        cards.c.heat,
        count_publishers_of(_own_story, _row.guild_id).label("publishers"),
        _row.state,
        func.coalesce(_row.story_id, cards.c.id).label("earliest"),
    )
    .join_from(server_cards, cards, cards.c.id == _row.card_id)
    # Otherwise SQLite begins with the followed cards of all servers, which have an index by state.
    .with_hint(cards, "NOT INDEXED", "sqlite")
    .where(_row.guild_id.in_(_GUILDS), ~IS_SHARED, cards.c.state != CardState.WITHDRAWN)
)
_FOLLOWED = _OF_FOLLOWS.where(
    _row.arrived_at > bindparam("since"), _row.arrived_at >= bindparam("oldest"), ~_row.is_backlog
)
_FOLLOWED_BY_IDS = _OF_FOLLOWS.where(
    _row.card_id.in_(bindparam("ids", expanding=True)), _row.arrived_at >= bindparam("oldest"), ~_row.is_backlog
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
_EDITS = select(*(card_edits.c[name] for name in ("guild_id", "card_id", "fields", "revision"))).where(
    card_edits.c.guild_id.in_(_GUILDS)
)
_COVERAGE = select(*(story_coverage.c[name] for name in ("guild_id", "story_id", "publishers"))).where(
    story_coverage.c.guild_id.in_(_GUILDS), story_coverage.c.story_id >= bindparam("first")
)
_DECIDED_STORIES = (
    select(story_decisions.c.guild_id, story_decisions.c.card_id, -func.max(story_decisions.c.story_id))
    .where(story_decisions.c.guild_id.in_(_GUILDS))
    .group_by(story_decisions.c.guild_id, story_decisions.c.card_id)
)
_SPLITS = (
    select(
        *(story_decisions.c[name] for name in ("guild_id", "card_id", "story_id")),
        *(audit_log.c[name] for name in ("after", "at")),
    )
    .join(audit_log, audit_log.c.id == story_decisions.c.story_id)
    .join(cards, cards.c.id == story_decisions.c.card_id)
    .where(story_decisions.c.guild_id.in_(_GUILDS), ~story_decisions.c.matched, audit_log.c.at > bindparam("since"))
    .where(or_(~IS_SHARED, cards.c.published_at >= bindparam("oldest")))
)
_of_guild = story_decisions.c.guild_id.in_(_GUILDS)
_LISTING = union(
    select(story_decisions.c.guild_id, story_decisions.c.card_id).where(_of_guild),
    select(story_decisions.c.guild_id, story_keys.c.card_id)
    .join_from(story_decisions, card_aliases, card_aliases.c.card_id == story_decisions.c.card_id)
    .join(story_keys, story_keys.c.key == RELATED + card_aliases.c.url)
    .where(_of_guild),
).subquery()
_REVISIONS = (
    select(_LISTING.c.guild_id, _LISTING.c.card_id, visible_revision(_LISTING.c.guild_id))
    .join(cards, cards.c.id == _LISTING.c.card_id)
    .where(visible_revision(_LISTING.c.guild_id) != edited_revision(_LISTING.c.guild_id))
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

_SERVER_CARDS = union_all(
    select(delivery_cards.c.channel_id, delivery_cards.c.card_id, deliveries.c.guild_id).join(deliveries),
    select(deferred_cards.c.channel_id, deferred_cards.c.card_id, subscriptions.c.guild_id).join(subscriptions),
).subquery()
_DELIVERED_AS_DECIDED = (
    select(_SERVER_CARDS.c.channel_id, _SERVER_CARDS.c.card_id, -func.max(story_decisions.c.story_id))
    .join(
        story_decisions,
        (story_decisions.c.guild_id == _SERVER_CARDS.c.guild_id)
        & (story_decisions.c.card_id == _SERVER_CARDS.c.card_id),
    )
    .where(_SERVER_CARDS.c.channel_id.in_(bindparam("channels", expanding=True)))
    .group_by(_SERVER_CARDS.c.channel_id, _SERVER_CARDS.c.card_id)
)
"""The stories of delivered cards that the moderators of the channel's server decided on."""


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
    publishers: int,
) -> Candidate:
    """Build a candidate; cached, since most cards are unchanged between ticks."""
    return Candidate(
        card_id=id_,
        story_id=story_id or id_,
        revision=revision,
        published_at=moment_from_microseconds(published_at),
        # Backlog arrived at 0, in 1970.
        arrived_at=moment_from_microseconds(published_at if arrived_at is None else arrived_at),
        topics=frozenset(topic_keys.split("\n") if topic_keys else ()),
        provider=provider,
        quality=parse_number(quality),
        heat=compute_heat(parse_number(heat), parse_number(quality), publishers),
        publishers=publishers,
    )


_Here = tuple[int, int]
"""(guild id, card id)"""


@dataclass(frozen=True, slots=True)
class _GuildOverrides:
    """Per-server overrides: decisions, edits (with the revision of the card), selected subscriptions, the numbers of
    publishers by server and story, the stories that moderators made, when they split cards off, and the revisions of
    those that list an article of such a card.
    """

    decisions: Mapping[_Here, Any]
    edits: Mapping[_Here, tuple[CardEdit, str | None]]
    picks: Mapping[_Here, frozenset[int]]
    coverage: Mapping[tuple[int, int], int]
    stories: Mapping[_Here, int]
    splits: Mapping[_Here, datetime]
    revisions: Mapping[_Here, str]

    def apply_to(self, key: _Here, state: str, card: Candidate) -> Candidate | None:
        """Return the card as the server sees it; None if it is hidden there."""
        decided = self.decisions.get(key)
        if not is_visible(parse_state(state), verdict_or_none(decided.verdict) if decided else None):
            return None
        changes: dict[str, Any] = {}
        if decided and decided.verdict == Verdict.PUBLISH:
            only = self.picks.get(key, frozenset()) if decided.selected_only else None
            changes |= {"arrived_at": decided.decided_at, "picked_for": only}
        if edit := self.edits.get(key):
            fields, revision = edit
            if fields.topics is not None:
                changes["topics"] = frozenset(map(normalize_name, fields.topics))
            changes["revision"] = revision or card.revision
        if key in self.revisions:
            changes["revision"] = self.revisions[key]
        if key in self.stories:
            changes["story_id"] = self.stories[key]
        if key in self.splits:
            # News anew: digests may have left it out since they had told the story that it was thought to tell.
            changes["arrived_at"] = max(changes.get("arrived_at", card.arrived_at), self.splits[key])
        return replace(card, **changes) if changes else card

    def list_keys(self) -> set[_Here]:
        """Return what the servers see otherwise than all."""
        return {*self.decisions, *self.edits, *self.stories, *self.revisions}

    def find_earliest(self, candidates: Iterable[Candidate]) -> Iterator[int]:
        """Yield the ids of the cards of stories that moderators made, as far as there are candidates of them."""
        story_ids = {card.story_id for card in candidates}
        return (card_id for (_, card_id), story_id in self.stories.items() if story_id in story_ids)


async def _fetch_edits(
    connection: AsyncConnection, parameters: Mapping[str, Any], rows: Sequence[Any]
) -> dict[_Here, tuple[CardEdit, str | None]]:
    """Load the servers' edits of the found cards.

    Filtered here: edits are few, and filtering by card id in SQL would scan every card.
    """
    edited = (await connection.execute(_EDITS, parameters)).all()
    found = {row.id for row in rows} if edited else set()
    return {
        (guild_id, card_id): (parse_edit(stored), revision)
        for guild_id, card_id, stored, revision in edited
        if card_id in found
    }


async def _fetch_coverage(
    connection: AsyncConnection, parameters: Mapping[str, Any], rows: Sequence[Any], told_by: Mapping[_Here, int]
) -> dict[tuple[int, int], int]:
    """Load where servers see other publishers of stories than everybody does: by server and story, their number."""
    # Filtered here, but for old stories: so many ids are slow as parameters.
    ids = [*filter(parse_number, [row[1] for row in rows]), *told_by.values()]
    counted = (await connection.execute(_COVERAGE, {**parameters, "first": min(ids, default=0)})).all()
    # Most servers see what everybody sees, and then there is nothing to look up.
    story_ids = frozenset(ids) if counted else frozenset()
    return {(guild_id, story_id): number for guild_id, story_id, number in counted if story_id in story_ids}


async def _fetch_splits(
    connection: AsyncConnection, parameters: Mapping[str, Any], told_by: Mapping[_Here, int]
) -> dict[_Here, datetime]:
    """Load when moderators split cards off that are still new, and were not joined with others since."""
    found: dict[_Here, datetime] = {}
    for guild_id, card_id, story_id, after, at in await connection.execute(_SPLITS, parameters):
        change = StoryChange.from_json(after)
        if change and change.act is StoryAct.SPLIT and told_by.get((guild_id, card_id)) == -story_id:
            found[guild_id, card_id] = at
    return found


async def _fetch_revisions(connection: AsyncConnection, parameters: Mapping[str, Any]) -> dict[_Here, str]:
    """Load the revisions of cards in servers that split cards off whose articles they list."""
    rows = await connection.execute(_REVISIONS, parameters)
    return {(guild_id, card_id): revision for guild_id, card_id, revision in rows}


async def _fetch_picks(connection: AsyncConnection, parameters: Mapping[str, Any]) -> dict[_Here, frozenset[int]]:
    rows: dict[_Here, set[int]] = {}
    for guild_id, card_id, subscription_id in await connection.execute(_PICKS, parameters):
        rows.setdefault((guild_id, card_id), set()).add(subscription_id)
    return {key: frozenset(ids) for key, ids in rows.items()}


def _covered_cards(found: _PoolRows) -> set[_Here]:
    """Return everybody's cards in the servers that see other publishers of their stories."""
    if not found.own.coverage:
        return set()
    by_story: dict[int, list[int]] = {}
    for row in found.rows:
        by_story.setdefault(row[1], []).append(row[0])
    return {(guild_id, card_id) for guild_id, story_id in found.own.coverage for card_id in by_story.get(story_id, ())}


def _build_pool(found: _PoolRows) -> CandidatePool:
    values_of = {id_: (state, rest) for id_, *rest, state, _ in found.rows}
    everyone = [_make_candidate(id_, *rest) for id_, (state, rest) in values_of.items() if state == CardState.PUBLISHED]
    hidden: dict[int, set[int]] = {}
    differing: dict[int, list[Candidate]] = {}
    followed = {
        (guild_id, id_): (state, _make_candidate(id_, *rest)) for guild_id, id_, *rest, state, _ in found.followed
    }
    for key in found.own.list_keys() | _covered_cards(found):
        guild_id, card_id = key
        if card_id not in values_of:
            continue  # of a followed source: below, or nothing for a digest
        hidden.setdefault(guild_id, set()).add(card_id)
        state, (story_id, *rest, publishers) = values_of[card_id]
        told = found.own.stories.get(key)
        publishers = found.own.coverage.get((guild_id, told or story_id), 1 if told else publishers)
        if card := found.own.apply_to(key, state, _make_candidate(card_id, story_id, *rest, publishers)):
            differing.setdefault(guild_id, []).append(card)
    for key, row in sorted(followed.items()):
        if card := found.own.apply_to(key, *row):
            differing.setdefault(key[0], []).append(card)
    firsts = [earliest or id_ for id_, *_, earliest in found.rows]
    firsts += [row.earliest for row in found.followed]
    firsts += found.own.find_earliest(card for own in differing.values() for card in own)
    return CandidatePool(
        everyone,
        {guild: frozenset(ids) for guild, ids in hidden.items()},
        differing,
        min(firsts, default=None),
        has_decided_stories=bool(found.own.stories),
    )
