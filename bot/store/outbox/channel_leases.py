"""Leases on channels: with several couriers on one PostgreSQL store, each channel is served by at most one of them.

A lease that is not renewed expires, as when its courier dies or loses the database. Expiry uses the server's clock, so
clock skew between machines does not matter.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from datetime import timedelta

from sqlalchemy import BigInteger, ColumnElement, bindparam, cast, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.sql_helpers import insert_or_ignore
from bot.store.tables import channel_leases

LEASE_DURATION = timedelta(seconds=10)
MAX_CHANNELS = 200
"""Maximum channels one courier serves at once: more than enough to use up Discord's 50 requests/s."""
AT_A_TIME = 20
"""Maximum channels per claim, so that other couriers get a share."""
# `statement_timestamp()`: in a transaction that waited for a lock, `now()` would be as old as its first statement.
SERVER_NOW = cast(func.extract("epoch", func.statement_timestamp()) * 1_000_000, BigInteger)
"""SQL: the microsecond since 1970 by the server's clock."""
_MICROSECONDS = LEASE_DURATION // timedelta(microseconds=1)
_VALID = channel_leases.c.expires_at > SERVER_NOW
_HELD_LEASES = (channel_leases.c.owner == bindparam("courier")) & _VALID
_CHANNELS = channel_leases.c.channel_id.in_(bindparam("channels", expanding=True))
# Rows locked by another courier's claim are skipped, not waited for: it will have them.
_FREE = (
    select(channel_leases.c.channel_id)
    .where(_CHANNELS, (channel_leases.c.owner == bindparam("courier")) | ~_VALID)
    .with_for_update(skip_locked=True)
)
_TAKE = (
    update(channel_leases)
    .where(channel_leases.c.channel_id.in_(_FREE))
    .values(owner=bindparam("courier"), expires_at=SERVER_NOW + _MICROSECONDS)
    .returning(channel_leases.c.channel_id)
)
_RENEW = update(channel_leases).where(_HELD_LEASES, _CHANNELS).values(expires_at=SERVER_NOW + _MICROSECONDS)
# The shared lock keeps others from taking a lease over until the results are committed; it does not keep this courier
# from checking it for another batch.
_MINE = select(channel_leases.c.channel_id).where(_HELD_LEASES, _CHANNELS).with_for_update(read=True)
_OF_HOLDER = delete(channel_leases).where(channel_leases.c.owner == bindparam("courier"))


class ChannelLeases:
    """The channel leases of one courier."""

    def __init__(self) -> None:
        self.owner = secrets.token_hex(8)

    async def acquire_leases(self, connection: AsyncConnection, channels: Sequence[int]) -> list[int]:
        """Lease these channels; return those not held, or being claimed, by another courier."""
        # Sorted, so that two couriers that insert the same channels do not deadlock. An expired row stands for a free
        # channel, since there must be a row to lock.
        rows = [{"channel_id": channel, "owner": "", "expires_at": 0} for channel in sorted(channels)]
        if not rows:
            return []
        await connection.execute(insert_or_ignore(channel_leases), rows)
        return list((await connection.execute(_TAKE, self._lease_values(channels))).scalars())

    async def renew_leases(self, connection: AsyncConnection, channels: Collection[int]) -> None:
        """Extend these leases by `LEASE_DURATION` from now. Expired ones are not revived."""
        await connection.execute(_RENEW, self._lease_values(channels))

    async def held_channels(self, connection: AsyncConnection, channels: Collection[int]) -> set[int]:
        """Return the channels still leased by this courier; locks them until the transaction ends."""
        return set((await connection.execute(_MINE, self._lease_values(channels))).scalars())

    async def release_leases(self, connection: AsyncConnection, channels: Collection[int] | None = None) -> None:
        """Release these leases, or all of this courier's."""
        if channels is None:
            await connection.execute(_OF_HOLDER, {"courier": self.owner})
        else:
            await connection.execute(_OF_HOLDER.where(_CHANNELS), self._lease_values(channels))

    def _lease_values(self, channels: Collection[int]) -> dict[str, object]:
        return {"courier": self.owner, "channels": list(channels)}


def leased_by_another(channel: ColumnElement[int]) -> ColumnElement[bool]:
    """SQL condition: the channel is leased by a courier other than the bound `courier`."""
    return exists().where(
        channel_leases.c.channel_id == channel, channel_leases.c.owner != bindparam("courier"), _VALID
    )
