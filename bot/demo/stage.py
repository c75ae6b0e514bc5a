"""Setup of the demo: the real bot, its world and people, and a newsstand that fills its folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import discord

from bot.app import open_bot, utc_now
from bot.demo.cards import ASSET_BASE, Newsstand, pictures, sample_data
from bot.demo.discord_world import Assets, Channel, Person, World
from bot.gateway.client import NewsBot
from bot.language import ENGLISH
from bot.settings import Settings, load_settings

DIGEST_TOPICS = ("Space", "AI")
_ADMINISTRATION = discord.Permissions(manage_guild=True, manage_channels=True, manage_messages=True)


@dataclass(frozen=True)
class Stage:
    """The parts of a running demo."""

    bot: NewsBot
    world: World
    newsstand: Newsstand
    assets: Assets
    news: Channel
    digest: Channel
    headlines: Channel
    desk: Channel
    admin: Person
    member: Person


@asynccontextmanager
async def set_up(*, background: bool, language: str = ENGLISH) -> AsyncIterator[Stage]:
    """Open the bot, logged in on a guild with four channels, with the archive in its folder.

    With `background` it runs as in `newsdesk run`; otherwise the caller drives its newsroom step by step.
    """
    data = sample_data()
    with TemporaryDirectory(prefix="newsdesk-demo-") as place:
        folder = Path(place) / "cards"
        folder.mkdir()
        newsstand = Newsstand(data, folder)
        newsstand.lay_out(utc_now())
        async with _world(_settings(Path(place)), background, language) as world:
            yield _people(world, newsstand, pictures(data))


def _settings(place: Path) -> Settings:
    """Return explicit values for all settings, so that the user's own environment does not affect the demo."""
    own = {
        "database_url": f"sqlite+aiosqlite:///{place / 'demo.db'}",
        "cards": place / "cards",
        "asset_base_url": ASSET_BASE,
        "tick_seconds": 5,
        "rescan_seconds": 60,
        "log_level": "WARNING",
    }
    usual = {name: field.get_default(call_default_factory=True) for name, field in Settings.model_fields.items()}
    return load_settings(_env_file=None, **usual | own)


@asynccontextmanager
async def _world(settings: Settings, background: bool, language: str) -> AsyncIterator[World]:
    """Close the bot before its world: simcord releases it, but never closes it."""
    world: World | None = None
    try:
        async with open_bot(settings, background=background) as bot:
            world = World(bot)
            await world.start(utc_now(), server="Newsdesk demo", language=language)
            yield world
    finally:
        if world is not None:
            await world.close()


def _people(world: World, newsstand: Newsstand, assets: Assets) -> Stage:
    bot = world.bot
    if not isinstance(bot, NewsBot):
        raise TypeError("the demo plays with the real bot")
    admin = world.person("Ada (administrator)", _ADMINISTRATION, "Administrators")
    return Stage(
        bot=bot,
        world=world,
        newsstand=newsstand,
        assets=assets,
        news=world.channel("news", "Every card, as it appears"),
        digest=world.channel("digest", f"The best of {' and '.join(DIGEST_TOPICS)}, every morning"),
        headlines=world.channel("headlines", "The week in headlines"),
        desk=world.channel("desk", "Where moderators decide", only_for=[admin]),
        admin=admin,
        member=world.person("Max (member)"),
    )
