"""Edits of cards for tests, as a moderator's form stores them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bot.domain.card_edit import CardEdit
from bot.domain.moderation import DecisionSource
from bot.store import Store
from bot.store.moderation.audit_log import AuditEntry, ModerationAct
from tests.support.cards import NOW


def make_act(actor_id: int = 9, at: datetime = NOW) -> ModerationAct:
    return ModerationAct(actor_id, at, DecisionSource.BUTTON)


async def edit_card(store: Store, guild_id: int, card_id: int, at: datetime = NOW, **fields: Any) -> AuditEntry:
    """Let a server edit these fields, and no others, whatever it edited before."""
    editable = await store.moderation.edits.load_card(guild_id, card_id)
    assert editable
    act, expected = make_act(at=at), editable.audit_id
    outcome = await store.moderation.edits.edit_card(guild_id, card_id, CardEdit(**fields), act, expected=expected)
    assert outcome.accepted
    assert outcome.entry
    return outcome.entry
