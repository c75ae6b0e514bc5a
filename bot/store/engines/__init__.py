"""The two engines that a store can stand on, and what differs between them at the beginning of a transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

_FIRST = "newsdesk_first"


@dataclass(frozen=True, slots=True)
class Opened:
    """An engine, and the options of its four kinds of transaction (see `bot.store.database.Database`).

    `readers` and `noters` say how many of these may be under way at once; without noters, notes are writes.
    `checkpoint` is the statement that brings the log into the tables, where somebody must say it.
    """

    engine: AsyncEngine
    reading: Mapping[str, Any]
    glancing: Mapping[str, Any]
    writing: Mapping[str, Any]
    noting: Mapping[str, Any]
    readers: int
    noters: int = 0
    checkpoint: str = ""

    def __post_init__(self) -> None:
        event.listen(self.engine.sync_engine, "begin", _begin)


def beginning(statement: str, **options: Any) -> Mapping[str, Any]:
    """Options of transactions whose first statement is this one."""
    return {_FIRST: statement, **options}


def _begin(connection: Any) -> None:
    if statement := connection.get_execution_options().get(_FIRST):
        connection.exec_driver_sql(statement)
