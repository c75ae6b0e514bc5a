"""What many tasks have to note about deliveries at once, in one transaction: a commit costs far more than a row."""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Integer, and_, bindparam, case, func, not_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.desk.delivery import UNPUBLISHED, WITHDRAWN, Delivery, Progress
from bot.errors import ClaimLostError
from bot.store.claims import Claims
from bot.store.database import Database
from bot.store.tables import deliveries

_log = logging.getLogger(__name__)
COLUMNS = tuple(deliveries.c[name] for name in Delivery.__slots__)


class Decides(enum.IntEnum):
    """When a note decides what is still to do with its delivery."""

    NEVER = 0
    """It stays due as it was."""
    ALWAYS = 1
    UNCHANGED = 2
    """Only while what was wanted when the call was made is still wanted; else it stays due."""


_SAME = deliveries.c.wanted.is_not_distinct_from(bindparam("seen"))
_MODE = bindparam("mode", type_=Integer)
_OVERTAKEN = and_(_MODE == Decides.UNCHANGED, not_(_SAME))
_DECIDES = and_(_MODE != Decides.NEVER, not_(_OVERTAKEN))
_NOTE = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("the_id"))
    .values(
        message_id=bindparam("new_message_id"),
        actual=bindparam("new_actual"),
        attempts=bindparam("new_attempts"),
        last_error=bindparam("new_last_error"),
        plain=bindparam("new_plain"),
        settled_at=func.coalesce(
            bindparam("new_settled_at", type_=deliveries.c.settled_at.type), deliveries.c.settled_at
        ),
        due_at=case((_DECIDES, bindparam("new_due_at", type_=deliveries.c.due_at.type)), else_=deliveries.c.due_at),
        progress=case(
            (_OVERTAKEN, Progress.WAITING), else_=bindparam("new_progress", type_=deliveries.c.progress.type)
        ),
    )
)
_POSTABLE = and_(
    deliveries.c.due_at.is_not(None),
    deliveries.c.message_id.is_(None),
    deliveries.c.wanted.is_not(None),
    deliveries.c.wanted.not_in((UNPUBLISHED, WITHDRAWN)),
)


_SENDING = (
    update(deliveries)
    .where(deliveries.c.id.in_(bindparam("begun", expanding=True)), _POSTABLE)
    .values(
        progress=Progress.SENDING,
        sent_at=bindparam("earliest", type_=deliveries.c.sent_at.type),
        after_id=bindparam("after", type_=deliveries.c.after_id.type),
    )
    .returning(deliveries.c.id, deliveries.c.wanted, deliveries.c.plain)
)
_GATHERING = 0.005
"""Seconds in which a transaction gathers notes before it is written."""


class _Begin(NamedTuple):
    """A post that is about to be sent; the future gives what is wanted then, and whether plain."""

    delivery: Delivery
    now: datetime
    after_id: int | None
    answer: asyncio.Future[tuple[str, bool] | None]


class _Note(NamedTuple):
    """What became of a delivery, as the row's new values; the future is done when they are committed."""

    channel_id: int
    values: dict[str, Any]
    answer: asyncio.Future[None]


class _Left(NamedTuple):
    """A channel that others may have."""

    channel_id: int
    answer: asyncio.Future[None]


class _Written(NamedTuple):
    """What a transaction gave: the deliveries that are *sending* now, and the channels that are in other hands."""

    sending: dict[int, tuple[str, bool]]
    lost: set[int]


class Ledger:
    """Notes wait a moment for others, and while an earlier transaction is written; then they share the next one.

    Where couriers share the store, nothing is noted for a channel whose claim is lost: whoever has it now knows better.
    """

    def __init__(self, database: Database, claims: Claims | None = None) -> None:
        self._database = database
        self._claims = claims
        self._begun: list[_Begin] = []
        self._notes: list[_Note] = []
        self._left: list[_Left] = []
        self._writing: asyncio.Task[None] | None = None

    async def begin(self, delivery: Delivery, now: datetime, after_id: int | None) -> Delivery | None:
        """Mark a post as under way, when it is still wanted; gives it as it stands then. Raises `ClaimLostError`.

        What it brings will have a later id than `after_id`; None: nobody knows.
        """
        begun: asyncio.Future[tuple[str, bool] | None] = asyncio.get_running_loop().create_future()
        self._begun.append(_Begin(delivery, now, after_id, begun))
        self._write_soon()
        current = await begun
        if current is None:
            return None
        wanted, plain = current
        return (
            delivery
            if (wanted, plain) == (delivery.wanted, delivery.plain)
            else replace(delivery, wanted=wanted, plain=plain)
        )

    def note(self, delivery: Delivery, mode: Decides, progress: Progress, **changes: Any) -> asyncio.Future[None]:
        """Note what became of a delivery; committed when the future is done, before anything that is begun later.

        `changes` may name `message_id`, `actual`, `attempts`, `last_error`, `plain`, `settled_at` and `due_at`. Where
        what is wanted has overtaken the note, the delivery waits again, whatever its `progress` would be. The
        future may hold a `ClaimLostError`: then nothing was noted.
        """
        values = {
            "the_id": delivery.id,
            "seen": delivery.wanted,
            "mode": mode,
            "new_progress": progress,
            "new_message_id": changes.get("message_id", delivery.message_id),
            "new_actual": changes.get("actual", delivery.actual),
            "new_attempts": changes.get("attempts", 0),
            "new_last_error": changes.get("last_error"),
            "new_plain": changes.get("plain", delivery.plain),
            "new_settled_at": changes.get("settled_at"),
            "new_due_at": changes.get("due_at"),
        }
        noted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._notes.append(_Note(delivery.channel_id, values, noted))
        self._write_soon()
        return noted

    def leave(self, channel_id: int) -> asyncio.Future[None]:
        """Let go of a channel; done when others may take it."""
        left: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._left.append(_Left(channel_id, left))
        self._write_soon()
        return left

    def _write_soon(self) -> None:
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all(), name="ledger")

    async def _write_all(self) -> None:
        while self._begun or self._notes or self._left:
            await asyncio.sleep(_GATHERING)
            begun, self._begun = self._begun, []
            notes, self._notes = self._notes, []
            left, self._left = self._left, []
            try:
                written = await self._database.note(
                    partial(self._write, begun, notes, [each.channel_id for each in left])
                )
            except Exception as error:  # noqa: BLE001 - each of the waiting tasks gets it
                _log.error("Notes about deliveries could not be written: %s", type(error).__name__)
                waiting: Iterable[_Begin | _Note | _Left] = (*begun, *notes, *left)
                for each in waiting:
                    _answer(each.answer, error=error)
            else:
                for begin in begun:
                    delivery = begin.delivery
                    _answer(begin.answer, written.sending.get(delivery.id), _loss(delivery.channel_id, written.lost))
                for note in notes:
                    _answer(note.answer, error=_loss(note.channel_id, written.lost))
                for gone in left:
                    _answer(gone.answer)
        self._writing = None

    async def _write(
        self, begun: Sequence[_Begin], notes: Sequence[_Note], left: Sequence[int], connection: AsyncConnection
    ) -> _Written:
        lost = await self._lost(connection, {*(d.channel_id for d, *_ in begun), *(note.channel_id for note in notes)})
        if kept := [note.values for note in notes if note.channel_id not in lost]:
            await connection.execute(_NOTE, kept)
        if self._claims and left:
            await self._claims.let_go(connection, left)
        ids = [delivery.id for delivery, *_ in begun if delivery.channel_id not in lost]
        if not ids:
            return _Written({}, lost)
        earliest = min(begin.now for begin in begun)
        known = [begin.after_id for begin in begun if begin.after_id is not None]
        after = min(known) if len(known) == len(begun) else None
        sending = await connection.execute(_SENDING, {"begun": ids, "earliest": earliest, "after": after})
        return _Written({delivery_id: (wanted, plain) for delivery_id, wanted, plain in sending}, lost)

    async def _lost(self, connection: AsyncConnection, channels: set[int]) -> set[int]:
        """Which of these channels others serve by now."""
        if self._claims is None or not channels:
            return set()
        return channels - await self._claims.held(connection, channels)


def _loss(channel_id: int, lost: set[int]) -> ClaimLostError | None:
    return ClaimLostError(f"Channel {channel_id} is in other hands.") if channel_id in lost else None


def _answer(future: asyncio.Future[Any], result: Any = None, error: Exception | None = None) -> None:
    """A task that was cancelled meanwhile waits for no answer."""
    if future.done():
        return
    if error:
        future.set_exception(error)
        future.exception()  # seen: nobody need wait for it, the row says that the call is not settled
    else:
        future.set_result(result)
