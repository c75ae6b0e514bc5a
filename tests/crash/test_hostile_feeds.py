"""Whatever sites answer instead of a feed: commands are acknowledged, the other feeds go on, and a stop is obeyed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from tests.support.hostile_bodies import BODIES, EARNEST
from tests.support.hostile_sites import GOOD, HostileWeb, open_hostile_web
from tests.support.polling import wait_until
from tests.wire.client import WireDiscord
from tests.wire.results import Outcome

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs many addresses of this machine's own")
PATIENCE = 240.0
HANGING = ("slow drip", "endless 100 Continue", "chunks of one byte")
"""Bodies that never end; the first is given up after 20 seconds, the others as well or because they are too large."""


async def test_hostile_feeds_delay_neither_commands_nor_other_feeds(tmp_path: Path) -> None:
    async with WireDiscord() as wire, open_hostile_web(wire, tmp_path / "run") as web:
        web.bot.start()
        await wire.wait_for_sessions(within=PATIENCE)
        for command, options in (("latest", {}), ("feed check", {"feed": str(web.source_ids[GOOD])})):
            outcome = await _run_during_look(web, command, options)
            assert outcome.replied, command
        await wait_until(lambda: len(web.list_problems()) == len(BODIES) + 1, within=PATIENCE)
        _expect_problems(web.list_problems())
        web.publish_story()
        web.make_due()
        await wire.wait_for_messages(web.channel_id, 1, within=PATIENCE)
        assert web.bot.terminate() == 0, web.bot.log
        assert web.bot.log == "", "nothing of this is an error of ours"


async def _run_during_look(web: HostileWeb, command: str, options: dict[str, str]) -> Outcome:
    """Run a command while looks hang; they are still under way when it is acknowledged."""
    web.make_due(*HANGING)
    await wait_until(lambda: any(map(web.is_looked_at, HANGING)), within=PATIENCE)
    outcome = await web.wire.run_slash(web.channel_id, command, options, until="ack", within=PATIENCE)
    assert outcome.acknowledged, command
    assert any(map(web.is_looked_at, HANGING)), f"{command} was acknowledged after the looks"
    return await web.wire.get_outcome(outcome.id, "reply", PATIENCE)


def _expect_problems(problems: dict[str, str]) -> None:
    assert problems.pop(GOOD) == ""
    assert {name for name, problem in problems.items() if not problem} <= EARNEST
    assert {problems[name] for name in ("slow drip", "silence")} == {"timeout"}
    assert "internal" not in problems.values()


async def test_a_feed_that_hangs_is_checked_without_holding_anything_up_even_a_stop(tmp_path: Path) -> None:
    async with WireDiscord() as wire, open_hostile_web(wire, tmp_path / "run", ["slow drip"]) as web:
        web.bot.start()
        await wire.wait_for_sessions(within=PATIENCE)
        given = {"feed": str(web.source_ids["slow drip"])}
        checked = await wire.run_slash(web.channel_id, "feed check", given, until="ack", within=PATIENCE)
        assert checked.acknowledged
        await wait_until(lambda: web.is_looked_at("slow drip"), within=PATIENCE)
        latest = await wire.run_slash(web.channel_id, "latest", until="ack", within=PATIENCE)
        assert latest.acknowledged
        assert web.is_looked_at("slow drip")
        checked = await wire.get_outcome(checked.id, "reply", PATIENCE)
        assert "took too long to answer" in checked.text
        await wire.run_slash(web.channel_id, "feed check", given, until="ack", within=PATIENCE)
        await wait_until(lambda: web.is_looked_at("slow drip"), within=PATIENCE)
        assert web.bot.terminate() == 0, web.bot.log


@pytest.mark.parametrize("name", ["silence", "5 MB of <"])
async def test_a_stop_is_obeyed_while_a_feed_hangs_or_is_read(tmp_path: Path, name: str) -> None:
    async with WireDiscord() as wire, open_hostile_web(wire, tmp_path / "run", [name]) as web:
        web.bot.start()
        await wait_until(lambda: web.hostile[name].requests, within=PATIENCE)
        await asyncio.sleep(0.5)
        assert web.bot.terminate() == 0, web.bot.log
