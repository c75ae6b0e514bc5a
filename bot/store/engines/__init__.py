"""The two engines that a store can stand on, and what differs between them."""

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
    """Where a process stands that would take the duty: what is one process's at a time, as the ticks are."""

    answers: bool
    """Whether the last look said who has it. Else nobody can be asked, and nobody can take it."""

    async def look(self) -> bool:
        """Whether it has the duty now; it takes it when nobody has. It ends with the process, however that ends."""

    async def close(self) -> None:
        """Leave the duty to others."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An engine, and the options of its four kinds of transaction (see `bot.store.database.Database`).

    `readers` and `noters` say how many of these may be under way at once; without noters, notes are writes.
    `stand` makes a place from which to take the duty, `gateway_stand` one from which to answer for these shards, or for
    all with None. Where the store is `shared`, several processes may deliver from
    it, and `bell` is the statement that tells them of what a transaction has written.
    `checkpoint` is the statement that brings the log into the tables, where somebody must say it. `check` raises
    `StoreError` when what was opened is not there any more, which an open file would not notice.
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
    """Options of transactions whose first statement is this one."""
    return {_FIRST: statement, **options}


def _begin(connection: Any) -> None:
    if statement := connection.get_execution_options().get(_FIRST):
        connection.exec_driver_sql(statement)
