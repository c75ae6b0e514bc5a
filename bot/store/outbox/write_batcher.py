"""Batched writes of delivery results: many tasks share one transaction, as a commit costs far more than a row."""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypedDict, Unpack

from sqlalchemy import Integer, and_, bindparam, case, func, not_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.delivery import (
    COVERAGE_EDITS_APART,
    POSTED_KINDS,
    ContentKind,
    Delivery,
    DeliveryStatus,
)
from bot.errors import LeaseLostError
from bot.store.database import Database
from bot.store.outbox.channel_leases import ChannelLeases
from bot.store.outbox.contents import fetch_shown, without_coverage
from bot.store.tables import Text, deliveries

_log = logging.getLogger(__name__)
COLUMNS = tuple(
    deliveries.c[name]
    for name in (
        "id", "guild_id", "channel_id", "desired_kind", "desired_hash", "delivered_hash", "message_id", "attempts",
        "status", "planned_at", "sent_at", "settled_at", "without_images", "layout", "heading", "options", "is_forum",
        "crosspost", "language", "user_id", "after_id", "thread",
    )
)  # fmt: skip
"""The columns of a `Delivery`."""


class DuePolicy(enum.IntEnum):
    """When a result sets its delivery's `due_at`."""

    NEVER = 0
    """Keep `due_at` as it is."""
    ALWAYS = 1
    UNCHANGED = 2
    """Only if the desired state is still that of the call; otherwise the delivery stays due."""


class ResultFields(TypedDict, total=False):
    """What a result changes of its delivery. Without `attempts` or `last_error`, these are cleared."""

    message_id: int | None
    delivered_hash: str | None
    attempts: int
    last_error: str
    without_images: bool
    settled_at: datetime
    due_at: datetime


# A result is about the content that was desired when the call was made. If the planner has changed it since, the
# delivery has to stay due: its message already shows something outdated.
_SEEN = bindparam("seen_hash", type_=Text)
_SAME = deliveries.c.desired_hash.is_not_distinct_from(_SEEN)
_MODE = bindparam("mode", type_=Integer)
_OVERTAKEN = and_(_MODE == DuePolicy.UNCHANGED, not_(_SAME))
# What has been overtaken by coverage alone was edited just now, and waits.
_COVERAGE_WAITS = and_(
    _OVERTAKEN,
    without_coverage(deliveries.c.desired_hash) == without_coverage(_SEEN),
    bindparam("coverage_due_at", type_=deliveries.c.due_at.type).is_not(None),
)
_DECIDES = and_(_MODE != DuePolicy.NEVER, not_(_OVERTAKEN))
_WRITE_STATUS = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("the_id"))
    .values(
        message_id=bindparam("new_message_id"),
        delivered_hash=bindparam("new_delivered_hash"),
        attempts=bindparam("new_attempts"),
        last_error=bindparam("new_last_error"),
        without_images=bindparam("new_plain"),
        settled_at=func.coalesce(
            bindparam("new_settled_at", type_=deliveries.c.settled_at.type), deliveries.c.settled_at
        ),
        due_at=case(
            (_DECIDES, bindparam("new_due_at", type_=deliveries.c.due_at.type)),
            (_COVERAGE_WAITS, bindparam("coverage_due_at", type_=deliveries.c.due_at.type)),
            else_=deliveries.c.due_at,
        ),
        status=case(
            (_OVERTAKEN, DeliveryStatus.WAITING), else_=bindparam("new_progress", type_=deliveries.c.status.type)
        ),
    )
)
_POSTABLE = and_(
    deliveries.c.due_at.is_not(None),
    deliveries.c.message_id.is_(None),
    deliveries.c.desired_kind.in_(POSTED_KINDS),
)


# Check and mark in one statement: a withdrawal that commits before it cancels the post; one that commits after it
# finds the row *sending*, and retracts the message once it is known.
_SENDING = (
    update(deliveries)
    .where(deliveries.c.id.in_(bindparam("begun", expanding=True)), _POSTABLE)
    .values(
        status=DeliveryStatus.SENDING,
        sent_at=bindparam("earliest", type_=deliveries.c.sent_at.type),
        after_id=bindparam("after", type_=deliveries.c.after_id.type),
    )
    .returning(deliveries.c.id, deliveries.c.desired_kind, deliveries.c.desired_hash, deliveries.c.without_images)
)
_GATHERING = 0.005
"""Seconds to collect results before a transaction is written."""


class _SendRequest(NamedTuple):
    """A post about to be sent. The future's result is its current state; None if it is cancelled."""

    delivery: Delivery
    now: datetime
    after_id: int | None
    answer: asyncio.Future[Delivery | None]


class _StatusWrite(NamedTuple):
    """A delivery's result, as new values of its row. The future is done when they are committed."""

    channel_id: int
    values: dict[str, Any]
    answer: asyncio.Future[None]


class _LeaseRelease(NamedTuple):
    """A channel to release."""

    channel_id: int
    answer: asyncio.Future[None]


class _BatchResult(NamedTuple):
    """Result of a transaction: deliveries now *sending*, and channels whose lease was lost."""

    sending: dict[int, Delivery]
    lost: set[int]


class WriteBatcher:
    """Group commit for results: they wait `_GATHERING`, and for the transaction under way, then share the next one.

    In a shared store, results for a channel whose lease was lost are dropped: its new courier is authoritative.
    """

    def __init__(self, database: Database, leases: ChannelLeases | None = None) -> None:
        self._database = database
        self._leases = leases
        self._send_requests: list[_SendRequest] = []
        self._status_writes: list[_StatusWrite] = []
        self._releases: list[_LeaseRelease] = []
        self._flush_task: asyncio.Task[None] | None = None

    async def mark_sending(self, delivery: Delivery, now: datetime, after_id: int | None) -> Delivery | None:
        """Mark a post as *sending*; return its current state, or None if it is cancelled. Raises `LeaseLostError`.

        The message will have a higher ID than `after_id`; None if unknown.
        """
        current: asyncio.Future[Delivery | None] = asyncio.get_running_loop().create_future()
        self._send_requests.append(_SendRequest(delivery, now, after_id, current))
        self._schedule_write()
        return await current

    def write_status(
        self, delivery: Delivery, mode: DuePolicy, progress: DeliveryStatus, **changes: Unpack[ResultFields]
    ) -> asyncio.Future[None]:
        """Record a delivery's result. The future is done when it is committed, before anything that starts later.

        With `UNCHANGED`, if the desired content has changed since the call, the delivery goes back to waiting instead
        of `progress`. The future may raise `LeaseLostError`: then nothing was recorded.
        """
        settled_at = changes.get("settled_at")
        values = {
            "the_id": delivery.id,
            "seen_hash": delivery.desired_hash,
            "mode": mode,
            "new_progress": progress,
            "new_message_id": changes.get("message_id", delivery.message_id),
            "new_delivered_hash": changes.get("delivered_hash", delivery.delivered_hash),
            "new_attempts": changes.get("attempts", 0),
            "new_last_error": changes.get("last_error"),
            "new_plain": changes.get("without_images", delivery.without_images),
            "new_settled_at": settled_at,
            "new_due_at": changes.get("due_at"),
            "coverage_due_at": settled_at + COVERAGE_EDITS_APART if settled_at else None,
        }
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._status_writes.append(_StatusWrite(delivery.channel_id, values, stored))
        self._schedule_write()
        return stored

    def release_lease(self, channel_id: int) -> asyncio.Future[None]:
        """Release a channel. The future is done when others may lease it."""
        released: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._releases.append(_LeaseRelease(channel_id, released))
        self._schedule_write()
        return released

    def _schedule_write(self) -> None:
        if self._flush_task is None:
            self._flush_task = asyncio.create_task(self._flush_all(), name="status writes")

    async def _flush_all(self) -> None:
        while self._send_requests or self._status_writes or self._releases:
            await asyncio.sleep(_GATHERING)
            # Swapped, not copied: what arrives while the transaction runs belongs to the next one.
            requests, self._send_requests = self._send_requests, []
            writes, self._status_writes = self._status_writes, []
            releases, self._releases = self._releases, []
            try:
                written = await self._database.write_shared(
                    partial(self._write_batch, requests, writes, [each.channel_id for each in releases])
                )
            except Exception as error:  # noqa: BLE001 - passed to each waiting task
                _log.error("Delivery results could not be written: %s", type(error).__name__)
                waiting: Iterable[_SendRequest | _StatusWrite | _LeaseRelease] = (*requests, *writes, *releases)
                for each in waiting:
                    _resolve_future(each.answer, error=error)
            else:
                for begin in requests:
                    delivery = begin.delivery
                    _resolve_future(
                        begin.answer, written.sending.get(delivery.id), _lease_error(delivery.channel_id, written.lost)
                    )
                for write in writes:
                    _resolve_future(write.answer, error=_lease_error(write.channel_id, written.lost))
                for release in releases:
                    _resolve_future(release.answer)
        # No await since the loop's last check: a request that comes later starts a task of its own.
        self._flush_task = None

    async def _write_batch(
        self,
        requests: Sequence[_SendRequest],
        writes: Sequence[_StatusWrite],
        released: Sequence[int],
        connection: AsyncConnection,
    ) -> _BatchResult:
        # First, and locked until the commit: nobody can take over a channel between this check and the writes.
        lost = await self._lost_channels(
            connection, {*(d.channel_id for d, *_ in requests), *(write.channel_id for write in writes)}
        )
        if kept := [write.values for write in writes if write.channel_id not in lost]:
            await connection.execute(_WRITE_STATUS, kept)
        if self._leases and released:
            await self._leases.release_leases(connection, released)
        begun = {each.delivery.id: each.delivery for each in requests if each.delivery.channel_id not in lost}
        if not begun:
            return _BatchResult({}, lost)
        # One statement for all, so one value for all: the earliest time and the lowest bound hold for each of them.
        # Recovery then searches from slightly further back than it had to.
        earliest = min(begin.now for begin in requests)
        known = [begin.after_id for begin in requests if begin.after_id is not None]
        after = min(known) if len(known) == len(requests) else None
        rows = await connection.execute(_SENDING, {"begun": list(begun), "earliest": earliest, "after": after})
        return _BatchResult(await _current_deliveries(connection, begun, rows.all()), lost)

    async def _lost_channels(self, connection: AsyncConnection, channels: set[int]) -> set[int]:
        """Return the channels whose lease was lost."""
        if self._leases is None or not channels:
            return set()
        return channels - await self._leases.held_channels(connection, channels)


async def _current_deliveries(
    connection: AsyncConnection, begun: Mapping[int, Delivery], rows: Sequence[Any]
) -> dict[int, Delivery]:
    """Return the deliveries as these rows of `_SENDING` have them; with new cards where the content has changed."""
    # Rarely any: a card would have to change in the moment between the courier's reading and this post.
    changed = [row.id for row in rows if row.desired_hash != begun[row.id].desired_hash]
    shown = await fetch_shown(connection, changed) if changed else {}
    current = {}
    for delivery_id, kind, content_hash, plain in rows:
        before = begun[delivery_id]
        cards = shown.get(delivery_id, ()) if delivery_id in changed else before.cards
        current[delivery_id] = replace(
            before, desired_kind=ContentKind(kind), desired_hash=content_hash, without_images=plain, cards=cards
        )
    return current


def _lease_error(channel_id: int, lost: set[int]) -> LeaseLostError | None:
    return LeaseLostError(f"Channel {channel_id} is leased by another courier.") if channel_id in lost else None


def _resolve_future(future: asyncio.Future[Any], result: Any = None, error: Exception | None = None) -> None:
    """Resolve a future."""
    if future.done():  # the waiting task was cancelled
        return
    if error:
        future.set_exception(error)
        future.exception()  # marks it as retrieved: waiting is optional, and the row still shows an unsettled call
    else:
        future.set_result(result)
