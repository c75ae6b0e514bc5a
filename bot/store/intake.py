"""Tokens of the HTTP intake, and its recent answers by `Idempotency-Key`."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, Select, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import SourceKind
from bot.domain.intake import IntakePolicy, IntakeToken
from bot.errors import UserError
from bot.store.database import Database
from bot.store.sources.server_sources import add_source, find_source
from bot.store.sql_helpers import upsert
from bot.store.tables import follows, intake_answers, intake_tokens, source_items, sources

ANSWER_RETENTION = timedelta(hours=24)
"""How long a repeated request gets the answer of the first one."""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The answer to a request, and the digest of that request's body."""

    body_digest: str
    answer: Mapping[str, Any]


class IntakeStore:
    """Tokens, answers, and the cards of sources of the kind `http`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_token(
        self, name: str, source: str, policy: IntakePolicy, digest: str, now: datetime, guild_id: int | None = None
    ) -> IntakeToken:
        """Add a token for a source, which is added as well if it is new: everybody's, or that of one server.

        Raises `UserError` if the name is taken, or the source belongs to somebody else.
        """
        async with self._database.begin_write() as connection:
            taken = select(intake_tokens.c.id).where(intake_tokens.c.name == name)
            if (await connection.execute(taken)).scalar() is not None:
                raise UserError(f"There is a token named {name} already. Revoke it first, or choose another name.")
            source_id = await _ensure_source(connection, source, guild_id, now)
            values = {"name": name, "digest": digest, "source_id": source_id, "policy": policy, "created_at": now}
            made = await connection.execute(insert(intake_tokens).values(values).returning(intake_tokens.c.id))
            return IntakeToken(int(made.scalar_one()), name, source_id, source, policy, now, guild_id=guild_id)

    async def list_tokens(self) -> list[IntakeToken]:
        """Return all tokens, by name."""
        async with self._database.begin_autocommit() as connection:
            rows = (await connection.execute(_tokens().order_by(intake_tokens.c.name))).mappings()
            return [_token_from_row(row) for row in rows]

    async def revoke_token(self, name: str) -> bool:
        """Delete a token; its cards stay. Return False if there is none of this name."""
        async with self._database.begin_write() as connection:
            gone = delete(intake_tokens).where(intake_tokens.c.name == name).returning(intake_tokens.c.id)
            return (await connection.execute(gone)).scalar() is not None

    async def find_token(self, digest: str) -> IntakeToken | None:
        """Return the token with this digest."""
        async with self._database.begin_autocommit() as connection:
            rows = await connection.execute(_tokens().where(intake_tokens.c.digest == digest))
            row = rows.mappings().first()
        # The index compares in varying time, which tells of the digest at most. The last word has a comparison that
        # takes the same time for every digest.
        return _token_from_row(row) if row and hmac.compare_digest(row["digest"], digest) else None

    async def mark_used(self, token_id: int, now: datetime) -> None:
        """Record when a token was last used."""
        change = update(intake_tokens).where(intake_tokens.c.id == token_id).values(last_used_at=now)
        await self._database.write_shared(lambda connection: connection.execute(change))

    async def find_card(self, source_id: int, key: str) -> int | None:
        """Return the id of the card that an item of a source contains."""
        query = select(source_items.c.card_id).where(source_items.c.source_id == source_id, source_items.c.key == key)
        async with self._database.begin_autocommit() as connection:
            return (await connection.execute(query)).scalar()

    async def find_answer(self, token_id: int, key: str, now: datetime) -> StoredAnswer | None:
        """Return the answer to an earlier request with this key, unless it has expired."""
        query = select(intake_answers.c.body_digest, intake_answers.c.answer).where(
            intake_answers.c.token_id == token_id,
            intake_answers.c.key == key,
            intake_answers.c.answered_at > now - ANSWER_RETENTION,
        )
        async with self._database.begin_autocommit() as connection:
            row = (await connection.execute(query)).first()
        return StoredAnswer(*row) if row else None

    async def store_answer(self, token_id: int, key: str, answer: StoredAnswer, now: datetime) -> None:
        """Record the answer to a request; an expired one under the same key is replaced."""
        values = {"body_digest": answer.body_digest, "answer": dict(answer.answer), "answered_at": now}
        change = upsert(intake_answers).values(token_id=token_id, key=key, **values)
        change = change.on_conflict_do_update(index_elements=["token_id", "key"], set_=values)
        await self._database.write_shared(lambda connection: connection.execute(change))

    async def delete_old(self, now: datetime) -> None:
        """Delete expired answers."""
        gone = delete(intake_answers).where(intake_answers.c.answered_at <= now - ANSWER_RETENTION)
        await self._database.write_shared(lambda connection: connection.execute(gone))


async def _ensure_source(connection: AsyncConnection, key: str, guild_id: int | None, now: datetime) -> int:
    found = await find_source(connection, SourceKind.HTTP, key)
    if found is None:
        return await add_source(connection, SourceKind.HTTP, key, guild_id, now)
    source_id, owner = found
    if owner != guild_id:
        whose = "all servers" if owner is None else f"server {owner}"
        raise UserError(f"The cards of the source {key} are for {whose}. Choose another name with --source.")
    return source_id


def _tokens() -> Select[Any]:
    columns = (intake_tokens.c[name] for name in ("id", "name", "digest", "source_id", "policy", "created_at"))
    query = select(*columns, intake_tokens.c.last_used_at, sources.c.key.label("source"), follows.c.guild_id)
    query = query.join_from(intake_tokens, sources)
    return query.outerjoin(follows, follows.c.source_id == sources.c.id)


def _token_from_row(row: RowMapping) -> IntakeToken:
    return IntakeToken(
        row["id"],
        row["name"],
        row["source_id"],
        row["source"],
        # Whoever writes another word into the store gets the careful one.
        IntakePolicy.PUBLISHED if row["policy"] == IntakePolicy.PUBLISHED else IntakePolicy.HELD,
        row["created_at"],
        row["last_used_at"],
        row["guild_id"],
    )
