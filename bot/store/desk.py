"""Moderation writes: decide, undo, override topics. Each is a compare-and-set plus an audit entry per transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import State
from bot.cards.text import folded
from bot.desk.publication import EVERYWHERE, Decision, Source, Verdict, ruled
from bot.store.database import Database
from bot.store.filing import recount, topic_ids
from bot.store.log import Entry, Subject, entry_before, entry_of, last_entry_about, write_entry
from bot.store.parsing import state_of, verdict_or_none
from bot.store.tables import card_edit_topics, card_edits, cards, decision_subscriptions, decisions, subscriptions


@dataclass(frozen=True, slots=True)
class Act:
    """Who acts, when, through what, and why."""

    by: int
    at: datetime
    source: Source
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether an act was applied. `entry` is its audit entry; if it was rejected, the conflicting entry, if any."""

    taken: bool
    entry: Entry | None


class Desk:
    """Decisions of moderators for their server, and of the bot's owners for all servers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def decide(self, decision: Decision, *, source: Source, expected: Verdict | None) -> Outcome:
        """Apply the decision if the current verdict still equals `expected`. Planning updates the deliveries."""
        guild_id, card_id = decision.guild_id, decision.card_id
        act = Act(decision.decided_by, decision.decided_at, source, decision.reason)
        async with self._database.write() as connection:
            before = await _verdict(connection, guild_id, card_id)
            if before is not expected:
                return Outcome(False, await last_entry_about(connection, guild_id, card_id, Subject.VERDICT))
            await _set(connection, guild_id, card_id, decision, act.at)
            return Outcome(True, await _log_verdict(connection, guild_id, card_id, act, before, decision))

    async def undo(self, guild_id: int, entry_id: int, act: Act) -> Outcome | None:
        """Undo an entry of this server's log if it is the latest of its kind on its card; None if it does not exist."""
        async with self._database.write() as connection:
            entry = await entry_of(connection, guild_id, entry_id)
            if entry is None or entry.subject is Subject.STATE:
                return None
            last = await last_entry_about(connection, guild_id, entry.card_id, entry.subject)
            if last is None or last.id != entry.id:
                return Outcome(False, last)
            if entry.subject is Subject.TOPICS:
                before = json.loads(entry.before) if entry.before else None
                return Outcome(True, await _edit(connection, guild_id, entry.card_id, before, act, undoes=entry))
            return Outcome(True, await _take_back(connection, entry, act))

    async def edit_topics(
        self, guild_id: int, card_id: int, topics: Sequence[str], act: Act, *, expected: Sequence[str] | None
    ) -> Outcome:
        """Override a card's topics for a server if they still equal `expected`. Empty removes the override."""
        async with self._database.write() as connection:
            if await _topics(connection, guild_id, card_id) != (list(expected) if expected else None):
                return Outcome(False, await last_entry_about(connection, guild_id, card_id, Subject.TOPICS))
            return Outcome(True, await _edit(connection, guild_id, card_id, list(topics) or None, act))

    async def own_topics(self, guild_id: int, card_id: int) -> list[str] | None:
        """Return the server's override of a card's topics; None if there is none."""
        async with self._database.read() as connection:
            return await _topics(connection, guild_id, card_id)


async def _verdict(connection: AsyncConnection, guild_id: int, card_id: int) -> Verdict | None:
    asked = select(decisions.c.verdict).where(decisions.c.guild_id == guild_id, decisions.c.card_id == card_id)
    word = (await connection.execute(asked)).scalar_one_or_none()
    return verdict_or_none(word)


async def _set(
    connection: AsyncConnection, guild_id: int, card_id: int, decision: Decision | None, now: datetime
) -> None:
    """Replace the guild's decision on a card; None clears it."""
    for table in (decisions, decision_subscriptions):
        mine = (table.c.guild_id == guild_id) & (table.c.card_id == card_id)
        await connection.execute(delete(table).where(mine))
    if decision:
        row = {name: getattr(decision, name) for name in decision.__slots__ if name != "only"}
        await connection.execute(insert(decisions).values(row | {"picked": decision.only is not None}))
        await _pick(connection, decision)
    if guild_id == EVERYWHERE:
        await rule(connection, card_id, decision.verdict if decision else None, now)
    await _unplan(connection, card_id)


async def _pick(connection: AsyncConnection, decision: Decision) -> None:
    rows = [
        {"guild_id": decision.guild_id, "card_id": decision.card_id, "subscription_id": each}
        for each in decision.only or ()
    ]
    if rows:
        await connection.execute(insert(decision_subscriptions), rows)


async def rule(connection: AsyncConnection, card_id: int, ruling: Verdict | None, now: datetime) -> None:
    """Set a card's state to the owners' verdict, or without one back to its file's."""
    asked = select(cards.c.filed_state, cards.c.visible_at).where(cards.c.id == card_id)
    filed, visible_at = (await connection.execute(asked)).one()
    state = ruled(state_of(filed), ruling)
    since = (visible_at or now) if state is State.PUBLISHED else None
    await connection.execute(update(cards).where(cards.c.id == card_id).values(state=state, visible_at=since))
    await recount(connection)


async def _unplan(connection: AsyncConnection, card_id: int) -> None:
    await connection.execute(update(cards).where(cards.c.id == card_id).values(unplanned=True))


async def _log_verdict(
    connection: AsyncConnection,
    guild_id: int,
    card_id: int,
    act: Act,
    before: Verdict | None,
    after: Decision | None,
    undoes: int | None = None,
) -> Entry:
    return await write_entry(
        connection,
        guild_id=guild_id,
        card_id=card_id,
        subject=Subject.VERDICT,
        before=before,
        after=after.verdict if after else None,
        only=list(after.only) if after and after.only is not None else None,
        actor_id=act.by,
        source=act.source,
        reason=act.reason,
        at=act.at,
        undoes=undoes,
    )


async def _take_back(connection: AsyncConnection, entry: Entry, act: Act) -> Entry:
    """Restore the decision that the entry replaced, with its author and time, or clear it if there was none."""
    restored = None
    if verdict := verdict_or_none(entry.before):
        earlier = await entry_before(connection, entry) or entry
        restored = Decision(
            entry.guild_id,
            entry.card_id,
            verdict,
            earlier.actor_id,
            earlier.at,
            earlier.reason,
            await _still_there(connection, earlier.only),
        )
    await _set(connection, entry.guild_id, entry.card_id, restored, act.at)
    before = verdict_or_none(entry.after)
    return await _log_verdict(connection, entry.guild_id, entry.card_id, act, before, restored, entry.id)


async def _still_there(connection: AsyncConnection, only: Sequence[int] | None) -> tuple[int, ...] | None:
    """Return the selected subscriptions that still exist; None if none were selected."""
    if only is None:
        return None
    found = await connection.execute(select(subscriptions.c.id).where(subscriptions.c.id.in_(only)))
    return tuple(found.scalars())


async def _topics(connection: AsyncConnection, guild_id: int, card_id: int) -> list[str] | None:
    asked = select(card_edits.c.topics).where(card_edits.c.guild_id == guild_id, card_edits.c.card_id == card_id)
    found: list[str] | None = (await connection.execute(asked)).scalar_one_or_none()
    return found


async def _edit(
    connection: AsyncConnection,
    guild_id: int,
    card_id: int,
    topics: list[str] | None,
    act: Act,
    undoes: Entry | None = None,
) -> Entry:
    before = await _topics(connection, guild_id, card_id)
    entry = await write_entry(
        connection,
        guild_id=guild_id,
        card_id=card_id,
        subject=Subject.TOPICS,
        before=_written(before),
        after=_written(topics),
        actor_id=act.by,
        source=act.source,
        reason=act.reason,
        at=act.at,
        undoes=undoes.id if undoes else None,
    )
    for table in (card_edits, card_edit_topics):
        await connection.execute(delete(table).where(table.c.guild_id == guild_id, table.c.card_id == card_id))
    if topics:
        row: dict[str, Any] = {"guild_id": guild_id, "card_id": card_id}
        await connection.execute(insert(card_edits).values(row | {"topics": topics, "audit_id": entry.id}))
        ids = await topic_ids(connection, {folded(name): name for name in topics})
        await connection.execute(insert(card_edit_topics), [row | {"topic_id": each} for each in set(ids.values())])
    await _unplan(connection, card_id)
    return entry


def _written(topics: list[str] | None) -> str | None:
    return json.dumps(topics, ensure_ascii=False) if topics else None
