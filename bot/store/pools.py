"""What digests choose from: the cards as each server sees them, and what each channel has had of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, bindparam, func, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import State
from bot.cards.text import folded
from bot.desk.delivery import SEEN_AS
from bot.desk.digest import Candidate, Had
from bot.desk.publication import Verdict, is_visible
from bot.store import stories
from bot.store.database import Database
from bot.store.tables import (
    card_edits,
    card_topics,
    cards,
    decision_subscriptions,
    decisions,
    deferred,
    delivery_cards,
    topics,
)

_STRANGERS = 300
"""Cards whose stories are told apart in one transaction."""
_AT_ONCE = 500
"""Values in one question: their number is limited on every engine."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Cards that digests may bring: those that every server sees, and what single servers decided otherwise."""

    everyone: list[Candidate]
    hidden: Mapping[int, frozenset[int]]
    """By server: cards of `everyone` that it sees otherwise, or not at all."""
    own: Mapping[int, list[Candidate]]
    """By server: those cards as it sees them, and others that it published itself."""

    def of(self, guild_id: int) -> list[Candidate]:
        """One server's; the same list for all servers that decided nothing."""
        hidden, own = self.hidden.get(guild_id), self.own.get(guild_id)
        if not hidden and not own:
            return self.everyone
        return [card for card in self.everyone if card.card_id not in (hidden or ())] + list(own or ())


class Pools:
    """Pools, and what is left of them for each channel."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pool(self, guild_ids: Collection[int], since: datetime, oldest: datetime) -> Pool:
        """The visible cards that arrived after `since` and were published after `oldest`; stories are told apart.

        A card that a moderator published may be of any age.
        """
        asked = {"guilds": list(guild_ids), "since": since, "oldest": oldest}
        found = await self._found(asked)
        if strangers := [row.id for row in found.rows if row.story_id is None]:
            await self._tell_stories_apart(strangers)
            found = await self._found(asked)
        cards_of = {row.id: (row, _candidate(row)) for row in found.rows}
        everyone = [card for row, card in cards_of.values() if row.state == State.PUBLISHED and row.visible_at]
        return _pooled(everyone, cards_of, found.own)

    async def _found(self, asked: Mapping[str, Any]) -> _Found:
        async with self._database.read() as connection:
            rows = list(await connection.execute(_OF_EVERYONE, asked))
            decided = (await connection.execute(_DECIDED, asked)).all()
            known = {row.id for row in rows}
            others = list({row.card_id for row in decided} - known)
            for start in range(0, len(others), _AT_ONCE):
                rows += await connection.execute(_BY_IDS, {"ids": others[start : start + _AT_ONCE]})
            edits = await _edits(connection, asked, {row.id for row in rows})
            picks = await _picks(connection, asked) if any(row.picked for row in decided) else {}
        return _Found(rows, _Own({(row.guild_id, row.card_id): row for row in decided}, edits, picks))

    async def _tell_stories_apart(self, strangers: Sequence[int]) -> None:
        """Some at a time, so that nobody waits for long to write."""
        for start in range(0, len(strangers), _STRANGERS):
            some = select(cards.c.id).where(cards.c.id.in_(strangers[start : start + _STRANGERS]))
            async with self._database.write() as connection:
                await stories.assign(connection, some)

    async def had(self, channel_ids: Collection[int], pool: Sequence[Candidate]) -> dict[int, Had]:
        """Of these cards and their stories: what each channel has had, or is about to have."""
        told = {card.story_id for card in pool}
        if not told:
            return {}
        found: defaultdict[int, tuple[set[int], set[int]]] = defaultdict(lambda: (set(), set()))
        asked = {"channels": list(channel_ids), "stories": list(told)}
        async with self._database.read() as connection:
            for channel_id, card_id, story_id in await connection.execute(_HAD, asked):
                ids, story_ids = found[channel_id]
                ids.add(card_id)
                story_ids.add(story_id)
        return {channel_id: Had(*had) for channel_id, had in found.items()}


# Made once: building these questions costs a tick more than their answers.
_GUILDS: BindParameter[Any] = bindparam("guilds", expanding=True)
_ARRIVED = (
    (cards.c.visible_at > bindparam("since"))
    & (cards.c.published_at >= bindparam("oldest"))
    & (cards.c.state == State.PUBLISHED)
)
_TOPICS = (
    select(func.aggregate_strings(topics.c.key, "\n"))
    .select_from(card_topics.join(topics))
    .where(card_topics.c.card_id == cards.c.id)
    .scalar_subquery()
)
"""No name has a line's end in it: they are folded."""
_POOL = select(
    cards.c.id,
    cards.c.story_id,
    cards.c.revision,
    cards.c.published_at,
    cards.c.visible_at,
    _TOPICS.label("topics"),
    cards.c.provider,
    cards.c.quality,
    cards.c.heat,
    cards.c.state,
)
_OF_EVERYONE = _POOL.where(_ARRIVED)
_BY_IDS = _POOL.where(cards.c.id.in_(bindparam("ids", expanding=True)))
_DECIDED = select(*(decisions.c[name] for name in ("guild_id", "card_id", "verdict", "decided_at", "picked"))).where(
    decisions.c.guild_id.in_(_GUILDS),
    or_(
        (decisions.c.verdict == Verdict.PUBLISH) & (decisions.c.decided_at > bindparam("since")),
        decisions.c.card_id.in_(select(cards.c.id).where(_ARRIVED)),
    ),
)
_EDITS = select(*(card_edits.c[name] for name in ("guild_id", "card_id", "topics", "audit_id"))).where(
    card_edits.c.guild_id.in_(_GUILDS)
)
_PICKS = select(*decision_subscriptions.c).where(decision_subscriptions.c.guild_id.in_(_GUILDS))
_MET = union_all(
    select(delivery_cards.c.channel_id, delivery_cards.c.card_id),
    select(deferred.c.channel_id, deferred.c.card_id),
).subquery()
_HAD = (
    select(_MET.c.channel_id, cards.c.id, stories.story_of(cards))
    .join(cards, cards.c.id == _MET.c.card_id)
    .where(_MET.c.channel_id.in_(bindparam("channels", expanding=True)))
    .where(stories.story_of(cards).in_(bindparam("stories", expanding=True)))
)


@dataclass(frozen=True, slots=True)
class _Found:
    """What the store has for a pool."""

    rows: Sequence[Any]
    own: _Own


def _candidate(row: Any) -> Candidate:
    id_, story_id, revision, published_at, arrived_at, topic_keys, provider, quality, heat, _ = row
    return Candidate(
        card_id=id_,
        story_id=story_id or id_,
        revision=revision,
        published_at=published_at,
        arrived_at=arrived_at or published_at,
        topics=frozenset(topic_keys.split("\n") if topic_keys else ()),
        provider=provider,
        quality=quality,
        heat=heat,
    )


_Here = tuple[int, int]
"""A server and a card."""


@dataclass(frozen=True, slots=True)
class _Own:
    """What single servers made of cards: decisions, other topics (with the log's entry), picked subscriptions."""

    decisions: Mapping[_Here, Any]
    edits: Mapping[_Here, tuple[Sequence[str], int]]
    picks: Mapping[_Here, frozenset[int]]

    def candidate(self, here: _Here, row: Any, card: Candidate) -> Candidate | None:
        """The card as the server has it; None when it does not see it."""
        decided = self.decisions.get(here)
        if not is_visible(State(row.state), Verdict(decided.verdict) if decided else None):
            return None
        if decided and decided.verdict == Verdict.PUBLISH:
            only = self.picks.get(here, frozenset()) if decided.picked else None
            card = replace(card, arrived_at=decided.decided_at, only=only)
        if edit := self.edits.get(here):
            names, entry_id = edit
            card = replace(card, topics=frozenset(map(folded, names)), revision=f"{card.revision}{SEEN_AS}{entry_id}")
        return card


async def _edits(
    connection: AsyncConnection, asked: Mapping[str, Any], found: Collection[int]
) -> dict[_Here, tuple[Sequence[str], int]]:
    """Of the cards that were found: few cards have any, and asking for them by card would look at every card."""
    rows = await connection.execute(_EDITS, asked)
    return {(guild_id, card_id): (names, entry_id) for guild_id, card_id, names, entry_id in rows if card_id in found}


async def _picks(connection: AsyncConnection, asked: Mapping[str, Any]) -> dict[_Here, frozenset[int]]:
    found: dict[_Here, set[int]] = {}
    for guild_id, card_id, subscription_id in await connection.execute(_PICKS, asked):
        found.setdefault((guild_id, card_id), set()).add(subscription_id)
    return {here: frozenset(ids) for here, ids in found.items()}


def _pooled(everyone: list[Candidate], found: Mapping[int, tuple[Any, Candidate]], own: _Own) -> Pool:
    hidden: dict[int, set[int]] = {}
    differing: dict[int, list[Candidate]] = {}
    for here in own.decisions.keys() | own.edits.keys():
        guild_id, card_id = here
        hidden.setdefault(guild_id, set()).add(card_id)
        if card := own.candidate(here, *found[card_id]):
            differing.setdefault(guild_id, []).append(card)
    return Pool(everyone, {guild: frozenset(ids) for guild, ids in hidden.items()}, differing)
