"""Leases of couriers: which processes send from one PostgreSQL store now, by the server's clock."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import BigInteger, String, case, cast, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.database import Database
from bot.store.key_value import put_value
from bot.store.outbox.channel_leases import SERVER_NOW
from bot.store.tables import key_values

COURIER_LEASE = timedelta(seconds=15)
_PREFIX = "courier:"
_IS_COURIER = key_values.c.key.startswith(_PREFIX)
# CASE, since PostgreSQL may otherwise cast the values of other keys.
_IS_EXPIRED = case((_IS_COURIER, cast(key_values.c.value, BigInteger) <= SERVER_NOW), else_=False)


class CourierLeases:
    """The couriers at work."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def renew_lease(self, courier: str) -> int:
        """Lease a place among the couriers for `COURIER_LEASE` from now; return how many hold one now."""
        expires_at = cast(SERVER_NOW + COURIER_LEASE // timedelta(microseconds=1), String)

        async def renew(connection: AsyncConnection) -> int:
            await put_value(connection, _PREFIX + courier, expires_at)
            await connection.execute(delete(key_values).where(_IS_EXPIRED))
            return (await connection.execute(select(func.count()).where(_IS_COURIER))).scalar_one()

        return await self._database.write_shared(renew)

    async def release_lease(self, courier: str) -> None:
        """Give the place up, on orderly shutdown."""
        leaving = delete(key_values).where(key_values.c.key == _PREFIX + courier)
        await self._database.write_shared(lambda connection: connection.execute(leaving))
