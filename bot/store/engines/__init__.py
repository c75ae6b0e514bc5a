"""The supported database engines, and the interface that hides their differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

_FIRST = "newsdesk_first"
OPEN_ELSEWHERE = (
    "Another process works with {place}. Stop every newsdesk that has it open, also those that only answer commands, "
    "and try again."
)


class Stand(Protocol):
    """A candidate for a lock that one process holds at a time."""

    answers: bool
    """Whether the last `look` succeeded. If not, the holder is unknown and the lock cannot be acquired."""

    async def look(self) -> bool:
        """Try to acquire the lock, or confirm it; return whether it is held. It is released when the process ends."""

    async def close(self) -> None:
        """Release the lock."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An engine, and the options of its four kinds of transaction (see `bot.store.database.Database`).

    `readers` and `noters` limit concurrent transactions of these kinds; with 0 noters, notes are writes.
    `stand` makes a candidate for leadership, `gateway_stand` one for the gateway of these shards (None: all).
    If the store is `shared`, several processes may deliver from it, and `bell` is the statement that notifies them of a
    write. `checkpoint` is the statement that checkpoints the WAL, for engines that need it. `check` raises `StoreError`
    if the database was replaced or removed, which connections to an open file would not notice.
    """

    engine: AsyncEngine
    reading: Mapping[str, Any]
    glancing: Mapping[str, Any]
    writing: Mapping[str, Any]
    noting: Mapping[str, Any]
    readers: int
    stand: Callable[[Callable[[], None]], Stand]
    gateway_stand: Callable[[Sequence[int] | None], Stand]
    noters: int = 0
    shared: bool = False
    bell: str = ""
    checkpoint: str = ""
    check: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        event.listen(self.engine.sync_engine, "begin", _begin)


def beginning(statement: str, **options: Any) -> Mapping[str, Any]:
    """Return options for transactions that start with this statement."""
    return {_FIRST: statement, **options}


def _begin(connection: Any) -> None:
    if statement := connection.get_execution_options().get(_FIRST):
        connection.exec_driver_sql(statement)
