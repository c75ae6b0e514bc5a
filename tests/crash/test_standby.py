"""A second `newsdesk run` beside the first answers nothing, says so, and takes its place when it is gone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.client import standby
from bot.store.engines import postgresql
from tests.crash.cluster import new_database
from tests.crash.process import BotProcess
from tests.support.polling import PATIENCE, poll_until
from tests.support.postgres import PostgresServer, free_port
from tests.support.stores import query_database
from tests.wire.client import Person, WireDiscord


def test_whoever_is_gone_is_missed_within_fifteen_seconds() -> None:
    """On one machine a lock goes with its process; a server misses a machine that went without a word."""
    session = {name: int(value) for name, value in postgresql._SESSION.items() if name.startswith("tcp_keepalives")}
    missed = session["tcp_keepalives_idle"] + session["tcp_keepalives_interval"] * session["tcp_keepalives_count"]
    assert missed + standby.LOOK_SECONDS + postgresql._LOOKING <= 15


async def _get_json(port: int, path: str) -> tuple[int, dict[str, Any]]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.json()


async def _wait_for_log(bot: BotProcess, words: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while words not in bot.log:
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("end", ["kill", "terminate"])
async def test_a_click_counts_once_and_the_second_takes_over(url: str, tmp_path: Path, end: str) -> None:
    port = free_port()
    async with WireDiscord() as wire:
        guild = await wire.add_guild("text")
        (channel,) = (each.id for each in guild.channels)
        settings = {"log_level": "INFO"}
        with (
            BotProcess(tmp_path / "1", wire.address.api, url, **settings) as first,
            BotProcess(tmp_path / "2", wire.address.api, url, **settings, metrics_addr=f"127.0.0.1:{port}") as second,
        ):
            await first.prepare_store([channel], guild.id, 1)
            first.start()
            (post,) = await wire.wait_for_messages(channel, 1)
            await wire.wait_for_sessions()
            second.start()
            await _wait_for_log(second, "Another process is the leader; standing by")
            await _wait_for_log(second, "Another process handles commands and buttons")
            assert (await _get_json(port, "/healthz"))[0] == 200
            status, text = await _get_json(port, "/readyz")
            assert (status, text["ready"]) == (200, True), text
            assert text["stands_by"] == {
                "gateway": "another process answers commands and buttons",
                "leader election": "another process loads and plans",
            }
            assert (await wire.get_status()).connected == 1
            await _click_save(wire, post, url, 1)

            getattr(first, end)()
            await _wait_for_log(second, "Ready as")
            await poll_until(wire.get_status, lambda found: found.connected == 1)
            await _click_save(wire, post, url, 2)
            assert "stands_by" not in (await _get_json(port, "/readyz"))[1]
            assert second.terminate() == 0, second.log


async def _click_save(wire: WireDiscord, post: Any, url: str, expected: int) -> None:
    """Somebody else saves the card each time."""
    done = await wire.click_component(post, label="Save", person=Person(f"reader {expected}"))
    assert "Saved" in done.text
    await poll_until(lambda: _count_saved(url), lambda found: found == expected)
    calls = await wire.list_requests(method="POST", path=rf"/interactions/{done.id}/.*/callback")
    assert len(calls) == 1, "each interaction is answered by one process"


def _count_saved(url: str) -> int:
    ((found,),) = query_database(url, "SELECT count(*) FROM saved_cards")
    return int(found)


async def test_different_shards_of_one_bot_run_side_by_side_and_the_same_ones_do_not(url: str, tmp_path: Path) -> None:
    async with WireDiscord() as wire:
        await wire.configure_settings(shards=2, max_concurrency=2)
        guild = await wire.add_guild("text")

        def gateway(number: int, shard_ids: str) -> BotProcess:
            settings = {"shard_count": "2", "shard_ids": shard_ids} if shard_ids else {}
            return BotProcess(tmp_path / f"{number}", wire.address.api, url, "gateway", log_level="INFO", **settings)

        with gateway(1, "0") as one, gateway(2, "1") as other, gateway(3, "1") as same, gateway(4, "") as whole:
            await one.prepare_store([], guild.id, 0)
            one.start()
            other.start()
            await wire.wait_for_sessions(shards=2)
            same.start()
            whole.start()
            for bot in (same, whole):
                await _wait_for_log(bot, "standing by")
            assert (await wire.get_status()).connected == 2
            other.kill()
            await _wait_for_log(same, "Ready as")
            assert "Ready as" not in whole.log
            for bot in (one, same):
                assert bot.terminate() == 0, bot.log
            await _wait_for_log(whole, "Ready as")
            assert whole.terminate() == 0, whole.log


@pytest.mark.postgresql
async def test_one_whose_lock_was_lost_to_another_stops_to_answer_and_stands_by(
    server: PostgresServer, tmp_path: Path
) -> None:
    """As after a machine was cut off from the database, but not from Discord."""
    async with WireDiscord() as wire:
        guild = await wire.add_guild("text")
        (channel,) = (each.id for each in guild.channels)
        with (
            new_database(server) as url,
            BotProcess(tmp_path / "1", wire.address.api, url, "gateway", log_level="INFO") as first,
            BotProcess(tmp_path / "2", wire.address.api, url, "gateway", log_level="INFO") as second,
        ):
            await first.prepare_store([channel], guild.id, 0)
            first.start()
            await _wait_for_log(first, "Ready as")
            second.start()
            await _wait_for_log(second, "standing by")
            holder = f"FROM pg_locks WHERE locktype = 'advisory' AND classid = {postgresql._GATEWAY} AND granted"
            # Again and again, until the one that looks first is the other one.
            async with asyncio.timeout(PATIENCE):
                while "Ready as" not in second.log:
                    query_database(url, f"SELECT pg_terminate_backend(pid) {holder}")
                    await asyncio.sleep(0.7)
                    if "taken over these shards" in first.log:
                        await _wait_for_log(second, "Ready as")
            await _wait_for_log(first, "taken over these shards")
            await poll_until(wire.get_status, lambda found: found.connected == 1)
            done = await wire.run_slash(channel, "help")
            assert done.reply
            second.kill()
            async with asyncio.timeout(PATIENCE):
                while first.log.count("Ready as") < 2:
                    await asyncio.sleep(0.1)
            done = await wire.run_slash(channel, "help")
            assert done.reply
            assert first.terminate() == 0, first.log
