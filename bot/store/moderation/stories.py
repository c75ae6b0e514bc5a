"""Stories that moderators split and join, each for their own server: a change plus an audit entry per transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import CardState, HeldReason
from bot.domain.moderation import Verdict
from bot.domain.story_change import StoryAct, StoryChange, StoryRefusal
from bot.domain.story_clustering import LARGEST
from bot.store.cards.rows import card_from_row, stored_card_columns
from bot.store.cards.server_cards import mark_unplanned
from bot.store.cards.story_coverage import mark_stale
from bot.store.cards.story_decisions import add_decision, fetch_decided, fetch_story, remove_decision
from bot.store.cards.visibility import is_known_to
from bot.store.database import Database
from bot.store.moderation.audit_log import (
    AuditEntry,
    AuditSubject,
    DecisionOutcome,
    ModerationAct,
    fetch_entry,
    fetch_reverting,
    write_entry,
)
from bot.store.moderation.story_posts import regroup_posts
from bot.store.tables import cards, server_cards


@dataclass(frozen=True, slots=True)
class StoryOutcome:
    """What became of a request: its audit entry and the cards to plan, or why it was refused."""

    entry: AuditEntry | None = None
    changed: frozenset[int] = frozenset()
    refusal: StoryRefusal | None = None


class StoryDecisions:
    """Splits and joins. Planning updates the messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def split_card(self, guild_id: int, card_id: int, act: ModerationAct, fresh_since: datetime) -> StoryOutcome:
        """Take a card out of its story: what later joins it joins it alone.

        Where a message lists it, it gets one of its own if the server has had it only since `fresh_since`.
        """
        async with self._database.begin_write() as connection:
            if refusal := await _find_refusal(connection, guild_id, [card_id]):
                return StoryOutcome(refusal=refusal)
            story_id, story = await fetch_story(connection, guild_id, card_id)
            others = select(func.count()).where(cards.c.id.in_(story - {card_id}), cards.c.state != CardState.WITHDRAWN)
            if not (await connection.execute(others)).scalar_one():
                return StoryOutcome(refusal=StoryRefusal.ALONE)
            entry = await _write_change(connection, guild_id, card_id, StoryChange(StoryAct.SPLIT), act)
            await add_decision(connection, guild_id, [card_id], entry.id)
            await mark_stale(connection, [story_id, -entry.id])
            changed = await regroup_posts(connection, guild_id, story, fresh_since=fresh_since)
            await mark_unplanned(connection, sorted(changed), guild_id)
            return StoryOutcome(entry, frozenset(changed))

    async def join_stories(self, guild_id: int, card_id: int, other_id: int, act: ModerationAct) -> StoryOutcome:
        """Make the story of a card one with that of another. Messages that are there stay, and list each other's cards.

        What waited for a second publisher of its story comes if it has one now.
        """
        async with self._database.begin_write() as connection:
            if refusal := await _find_refusal(connection, guild_id, [card_id, other_id]):
                return StoryOutcome(refusal=refusal)
            story_id, own = await fetch_story(connection, guild_id, card_id)
            other_story_id, others = await fetch_story(connection, guild_id, other_id)
            if story_id == other_story_id:
                return StoryOutcome(refusal=StoryRefusal.SAME)
            if len(own) + len(others) > LARGEST:
                return StoryOutcome(refusal=StoryRefusal.TOO_LARGE)
            change = StoryChange(StoryAct.JOIN, await _fetch_title(connection, guild_id, other_id))
            entry = await _write_change(connection, guild_id, card_id, change, act)
            await add_decision(connection, guild_id, own | others, entry.id)
            await mark_stale(connection, [story_id, other_story_id, -entry.id])
            joined = dict.fromkeys(own, others) | dict.fromkeys(others, own)
            changed = await regroup_posts(connection, guild_id, own | others, joined=joined)
            changed |= await _fetch_uncovered(connection, guild_id, own | others)
            await mark_unplanned(connection, sorted(changed), guild_id)
            return StoryOutcome(entry, frozenset(changed))


async def undo_story(connection: AsyncConnection, entry: AuditEntry, act: ModerationAct) -> DecisionOutcome | None:
    """Take a split or a join back, and let messages list what they did before. Nothing is posted or deleted.

    Any that is in force can be taken back, unless a later one would leave the cards where they are; None for an entry
    that took one back: its cards are split or joined anew, so that what comes of it is seen.
    """
    if entry.reverts_id:
        return None
    if obstacle := await fetch_reverting(connection, entry) or await _find_later(connection, entry):
        return DecisionOutcome(False, obstacle)
    members = await remove_decision(connection, entry.id)
    told = {-entry.id}
    for card_id in sorted(members):
        story_id, others = await fetch_story(connection, entry.guild_id, card_id)
        told.add(story_id)
        members |= others
    await mark_stale(connection, sorted(told))
    undone = await _write_change(connection, entry.guild_id, entry.card_id, None, act, undoes=entry)
    changed = await regroup_posts(connection, entry.guild_id, members)
    await mark_unplanned(connection, sorted(changed), entry.guild_id)
    return DecisionOutcome(True, undone, frozenset(changed))


async def _find_later(connection: AsyncConnection, entry: AuditEntry) -> AuditEntry | None:
    """Return the later change by which the entry's card would stay where it is if this one were taken back."""
    story_id, members = await fetch_story(connection, entry.guild_id, entry.card_id)
    if story_id >= -entry.id:
        return None
    change = StoryChange.from_json(entry.after)
    # A card that was split off since keeps no two stories together.
    if change and change.act is StoryAct.JOIN and len(members & await fetch_decided(connection, entry.id)) == 1:
        return None
    return await fetch_entry(connection, entry.guild_id, -story_id)


async def _find_refusal(connection: AsyncConnection, guild_id: int, card_ids: Collection[int]) -> StoryRefusal | None:
    query = select(*stored_card_columns(guild_id)).where(cards.c.id.in_(card_ids), is_known_to(guild_id))
    found = [card_from_row(row) for row in (await connection.execute(query)).mappings()]
    if {stored.id for stored in found} != set(card_ids):
        return StoryRefusal.GONE
    if any(stored.card.state is CardState.WITHDRAWN or stored.verdict is Verdict.WITHDRAW for stored in found):
        return StoryRefusal.WITHDRAWN
    return None


async def _fetch_title(connection: AsyncConnection, guild_id: int, card_id: int) -> str:
    query = select(*stored_card_columns(guild_id)).where(cards.c.id == card_id)
    return card_from_row((await connection.execute(query)).mappings().one()).card.title


async def _fetch_uncovered(connection: AsyncConnection, guild_id: int, card_ids: Collection[int]) -> set[int]:
    """Return those of the cards that wait in the server for a second publisher."""
    row = server_cards.c
    waiting = select(row.card_id).where(
        row.guild_id == guild_id, row.card_id.in_(card_ids), row.held_reason == HeldReason.UNCOVERED
    )
    return set((await connection.execute(waiting)).scalars())


async def _write_change(
    connection: AsyncConnection,
    guild_id: int,
    card_id: int,
    change: StoryChange | None,
    act: ModerationAct,
    undoes: AuditEntry | None = None,
) -> AuditEntry:
    return await write_entry(
        connection,
        guild_id=guild_id,
        card_id=card_id,
        subject=AuditSubject.STORY,
        before=undoes.after if undoes else None,
        after=change.to_json() if change else None,
        subscription_ids=None,
        actor_id=act.actor_id,
        source=act.source,
        reason=act.reason,
        at=act.at,
        reverts_id=undoes.id if undoes else None,
    )
