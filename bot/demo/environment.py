"""Setup of the demo: the real bot, its world and people, and the feed that fills its folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import discord

from bot.app import open_bot
from bot.client.bot import NewsBot
from bot.clock import utc_now
from bot.demo.cards import ASSET_BASE, AVATAR, SampleFeed, find_sample_data, load_pictures
from bot.demo.fake_discord import Assets, Channel, FakeDiscord, Person
from bot.demo.feed_site import HOST, DemoResolver, FeedSite
from bot.i18n import ENGLISH
from bot.settings import MinuteRange, PrivateHost, Settings, load_settings

DIGEST_TOPICS = ("Space", "AI")
_ADMINISTRATION = discord.Permissions(administrator=True)


@dataclass(frozen=True)
class DemoEnvironment:
    """The parts of a running demo."""

    bot: NewsBot
    discord: FakeDiscord
    feed: SampleFeed
    newspaper: FeedSite
    """A site with a feed that nobody follows yet."""
    assets: Assets
    news: Channel
    digest: Channel
    headlines: Channel
    desk: Channel
    admin: Person
    member: Person


@asynccontextmanager
async def open_environment(*, background: bool, language: str = ENGLISH) -> AsyncIterator[DemoEnvironment]:
    """Open the bot, logged in on a guild with four channels, with the archive in its folder.

    With `background` it runs as in `newsdesk run`; otherwise the caller drives its pipeline step by step.
    """
    data = find_sample_data()
    with TemporaryDirectory(prefix="newsdesk-demo-") as place:
        folder = Path(place) / "cards"
        folder.mkdir()
        feed = SampleFeed(data, folder)
        feed.write_archive(utc_now())
        async with _open_newspaper() as newspaper:
            settings, resolver = _demo_settings(Path(place)), DemoResolver(newspaper)
            async with _open_discord(settings, resolver, background, language) as world:
                yield _add_people(world, feed, newspaper, load_pictures(data))


@asynccontextmanager
async def _open_newspaper() -> AsyncIterator[FeedSite]:
    newspaper = FeedSite(utc_now())
    await newspaper.start()
    try:
        yield newspaper
    finally:
        await newspaper.close()


def _demo_settings(place: Path) -> Settings:
    """Return explicit values for all settings, so that the user's own environment does not affect the demo."""
    own = {
        "database_url": f"sqlite+aiosqlite:///{place / 'demo.db'}",
        "cards": place / "cards",
        "asset_base_url": ASSET_BASE,
        "tick_seconds": 5,
        "rescan_seconds": 60,
        "log_level": "WARNING",
        "fetch_private": (PrivateHost(HOST, None),),
        "feed_minutes": MinuteRange(1, 1440),
    }
    # Explicit values win over environment variables, which pydantic-settings reads in any case.
    usual = {name: field.get_default(call_default_factory=True) for name, field in Settings.model_fields.items()}
    return load_settings(_env_file=None, **usual | own)


@asynccontextmanager
async def _open_discord(
    settings: Settings, resolver: DemoResolver, background: bool, language: str
) -> AsyncIterator[FakeDiscord]:
    """Close the bot before its world: simcord releases it, but never closes it."""
    world: FakeDiscord | None = None
    try:
        async with open_bot(settings, background=background, resolver=resolver) as bot:
            world = FakeDiscord(bot)
            await world.start(utc_now(), server="Newsdesk demo", language=language)
            yield world
    finally:
        if world is not None:
            await world.close()


def _add_people(world: FakeDiscord, feed: SampleFeed, newspaper: FeedSite, assets: Assets) -> DemoEnvironment:
    bot = world.bot
    if not isinstance(bot, NewsBot):
        raise TypeError("the demo plays with the real bot")
    admin = world.add_person("Ada (administrator)", _ADMINISTRATION, "Administrators")
    bot.owner_id = admin.id  # for /status
    return DemoEnvironment(
        bot=bot,
        discord=world,
        feed=feed,
        newspaper=newspaper,
        assets={**assets, world.avatar_address: assets[AVATAR]},
        news=world.add_channel("news", "Every card, as it appears"),
        digest=world.add_channel("digest", f"The best of {' and '.join(DIGEST_TOPICS)}, every morning"),
        headlines=world.add_channel("headlines", "The week in headlines"),
        desk=world.add_channel("desk", "Where moderators decide", only_for=[admin]),
        admin=admin,
        member=world.add_person("Max (member)"),
    )
