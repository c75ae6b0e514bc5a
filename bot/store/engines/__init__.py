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


class LeaderLock(Protocol):
    """A candidate for a lock that one process holds at a time."""

    is_responding: bool
    """Whether the last attempt got an answer. If not, the holder is unknown and the lock cannot be acquired."""

    async def try_acquire(self) -> bool:
        """Try to acquire the lock, or confirm it; return whether it is held. It is released when the process ends."""

    async def close(self) -> None:
        """Release the lock."""


@dataclass(frozen=True, slots=True)
class EngineHandle:
    """An engine, and the options of its four kinds of transaction (see `bot.store.database.Database`).

    `max_readers` and `max_shared_writers` limit concurrent transactions of these kinds; with 0 shared writers, shared
    writes are ordinary ones. `leader_lock` makes a candidate for leadership, `gateway_lock` one for the gateway of
    these shards (None: all). If the store is `is_shared`, several processes may deliver from it, and `notify_sql` is
    the statement that notifies them of a write. `checkpoint_sql` is the statement that checkpoints the WAL, for engines
    that need it. `check` raises `StoreError` if the database was replaced or removed, which connections to an open file
    would not notice.
    """

    engine: AsyncEngine
    read_options: Mapping[str, Any]
    autocommit_options: Mapping[str, Any]
    write_options: Mapping[str, Any]
    shared_write_options: Mapping[str, Any]
    max_readers: int
    leader_lock: Callable[[Callable[[], None]], LeaderLock]
    gateway_lock: Callable[[Sequence[int] | None], LeaderLock]
    max_shared_writers: int = 0
    is_shared: bool = False
    notify_sql: str = ""
    checkpoint_sql: str = ""
    check: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        event.listen(self.engine.sync_engine, "begin", _emit_begin)


def begin_options(statement: str, **options: Any) -> Mapping[str, Any]:
    """Return options for transactions that start with this statement."""
    return {_FIRST: statement, **options}


def _emit_begin(connection: Any) -> None:
    # SQLite needs the kind of lock in its BEGIN, so its driver sends none (`isolation_level`). PostgreSQL takes the
    # advisory lock in the first statement.
    if statement := connection.get_execution_options().get(_FIRST):
        connection.exec_driver_sql(statement)
