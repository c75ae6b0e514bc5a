"""A server is greeted once each time that the bot joins it, and not if it was there before an upgrade."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from bot.store import Store
from bot.store.greetings import GREETING_SINCE
from tests.support.stage import NOW


async def test_of_many_claims_for_one_time_of_joining_one_is_granted(store: Store) -> None:
    claims = await asyncio.gather(*(store.greetings.claim_greeting(1, NOW) for _ in range(8)))
    assert sorted(claims) == [False] * 7 + [True]
    assert await store.greetings.claim_greeting(2, NOW)
    assert await store.greetings.claim_greeting(1, NOW + timedelta(seconds=1))
    assert not await store.greetings.claim_greeting(1, NOW), "an event that comes late is of an earlier time"


async def test_servers_of_before_an_upgrade_are_not_greeted(store: Store) -> None:
    assert await store.key_values.get_value(GREETING_SINCE) is None, "a new store knows no server"
    await store.key_values.set_value(GREETING_SINCE, str(int(NOW.timestamp() * 1_000_000)))
    assert not await store.greetings.claim_greeting(1, NOW)
    assert await store.greetings.claim_greeting(1, NOW + timedelta(microseconds=1))
