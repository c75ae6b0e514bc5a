"""How SQLite goes about a question, and what it should not do in a large store."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_SCAN = re.compile(
    r"SCAN (cards|newer|newer_row|card_topics|card_search|card_search_followed|server_cards|followed_card_topics"
    r"|follows|follow_topics|decisions|known_words|followed_words|topic_overrides)\b(?!.* VIRTUAL TABLE )"
)
_ROW = re.compile(r"SEARCH cards USING INDEX .*\(sort_key=\?\)")
"""A hit's whole row is read before it is known whether the reader sees it."""
_NEWER = re.compile(r"SEARCH newer USING .*\(state=\?")
"""All newer cards of followed sources are looked through for one of the same story."""
_PART = re.compile(r"(anon_\d+|tier\d+|shared|\(subquery-\d+\)|card_search_edits)$")
"""What a question has made of a part of a table, which has its own bound, or what one server edited."""


@dataclass(frozen=True, slots=True)
class RecordedQuery:
    """A statement as it went to the engine."""

    statement: str
    values: tuple[Any, ...]

    async def explain_plan(self, connection: AsyncConnection) -> Sequence[Sequence[Any]]:
        return (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {self.statement}", self.values)).all()


@contextmanager
def record_queries(engine: AsyncEngine) -> Iterator[list[RecordedQuery]]:
    """The queries that run meanwhile."""
    events: list[RecordedQuery] = []

    def record_query(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: Any) -> None:
        if statement.startswith(("SELECT", "WITH")):
            events.append(RecordedQuery(statement, tuple(values)))

    event.listen(engine.sync_engine, "before_cursor_execute", record_query)
    try:
        yield events
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", record_query)


def find_scans(plan: Sequence[Sequence[Any]]) -> list[str]:
    """Steps of a plan that go through all cards, or all that servers have of them."""
    return [step for *_, step in plan if _SCAN.match(step)]


def plan_faults(plan: Sequence[Sequence[Any]]) -> list[str]:
    """Steps of a plan (`EXPLAIN QUERY PLAN`) that go through all cards, read every hit or sort all of them.

    What is sorted are the rows of the first loop beside the step.
    """
    steps = [(parent, step) for _, parent, _, step in plan]
    sorts = [(step, _first_loop(steps, parent)) for parent, step in steps if step.startswith("USE TEMP B-TREE")]
    scans = [step for _, step in steps if any(each.match(step) for each in (_SCAN, _ROW, _NEWER))]
    return scans + [f"{step} of {what}" for step, what in sorts if not _PART.match(what)]


def _first_loop(steps: Sequence[tuple[int, str]], parent: int) -> str:
    loops = (step for above, step in steps if above == parent and step.startswith(("SCAN ", "SEARCH ")))
    return next(loops).split()[1]
