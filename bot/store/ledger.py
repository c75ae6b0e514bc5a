"""What many tasks have to note about deliveries at once, in one transaction: a commit costs far more than a row."""

from __future__ import annotations

import asyncio
import enum
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, and_, bindparam, case, func, not_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.desk.delivery import UNPUBLISHED, WITHDRAWN, Delivery, Progress
from bot.store.database import Database
from bot.store.tables import deliveries

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
    .values(progress=Progress.SENDING, sent_at=bindparam("earliest", type_=deliveries.c.sent_at.type))
    .returning(deliveries.c.id, deliveries.c.wanted, deliveries.c.plain)
)
_GATHERING = 0.005
"""Seconds in which a transaction gathers notes before it is written."""


class Ledger:
    """Notes wait a moment for others, and while an earlier transaction is written; then they share the next one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._begun: dict[int, tuple[datetime, asyncio.Future[Any]]] = {}
        self._notes: list[tuple[dict[str, Any], asyncio.Future[Any]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def begin(self, delivery: Delivery, now: datetime) -> Delivery | None:
        """Mark a post as under way, when it is still wanted; gives it as it stands then."""
        begun: asyncio.Future[tuple[str, bool] | None] = asyncio.get_running_loop().create_future()
        self._begun[delivery.id] = now, begun
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
        what is wanted has overtaken the note, the delivery waits again, whatever its `progress` would be.
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
        self._notes.append((values, noted))
        self._write_soon()
        return noted

    def _write_soon(self) -> None:
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all(), name="ledger")

    async def _write_all(self) -> None:
        while self._begun or self._notes:
            await asyncio.sleep(_GATHERING)
            begun, self._begun = self._begun, {}
            notes, self._notes = self._notes, []
            try:
                rows = await self._write(begun, [values for values, _ in notes])
            except Exception as error:  # noqa: BLE001 - each of the waiting tasks gets it
                for future in [*(future for _, future in begun.values()), *(future for _, future in notes)]:
                    _answer(future, error=error)
            else:
                for delivery_id, (_, future) in begun.items():
                    _answer(future, rows.get(delivery_id))
                for _, noted in notes:
                    _answer(noted)
        self._writing = None

    async def _write(
        self, begun: dict[int, tuple[datetime, Any]], notes: list[dict[str, Any]]
    ) -> dict[int, tuple[str, bool]]:
        async def write(connection: AsyncConnection) -> dict[int, tuple[str, bool]]:
            if notes:
                await connection.execute(_NOTE, notes)
            if not begun:
                return {}
            earliest = min(now for now, _ in begun.values())
            sending = await connection.execute(_SENDING, {"begun": list(begun), "earliest": earliest})
            return {delivery_id: (wanted, plain) for delivery_id, wanted, plain in sending}

        return await self._database.note(write)


def _answer(future: asyncio.Future[Any], result: Any = None, error: Exception | None = None) -> None:
    """A task that was cancelled meanwhile waits for no answer."""
    if future.done():
        return
    if error:
        future.set_exception(error)
    else:
        future.set_result(result)
