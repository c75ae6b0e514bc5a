"""What the server is for: a bot is killed at an unlucky moment, and the channel is counted afterwards."""

import asyncio
import sys
from asyncio.subprocess import Process
from pathlib import Path

import pytest

from tests.support.polling import PATIENCE
from tests.wire.client import WireDiscord

_ROOT = Path(__file__).resolve().parents[2]
_COUNT = 6


async def _start_bot(wire: WireDiscord, channel_id: int) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.wire.killable_bot",
        wire.address.api,
        str(channel_id),
        str(_COUNT),
        cwd=_ROOT,
    )


@pytest.mark.slow
@pytest.mark.parametrize("stored", [True, False])
async def test_a_bot_killed_while_it_waits_for_an_answer_repeats_nothing(stored: bool) -> None:
    async with WireDiscord() as wire:
        await wire.configure_settings(limits=False)
        channel_id = (await wire.add_guild()).channels[0].id
        # The bot is killed in its fourth send, while the server holds the request or its answer back.
        await wire.add_fault("stall", "POST", "/messages$", skip=3, seconds=30, after=stored)
        bot = await _start_bot(wire, channel_id)
        seen = await wire.wait_for_messages(channel_id, 4 if stored else 3)
        async with asyncio.timeout(PATIENCE):
            while (await wire.list_faults())[0]["hits"] == 0:
                await asyncio.sleep(0.01)
        bot.kill()
        await bot.wait()
        assert len(seen) == (4 if stored else 3)
        assert await (await _start_bot(wire, channel_id)).wait() == 0
        assert [each.content for each in await wire.list_messages(channel_id)] == [str(n) for n in range(_COUNT)]
        assert (await wire.get_totals()).prevented == len(seen)
