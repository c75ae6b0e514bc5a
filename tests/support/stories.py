"""Stories that moderators split and join, for tests."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.story_change import StoryRefusal
from bot.store import Store
from bot.store.moderation.audit_log import AuditEntry
from bot.store.moderation.stories import StoryOutcome
from tests.support.cards import NOW
from tests.support.edits import make_act
from tests.support.follows import MAX_AGE


async def split_card(
    store: Store, guild_id: int, card_id: int, now: datetime = NOW, max_age: timedelta = MAX_AGE
) -> AuditEntry:
    """Split a card off, and plan."""
    outcome = await store.moderation.stories.split_card(guild_id, card_id, make_act(at=now), now - max_age)
    return await _plan_outcome(store, outcome, now)


async def join_stories(store: Store, guild_id: int, card_id: int, other_id: int, now: datetime = NOW) -> AuditEntry:
    """Join a card's story with another, and plan."""
    outcome = await store.moderation.stories.join_stories(guild_id, card_id, other_id, make_act(at=now))
    return await _plan_outcome(store, outcome, now)


async def undo(store: Store, entry: AuditEntry, now: datetime = NOW) -> None:
    """Take a split or a join back, and plan what it changed."""
    outcome = await store.moderation.decisions.undo_entry(entry.guild_id, entry.id, make_act(at=now))
    assert outcome
    assert outcome.accepted
    await store.outbox.planner.plan_cards([entry.card_id, *outcome.changed], entry.guild_id, now, MAX_AGE)


async def refuse_split(store: Store, guild_id: int, card_id: int) -> StoryRefusal | None:
    """Try to split a card off; return why that is refused."""
    outcome = await store.moderation.stories.split_card(guild_id, card_id, make_act(), NOW - MAX_AGE)
    assert outcome.entry is None
    return outcome.refusal


async def refuse_join(store: Store, guild_id: int, card_id: int, other_id: int) -> StoryRefusal | None:
    """Try to join two stories; return why that is refused."""
    outcome = await store.moderation.stories.join_stories(guild_id, card_id, other_id, make_act())
    assert outcome.entry is None
    return outcome.refusal


async def _plan_outcome(store: Store, outcome: StoryOutcome, now: datetime) -> AuditEntry:
    assert outcome.refusal is None
    assert outcome.entry
    ids = [outcome.entry.card_id, *outcome.changed]
    await store.outbox.planner.plan_cards(ids, outcome.entry.guild_id, now, MAX_AGE)
    return outcome.entry


async def list_stories(store: Store, guild_id: int) -> list[set[str]]:
    """The stories of a server's cards, by slug, as its lists tell them: the newest first."""
    entries = (await store.cards.list_latest(guild_id, limit=100)).cards
    members = await store.cards.fetch_story_members([each.id for each in entries], guild_id)
    return [{each.card.slug for each in (entry, *members.get(entry.id, ()))} for entry in entries]
