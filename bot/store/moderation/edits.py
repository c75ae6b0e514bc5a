"""Edits of cards by moderators, each for their own server: a compare-and-set plus an audit entry per transaction."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.text import normalize_name
from bot.domain.card_edit import CardEdit, CardFields, EditChange, parse_change
from bot.store.cards.edits import fetch_edit, replace_edit
from bot.store.cards.name_counts import select_topics
from bot.store.cards.rows import StoredCard, card_from_row, stored_card_columns
from bot.store.cards.server_cards import mark_unplanned
from bot.store.cards.visibility import is_known_to
from bot.store.database import Database
from bot.store.moderation.audit_log import (
    AuditEntry,
    AuditSubject,
    DecisionOutcome,
    ModerationAct,
    fetch_last_entry,
    write_entry,
)
from bot.store.tables import cards, follow_topics, topics


@dataclass(frozen=True, slots=True)
class EditableCard:
    """A card with what the server edited of it.

    `original` are the fields as the card's source has them, `seen` as the server sees them; their topics include those
    that the server gave to the source. `audit_id` is the entry of the edit, None if there is none.
    """

    card: StoredCard
    original: CardFields
    seen: CardFields
    edit: CardEdit
    audit_id: int | None


class EditStore:
    """Queries and writes of edits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_card(self, guild_id: int, card_id: int) -> EditableCard | None:
        """Load a card for editing; None if it is not in the server."""
        async with self._database.begin_read() as connection:
            return await _find_card(connection, guild_id, card_id)

    async def known_topics(self, guild_id: int, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return these topics, those that the server knows as they are written there, without duplicates."""
        named = select_topics(guild_id).subquery()
        keys = {normalize_name(name): name for name in reversed(names)}
        query = select(named.c.key, named.c.name).where(named.c.key.in_(list(keys)), named.c.count > 0)
        async with self._database.begin_autocommit() as connection:
            known: dict[str, str] = dict((await connection.execute(query)).all())
        return tuple(known.get(key, keys[key]) for key in dict.fromkeys(map(normalize_name, names)))

    async def edit_card(
        self, guild_id: int, card_id: int, edit: CardEdit, act: ModerationAct, *, expected: int | None
    ) -> DecisionOutcome:
        """Replace what the server edited of a card, if that is still the edit of the audit entry `expected`.

        Refused without an entry if the card is not in the server. Planning updates the messages.
        """
        async with self._database.begin_write() as connection:
            if (editable := await _find_card(connection, guild_id, card_id)) is None:
                return DecisionOutcome(False, None)
            # Compare and set: somebody was faster, and is named instead of overruled.
            if editable.audit_id != expected:
                last = await fetch_last_entry(connection, guild_id, card_id, AuditSubject.EDIT)
                return DecisionOutcome(False, last)
            return DecisionOutcome(True, await _write_edit(connection, guild_id, editable, edit, act))


async def undo_edit(connection: AsyncConnection, entry: AuditEntry, act: ModerationAct) -> AuditEntry:
    """Restore what was edited before the entry."""
    # Also of a card that has left the server.
    editable = await _load_card(connection, entry.guild_id, entry.card_id)
    return await _write_edit(
        connection, entry.guild_id, editable, parse_change(entry.before).edit, act, reverts_id=entry.id
    )


async def _write_edit(
    connection: AsyncConnection,
    guild_id: int,
    editable: EditableCard,
    edit: CardEdit,
    act: ModerationAct,
    reverts_id: int | None = None,
) -> AuditEntry:
    card_id, wanted = editable.card.id, edit.apply_to(editable.original)
    before = EditChange(editable.edit, editable.seen.find_changes(wanted))
    after = EditChange(edit, wanted.find_changes(editable.seen))
    entry = await write_entry(
        connection,
        guild_id=guild_id,
        card_id=card_id,
        subject=AuditSubject.EDIT,
        before=json.dumps(before.to_json(), ensure_ascii=False),
        after=json.dumps(after.to_json(), ensure_ascii=False),
        subscription_ids=None,
        actor_id=act.actor_id,
        source=act.source,
        reason=act.reason,
        at=act.at,
        reverts_id=reverts_id,
    )
    await replace_edit(connection, guild_id, card_id, edit, entry.id)
    await mark_unplanned(connection, [card_id], guild_id)
    return entry


async def _find_card(connection: AsyncConnection, guild_id: int, card_id: int) -> EditableCard | None:
    known = select(cards.c.id).where(cards.c.id == card_id, is_known_to(guild_id))
    if (await connection.execute(known)).first() is None:
        return None
    return await _load_card(connection, guild_id, card_id)


async def _load_card(connection: AsyncConnection, guild_id: int, card_id: int) -> EditableCard:
    query = select(*stored_card_columns(guild_id)).where(cards.c.id == card_id)
    row = (await connection.execute(query)).mappings().one()
    given = select(func.coalesce(follow_topics.c.name, topics.c.name)).join_from(follow_topics, topics)
    given = given.where(follow_topics.c.guild_id == guild_id)
    given = given.where(follow_topics.c.source_id == row["source_id"]).order_by(topics.c.key)
    own = CardFields.of_card(card_from_row(row, edited=False).card)
    names = {normalize_name(name): name for name in (await connection.execute(given)).scalars()}
    own_keys = set(map(normalize_name, own.topics))
    added = [name for key, name in names.items() if key not in own_keys]
    original = replace(own, topics=(*own.topics, *added))
    edit, audit_id = await fetch_edit(connection, guild_id, card_id)
    return EditableCard(card_from_row(row), original, edit.apply_to(original), edit, audit_id)
