"""The limit of submissions: how many links somebody submitted in a server within the last hour.

What somebody erases counts on until the hour is over: its times are kept under a hash of the server and the person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.key_value import put_value
from bot.store.tables import key_values, submissions

_WITHIN = timedelta(hours=1)
"""The period of the limit."""
_ERASED = "submitted "
"""Start of the keys of erased times."""


async def count_recent(connection: AsyncConnection, guild_id: int, user_id: int, now: datetime) -> int:
    """Return how many links somebody submitted in a server within the last hour, also erased ones."""
    row = submissions.c
    own = (row.guild_id == guild_id) & (row.user_id == user_id) & (row.at > now - _WITHIN)
    count = (await connection.execute(select(func.count()).select_from(submissions).where(own))).scalar_one()
    value = select(key_values.c.value).where(key_values.c.key == await _build_key(connection, guild_id, user_id))
    return int(count) + len(_select_recent((await connection.execute(value)).scalar_one_or_none() or "", now))


async def keep_recent(connection: AsyncConnection, user_id: int, now: datetime) -> None:
    """Keep the times of what somebody submitted within the last hour, and is about to erase."""
    row = submissions.c
    recent = select(row.guild_id, row.at).where(row.user_id == user_id, row.at > now - _WITHIN)
    times: dict[int, list[datetime]] = {}
    for guild_id, at in await connection.execute(recent):
        times.setdefault(guild_id, []).append(at)
    for guild_id, submitted in times.items():
        key = await _build_key(connection, guild_id, user_id)
        value = select(key_values.c.value).where(key_values.c.key == key)
        kept = _select_recent((await connection.execute(value)).scalar_one_or_none() or "", now)
        await put_value(connection, key, _write_times([*kept, *submitted]))


async def delete_old_times(connection: AsyncConnection, now: datetime) -> None:
    """Delete the times of erased submissions that do not count any more."""
    query = select(key_values).where(key_values.c.key.startswith(_ERASED))
    old = [key for key, value in await connection.execute(query) if not _select_recent(value, now)]
    if old:
        await connection.execute(delete(key_values).where(key_values.c.key.in_(old)))


async def _build_key(connection: AsyncConnection, guild_id: int, user_id: int) -> str:
    instance = select(key_values.c.value).where(key_values.c.key == "instance")
    salt = str((await connection.execute(instance)).scalar_one()).encode()
    return _ERASED + hashlib.blake2b(f"{guild_id} {user_id}".encode(), key=salt, digest_size=16).hexdigest()


def _write_times(times: Iterable[datetime]) -> str:
    return " ".join(at.isoformat() for at in times)


def _select_recent(written: str, now: datetime) -> list[datetime]:
    return [at for at in map(datetime.fromisoformat, written.split()) if at > now - _WITHIN]
