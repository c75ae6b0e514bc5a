"""Which courier serves which channel, where several share a store on PostgreSQL: never two the same.

A claim ends by itself when it is not renewed: its courier has died, or cannot reach the store. The server's clock says
when, so that clocks which differ do not matter.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from datetime import timedelta

from sqlalchemy import BigInteger, ColumnElement, bindparam, cast, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.tables import channel_claims
from bot.store.upserts import insert_ignoring

LEASE = timedelta(seconds=10)
HANDS = 200
"""Channels that one courier serves at once: more than fill Discord's 50 requests a second."""
AT_A_TIME = 20
"""Channels that one courier claims before the others have had a look."""
_NOW = cast(func.extract("epoch", func.statement_timestamp()) * 1_000_000, BigInteger)
_MICROSECONDS = LEASE // timedelta(microseconds=1)
_VALID = channel_claims.c.until > _NOW
_HELD = (channel_claims.c.holder == bindparam("courier")) & _VALID
_CHANNELS = channel_claims.c.channel_id.in_(bindparam("channels", expanding=True))
_FREE = (
    select(channel_claims.c.channel_id)
    .where(_CHANNELS, (channel_claims.c.holder == bindparam("courier")) | ~_VALID)
    .with_for_update(skip_locked=True)
)
_TAKE = (
    update(channel_claims)
    .where(channel_claims.c.channel_id.in_(_FREE))
    .values(holder=bindparam("courier"), until=_NOW + _MICROSECONDS)
    .returning(channel_claims.c.channel_id)
)
_RENEW = update(channel_claims).where(_HELD, _CHANNELS).values(until=_NOW + _MICROSECONDS)
_MINE = select(channel_claims.c.channel_id).where(_HELD, _CHANNELS).with_for_update(read=True)
_OF_HOLDER = delete(channel_claims).where(channel_claims.c.holder == bindparam("courier"))


class Claims:
    """One courier's claims."""

    def __init__(self) -> None:
        self.holder = secrets.token_hex(8)

    async def take(self, connection: AsyncConnection, channels: Sequence[int]) -> list[int]:
        """Claim these channels; gives those that nobody else holds, or is claiming at this moment."""
        rows = [{"channel_id": channel, "holder": "", "until": 0} for channel in sorted(channels)]
        if not rows:
            return []
        await connection.execute(insert_ignoring(channel_claims), rows)
        return list((await connection.execute(_TAKE, self._of(channels))).scalars())

    async def renew(self, connection: AsyncConnection, channels: Collection[int]) -> None:
        """Hold on to these for another `LEASE`; what has run out stays lost."""
        await connection.execute(_RENEW, self._of(channels))

    async def held(self, connection: AsyncConnection, channels: Collection[int]) -> set[int]:
        """Which of these are this courier's still. Nobody takes one of them before the transaction ends."""
        return set((await connection.execute(_MINE, self._of(channels))).scalars())

    async def let_go(self, connection: AsyncConnection, channels: Collection[int] | None = None) -> None:
        """Leave these, or all, to whoever comes next."""
        if channels is None:
            await connection.execute(_OF_HOLDER, {"courier": self.holder})
        else:
            await connection.execute(_OF_HOLDER.where(_CHANNELS), self._of(channels))

    def _of(self, channels: Collection[int]) -> dict[str, object]:
        return {"courier": self.holder, "channels": list(channels)}


def claimed_by_another(channel: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether another courier than the bound `courier` serves the channel, in SQL."""
    return exists().where(
        channel_claims.c.channel_id == channel, channel_claims.c.holder != bindparam("courier"), _VALID
    )
