"""Shards: as many as Discord wants, at the pace at which it lets them in, in one process or several."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from bot.app import open_bot
from bot.client.bot import NewsBot
from bot.client.sharding import IDENTIFY_INTERVAL, IdentifyLimiter
from bot.settings import load_settings
from bot.store import Store
from tests.support.stage import ManualClock
from tests.wire.client import WireDiscord
from tests.wire.sample_bot import run_client

IN_STEP = {"identify_window": 0.4, "max_concurrency": 2}


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("bot.client.sharding.asyncio.sleep", sleep)
    return waits


async def test_shards_of_one_bucket_identify_one_after_the_other(slept: list[float]) -> None:
    identifies = IdentifyLimiter(2, ManualClock())
    for shard in range(6):
        await identifies.wait_turn(shard)

    assert slept == [
        0,
        0,
        IDENTIFY_INTERVAL.total_seconds(),
        IDENTIFY_INTERVAL.total_seconds(),
        2 * IDENTIFY_INTERVAL.total_seconds(),
        10.4,
    ]


async def test_processes_that_share_a_store_identify_in_step(store: Store, slept: list[float]) -> None:
    clock = ManualClock()
    one, other = (IdentifyLimiter(1, clock, store.key_values.reserve_slot) for _ in range(2))
    await one.wait_turn(0)
    await other.wait_turn(1)
    clock.advance(seconds=2)
    await one.wait_turn(2)
    clock.advance(minutes=1)
    await other.wait_turn(3)

    assert slept == [0, IDENTIFY_INTERVAL.total_seconds(), 2 * IDENTIFY_INTERVAL.total_seconds() - 2, 0]


async def test_a_moment_is_given_away_once(store: Store) -> None:
    clock, apart = ManualClock(), timedelta(seconds=5)
    given = await asyncio.gather(*(store.key_values.reserve_slot("door", clock(), apart) for _ in range(20)))

    assert sorted(given) == [clock() + n * apart for n in range(20)]


@pytest.fixture
def wire(wire: WireDiscord, monkeypatch: pytest.MonkeyPatch) -> WireDiscord:
    """A Discord whose five seconds are shorter."""
    monkeypatch.setattr("bot.client.sharding.IDENTIFY_INTERVAL", timedelta(seconds=0.5))
    return wire


async def _open_bot(stack: AsyncExitStack, wire: WireDiscord, place: Path, **options: object) -> NewsBot:
    (place / "cards").mkdir(exist_ok=True)
    url = f"sqlite+aiosqlite:///{place / 'test.db'}"
    api = wire.address.api
    settings = load_settings(_env_file=None, database_url=url, cards=place / "cards", discord_api=api, **options)
    bot = await stack.enter_async_context(open_bot(settings, background=False))
    await stack.enter_async_context(run_client(bot, "a.test.token"))
    return bot


async def test_a_bot_has_as_many_shards_as_discord_recommends(wire: WireDiscord, tmp_path: Path) -> None:
    await wire.configure_settings(shards=4, **IN_STEP)
    guilds = await wire.add_guilds(12)
    async with AsyncExitStack() as stack:
        bot = await _open_bot(stack, wire, tmp_path)
        status = await wire.get_status()

        assert sorted(session["shard"] for session in status.sessions) == [[number, 4] for number in range(4)]
        assert status.refused == 0
        assert {guild.id for guild in bot.guilds} == {guild.id for guild in guilds}
        assert bot.is_connected


async def test_processes_share_a_bots_shards(wire: WireDiscord, tmp_path: Path) -> None:
    await wire.configure_settings(**IN_STEP)
    guilds = await wire.add_guilds(12)
    async with AsyncExitStack() as stack:
        ids = ("0", "1-2")
        bots = [await _open_bot(stack, wire, tmp_path, shard_ids=each, shard_count=3) for each in ids]
        held = [{guild.id for guild in bot.guilds} for bot in bots]

        assert (await wire.get_status()).refused == 0
        assert held[0] | held[1] == {guild.id for guild in guilds}
        assert not held[0] & held[1]


async def test_what_still_runs_when_a_session_ends_knows_who_the_bot_is(wire: WireDiscord, tmp_path: Path) -> None:
    await wire.add_guild("text")
    async with AsyncExitStack() as stack:
        bot = await _open_bot(stack, wire, tmp_path)
        guild, bot_id = bot.guilds[0], bot.user and bot.user.id
        shard = bot.shards[0]
        await bot._close_shards()

        assert shard.is_closed()
        assert guild.me.id == bot_id
