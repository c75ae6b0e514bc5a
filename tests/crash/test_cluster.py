"""Several processes on one store, killed and restarted; `make crash-postgres` runs the long one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic

import pytest

from bot.domain.subscription import Frequency, SubscriptionOptions
from bot.store import open_store
from tests.crash.cluster import crash_cluster, new_database
from tests.crash.process import BotProcess, card_text
from tests.support.polling import poll_until, wait_until
from tests.support.postgres import PostgresServer
from tests.support.stores import query_database
from tests.wire.client import Person, WireDiscord
from tests.wire.permissions import MODERATOR


@pytest.mark.postgresql
async def test_couriers_killed_at_any_point_and_a_restarted_server_lose_and_repeat_nothing(
    server: PostgresServer, tmp_path: Path
) -> None:
    async with WireDiscord() as wire:
        tally = await crash_cluster(
            wire, server, tmp_path, couriers=3, kills=9, restarts=1, cards=60, channels=10, seed=1
        )
    assert (tally.posts, tally.lost, tally.repeated, tally.disordered) == (600, 0, 0, 0)
    assert tally.kills >= 3


@pytest.mark.postgresql
async def test_started_at_once_on_an_empty_server_database_one_makes_the_tables_and_both_run(
    server: PostgresServer, tmp_path: Path
) -> None:
    (tmp_path / "cards").mkdir()
    async with WireDiscord() as wire:
        with (
            new_database(server) as url,
            BotProcess(tmp_path / "1", wire.address.api, url, "courier", log_level="INFO") as one,
            BotProcess(tmp_path / "2", wire.address.api, url, "courier", log_level="INFO") as other,
        ):
            one.start()
            other.start()
            await wait_until(lambda: all("leader" in bot.log for bot in (one, other)))
            assert sorted("standing by" in bot.log for bot in (one, other)) == [False, True]
            assert (one.terminate(), other.terminate()) == (0, 0), one.log + other.log


@pytest.mark.postgresql
async def test_a_decision_made_in_one_process_is_carried_out_by_another_at_once(
    server: PostgresServer, tmp_path: Path
) -> None:
    """No tick and no look at the folder comes in between: the courier hears of it."""
    slow = {"tick_seconds": "3600", "rescan_seconds": "3600"}
    async with WireDiscord() as wire:
        guild = await wire.add_guild("text")
        (channel,) = (each.id for each in guild.channels)
        moderator = Person("moderator", permissions=int(MODERATOR))
        with (
            new_database(server) as url,
            BotProcess(tmp_path / "courier", wire.address.api, url, "courier", **slow) as courier,
            BotProcess(tmp_path / "gateway", wire.address.api, url, "gateway", **slow) as gateway,
        ):
            await courier.prepare_store([channel], guild.id, 2)
            courier.start()
            await wire.wait_for_messages(channel, 2)
            gateway.start()
            await wire.wait_for_sessions()
            await wire.run_slash(channel, "desk withdraw", {"card": "card:1", "reason": "a test"}, moderator)
            requests = monotonic()
            await poll_until(lambda: wire.list_messages(channel), lambda held: len(held) == 1)
            print(f"withdrawn {monotonic() - requests:.2f} s after the answer")
            assert (gateway.terminate(), courier.terminate()) == (0, 0), gateway.log + courier.log


@pytest.mark.parametrize("kind", [pytest.param("server", marks=pytest.mark.postgresql), "file"])
async def test_when_the_one_on_duty_is_killed_another_takes_over_and_no_digest_comes_twice(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Leadership passes on between two digests of an hour, and a third process is never needed."""
    if kind == "file":
        await _expect_handover(f"sqlite+aiosqlite:///{tmp_path / 'newsdesk.db'}", tmp_path)
    else:
        with new_database(request.getfixturevalue("server")) as url:
            await _expect_handover(url, tmp_path)


async def _expect_handover(url: str, place: Path) -> None:
    async with WireDiscord() as wire:
        guild = await wire.add_guild("text", "text")
        instant, digests = (channel.id for channel in guild.channels)
        with BotProcess(place / "1", wire.address.api, url, "courier", watch="true") as first:
            await first.prepare_store([instant], guild.id, 1)
            first.start()
            await wire.wait_for_messages(instant, 1)  # it is the leader
            with BotProcess(place / "2", wire.address.api, url, "courier", watch="true", log_level="INFO") as second:
                second.start()
                await wait_until(lambda: "standing by" in second.log)
                await _make_digest_due(url, guild.id, digests, datetime.now(UTC) + timedelta(seconds=0.5))
                await asyncio.sleep(0.5)
                first.kill()
                await wire.wait_for_messages(digests, 1)
                (second.cards / "1.md").write_text(card_text(1, datetime.now(UTC)), "utf-8")
                await wire.wait_for_messages(instant, 2)
                await asyncio.sleep(1.5)
                assert len(await wire.list_messages(digests)) == 1
                assert second.terminate() == 0, second.log


async def _make_digest_due(url: str, guild_id: int, channel_id: int, moment: datetime) -> None:
    """Let a digest be due then."""
    async with open_store(url) as store:
        hourly = await store.subscriptions.add_subscription(
            guild_id=guild_id,
            channel_id=channel_id,
            created_by=1,
            now=moment - timedelta(hours=1),
            options=SubscriptionOptions(frequency=Frequency.HOURLY),
        )
    microseconds = round(moment.timestamp() * 1_000_000)
    query_database(url, f"UPDATE subscriptions SET next_digest_at = {microseconds} WHERE id = {hourly.id}")
