"""Write what servers edited of cards, and what is derived from it: revisions, topics and index entries."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, RowMapping, Table, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.fingerprint import compute_revision
from bot.cards.text import normalize_name
from bot.domain.card_edit import CardEdit, apply_edit
from bot.domain.moderation import EVERYWHERE
from bot.store.cards.names import ensure_topic_ids
from bot.store.cards.rows import card_from_row, parse_edit, stored_card_columns
from bot.store.cards.search_entries import load_labels
from bot.store.database import Database
from bot.store.search import indexes_for_dialect
from bot.store.search.entry import build_edit_entry
from bot.store.sql_helpers import chunks, insert_or_ignore
from bot.store.tables import card_edit_topics, card_edits, cards


async def fetch_edit(connection: AsyncConnection, guild_id: int, card_id: int) -> tuple[CardEdit, int | None]:
    """Return what a server edited of a card, and the audit entry of that; the entry is None if it edited nothing."""
    query = select(card_edits.c.fields, card_edits.c.audit_id).where(_is_edit(card_edits, guild_id, card_id))
    row = (await connection.execute(query)).one_or_none()
    return (parse_edit(row.fields), row.audit_id) if row else (CardEdit(), None)


async def fetch_edits(connection: AsyncConnection, card_ids: Collection[int]) -> dict[tuple[int, int], CardEdit]:
    """Return what servers edited of these cards, by server and card."""
    query = select(card_edits.c.guild_id, card_edits.c.card_id, card_edits.c.fields)
    found: dict[tuple[int, int], CardEdit] = {}
    for some in chunks(sorted(card_ids)):
        for guild_id, card_id, stored in await connection.execute(query.where(card_edits.c.card_id.in_(some))):
            found[guild_id, card_id] = parse_edit(stored)
    return found


async def replace_edit(connection: AsyncConnection, guild_id: int, card_id: int, edit: CardEdit, audit_id: int) -> None:
    """Replace what a server edited of a card; an empty edit removes it."""
    _, before = await fetch_edit(connection, guild_id, card_id)
    if before is not None:
        await indexes_for_dialect(connection.dialect.name).edited.remove_entries(connection, [before])
    for table in (card_edits, card_edit_topics):
        await connection.execute(delete(table).where(_is_edit(table, guild_id, card_id)))
    if edit:
        key = {"guild_id": guild_id, "card_id": card_id}
        values = {"fields": edit.to_json(), "has_topics": edit.topics is not None, "audit_id": audit_id}
        await connection.execute(insert(card_edits).values(key | values))
        await add_edit_topics(connection, guild_id, card_id, edit.topics or ())
        await refresh_edits(connection, card_edits.c.audit_id == audit_id)


async def add_edit_topics(connection: AsyncConnection, guild_id: int, card_id: int, names: Sequence[str]) -> None:
    """Add the topics of an edit by id, as subscriptions and lists look for them."""
    written = {normalize_name(name): name for name in names}
    ids = await ensure_topic_ids(connection, written)
    key = {"guild_id": guild_id, "card_id": card_id}
    if rows := [key | {"topic_id": ids[name], "name": written[name]} for name in written]:
        await connection.execute(insert_or_ignore(card_edit_topics), rows)


async def refresh_edits_of(connection: AsyncConnection, card_ids: Sequence[int]) -> None:
    """Call when cards have changed: the fields that a server left alone follow them."""
    for some in chunks(card_ids):
        await refresh_edits(connection, card_edits.c.card_id.in_(some))


async def refresh_edits(connection: AsyncConnection, condition: ColumnElement[bool]) -> None:
    """Compute the revisions of these edits, and index them."""
    rows = await index_edits(connection, condition)
    revisions = [{"the_id": row["audit_id"], "revision": _compute_revision(row)} for row in rows]
    if revisions:
        this = update(card_edits).where(card_edits.c.audit_id == bindparam("the_id"))
        await connection.execute(this, revisions)


async def index_edits(connection: AsyncConnection, condition: ColumnElement[bool]) -> Sequence[RowMapping]:
    """Index these edits; return their rows, with those of their cards."""
    rows = (await connection.execute(_EDITED.where(condition))).mappings().all()
    labels = await load_labels(connection, {row["source_id"] for row in rows})
    entries = []
    for row in rows:
        original, label = card_from_row(row).card, labels[row["source_id"]]
        edited = apply_edit(original, parse_edit(row["fields"]))
        # An edit of the topics replaces those of a follow, by whose source the card is found otherwise.
        source = "" if row["has_topics"] else label.source_tag
        entries.append((row["audit_id"], build_edit_entry(original, edited, row["guild_id"], source, label.language)))
    index = indexes_for_dialect(connection.dialect.name).edited
    await index.remove_entries(connection, [key for key, _ in entries])
    await index.add_entries(connection, entries)
    return rows


async def index_pending_edits(database: Database) -> None:
    """Index the edits that a migration has written."""
    pending = card_edits.c.revision.is_(None)
    async with database.begin_autocommit() as connection:
        if (await connection.execute(select(card_edits.c.audit_id).where(pending).limit(1))).first() is None:
            return
    async with database.begin_write() as connection:
        await refresh_edits(connection, pending)


# As their sources have them: nobody edits a card for all servers.
_EDITED = (
    select(
        *stored_card_columns(EVERYWHERE),
        *(card_edits.c[name] for name in ("guild_id", "audit_id", "fields", "has_topics")),
    )
    .select_from(card_edits)
    .join(cards, cards.c.id == card_edits.c.card_id)
)


def _compute_revision(row: RowMapping) -> str:
    return compute_revision(apply_edit(card_from_row(row).card, parse_edit(row["fields"])))


def _is_edit(table: Table, guild_id: int, card_id: int) -> ColumnElement[bool]:
    return (table.c.guild_id == guild_id) & (table.c.card_id == card_id)
