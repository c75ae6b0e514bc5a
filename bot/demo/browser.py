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

from bot.clock import utc_now
from bot.demo.environment import DIGEST_TOPICS, DemoEnvironment, open_environment
from bot.demo.fake_discord import Channel
from bot.demo.feed_site import ADDRESS, PAGE_ADDRESS
from bot.demo.preview_page import PreviewPage
from bot.demo.site import DemoSite
from bot.domain.subscription import Frequency, Layout, Subscription, SubscriptionOptions
from bot.i18n import ENGLISH

_FIRST_CARDS = 6
_REVIEWS = 10
"""More than the held sample cards, so that a submitted link comes at once."""
_SECONDS_BETWEEN_CARDS = 25.0
_LOOK_SECONDS = 0.5
_ENDING = (signal.SIGINT, signal.SIGTERM)
_BEST_PORT = 8765
"""Preferred port, so that the URL is stable."""


async def serve_demo(
    *, port: int | None = None, open_browser: bool = True, language: str = ENGLISH, console: Console | None = None
) -> None:
    """Serve until Ctrl-C or SIGTERM. Raises `UserError` if the port is taken."""
    console = console or Console(highlight=False)
    ended = _shutdown_event()
    async with open_environment(background=True, language=language) as stage, open_site(stage, port) as site:
        await prepare_demo(stage)
        _print_welcome(console, site.address)
        if open_browser and _has_display():
            await asyncio.to_thread(webbrowser.open, site.address)
        news = asyncio.create_task(publish_news(stage), name="news")
        try:
            await ended.wait()
        finally:
            news.cancel()
            await asyncio.gather(news, return_exceptions=True)
    console.print("The demo has ended.")


def _shutdown_event() -> asyncio.Event:
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
async def open_site(stage: DemoEnvironment, port: int | None) -> AsyncIterator[DemoSite]:
    """Keep the page up to date."""
    screen = PreviewPage(stage.discord, [stage.admin, stage.member], stage.assets)
    site = DemoSite(stage.discord, screen)
    # Without a port of its own the demo takes any free one if the preferred one is in use.
    await site.start([port] if port is not None else [_BEST_PORT, 0])
    updates = asyncio.create_task(_advance_clock(stage, screen), name="page")
    try:
        yield site
    finally:
        updates.cancel()
        await asyncio.gather(updates, return_exceptions=True)
        await site.close()


async def _advance_clock(stage: DemoEnvironment, screen: PreviewPage) -> None:
    """Advance the world's clock with the real one, and show the bot's background work."""
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        await stage.discord.advance_clock(utc_now())
        await screen.refresh_page()


_DIGEST = SubscriptionOptions(frequency=Frequency.DAILY, times=(time(9),), topics=DIGEST_TOPICS)
_HEADLINES = SubscriptionOptions(frequency=Frequency.WEEKLY, layout=Layout.LIST)


async def prepare_demo(stage: DemoEnvironment) -> None:
    """Subscribe the channels once the archive is loaded, add the first news, and send the digests early."""
    await stage.bot.pipeline.load_cards()
    await _open_review_channel(stage)
    digests = ((stage.digest, _DIGEST), (stage.headlines, _HEADLINES))
    made = [await _subscribe_channel(stage, channel, options) for channel, options in digests]
    await _subscribe_channel(stage, stage.news, SubscriptionOptions())
    # Written after the subscriptions: cards that are older than a subscription are not posted.
    list(stage.feed.write_published(_FIRST_CARDS, utc_now()))
    await stage.bot.pipeline.load_cards()
    for subscription in made:
        await stage.bot.pipeline.send_digest_now(subscription)


async def _open_review_channel(stage: DemoEnvironment) -> None:
    max_age = stage.bot.settings.max_age
    await stage.bot.store.moderation.reviews.set_channel(
        stage.discord.guild.id, stage.desk.id, _REVIEWS, utc_now(), max_age
    )


async def _subscribe_channel(stage: DemoEnvironment, channel: Channel, options: SubscriptionOptions) -> Subscription:
    return await stage.bot.store.subscriptions.add_subscription(
        guild_id=stage.discord.guild.id,
        channel_id=channel.id,
        created_by=stage.admin.id,
        now=utc_now(),
        options=options,
    )


async def publish_news(stage: DemoEnvironment, seconds: float = _SECONDS_BETWEEN_CARDS) -> None:
    """Save cards in the folder one by one; the bot detects them. Some are held and wait for moderation."""
    while stage.feed.pending:
        await asyncio.sleep(seconds)
        stage.feed.write_next(utc_now())
        stage.newspaper.publish_next(utc_now())


def _print_welcome(console: Console, address: str) -> None:
    console.print(f"[bold]Newsdesk demo[/bold]: [link={address}]{address}[/link]", soft_wrap=True)
    console.print("The real bot on an offline Discord. A new card comes about every half a minute; Ctrl-C ends it.")
    console.print(f"A site with a feed to follow: /feed add url:{ADDRESS} policy:publish newest:1", soft_wrap=True)
    console.print(f"A page of it to submit: /submit url:{PAGE_ADDRESS}", soft_wrap=True)


def _has_display() -> bool:
    """Return whether a browser would have a display; on Linux a text browser would otherwise take over the terminal."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
