"""Who is at work: leases that couriers renew, by the server's clock."""

from __future__ import annotations

import pytest

from bot.store import Store
from bot.store.outbox.courier_leases import COURIER_LEASE
from tests.support.stores import query_database

pytestmark = pytest.mark.postgresql


async def test_each_counts_those_at_work(store: Store) -> None:
    leases = store.outbox.courier_leases
    await store.key_values.set_value("another", "no number")

    assert [await leases.renew_lease(name) for name in ("one", "two", "one", "three")] == [1, 2, 2, 3]
    await leases.release_lease("two")
    assert await leases.renew_lease("one") == 2


async def test_who_does_not_renew_is_gone_after_a_lease(store: Store, database_url: str) -> None:
    leases = store.outbox.courier_leases
    for name in ("one", "two"):
        await leases.renew_lease(name)
    micros = int(COURIER_LEASE.total_seconds() * 1_000_000)
    query_database(
        database_url,
        f"UPDATE key_values SET value = (value::bigint - {micros})::text WHERE key = 'courier:two' RETURNING key",
    )

    assert await leases.renew_lease("one") == 1
