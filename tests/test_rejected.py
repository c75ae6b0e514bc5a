"""A token that is reset under the running bot, and other endings by Discord: one sentence, one exit code."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.app import _INTENTS, _REFUSED, _UNKNOWN_TOKEN
from tests.crash.process import BotProcess
from tests.support.polling import PATIENCE
from tests.wire.client import ANY, WireDiscord


def _assert_ended(bot: BotProcess, sentence: str) -> None:
    assert bot.wait_for_end() == 2, bot.log
    assert bot.log.strip().splitlines()[-1] == sentence
    assert "Traceback" not in bot.log, bot.log


@pytest.mark.parametrize("code", sorted(_REFUSED))
async def test_a_close_code_that_is_final_ends_in_its_sentence(tmp_path: Path, code: int) -> None:
    async with WireDiscord() as wire:
        await wire.add_guild("text")
        with BotProcess(tmp_path / "run", wire.address.api) as bot:
            await bot.prepare_store([], 0, 0)
            bot.start()
            await wire.wait_for_sessions()
            await wire.command_gateway("close", code=code)
            _assert_ended(bot, _REFUSED[code])


def test_the_sentences_are_those_of_a_start() -> None:
    assert _REFUSED[4004] == _UNKNOWN_TOKEN
    assert _REFUSED[4014] == _INTENTS


@pytest.mark.parametrize("code", [1000, 1006, 1011, 4000, 4002, 4003, 4007, 4009])
async def test_any_other_close_code_ends_nothing(wire: WireDiscord, tmp_path: Path, code: int) -> None:
    await wire.add_guild("text")
    with BotProcess(tmp_path / "run", wire.address.api) as bot:
        await bot.prepare_store([], 0, 0)
        bot.start()
        await wire.wait_for_sessions()
        before = await wire.get_status()
        if code == 1006:
            await wire.command_gateway("drop")
        else:
            await wire.command_gateway("close", code=code)
        async with asyncio.timeout(PATIENCE):
            while (now := await wire.get_status()).resumed + now.identified == before.resumed + before.identified:
                assert bot.running, bot.log
                await asyncio.sleep(0.05)
        await wire.wait_for_sessions()
        assert bot.terminate() == 0, bot.log


async def test_a_401_in_the_middle_ends_all_sending_and_the_program(tmp_path: Path) -> None:
    async with WireDiscord() as wire:
        guild = await wire.add_guild(*["text"] * 40)
        with BotProcess(tmp_path / "run", wire.address.api) as bot:
            await bot.prepare_store([channel.id for channel in guild.channels], guild.id, 3)
            await wire.add_fault("401", "*", "", times=ANY, skip=15)
            bot.start()
            _assert_ended(bot, _UNKNOWN_TOKEN)
        refused = (await wire.get_totals()).by_status.get("401", 0)
        assert 0 < refused <= 50, "those under way, and no more"
