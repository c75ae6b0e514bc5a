"""The browser demo: the bot running in the background, a page with its channels, and new cards from time to time."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import time

from rich.console import Console

from bot.app import utc_now
from bot.demo.discord_world import Channel, Screen
from bot.demo.site import Site
from bot.demo.stage import DIGEST_TOPICS, Stage, set_up
from bot.desk.subscription import Layout, Subscription, When, Wish
from bot.language import ENGLISH

_FIRST_CARDS = 6
_REVIEWS = 3
"""Few enough to see all of them at once, with more left in the queue."""
_SECONDS_BETWEEN_CARDS = 25.0
_LOOK_SECONDS = 0.5
_ENDING = (signal.SIGINT, signal.SIGTERM)
_BEST_PORT = 8765
"""Preferred port, so that the URL is stable."""


async def serve(
    *, port: int | None = None, open_browser: bool = True, language: str = ENGLISH, console: Console | None = None
) -> None:
    """Serve until Ctrl-C or SIGTERM. Raises `UserError` if the port is taken."""
    console = console or Console(highlight=False)
    ended = _ended()
    async with set_up(background=True, language=language) as stage, _site(stage, port) as site:
        await begin(stage)
        _welcome(console, site.address)
        if open_browser and _has_display():
            await asyncio.to_thread(webbrowser.open, site.address)
        news = asyncio.create_task(keep_bringing_news(stage), name="news")
        try:
            await ended.wait()
        finally:
            news.cancel()
            await asyncio.gather(news, return_exceptions=True)
    console.print("The demo has ended.")


def _ended() -> asyncio.Event:
    """Return an event set by the first signal; a second one raises, as does the first without loop signal handlers."""
    event, loop = asyncio.Event(), asyncio.get_running_loop()

    def end() -> None:
        event.set()
        for number in _ENDING:
            loop.remove_signal_handler(number)

    for number in _ENDING:
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, end)
    return event


@asynccontextmanager
async def _site(stage: Stage, port: int | None) -> AsyncIterator[Site]:
    """Keep the page up to date."""
    screen = Screen(stage.world, [stage.admin, stage.member], stage.assets)
    site = Site(stage.world, screen)
    await site.start([port] if port is not None else [_BEST_PORT, 0])
    updates = asyncio.create_task(_keep_up(stage, screen), name="page")
    try:
        yield site
    finally:
        updates.cancel()
        await asyncio.gather(updates, return_exceptions=True)
        await site.close()


async def _keep_up(stage: Stage, screen: Screen) -> None:
    """Advance the world's clock with the real one, and show the bot's background work."""
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        await stage.world.tick(utc_now())
        await screen.refresh()


_DIGEST = Wish(when=When.DAILY, times=(time(9),), topics=DIGEST_TOPICS)
_HEADLINES = Wish(when=When.WEEKLY, layout=Layout.LIST)


async def begin(stage: Stage) -> None:
    """Subscribe the channels once the archive is loaded, add the first news, and send the digests early."""
    await stage.bot.newsroom.load()
    await _open_desk(stage)
    digests = ((stage.digest, _DIGEST), (stage.headlines, _HEADLINES))
    made = [await _subscribe(stage, channel, wish) for channel, wish in digests]
    await _subscribe(stage, stage.news, Wish())
    list(stage.newsstand.published(_FIRST_CARDS, utc_now()))
    await stage.bot.newsroom.load()
    for subscription in made:
        await stage.bot.newsroom.send_now(subscription)


async def _open_desk(stage: Stage) -> None:
    max_age = stage.bot.settings.max_age
    await stage.bot.store.reviews.set_channel(stage.world.guild.id, stage.desk.id, _REVIEWS, utc_now(), max_age)


async def _subscribe(stage: Stage, channel: Channel, wish: Wish) -> Subscription:
    return await stage.bot.store.subscriptions.add(
        guild_id=stage.world.guild.id,
        channel_id=channel.id,
        created_by=stage.admin.id,
        now=utc_now(),
        wish=wish,
    )


async def keep_bringing_news(stage: Stage, seconds: float = _SECONDS_BETWEEN_CARDS) -> None:
    """Save cards in the folder one by one; the bot detects them. Some are held and wait for moderation."""
    while stage.newsstand.waiting:
        await asyncio.sleep(seconds)
        stage.newsstand.next(utc_now())


def _welcome(console: Console, address: str) -> None:
    console.print(f"[bold]Newsdesk demo[/bold]: [link={address}]{address}[/link]", soft_wrap=True)
    console.print("The real bot on an offline Discord. A new card comes about every half a minute; Ctrl-C ends it.")


def _has_display() -> bool:
    """Return whether a browser would have a display; on Linux a text browser would otherwise take over the terminal."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
