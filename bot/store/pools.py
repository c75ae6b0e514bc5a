"""Load digest candidates: the cards visible in each server, and the ones each channel has already had."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, BindParameter, bindparam, func, or_, select, type_coerce, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import State
from bot.cards.text import folded
from bot.desk.delivery import SEEN_AS
from bot.desk.digest import Candidate, Had
from bot.desk.publication import Verdict, is_visible
from bot.store import stories
from bot.store.bulk import some_of
from bot.store.database import Database
from bot.store.parsing import number_or_none, state_of, verdict_or_none
from bot.store.tables import (
    card_edits,
    card_topics,
    cards,
    decision_subscriptions,
    decisions,
    deferred,
    delivery_cards,
    moment,
    topics,
)

_STRANGERS = 300
"""Cards that get a story assigned per transaction."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Cards available to digests: a list shared by all servers, and each server's differences from it."""

    everyone: list[Candidate]
    hidden: Mapping[int, frozenset[int]]
    """By guild id: ids of cards in `everyone` that the server hides or overrides."""
    own: Mapping[int, list[Candidate]]
    """By guild id: the overridden cards as the server sees them, and cards that only it published."""
    earliest: int | None
    """The lowest card id in any of these stories (that card need not be a candidate); None without cards."""

    def of(self, guild_id: int) -> list[Candidate]:
        """Return one server's candidates; servers without overrides share the same list object."""
        hidden, own = self.hidden.get(guild_id), self.own.get(guild_id)
        if not hidden and not own:
            return self.everyone
        return [card for card in self.everyone if card.card_id not in (hidden or ())] + list(own or ())


class Pools:
    """Queries for digest candidates and channel history."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pool(self, guild_ids: Collection[int], since: datetime, oldest: datetime) -> Pool:
        """Load visible cards that arrived after `since` and were published no earlier than `oldest`.

        Cards published by a moderator have no age limit. Cards without a story get one assigned.
        """
        asked = {"guilds": list(guild_ids), "since": since, "oldest": oldest}
        found = await self._found(asked)
        if strangers := [id_ for id_, story_id, *_ in found.rows if story_id is None]:
            await self._tell_stories_apart(strangers)
            found = await self._found(asked)
        return _pooled(found)

    async def _found(self, asked: Mapping[str, Any]) -> _Found:
        async with self._database.read() as connection:
            rows = list((await connection.execute(_OF_EVERYONE, asked)).all())
            decided = (await connection.execute(_DECIDED, asked)).all()
            known = {row.id for row in rows}
            others = list({row.card_id for row in decided} - known)
            for some in some_of(others):
                rows += (await connection.execute(_BY_IDS, {"ids": some})).all()
            edits = await _edits(connection, asked, {row.id for row in rows})
            picks = await _picks(connection, asked) if any(row.picked for row in decided) else {}
        return _Found(rows, _Own({(row.guild_id, row.card_id): row for row in decided}, edits, picks))

    async def _tell_stories_apart(self, strangers: Sequence[int]) -> None:
        """Assign stories in small batches, to keep each write transaction short."""
        for some in some_of(strangers, _STRANGERS):
            async with self._database.write() as connection:
                await stories.assign(connection, select(cards.c.id).where(cards.c.id.in_(some)))

    async def had(self, channel_ids: Collection[int], pool: Pool) -> dict[int, Had]:
        """Find the cards and stories that each channel has already had, or has queued, by channel id."""
        # Card ids increase as cards are filed: no need to read history before the stories' first card.
        if pool.earliest is None:
            return {}
        asked = {"channels": list(channel_ids), "earliest": pool.earliest}
        async with self._database.glance() as connection:
            rows = (await connection.execute(_HAD, asked)).all()
        found: defaultdict[int, tuple[set[int], set[int]]] = defaultdict(lambda: (set(), set()))
        for channel_id, card_id, story_id in rows:
            ids, story_ids = found[channel_id]
            ids.add(card_id)
            story_ids.add(story_id)
        return {channel_id: Had(*had) for channel_id, had in found.items()}


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
_POOL = select(
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
    select(_MET.c.channel_id, _MET.c.card_id, stories.story_of(cards))
    .join(cards, cards.c.id == _MET.c.card_id)
    .where(_MET.c.channel_id.in_(bindparam("channels", expanding=True)), _MET.c.card_id >= bindparam("earliest"))
)


@dataclass(frozen=True, slots=True)
class _Found:
    """Raw rows for a set of candidates."""

    rows: Sequence[Any]
    own: _Own


@lru_cache(maxsize=4096)
def _candidate(
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
        published_at=moment(published_at),
        arrived_at=moment(arrived_at or published_at),
        topics=frozenset(topic_keys.split("\n") if topic_keys else ()),
        provider=provider,
        quality=number_or_none(quality),
        heat=number_or_none(heat),
    )


_Here = tuple[int, int]
"""(guild id, card id)"""


@dataclass(frozen=True, slots=True)
class _Own:
    """Per-server overrides: decisions, topics (with the audit entry's id) and selected subscriptions."""

    decisions: Mapping[_Here, Any]
    edits: Mapping[_Here, tuple[Sequence[str], int]]
    picks: Mapping[_Here, frozenset[int]]

    def candidate(self, here: _Here, state: str, card: Candidate) -> Candidate | None:
        """Return the card as the server sees it; None if it is hidden there."""
        decided = self.decisions.get(here)
        if not is_visible(state_of(state), verdict_or_none(decided.verdict) if decided else None):
            return None
        if decided and decided.verdict == Verdict.PUBLISH:
            only = self.picks.get(here, frozenset()) if decided.picked else None
            card = replace(card, arrived_at=decided.decided_at, only=only)
        if edit := self.edits.get(here):
            names, entry_id = edit
            names = names if isinstance(names, list) else ()
            card = replace(card, topics=frozenset(map(folded, names)), revision=f"{card.revision}{SEEN_AS}{entry_id}")
        return card


async def _edits(
    connection: AsyncConnection, asked: Mapping[str, Any], found: Collection[int]
) -> dict[_Here, tuple[Sequence[str], int]]:
    """Load the topic overrides of the found cards.

    Filtered here: overrides are few, and filtering by card id in SQL would scan every card.
    """
    rows = await connection.execute(_EDITS, asked)
    return {(guild_id, card_id): (names, entry_id) for guild_id, card_id, names, entry_id in rows if card_id in found}


async def _picks(connection: AsyncConnection, asked: Mapping[str, Any]) -> dict[_Here, frozenset[int]]:
    found: dict[_Here, set[int]] = {}
    for guild_id, card_id, subscription_id in await connection.execute(_PICKS, asked):
        found.setdefault((guild_id, card_id), set()).add(subscription_id)
    return {here: frozenset(ids) for here, ids in found.items()}


def _pooled(found: _Found) -> Pool:
    cards_of = {id_: (state, _candidate(id_, *rest)) for id_, *rest, state, _ in found.rows}
    everyone = [card for state, card in cards_of.values() if state == State.PUBLISHED]
    hidden: dict[int, set[int]] = {}
    differing: dict[int, list[Candidate]] = {}
    for here in found.own.decisions.keys() | found.own.edits.keys():
        guild_id, card_id = here
        hidden.setdefault(guild_id, set()).add(card_id)
        if card := found.own.candidate(here, *cards_of[card_id]):
            differing.setdefault(guild_id, []).append(card)
    earliest = min((earliest or id_ for id_, *_, earliest in found.rows), default=None)
    return Pool(everyone, {guild: frozenset(ids) for guild, ids in hidden.items()}, differing, earliest)
