"""Topics and providers: their rows, and how many published cards each has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Select, Table, bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import CardState
from bot.cards.text import strip_unstorable
from bot.store.sql_helpers import chunks, insert_or_ignore, upsert
from bot.store.tables import card_topics, cards, providers, topics


async def add_missing(connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert the rows whose keys are not there yet."""
    if rows:
        await connection.execute(insert_or_ignore(table), rows)


async def ensure_topic_ids(
    connection: AsyncConnection, names: Mapping[str, str], *, is_shared: bool = False
) -> dict[str, int]:
    """Return the IDs of topics by key (folded name); missing topics are added.

    `is_shared`: the names are those of everybody's cards, which replace what servers typed.
    """
    missing = [{"key": key, "name": name, "is_shared": is_shared} for key, name in names.items()]
    adding = upsert(topics)
    first = {"name": adding.excluded.name, "is_shared": True}
    named = adding.on_conflict_do_update(index_elements=["key"], set_=first, where=~topics.c.is_shared)
    if missing:
        await connection.execute(named if is_shared else adding.on_conflict_do_nothing(), missing)
    result_rows: dict[str, int] = {}
    for some in chunks(list(names)):
        rows = await connection.execute(select(topics.c.key, topics.c.id).where(topics.c.key.in_(some)))
        result_rows |= dict(rows.all())
    # A bound text loses what no database can store (`bot.store.tables.Text`), so a row may come back under another key.
    return {key: result_rows[strip_unstorable(key)] for key in names}


async def recount_all(connection: AsyncConnection) -> None:
    """Recount the published cards of all topics and providers, with one query each."""
    published = cards.c.state == CardState.PUBLISHED
    of_topics = select(card_topics.c.topic_id, func.count()).select_from(card_topics.join(cards)).where(published)
    of_providers = select(cards.c.provider, func.count()).where(published)
    await _update_counts(connection, topics, topics.c.id, of_topics.group_by(card_topics.c.topic_id))
    await _update_counts(connection, providers, providers.c.key, of_providers.group_by(cards.c.provider))


async def _update_counts(connection: AsyncConnection, table: Table, name: Column[Any], counted: Select[Any]) -> None:
    counts: dict[Any, int] = dict((await connection.execute(counted)).all())
    rows = (await connection.execute(select(name, table.c.published_count))).all()
    # Compared in Python: most loads change few counts, and a row that is right is not written.
    wrong = [
        {"the_name": key, "published_count": counts.get(key, 0)} for key, before in rows if counts.get(key, 0) != before
    ]
    if wrong:
        await connection.execute(update(table).where(name == bindparam("the_name")), wrong)
