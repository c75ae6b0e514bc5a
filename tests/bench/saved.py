"""What a card costs that somebody saves while the bot runs: from its file to its post in one channel.

python -m tests.bench.saved [CARDS]

Cards are saved one after the other, each loaded, planned and sent before the next, against the wire Discord with its
limits off. The reference does the least that this can be in the same run: python-frontmatter reads the file, and
discord.py sends an embed made beforehand. CPU time is that of the whole process, the database's thread included.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import process_time

import frontmatter
from discord.http import handle_message_parameters

from bot.app import freeze_gc
from bot.client.bot import NewsBot
from bot.render.card import render_card
from bot.ui.views import build_card_view
from tests.bench.delivery import open_bench_bot
from tests.bench.table import p50, p99, print_table
from tests.crash.process import card_text
from tests.wire.client import WireDiscord

WARM_UP = 10
"""Cards that are saved before the first one is counted."""
_BEFORE = 20
"""Cards that the store has from the start."""


async def time_bot(bot: NewsBot, folder: Path, cards: int) -> list[float]:
    """Return the milliseconds of CPU time that each card took."""
    times = []
    for number in range(_BEFORE, _BEFORE + WARM_UP + cards):
        (folder / f"{number}.md").write_text(card_text(number, datetime.now(UTC)), "utf-8")
        begun = process_time()
        await bot.worker.load_cards()
        await bot.pipeline.courier.deliver_due()
        times.append((process_time() - begun) * 1000)
    return times[WARM_UP:]


async def time_bare(bot: NewsBot, folder: Path, channel_id: int, cards: int) -> list[float]:
    card = (await bot.store.cards.list_latest(0, limit=1)).cards[0]
    embed, view = render_card(card, None), build_card_view(card, 1)
    times = []
    for number in range(_BEFORE, _BEFORE + cards):
        begun = process_time()
        frontmatter.load(str(folder / f"{number}.md"))
        with handle_message_parameters(embed=embed, view=view, nonce=str(number)) as form:
            await bot.http.send_message(channel_id, params=form)
        times.append((process_time() - begun) * 1000)
    return times


async def main(cards: int) -> None:
    async with WireDiscord() as wire:
        await wire.reset_world(limits=False)
        guild = await wire.add_guild("text")
        channel = guild.channels[0].id
        async with open_bench_bot(wire, [channel], _BEFORE, 100_000) as bot:
            await bot.pipeline.plan_and_deliver()
            freeze_gc()
            folder = Path(bot.settings.cards[0])
            ours = await time_bot(bot, folder, cards)
            await wire.wait_for_messages(channel, _BEFORE + WARM_UP + cards)
            bare = await time_bare(bot, folder, channel, cards)
    rows = [
        [name, f"{p50(times):.1f}", f"{p99(times):.1f}", f"{p50(times) / p50(bare):.1f}"]
        for name, times in (("frontmatter and send_message", bare), ("Newsdesk", ours))
    ]
    print_table(["ms of CPU a saved card", "half", "99 %", "ratio"], rows)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if sys.argv[1:] else 100))
