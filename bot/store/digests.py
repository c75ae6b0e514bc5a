"""What digests choose from, and the messages that they become."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    RowMapping,
    bindparam,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import State
from bot.cards.text import folded
from bot.desk.delivery import EMPTY, SEEN_AS, Content, Crosspost, Progress, written
from bot.desk.digest import Candidate, Chosen, Had, Why
from bot.desk.publication import Verdict, is_visible
from bot.desk.subscription import Layout, Subscription
from bot.store import stories
from bot.store.database import Database
from bot.store.records import FiledCard, filed, filed_columns, timeline
from bot.store.tables import (
    card_edits,
    card_topics,
    cards,
    decision_subscriptions,
    decisions,
    deferred,
    deliveries,
    delivery_cards,
    quiet_hours,
    subscriptions,
    topics,
)
from bot.store.visibility import visible

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


@dataclass(frozen=True, slots=True)
class NewMessage:
    """One message of a digest. `slot` and `part` name it within its subscription: it is made once.

    Without `cards` it says that there is nothing new.
    """

    subscription: Subscription
    slot: str
    part: int
    at: datetime
    heading: str
    layout: Layout
    cards: Sequence[Chosen]


@dataclass(slots=True)
class Edition:
    """All that one tick made: messages, and where their subscriptions stand afterwards."""

    messages: list[NewMessage] = field(default_factory=list)
    turned: list[tuple[Subscription, datetime, datetime | None]] = field(default_factory=list)
    """Subscriptions with their new `since` and `next_at`."""
    released: list[int] = field(default_factory=list)
    """Channels for which nothing waits for the end of quiet hours any more."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A story that waits to come together with others: for the end of quiet hours, or of an outage.

    `delivery_id` is that of the message that was planned for it, if there is one.
    """

    subscription_id: int
    story_id: int
    since: datetime
    card: FiledCard
    delivery_id: int = 0


class Digests:
    """The digests' side of the store."""

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

    async def file(self, edition: Edition, now: datetime) -> int:
        """Write an edition in one transaction. Returns the number of messages that are new.

        A subscription whose `next_at` is not the one that was read any more is left as it is, with its messages.
        """
        async with self._database.write() as connection:
            kept = await _turn(connection, edition)
            messages = [each for each in edition.messages if each.subscription.id in kept]
            await _add(connection, messages, now)
            if edition.released:
                await connection.execute(deferred.delete().where(deferred.c.channel_id.in_(edition.released)))
            return len(messages)

    async def deferred(self, channel_ids: Collection[int], now: datetime) -> dict[int, list[Waiting]]:
        """Cards that waited for the end of quiet hours, by channel, oldest first.

        What the server does not see any more is left out, and stories that the channel has had meanwhile.
        """
        story = stories.story_of(cards)
        other = cards.alias("other")
        told = (
            select(literal(1))
            .select_from(delivery_cards.join(other, other.c.id == delivery_cards.c.card_id))
            .where(delivery_cards.c.channel_id == deferred.c.channel_id)
            .where(stories.story_of(other) == story)
        )
        asked = (
            select(deferred.c.channel_id, deferred.c.subscription_id, story.label("story_id"), *filed_columns(0))
            .join(cards, cards.c.id == deferred.c.card_id)
            .join(subscriptions, subscriptions.c.id == deferred.c.subscription_id)
            .where(deferred.c.channel_id.in_(channel_ids), visible(subscriptions.c.guild_id), ~exists(told))
            .order_by(cards.c.timeline)
        )
        found: dict[int, list[Waiting]] = {}
        async with self._database.read() as connection:
            for row in (await connection.execute(asked)).mappings():
                waiting = Waiting(row["subscription_id"], row["story_id"], now, filed(row))
                found.setdefault(row["channel_id"], []).append(waiting)
        return found

    async def never_sent(self, channel_id: int) -> list[Waiting]:
        """Single stories that wait for a channel and were never sent, oldest first."""
        story = stories.story_of(cards).label("story_id")
        asked = (
            select(
                deliveries.c.id.label("delivery_id"),
                deliveries.c.subscription_id,
                deliveries.c.planned_at,
                story,
                *filed_columns(0),
            )
            .join(delivery_cards, delivery_cards.c.delivery_id == deliveries.c.id)
            .join(cards, cards.c.id == delivery_cards.c.card_id)
            .where(_never_sent(channel_id), delivery_cards.c.place == 0)
            .order_by(deliveries.c.timeline, deliveries.c.id)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(asked)).mappings()
            return [
                Waiting(row["subscription_id"], row["story_id"], row["planned_at"], filed(row), row["delivery_id"])
                for row in rows
            ]

    async def gather(self, waiting: Sequence[Waiting], messages: Sequence[NewMessage], now: datetime) -> bool:
        """Let these messages take the place of single stories that were never sent. False when one of them has gone."""
        async with self._database.write() as connection:
            ids = [each.delivery_id for each in waiting]
            mine = deliveries.c.id.in_(ids) & _never_sent(messages[0].subscription.channel_id)
            if (await connection.execute(select(func.count()).where(mine))).scalar_one() != len(ids):
                return False
            await connection.execute(deliveries.delete().where(mine))
            await _add(connection, messages, now)
            return True

    async def whys(self, delivery_id: int, guild_id: int) -> list[tuple[FiledCard, Why | None]]:
        """The cards of one of a server's digests that it still sees, in order, and why each was chosen."""
        asked = (
            select(*_WHY, *filed_columns(guild_id))
            .join(cards, cards.c.id == delivery_cards.c.card_id)
            .join(deliveries, deliveries.c.id == delivery_cards.c.delivery_id)
            .where(deliveries.c.id == delivery_id, deliveries.c.guild_id == guild_id)
            .where(delivery_cards.c.shown, visible(guild_id))
            .order_by(delivery_cards.c.place)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(asked)).mappings()
            return [(filed(row), _why(row)) for row in rows]

    async def why(self, channel_id: int, card_id: int) -> tuple[datetime, Why | None] | None:
        """When a channel got a card, and why a digest chose it; None when it has not got it."""
        asked = (
            select(func.coalesce(deliveries.c.settled_at, deliveries.c.planned_at).label("at"), *_WHY)
            .join(deliveries, deliveries.c.id == delivery_cards.c.delivery_id)
            .where(delivery_cards.c.channel_id == channel_id, delivery_cards.c.card_id == card_id)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(asked)).mappings().one_or_none()
        return (row["at"], _why(row)) if row else None


_WHY = tuple(delivery_cards.c[name].label(f"why_{name}") for name in ("rank", "heat", "quality", "hours"))


def _why(row: RowMapping) -> Why | None:
    place = row["why_rank"]
    return Why(place, row["why_heat"], row["why_quality"], row["why_hours"]) if place else None


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


def _never_sent(channel_id: int) -> ColumnElement[bool]:
    return (
        (deliveries.c.channel_id == channel_id)
        & deliveries.c.due_at.is_not(None)
        & (deliveries.c.progress == Progress.WAITING)
        & deliveries.c.sent_at.is_(None)
        & deliveries.c.message_id.is_(None)
        & deliveries.c.wanted.is_not(None)
        & (deliveries.c.layout == Layout.CARD)
    )


async def _turn(connection: AsyncConnection, edition: Edition) -> set[int]:
    """Move the subscriptions on, each only from where it was read. Gives the ids of those that moved, and of others
    whose messages belong to no slot of theirs."""
    waiting = {subscription.id: subscription for subscription, _, _ in edition.turned}
    now_at = select(subscriptions.c.id, subscriptions.c.next_at).where(subscriptions.c.id.in_(waiting))
    rows = (await connection.execute(now_at)).all()
    moved = {subscription_id for subscription_id, next_at in rows if waiting[subscription_id].next_at == next_at}
    values = [
        {"the_id": subscription.id, "new_since": since, "new_next_at": next_at}
        for subscription, since, next_at in edition.turned
        if subscription.id in moved
    ]
    if values:
        await connection.execute(_TURN, values)
    return moved | {message.subscription.id for message in edition.messages if message.subscription.id not in waiting}


_TURN = (
    update(subscriptions)
    .where(subscriptions.c.id == bindparam("the_id"))
    .values(
        since=bindparam("new_since", type_=subscriptions.c.since.type),
        next_at=bindparam("new_next_at", type_=subscriptions.c.next_at.type),
    )
)


async def _add(connection: AsyncConnection, messages: Sequence[NewMessage], now: datetime) -> None:
    if not messages:
        return
    quiet = await _quiet_until(connection, {message.subscription.channel_id for message in messages})
    rows = [_message_row(message, now, quiet.get(message.subscription.channel_id)) for message in messages]
    await connection.execute(insert(deliveries), rows)
    ids = await _ids(connection, rows)
    card_rows = [
        {
            "delivery_id": ids[message.subscription.id, message.slot, message.part],
            "card_id": chosen.card_id,
            "channel_id": message.subscription.channel_id,
            "place": place,
            "revision": chosen.revision,
            **_why_row(chosen.why),
        }
        for message in messages
        for place, chosen in enumerate(message.cards)
    ]
    if card_rows:
        await connection.execute(insert(delivery_cards), card_rows)


def _why_row(why: Why | None) -> dict[str, int | None]:
    if why is None:
        return _NOT_CHOSEN
    return {"rank": why.place, "heat": why.heat, "quality": why.quality, "hours": why.hours}


_NOT_CHOSEN: dict[str, int | None] = dict.fromkeys(("rank", "heat", "quality", "hours"))


async def _ids(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> dict[tuple[int, str, int], int]:
    """The ids of messages by their names. An insert that returned them would be one statement a row on SQLite."""
    of_these = [deliveries.c[name].in_({row[name] for row in rows}) for name in ("subscription_id", "slot")]
    asked = select(deliveries.c.subscription_id, deliveries.c.slot, deliveries.c.part, deliveries.c.id).where(*of_these)
    return {(subscription, slot, part): id_ for subscription, slot, part, id_ in await connection.execute(asked)}


async def _quiet_until(connection: AsyncConnection, channel_ids: Collection[int]) -> dict[int, datetime]:
    """Digests that fall into quiet hours wait for their end."""
    asked = select(quiet_hours.c.channel_id, quiet_hours.c.turns_at).where(
        quiet_hours.c.is_quiet, quiet_hours.c.channel_id.in_(channel_ids)
    )
    return dict((await connection.execute(asked)).all())


def _message_row(message: NewMessage, now: datetime, quiet_until: datetime | None) -> dict[str, Any]:
    subscription, wish = message.subscription, message.subscription.wish
    return {
        "subscription_id": subscription.id,
        "guild_id": subscription.guild_id,
        "user_id": subscription.user_id,
        "channel_id": subscription.channel_id,
        "timeline": timeline(message.at, message.part),
        "wanted": written(Content(card.card_id, card.revision) for card in message.cards) or EMPTY,
        "progress": Progress.WAITING,
        "planned_at": now,
        "due_at": max(now, quiet_until) if quiet_until else now,
        "slot": message.slot,
        "part": message.part,
        "layout": message.layout,
        "heading": message.heading,
        "mention": wish.mention if message.part == 0 else None,
        "on_withdrawal": wish.on_withdrawal,
        "forum": subscription.forum,
        "crosspost": Crosspost.WANTED if wish.crosspost else None,
        "language": subscription.language,
    }
