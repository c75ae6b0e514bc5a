"""Store digest messages and advance their subscriptions in one transaction; explain why cards were chosen."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, bindparam, exists, func, insert, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.delivery import CardRevision, ContentKind, CrosspostState, DeliveryStatus, ThreadState, hash_content
from bot.domain.digest_selection import SelectedCard, SelectionReason
from bot.domain.subscription import Layout, Subscription, SubscriptionOptions
from bot.errors import StoreError
from bot.store.cards import stories
from bot.store.cards.rows import StoredCard, card_from_row, compute_sort_key, stored_card_columns
from bot.store.cards.visibility import is_visible_to
from bot.store.database import Database
from bot.store.outbox.contents import fetch_shown
from bot.store.sql_helpers import PlainRow, insert_plain
from bot.store.subscriptions.option_columns import format_options
from bot.store.subscriptions.quiet_hours import fetch_quiet_until
from bot.store.tables import cards, deferred_cards, deliveries, delivery_cards, quiet_hours, subscriptions


class CardTakenError(StoreError):
    """Another plan has given a channel one of these cards since they were chosen: nothing is stored; choose again."""


@dataclass(frozen=True, slots=True)
class PlannedMessage:
    """One message of a digest, identified by subscription, `slot` and `part`, so that it is created only once.

    Without `cards` it says that there is nothing new.
    """

    subscription: Subscription
    slot: str
    part: int
    at: datetime
    heading: str
    layout: Layout
    cards: Sequence[SelectedCard]


@dataclass(slots=True)
class DigestBatch:
    """The output of one tick: messages, and the new state of their subscriptions."""

    messages: list[PlannedMessage] = field(default_factory=list)
    advanced: list[tuple[Subscription, datetime, datetime | None]] = field(default_factory=list)
    """Subscriptions with their new `new_after` and `next_digest_at`."""
    released_ids: Collection[Deferral] = ()
    """Deferrals to delete."""
    merged: dict[int, list[int]] = field(default_factory=dict)
    """By subscription: IDs of its earlier unsent messages that the new ones replace."""


@dataclass(frozen=True, slots=True)
class SavedBatch:
    """The messages of a digest batch that were stored, and the channels in quiet hours with their end."""

    messages: tuple[PlannedMessage, ...]
    quiet_until: Mapping[int, datetime]


Deferral = tuple[int, int]
"""(channel ID, card ID) of a card deferred by quiet hours."""


@dataclass(frozen=True, slots=True)
class DeferredStories:
    """Cards deferred by quiet hours: those to post now, by channel, oldest first, and all deferrals to delete."""

    waiting: dict[int, list[DeferredStory]]
    released: dict[Deferral, None]


@dataclass(frozen=True, slots=True)
class OverdueMessage:
    """A due, unsent message of a digest, with the desired content of its cards."""

    delivery_id: int
    planned_at: datetime
    cards: tuple[CardRevision, ...]


@dataclass(frozen=True, slots=True)
class DeferredStory:
    """A story to be combined with others after quiet hours or an outage.

    `delivery_id` is the message already planned for it, 0 if there is none.
    """

    subscription_id: int
    story_id: int
    since: datetime
    card: StoredCard
    delivery_id: int = 0


class DigestStore:
    """Storage of digests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save_batch(self, batch: DigestBatch, now: datetime) -> SavedBatch:
        """Store a digest batch in one transaction.

        Subscriptions whose `next_digest_at` has changed since it was read are skipped, with their messages. A slot that
        has messages already (from another time zone, or a clock that ran ahead) is not filled again: its cards wait for
        the next slot. Raises `CardTakenError`.
        """
        async with self._database.begin_write() as connection:
            # The batch was computed without a lock: everything it relied on is checked again before it is stored.
            filled = await _filled_slots(connection, batch)
            full = {subscription_id for subscription_id, _ in filled}
            held_up = await _drop_merged(connection, {id_: ids for id_, ids in batch.merged.items() if id_ not in full})
            advanced = await _advance_subscriptions(connection, batch, full, held_up)
            messages = [
                each
                for each in batch.messages
                if each.subscription.id in advanced and (each.subscription.id, each.slot) not in filled
            ]
            quiet = await _insert_messages(connection, messages, now)
            for channel_id, card_id in batch.released_ids:
                here = (deferred_cards.c.channel_id == channel_id) & (deferred_cards.c.card_id == card_id)
                await connection.execute(deferred_cards.delete().where(here))
            return SavedBatch(tuple(messages), quiet)

    async def fetch_overdue(self, channel_ids: Collection[int], now: datetime) -> dict[int, list[OverdueMessage]]:
        """Return the due, unsent digests for these channels by subscription, oldest first."""
        query = (
            select(deliveries.c.id, deliveries.c.subscription_id, deliveries.c.planned_at)
            .where(_is_overdue(), deliveries.c.channel_id.in_(channel_ids), deliveries.c.due_at <= now)
            .order_by(deliveries.c.sort_key, deliveries.c.id)
        )
        async with self._database.begin_read() as connection:
            rows = (await connection.execute(query)).all()
            shown = await fetch_shown(connection, [row.id for row in rows])
        result: dict[int, list[OverdueMessage]] = {}
        for id_, subscription_id, planned_at in rows:
            result.setdefault(subscription_id, []).append(OverdueMessage(id_, planned_at, shown.get(id_, ())))
        return result

    async def fetch_deferred(self, now: datetime) -> DeferredStories:
        """Return the deferred cards whose channels are no longer quiet and whose subscriptions are not paused.

        Cards that the server no longer sees, and stories that the channel has received meanwhile, are released without
        being posted.
        """
        story = stories.story_id_in(subscriptions.c.guild_id, cards)
        other = cards.alias("other")
        posted = (
            select(literal(1))
            .select_from(delivery_cards.join(other, other.c.id == delivery_cards.c.card_id))
            .where(delivery_cards.c.channel_id == deferred_cards.c.channel_id)
            .where(stories.story_id_in(subscriptions.c.guild_id, other) == story)
        )
        query = (
            select(
                deferred_cards.c.channel_id,
                deferred_cards.c.subscription_id,
                story.label("story_id"),
                (is_visible_to(subscriptions.c.guild_id) & ~exists(posted)).label("comes"),
                *stored_card_columns(subscriptions.c.guild_id),
            )
            .join(cards, cards.c.id == deferred_cards.c.card_id)
            .join(subscriptions, subscriptions.c.id == deferred_cards.c.subscription_id)
            .where(is_released())
            .order_by(cards.c.sort_key, deferred_cards.c.subscription_id)
        )
        rows = DeferredStories({}, {})
        async with self._database.begin_autocommit() as connection:
            for row in (await connection.execute(query)).mappings():
                place = (row["channel_id"], row["id"])
                if place not in rows.released and row["comes"]:
                    waiting = DeferredStory(row["subscription_id"], row["story_id"], now, card_from_row(row))
                    rows.waiting.setdefault(row["channel_id"], []).append(waiting)
                rows.released[place] = None
        return rows

    async def fetch_unsent(self, channel_id: int) -> list[DeferredStory]:
        """Return the unsent single-story messages of a channel, oldest first."""
        story = stories.story_id_in(deliveries.c.guild_id, cards).label("story_id")
        query = (
            select(
                deliveries.c.id.label("delivery_id"),
                deliveries.c.subscription_id,
                deliveries.c.planned_at,
                story,
                *stored_card_columns(deliveries.c.guild_id),
            )
            .join(delivery_cards, delivery_cards.c.delivery_id == deliveries.c.id)
            .join(cards, cards.c.id == delivery_cards.c.card_id)
            .where(_is_unsent(channel_id), delivery_cards.c.position == 0)
            .order_by(deliveries.c.sort_key, deliveries.c.id)
        )
        async with self._database.begin_autocommit() as connection:
            rows = (await connection.execute(query)).mappings()
            return [
                DeferredStory(
                    row["subscription_id"], row["story_id"], row["planned_at"], card_from_row(row), row["delivery_id"]
                )
                for row in rows
            ]

    async def merge_messages(
        self, waiting: Sequence[DeferredStory], messages: Sequence[PlannedMessage], now: datetime
    ) -> bool:
        """Replace unsent single-story messages with these. Return False, changing nothing, if one is gone or sent."""
        async with self._database.begin_write() as connection:
            ids = [each.delivery_id for each in waiting]
            # All or nothing: a story that was sent in the meantime would be posted twice.
            condition = deliveries.c.id.in_(ids) & _is_unsent(messages[0].subscription.channel_id)
            if (await connection.execute(select(func.count()).where(condition))).scalar_one() != len(ids):
                return False
            await connection.execute(deliveries.delete().where(condition))
            await _insert_messages(connection, messages, now)
            return True

    async def selection_reasons(
        self, delivery_id: int, guild_id: int
    ) -> list[tuple[StoredCard, SelectionReason | None]]:
        """Return the still visible cards of a server's digest, in order, and why each was chosen."""
        query = (
            select(*_REASON, *stored_card_columns(guild_id))
            .join(cards, cards.c.id == delivery_cards.c.card_id)
            .join(deliveries, deliveries.c.id == delivery_cards.c.delivery_id)
            .where(deliveries.c.id == delivery_id, deliveries.c.guild_id == guild_id)
            .where(delivery_cards.c.shown, is_visible_to(guild_id))
            .order_by(delivery_cards.c.position)
        )
        async with self._database.begin_autocommit() as connection:
            rows = (await connection.execute(query)).mappings()
            return [(card_from_row(row), _reason_from_row(row)) for row in rows]

    async def find_reason(self, channel_id: int, card_id: int) -> tuple[datetime, SelectionReason | None] | None:
        """Return when a channel received a card, and why a digest chose it; None if it has not received it."""
        query = (
            select(func.coalesce(deliveries.c.settled_at, deliveries.c.planned_at).label("at"), *_REASON)
            .join(deliveries, deliveries.c.id == delivery_cards.c.delivery_id)
            .where(delivery_cards.c.channel_id == channel_id, delivery_cards.c.card_id == card_id)
        )
        async with self._database.begin_autocommit() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        return (row["at"], _reason_from_row(row)) if row else None


_REASON = tuple(
    delivery_cards.c[name] for name in ("selected_rank", "selected_heat", "selected_quality", "selected_hours")
)


def _reason_from_row(row: RowMapping) -> SelectionReason | None:
    rank, *scores = (row[column.name] for column in _REASON)
    return SelectionReason(rank, *scores) if rank else None


def _is_overdue() -> ColumnElement[bool]:
    """SQL condition: a digest message that is due and not in its channel yet."""
    return (
        deliveries.c.due_at.is_not(None)
        & (deliveries.c.status == DeliveryStatus.WAITING)
        & deliveries.c.message_id.is_(None)
        & deliveries.c.desired_kind.is_not(None)
        & deliveries.c.slot.is_not(None)
    )


def is_released() -> ColumnElement[bool]:
    """SQL condition: the deferred card's channel is not quiet and its subscription not paused."""
    quiet = exists().where(quiet_hours.c.channel_id == deferred_cards.c.channel_id, quiet_hours.c.is_quiet)
    return ~subscriptions.c.paused & ~quiet


def _is_unsent(channel_id: int) -> ColumnElement[bool]:
    return (
        (deliveries.c.channel_id == channel_id)
        & deliveries.c.due_at.is_not(None)
        & (deliveries.c.status == DeliveryStatus.WAITING)
        & deliveries.c.sent_at.is_(None)
        & deliveries.c.message_id.is_(None)
        & deliveries.c.desired_kind.is_not(None)
        & (deliveries.c.layout == Layout.CARD)
    )


async def _filled_slots(connection: AsyncConnection, batch: DigestBatch) -> set[tuple[int, str]]:
    """Return the slots that have messages already, not counting those about to be replaced."""
    if not batch.messages:
        return set()
    of_these = [
        deliveries.c.subscription_id.in_({message.subscription.id for message in batch.messages}),
        deliveries.c.slot.in_({message.slot for message in batch.messages}),
    ]
    merged = {id_ for ids in batch.merged.values() for id_ in ids}
    query = select(deliveries.c.id, deliveries.c.subscription_id, deliveries.c.slot).where(*of_these)
    return {
        (subscription_id, slot) for id_, subscription_id, slot in await connection.execute(query) if id_ not in merged
    }


async def _drop_merged(connection: AsyncConnection, merged: Mapping[int, Sequence[int]]) -> set[int]:
    """Delete replaced messages. Return the subscriptions skipped because one of theirs has been sent meanwhile."""
    if not merged:
        return set()
    query = select(deliveries.c.id).where(
        deliveries.c.id.in_([id_ for ids in merged.values() for id_ in ids]), _is_overdue()
    )
    waiting = set((await connection.execute(query)).scalars())
    removed = {subscription_id for subscription_id, ids in merged.items() if not waiting.issuperset(ids)}
    dropped = [id_ for subscription_id, ids in merged.items() if subscription_id not in removed for id_ in ids]
    await connection.execute(deliveries.delete().where(deliveries.c.id.in_(dropped)))
    return removed


async def _advance_subscriptions(
    connection: AsyncConnection, batch: DigestBatch, filled: Collection[int], held_up: Collection[int]
) -> set[int]:
    """Advance the subscriptions whose `next_digest_at` is unchanged since it was read.

    Return their IDs, and those of subscriptions that have messages in the batch but are not advanced by it.
    Subscriptions whose slot is `filled` keep their `new_after`, so that waiting cards stay new for the next slot.
    """
    waiting = {each.id: each for each, _, _ in batch.advanced if each.id not in held_up}
    now_at = select(subscriptions.c.id, subscriptions.c.next_digest_at).where(subscriptions.c.id.in_(waiting))
    rows = (await connection.execute(now_at)).all()
    moved = {
        subscription_id
        for subscription_id, next_digest_at in rows
        if waiting[subscription_id].next_digest_at == next_digest_at
    }
    turned = [each for each in batch.advanced if each[0].id in moved]
    values = [
        {"the_id": each.id, "new_since": each.new_after if each.id in filled else since, "new_next_at": next_digest_at}
        for each, since, next_digest_at in turned
    ]
    if values:
        await connection.execute(_TURN, values)
    if over := [each.id for each, _, _ in turned if each.trouble or (each.pauses and each.id not in filled)]:
        well = update(subscriptions).where(subscriptions.c.id.in_(over)).values(trouble=None, pauses=[])
        await connection.execute(well)
    others = {message.subscription.id for message in batch.messages}
    return moved | (others - waiting.keys() - set(held_up))


_TURN = (
    update(subscriptions)
    .where(subscriptions.c.id == bindparam("the_id"))
    .values(
        new_after=bindparam("new_since", type_=subscriptions.c.new_after.type),
        next_digest_at=bindparam("new_next_at", type_=subscriptions.c.next_digest_at.type),
    )
)


async def insert_first_messages(
    messages: Sequence[PlannedMessage], now: datetime, connection: AsyncConnection, made: Subscription
) -> None:
    """Insert messages that were planned for a draft, as those of the subscription that was made of it.

    Raises `CardTakenError`.
    """
    await _insert_messages(connection, [replace(message, subscription=made) for message in messages], now)


async def _insert_messages(
    connection: AsyncConnection, messages: Sequence[PlannedMessage], now: datetime
) -> dict[int, datetime]:
    """Insert messages. Return the channels where they wait for quiet hours to end, with the end."""
    if not messages:
        return {}
    quiet = await fetch_quiet_until(connection, {message.subscription.channel_id for message in messages}, now)
    rows = [_message_row(message, now, quiet.get(message.subscription.channel_id)) for message in messages]
    await connection.execute(insert(deliveries), rows)
    ids = await _message_ids(connection, rows)
    card_rows = [
        row
        for message in messages
        for row in _card_rows(message, ids[message.subscription.id, message.slot, message.part])
    ]
    try:
        await insert_plain(connection, delivery_cards, card_rows)
    except IntegrityError as error:
        raise CardTakenError("A channel has got one of a digest's cards since they were chosen.") from error
    return quiet


def _card_rows(message: PlannedMessage, delivery_id: int) -> Iterator[PlainRow]:
    channel_id = message.subscription.channel_id
    for place, selected in enumerate(message.cards):
        yield {
            "delivery_id": delivery_id,
            "card_id": selected.card_id,
            "channel_id": channel_id,
            "position": place,
            "revision": selected.revision,
            "coverage": selected.coverage,
            **_reason_columns(selected.reason),
        }


def _reason_columns(why: SelectionReason | None) -> dict[str, int | None]:
    if why is None:
        return _NOT_CHOSEN
    return {
        "selected_rank": why.rank,
        "selected_heat": why.heat,
        "selected_quality": why.quality,
        "selected_hours": why.hours,
    }


_NOT_CHOSEN: dict[str, int | None] = dict.fromkeys(
    ("selected_rank", "selected_heat", "selected_quality", "selected_hours")
)


async def _message_ids(
    connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]
) -> dict[tuple[int, str, int], int]:
    """Return the IDs of messages by (subscription, slot, part).

    Selected afterwards, because INSERT … RETURNING is one statement per row on SQLite.
    """
    of_these = [deliveries.c[name].in_({row[name] for row in rows}) for name in ("subscription_id", "slot")]
    query = select(deliveries.c.subscription_id, deliveries.c.slot, deliveries.c.part, deliveries.c.id).where(*of_these)
    return {(subscription, slot, part): id_ for subscription, slot, part, id_ in await connection.execute(query)}


def _message_row(message: PlannedMessage, now: datetime, quiet_until: datetime | None) -> dict[str, Any]:
    subscription, options = message.subscription, message.subscription.options
    kind = ContentKind.CARDS if message.cards else ContentKind.EMPTY
    return {
        "subscription_id": subscription.id,
        "guild_id": subscription.guild_id,
        "user_id": subscription.user_id,
        "channel_id": subscription.channel_id,
        "sort_key": compute_sort_key(message.at, message.part),
        "desired_kind": kind,
        "desired_hash": hash_content(kind, message.cards),
        "status": DeliveryStatus.WAITING,
        "planned_at": now,
        "due_at": max(now, quiet_until) if quiet_until else now,
        "slot": message.slot,
        "part": message.part,
        "layout": message.layout,
        "heading": message.heading,
        "options": format_options(_message_options(message)),
        "on_withdrawal": options.on_withdrawal,
        "is_forum": subscription.is_forum,
        "crosspost": CrosspostState.WANTED if options.crosspost else None,
        "thread": ThreadState.WANTED if _opens_thread(message) else None,
        "language": subscription.language,
    }


def _message_options(message: PlannedMessage) -> SubscriptionOptions:
    """Return the options of a message. Only the first part calls the role: one digest is one notification."""
    options = message.subscription.options
    if message.part == 0:
        return options
    template = "" if _continues(message) else options.template
    return replace(options, mention_role_id=None, template=template)


def _opens_thread(message: PlannedMessage) -> bool:
    """Whether a message gets a thread: a digest of several has one, and a forum's posts are threads by themselves."""
    subscription = message.subscription
    starts = subscription.options.thread and not _continues(message)
    return starts and not subscription.is_forum and subscription.user_id is None


def _continues(message: PlannedMessage) -> bool:
    """Whether a message is a later part of a digest. Cards that are posted one by one are parts of nothing."""
    return message.part > 0 and message.layout is not Layout.CARD
