"""One run: kill the bot again and again while cards go out, start it until all is quiet, then count."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path

from tests.crash.process import BotProcess
from tests.wire.client import ANY, WireDiscord

FORGETFUL = 0.05
"""A nonce window, in seconds, that is shorter than any restart takes."""


@dataclass(slots=True)
class CrashTally:
    """What a run, or several, came to. `prevented` posts were sent twice and shown once, by Discord's nonce memory."""

    runs: int = 0
    kills: int = 0
    posts: int = 0
    lost: int = 0
    repeated: int = 0
    disordered: int = 0
    prevented: int = 0

    def add_tally(self, other: CrashTally) -> None:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    def __str__(self) -> str:
        return ", ".join(f"{each.name} {getattr(self, each.name)}" for each in fields(self) if each.repr)


TROUBLES = ("page_403", "page_503", "edge_block", "login_page", "503", "lost")
"""Of the way to Discord, each as likely as `_LIKELY` at any request for messages."""
_LIKELY = 0.002


async def run_crash(
    wire: WireDiscord,
    folder: Path,
    *,
    kills: int,
    cards: int,
    channels: int,
    seed: int,
    forgetful: bool,
    troubled: bool = False,
) -> CrashTally:
    """A run with up to `kills` kills; it has fewer when all is delivered before. `troubled`: with faults between."""
    await wire.reset_world(limits=False, seed=seed, **({"nonce_window": FORGETFUL} if forgetful else {}))
    for fault in TROUBLES if troubled else ():
        await wire.add_fault(fault, "*", "/messages", times=ANY, probability=_LIKELY)
    guild = await wire.add_guild(*["text"] * channels)
    ids = [channel.id for channel in guild.channels]
    with BotProcess(folder, wire.address.api) as bot:
        await bot.prepare_store(ids, guild.id, cards)
        done = await _kill_and_restart(wire, bot, cards * channels, kills, random.Random(seed))
        assert not bot.running or bot.terminate() == 0, bot.log
    return await count_messages(wire, ids, cards, done)


async def _kill_and_restart(
    wire: WireDiscord, bot: BotProcess, expected: int, kills: int, chance: random.Random
) -> int:
    """Ends when everything is quiet; gives the number of kills."""
    done = 0
    while done < kills and not is_quiet(bot, expected):
        before = await _count_sent(wire)
        bot.start()
        if chance.random() < 0.7:
            await _wait_for_progress(wire, before, expected)
            await asyncio.sleep(chance.uniform(0, 0.3))
        else:
            await asyncio.sleep(chance.uniform(0.1, 1.2))
        bot.kill()
        done += 1
    if not is_quiet(bot, expected):
        bot.start()
    async with asyncio.timeout(120):
        while not is_quiet(bot, expected):
            await asyncio.sleep(0.1)
    return done


def is_quiet(bot: BotProcess, expected: int) -> bool:
    """Whether everything is planned, and nothing is left to do."""
    return bot.count_waiting() == (expected, 0)


async def _count_sent(wire: WireDiscord) -> int:
    return sum((await wire.get_totals()).messages.values())


async def _wait_for_progress(wire: WireDiscord, before: int, expected: int) -> None:
    """Until this start has posted something, or has nothing left to post: most kills are to hit work under way."""
    for _ in range(200):
        if await _count_sent(wire) > before or before >= expected:
            return
        await asyncio.sleep(0.02)


async def count_messages(wire: WireDiscord, channels: list[int], cards: int, kills: int) -> CrashTally:
    """What the channels hold, against what they should."""
    tally = CrashTally(runs=1, kills=kills)
    for channel_id in channels:
        messages = await wire.list_messages(channel_id)
        held = [int((message.title or "Card -1").split()[1]) for message in messages]
        times = Counter(held)
        tally.posts += len(held)
        tally.lost += cards - len(times)
        tally.repeated += len(held) - len(times)
        tally.disordered += held != sorted(held)
    tally.prevented = (await wire.get_totals()).prevented
    return tally
