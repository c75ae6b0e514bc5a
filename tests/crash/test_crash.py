"""The short crash test; `make crash` runs the long one."""

from __future__ import annotations

import time
from pathlib import Path

from tests.crash.process import BotProcess
from tests.crash.story import CrashTally, run_crash
from tests.wire.client import WireDiscord


async def test_killed_at_any_point_nothing_is_lost_or_repeated(tmp_path: Path) -> None:
    total = CrashTally()
    async with WireDiscord() as wire:
        for run, forgetful in enumerate((False, True)):
            folder = tmp_path / str(run)
            total.add_tally(
                await run_crash(wire, folder, kills=10, cards=200, channels=10, seed=run, forgetful=forgetful)
            )
    print(total)
    assert (total.lost, total.repeated, total.disordered) == (0, 0, 0)
    assert total.kills == 20


async def test_asked_to_stop_it_stops_cleanly_and_nothing_answered_is_left_in_sending(tmp_path: Path) -> None:
    async with WireDiscord() as wire:
        await wire.reset_world(limits=False)
        guild = await wire.add_guild(*["text"] * 5)
        await wire.add_fault("stall", "POST", "/messages$", times=None, seconds=0.2, after=True)
        with BotProcess(tmp_path / "run", wire.address.api) as bot:
            await bot.prepare_store([channel.id for channel in guild.channels], guild.id, 20)
            bot.start()
            await wire.wait_for_messages(guild.channels[0].id, 3)
            began = time.monotonic()
            assert bot.terminate() == 0, bot.log
            assert time.monotonic() - began < 10
            assert bot.count_sending() == 0
            posted = sum((await wire.get_totals()).messages.values())
            planned, due = bot.count_waiting()
            assert posted == planned - due


async def test_a_wrong_token_is_told_in_one_line(tmp_path: Path) -> None:
    async with WireDiscord() as wire:
        await wire.reset_world(token="another.token")
        with BotProcess(tmp_path / "run", wire.address.api) as bot:
            await bot.prepare_store([], 0, 0)
            bot.start()
            assert bot.wait_for_end() == 2
            assert bot.log.strip().startswith("Discord does not know this token.")
            assert len(bot.log.strip().splitlines()) == 1
