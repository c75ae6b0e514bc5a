"""The three addresses, requested over HTTP: of a bot at work, and of one in each kind of trouble."""

from __future__ import annotations

import asyncio
import math
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.app import open_bot
from bot.client.bot import NewsBot
from bot.domain.feed import NewFeed
from bot.errors import SettingsError
from bot.monitor import Monitor, serve_monitor
from bot.settings import ListenAddress, load_settings
from tests.crash.process import BotProcess
from tests.support.scrape import parse_samples
from tests.support.stage import ManualClock
from tests.wire.client import WireDiscord
from tests.wire.sample_bot import run_client

ANY_PORT = ListenAddress("127.0.0.1", 0)


@dataclass
class MonitoredBot:
    """A bot that works by itself, on a gateway, and its port."""

    bot: NewsBot
    wire: WireDiscord
    clock: ManualClock
    place: str
    http: aiohttp.ClientSession

    async def fetch_path(self, path: str) -> tuple[int, Any]:
        async with self.http.get(self.place + path) as response:
            return response.status, await response.json()

    async def fetch_metrics(self) -> dict[str, float]:
        async with self.http.get(self.place + "/metrics") as response:
            assert response.status == 200
            assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            return parse_samples(await response.text())


@pytest.fixture
async def at_work(wire: WireDiscord, tmp_path: Path) -> AsyncIterator[MonitoredBot]:
    (tmp_path / "cards").mkdir()
    async with _run_bot(wire, tmp_path) as watching:
        yield watching


@asynccontextmanager
async def _run_bot(wire: WireDiscord, place: Path) -> AsyncIterator[MonitoredBot]:
    url, clock = f"sqlite+aiosqlite:///{place / 'test.db'}", ManualClock()
    settings = load_settings(
        _env_file=None, database_url=url, cards=place / "cards", discord_api=wire.address.api, watch=False
    )
    async with AsyncExitStack() as stack:
        bot = await stack.enter_async_context(open_bot(settings, clock=clock))
        port = await stack.enter_async_context(serve_monitor(bot, ANY_PORT))
        await stack.enter_async_context(run_client(bot, "a.test.token"))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        yield MonitoredBot(bot, wire, clock, f"http://127.0.0.1:{port}", http)


async def test_a_bot_at_work_is_alive_and_ready(at_work: MonitoredBot) -> None:
    assert await at_work.fetch_path("/healthz") == (200, {"alive": True})
    assert await at_work.fetch_path("/readyz") == (200, {"ready": True, "troubles": {}})


async def test_metrics_tell_how_things_stand(at_work: MonitoredBot) -> None:
    found = await at_work.fetch_metrics()
    assert found["newsdesk_database_up"] == 1
    assert found["newsdesk_gateway_connected"] == 1
    assert found["newsdesk_on_duty"] == 1
    assert (found["newsdesk_queue_depth"], found["newsdesk_oldest_waiting_seconds"]) == (0, 0)
    assert found["newsdesk_open_circuits"] == 0
    assert (found["newsdesk_feeds_due"], found["newsdesk_feed_lag_seconds"]) == (0, 0)


async def test_metrics_tell_of_feeds_and_how_long_the_first_has_been_due(at_work: MonitoredBot, tmp_path: Path) -> None:
    await at_work.bot.worker.stop()
    urls = [f"https://feed.example/{name}.xml" for name in ("fine", "failing", "stopped", "paused")]
    await at_work.bot.store.feeds.add_feeds([NewFeed(url) for url in urls], at_work.clock())
    paused = await at_work.bot.store.feeds.find_feeds([urls[3]])
    await at_work.bot.store.feeds.pause_feeds([feed.source_id for feed in paused], at_work.clock())
    await _execute_statement(tmp_path / "test.db", f"UPDATE feeds SET problem = 'gone' WHERE url = '{urls[1]}'")
    await _execute_statement(tmp_path / "test.db", f"UPDATE feeds SET next_fetch_at = NULL WHERE url = '{urls[2]}'")
    at_work.clock.advance(seconds=90)
    found = await at_work.fetch_metrics()
    for state in ("fine", "failing", "stopped", "paused"):
        assert found[f'newsdesk_feeds{{state="{state}"}}'] == 1
    assert (found["newsdesk_feeds_due"], found["newsdesk_feed_lag_seconds"]) == (2, 90)


@pytest.mark.slow
async def test_a_gateway_that_is_away_is_named_and_comes_back(at_work: MonitoredBot) -> None:
    await at_work.wire.configure_settings(gateway_down=True)
    await at_work.wire.command_gateway("drop")
    await _wait_until_ready(at_work, "gateway", there=True)
    status, answer = await at_work.fetch_path("/readyz")
    assert (status, answer["troubles"]) == (503, {"gateway": "not connected to Discord's gateway"})
    assert (await at_work.fetch_metrics())["newsdesk_gateway_connected"] == 0
    assert await at_work.fetch_path("/healthz") == (200, {"alive": True})
    await at_work.wire.configure_settings(gateway_down=False)
    await _wait_until_ready(at_work, "gateway", there=False)


async def _wait_until_ready(at_work: MonitoredBot, part: str, *, there: bool) -> None:
    while (part in (await at_work.fetch_path("/readyz"))[1]["troubles"]) is not there:
        await asyncio.sleep(0.02)


async def test_a_scheduler_that_stands_still_is_named(at_work: MonitoredBot) -> None:
    await at_work.bot.worker.stop()
    status, answer = await at_work.fetch_path("/readyz")
    assert (status, answer["ready"]) == (503, False)
    assert answer["troubles"] == {"scheduler": "the scheduler does not run"}


async def test_a_delivery_that_waits_too_long_is_named_but_not_a_closed_channels(
    at_work: MonitoredBot, tmp_path: Path
) -> None:
    at_work.bot.worker.supervisor.drop_task("scheduler")
    guild = await at_work.wire.add_guild("text")
    await at_work.wire.add_fault("503", "POST", "messages", times=None)
    add = at_work.bot.store.subscriptions.add_subscription
    await add(guild_id=guild.id, channel_id=guild.channels[0].id, created_by=1, now=at_work.clock())
    _write_card(tmp_path / "cards")
    at_work.clock.advance(seconds=1)
    await at_work.bot.worker.load_cards()
    at_work.clock.advance(minutes=14)
    assert "deliveries" not in (await at_work.fetch_path("/readyz"))[1]["troubles"]
    at_work.clock.advance(minutes=2)
    assert (await at_work.fetch_path("/readyz"))[1]["troubles"]["deliveries"] == "a delivery has waited for 960 s"
    found = await at_work.fetch_metrics()
    assert (found["newsdesk_queue_depth"], found["newsdesk_oldest_waiting_seconds"]) == (1, 960)
    await _execute_statement(
        tmp_path / "test.db",
        "INSERT INTO circuits (channel_id, guild_id, reason, failures, opened_at, probe_at) "
        f"VALUES ({guild.channels[0].id}, {guild.id}, 'closed', 1, 0, {2**60})",
    )
    assert "deliveries" not in (await at_work.fetch_path("/readyz"))[1]["troubles"]
    found = await at_work.fetch_metrics()
    assert (found["newsdesk_queue_depth"], found["newsdesk_oldest_waiting_seconds"]) == (1, 0)
    assert found["newsdesk_open_circuits"] == 1


def _write_card(folder: Path) -> None:
    (folder / "one.md").write_text(
        "---\ncategory: news\ntitle: One\nexcerpt: One.\npublishedDateTime: 2026-06-01T10:00:00Z\n"
        "webUrl: https://example.org/one\nquality: 80\nheat: 80\npublished: true\n---\n"
    )


async def _execute_statement(database: Path, statement: str) -> None:
    """In a thread: the bot may be in the middle of a change, and needs the loop to end it."""

    def execute() -> None:
        with closing(sqlite3.connect(database, timeout=10)) as connection:
            connection.execute(statement)
            connection.commit()

    await asyncio.to_thread(execute)


async def test_a_database_that_takes_no_changes_is_named_and_the_counters_come_all_the_same(
    at_work: MonitoredBot, tmp_path: Path
) -> None:
    await _execute_statement(tmp_path / "test.db", "ALTER TABLE key_values RENAME TO elsewhere")
    await _execute_statement(tmp_path / "test.db", "ALTER TABLE circuits RENAME TO elsewhere_too")
    status, answer = await at_work.fetch_path("/readyz")
    assert status == 503
    assert answer["troubles"]["database"].startswith("The database cannot be written: ")
    found = await at_work.fetch_metrics()
    assert found["newsdesk_database_up"] == 0
    assert math.isnan(found["newsdesk_queue_depth"])
    assert math.isnan(found["newsdesk_feeds_due"])
    assert found["newsdesk_duplicates_prevented_total"] == 0
    await _execute_statement(tmp_path / "test.db", "ALTER TABLE elsewhere RENAME TO key_values")
    await _execute_statement(tmp_path / "test.db", "ALTER TABLE elsewhere_too RENAME TO circuits")
    assert (await at_work.fetch_path("/readyz"))[0] == 200


async def test_probes_of_a_locked_database_do_not_pile_up(at_work: MonitoredBot, tmp_path: Path) -> None:
    monitor = Monitor(at_work.bot, patience=0.05)
    with closing(sqlite3.connect(tmp_path / "test.db", timeout=10, check_same_thread=False)) as connection:
        await asyncio.to_thread(connection.execute, "BEGIN IMMEDIATE")
        for _ in range(3):
            assert (await monitor.find_problems())["database"] == "The database has not answered for 0.05 s."
        assert len(monitor._pending_queries) == 1
        connection.rollback()
    await asyncio.gather(*monitor._pending_queries.values())
    assert await Monitor(at_work.bot).find_problems() == {}


async def test_three_addresses_can_be_read_and_nothing_can_be_done(at_work: MonitoredBot) -> None:
    assert load_settings().metrics_addr is None
    async with aiohttp.ClientSession() as http:
        for address in ("/healthz", "/readyz", "/metrics"):
            for method in ("POST", "PUT", "DELETE"):
                async with http.request(method, at_work.place + address) as response:
                    assert response.status == 405
        for address in ("/", "/metrics/x", "/..%2f..%2fetc/passwd"):
            async with http.get(at_work.place + address) as response:
                assert response.status == 404


async def test_an_address_that_is_taken_is_wrong_use(at_work: MonitoredBot) -> None:
    port = int(at_work.place.rpartition(":")[2])
    with pytest.raises(SettingsError, match="NEWSDESK_METRICS_ADDR cannot be used"):
        async with serve_monitor(at_work.bot, ListenAddress("127.0.0.1", port)):
            pass


@pytest.mark.slow
async def test_newsdesk_run_serves_what_the_setting_says_and_stops_with_the_bot(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    async with WireDiscord() as wire, aiohttp.ClientSession() as http:
        guild = await wire.add_guild("text")
        channel = guild.channels[0].id
        with BotProcess(tmp_path / "run", wire.address.api, metrics_addr=f"127.0.0.1:{port}") as bot:
            await bot.prepare_store([channel], guild.id, 2)
            bot.start()
            await wire.wait_for_sessions()
            await wire.wait_for_messages(channel, 2)
            async with http.get(f"http://127.0.0.1:{port}/metrics") as response:
                found = parse_samples(await response.text())
            assert bot.terminate() == 0, bot.log
        assert found['newsdesk_sends_total{outcome="posted"}'] >= 1
        assert found['newsdesk_cards{state="published"}'] == 2
        assert found['newsdesk_loads_total{outcome="done"}'] == 1
        with pytest.raises(aiohttp.ClientConnectionError):
            await http.get(f"http://127.0.0.1:{port}/healthz")
