"""Moderation writes: decide and undo. Each is a compare-and-set plus an audit entry per transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import CardState
from bot.domain.moderation import EVERYWHERE, Decision, DecisionSource, Verdict, effective_state
from bot.store.cards.names import recount_all
from bot.store.cards.server_cards import mark_unplanned
from bot.store.cards.visibility import is_known_to
from bot.store.column_parsers import parse_state, verdict_or_none
from bot.store.database import Database
from bot.store.moderation.audit_log import (
    AuditEntry,
    AuditSubject,
    DecisionOutcome,
    ModerationAct,
    fetch_entry,
    fetch_entry_before,
    fetch_last_entry,
    write_entry,
)
from bot.store.moderation.edits import undo_edit
from bot.store.moderation.stories import undo_story
from bot.store.tables import cards, decision_subscriptions, decisions, subscriptions


class DecisionStore:
    """Decisions of moderators for their server, and of the bot's owners for all servers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def decide_card(
        self, decision: Decision, *, source: DecisionSource, expected: Verdict | None
    ) -> DecisionOutcome:
        """Apply the decision if the current verdict still equals `expected`, and the card is in the server.

        Planning updates the deliveries.
        """
        async with self._database.begin_write() as connection:
            return await write_decision(connection, decision, source=source, expected=expected)

    async def undo_entry(self, guild_id: int, entry_id: int, act: ModerationAct) -> DecisionOutcome | None:
        """Undo an entry of this server's log; None if it does not exist.

        It has to be the latest of its kind on its card, except for splits and joins (`undo_story`).
        """
        async with self._database.begin_write() as connection:
            entry = await fetch_entry(connection, guild_id, entry_id)
            if entry is None or entry.subject in (AuditSubject.STATE, AuditSubject.FEED):
                return None
            if entry.subject is AuditSubject.STORY:
                return await undo_story(connection, entry, act)
            last = await fetch_last_entry(connection, guild_id, entry.card_id, entry.subject)
            # Only the latest can be undone; an older one is no longer in force.
            if last is None or last.id != entry.id:
                return DecisionOutcome(False, last)
            if entry.subject is AuditSubject.EDIT:
                return DecisionOutcome(True, await undo_edit(connection, entry, act))
            return DecisionOutcome(True, await _revert_entry(connection, entry, act))


async def _is_known(connection: AsyncConnection, guild_id: int, card_id: int) -> bool:
    query = select(cards.c.id).where(cards.c.id == card_id, is_known_to(guild_id))
    return (await connection.execute(query)).first() is not None


async def write_decision(
    connection: AsyncConnection, decision: Decision, *, source: DecisionSource, expected: Verdict | None
) -> DecisionOutcome:
    """Do what `DecisionStore.decide_card` does, within the caller's write transaction."""
    guild_id, card_id = decision.guild_id, decision.card_id
    act = ModerationAct(decision.decided_by, decision.decided_at, source, decision.reason)
    if guild_id != EVERYWHERE and not await _is_known(connection, guild_id, card_id):
        return DecisionOutcome(False, None)
    before = await _current_verdict(connection, guild_id, card_id)
    # Compare and set: somebody was faster, and is named instead of overruled.
    if before is not expected:
        return DecisionOutcome(False, await fetch_last_entry(connection, guild_id, card_id, AuditSubject.VERDICT))
    await _replace_decision(connection, guild_id, card_id, decision, act.at)
    return DecisionOutcome(True, await _write_verdict_entry(connection, guild_id, card_id, act, before, decision))


async def _current_verdict(connection: AsyncConnection, guild_id: int, card_id: int) -> Verdict | None:
    query = select(decisions.c.verdict).where(decisions.c.guild_id == guild_id, decisions.c.card_id == card_id)
    word = (await connection.execute(query)).scalar_one_or_none()
    return verdict_or_none(word)


async def _replace_decision(
    connection: AsyncConnection, guild_id: int, card_id: int, decision: Decision | None, now: datetime
) -> None:
    """Replace the guild's decision on a card; None clears it."""
    for table in (decisions, decision_subscriptions):
        condition = (table.c.guild_id == guild_id) & (table.c.card_id == card_id)
        await connection.execute(delete(table).where(condition))
    if decision:
        row = {
            "guild_id": guild_id,
            "card_id": card_id,
            "verdict": decision.verdict,
            "decided_by": decision.decided_by,
            "decided_at": decision.decided_at,
            "reason": decision.reason,
            "selected_only": decision.subscription_ids is not None,
        }
        await connection.execute(insert(decisions).values(row))
        await _store_selection(connection, decision)
    if guild_id == EVERYWHERE:
        await apply_ruling(connection, card_id, decision.verdict if decision else None, now)
    await mark_unplanned(connection, [card_id], guild_id)


async def _store_selection(connection: AsyncConnection, decision: Decision) -> None:
    rows = [
        {"guild_id": decision.guild_id, "card_id": decision.card_id, "subscription_id": each}
        for each in decision.subscription_ids or ()
    ]
    if rows:
        await connection.execute(insert(decision_subscriptions), rows)


async def apply_ruling(connection: AsyncConnection, card_id: int, ruling: Verdict | None, now: datetime) -> None:
    """Set a card's state to the owners' verdict, or without one back to its file's."""
    query = select(cards.c.file_state, cards.c.visible_at).where(cards.c.id == card_id)
    file_state, visible_at = (await connection.execute(query)).one()
    state = effective_state(parse_state(file_state), ruling)
    since = (visible_at or now) if state is CardState.PUBLISHED else None
    await connection.execute(update(cards).where(cards.c.id == card_id).values(state=state, visible_at=since))
    # All names, although few are concerned: owners decide rarely, and counting all is one query.
    await recount_all(connection)


async def _write_verdict_entry(
    connection: AsyncConnection,
    guild_id: int,
    card_id: int,
    act: ModerationAct,
    before: Verdict | None,
    after: Decision | None,
    undoes: int | None = None,
) -> AuditEntry:
    return await write_entry(
        connection,
        guild_id=guild_id,
        card_id=card_id,
        subject=AuditSubject.VERDICT,
        before=before,
        after=after.verdict if after else None,
        subscription_ids=list(after.subscription_ids) if after and after.subscription_ids is not None else None,
        actor_id=act.actor_id,
        source=act.source,
        reason=act.reason,
        at=act.at,
        reverts_id=undoes,
    )


async def _revert_entry(connection: AsyncConnection, entry: AuditEntry, act: ModerationAct) -> AuditEntry:
    """Restore the decision that the entry replaced, with its author and time, or clear it if there was none."""
    restored = None
    if verdict := verdict_or_none(entry.before):
        earlier = await fetch_entry_before(connection, entry) or entry
        restored = Decision(
            entry.guild_id,
            entry.card_id,
            verdict,
            earlier.actor_id,
            earlier.at,
            earlier.reason,
            await _existing_subscriptions(connection, earlier.subscription_ids),
        )
    await _replace_decision(connection, entry.guild_id, entry.card_id, restored, act.at)
    before = verdict_or_none(entry.after)
    return await _write_verdict_entry(connection, entry.guild_id, entry.card_id, act, before, restored, entry.id)


async def _existing_subscriptions(connection: AsyncConnection, only: Sequence[int] | None) -> tuple[int, ...] | None:
    """Return the selected subscriptions that still exist; None if none were selected."""
    if only is None:
        return None
    value = await connection.execute(select(subscriptions.c.id).where(subscriptions.c.id.in_(only)))
    return tuple(value.scalars())
