"""How close delivery comes to Discord's own limits: `python -m tests.bench.delivery`.

Against the wire Discord with its limits on, in one run: 1 card to 1,000 channels and 20 cards to 50 channels, by the
courier, by a plain loop of `channel.send`, and by an unbounded `asyncio.gather`. The floor is what the limits allow:
50 requests a second, and 5 messages in 5 seconds for a channel. Then, with the limits off, messages a second and CPU a
message beside a bare `HTTPClient.send_message` loop. Times are taken at the server, by its monotonic clock.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import discord
from discord.http import handle_message_parameters

from bot.app import freeze_gc, open_bot
from bot.client.bot import NewsBot
from bot.render.card import render_card
from bot.settings import load_settings
from bot.ui.views import build_card_view
from tests.crash.process import card_text
from tests.wire.client import WireDiscord

GLOBAL, BURST, WINDOW = 50, 5, 5.0
Way = Callable[[discord.Client, Sequence[int], int], Awaitable[None]]


async def run_courier(client: discord.Client, _channels: Sequence[int], _cards: int) -> None:
    assert isinstance(client, NewsBot)
    await client.pipeline.plan_and_deliver()


async def run_plain_loop(client: discord.Client, channels: Sequence[int], cards: int) -> None:
    for number in range(cards):
        for channel_id in channels:
            await client.get_partial_messageable(channel_id).send(embed=_make_embed(number))


async def run_gather(client: discord.Client, channels: Sequence[int], cards: int) -> None:
    sends = [
        client.get_partial_messageable(channel_id).send(embed=_make_embed(number))
        for number in range(cards)
        for channel_id in channels
    ]
    await asyncio.gather(*sends, return_exceptions=True)


def _make_embed(number: int) -> discord.Embed:
    return discord.Embed(title=f"Card {number}", description="An excerpt of ordinary length. " * 4)


def fastest_possible(channels: int, cards: int) -> float:
    """Seconds from the first arrival to the last that the limits allow."""
    by_global = (channels * cards - 1) // GLOBAL * 1.0
    by_channel = (cards - 1) // BURST * WINDOW
    return max(by_global, by_channel)


@asynccontextmanager
async def open_bench_bot(
    wire: WireDiscord, channels: Sequence[int], cards: int, pace: int = GLOBAL
) -> AsyncIterator[NewsBot]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cards").mkdir()
        settings = load_settings(
            _env_file=None,
            database_url=f"sqlite+aiosqlite:///{folder / 'bench.db'}",
            cards=folder / "cards",
            discord_api=wire.address.api,
            requests_per_second=pace,
        )
        async with open_bot(settings, background=False) as bot:
            await bot.login("a.test.token")
            now = datetime.now(UTC)
            for channel_id in channels:
                await bot.store.subscriptions.add_subscription(
                    guild_id=1, channel_id=channel_id, created_by=1, now=now - timedelta(minutes=1)
                )
            for number in range(cards):
                moment = now - timedelta(days=1, seconds=-number)
                (folder / "cards" / f"{number}.md").write_text(card_text(number, moment), "utf-8")
            await bot.worker.load_cards()
            await asyncio.sleep(1.1)  # the global window is empty again
            yield bot


@asynccontextmanager
async def _open_plain_client() -> AsyncIterator[discord.Client]:
    """discord.py as it comes, at the address that the bot before it set."""
    async with discord.Client(intents=discord.Intents.none()) as client:
        await client.login("a.test.token")
        await asyncio.sleep(1.1)
        yield client


async def bench_with_limits(wire: WireDiscord, channels: int, cards: int) -> None:
    least = fastest_possible(channels, cards)
    print(f"\n{cards} cards to {channels} channels; the limits allow {least:.1f} s")
    print(f"{'':14} {'last arrival':>12} {'x floor':>8} {'429s':>6} {'arrived':>8} {'channels out of order':>22}")
    for way in (run_courier, run_plain_loop, run_gather):
        await wire.reset_world()
        guild = await wire.add_guild(*["text"] * channels)
        ids = [channel.id for channel in guild.channels]
        async with open_bench_bot(wire, ids, cards) if way is run_courier else _open_plain_client() as client:
            await way(client, ids, cards)
            await _print_report(wire, way.__name__, ids, least)


async def _print_report(wire: WireDiscord, name: str, channels: Sequence[int], least: float) -> None:
    arrivals: list[float] = []
    disordered = 0
    for channel_id in channels:
        messages = await wire.list_messages(channel_id)
        arrivals += [message.at for message in messages]
        titles = [int((message.title or "Card 0").split()[1]) for message in messages]
        disordered += titles != sorted(titles)
    took = max(arrivals) - min(arrivals)
    refused = (await wire.get_totals()).by_status.get("429", 0)
    print(f"{name:14} {took:10.1f} s {took / least:8.3f} {refused:6} {len(arrivals):8} {disordered:22}")


async def bench_without_limits(wire: WireDiscord, messages: int = 2000, channels: int = 50, rounds: int = 5) -> None:
    """CPU time of the whole process, the database's threads included; the middle one of some rounds."""
    print(f"\n{messages} messages to {channels} channels with the limits off, median of {rounds} rounds")
    print(f"{'':14} {'messages/s':>10} {'CPU a message':>14} {'x bare':>7}")
    taken: dict[str, list[tuple[float, float]]] = {"bare loop": [], "courier": []}
    for _ in range(rounds):
        await wire.reset_world(limits=False)
        guild = await wire.add_guild(*["text"] * channels)
        ids = [channel.id for channel in guild.channels]
        async with open_bench_bot(wire, ids, messages // channels, 100_000) as bot:
            freeze_gc()
            for name, work in (
                ("bare loop", _send_bare(bot, ids, messages)),
                ("courier", bot.pipeline.plan_and_deliver()),
            ):
                wall, cpu = time.perf_counter(), time.process_time()
                await work
                taken[name].append((time.process_time() - cpu, time.perf_counter() - wall))
    middle = {name: sorted(pairs)[rounds // 2] for name, pairs in taken.items()}
    for name, (cpu, wall) in middle.items():
        ratio = cpu / middle["bare loop"][0]
        print(f"{name:14} {messages / wall:10.0f} {cpu / messages * 1000:11.2f} ms {ratio:7.2f}")


async def _send_bare(bot: NewsBot, channels: Sequence[int], messages: int) -> None:
    """The same messages as the courier's, made once."""
    card = (await bot.store.cards.list_latest(0, limit=1)).cards[0]
    embed, view = render_card(card, None), build_card_view(card, 1)
    for number in range(messages):
        with handle_message_parameters(embed=embed, view=view, nonce=str(number)) as form:
            await bot.http.send_message(channels[number % len(channels)], params=form)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    tenth = 10 if parser.parse_args().quick else 1
    async with WireDiscord() as wire:
        await bench_without_limits(wire, 2000 // tenth)
        await bench_with_limits(wire, 1000 // tenth, 1)
        await bench_with_limits(wire, 50, 20 // (2 if tenth > 1 else 1))


if __name__ == "__main__":
    asyncio.run(main())
