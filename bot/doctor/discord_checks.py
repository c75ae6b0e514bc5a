"""Check the bot's setup at Discord over REST only: identity, intents, channel access, clock skew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import groupby
from types import SimpleNamespace

import aiohttp
import discord
from discord.http import Route

from bot.client.bot import resolve_api_base
from bot.client.command_sync import commands_digest
from bot.client.permissions import permissions_missing_from
from bot.client.rate_limit import RequestLimiter
from bot.errors import LoginError
from bot.settings import Settings

AT_ONCE = 5
"""Maximum guilds checked concurrently."""
_INTENTS = {
    "Presence Intent": ("gateway_presence", "gateway_presence_limited"),
    "Server Members Intent": ("gateway_guild_members", "gateway_guild_members_limited"),
    "Message Content Intent": ("gateway_message_content", "gateway_message_content_limited"),
}
"""Intents by their names in the Developer Portal; the limited flags apply to bots in fewer than 100 guilds."""
_REMOVE = "Invite the bot again, or end the subscription with /digest remove."
_LET_IN = "Add the bot to that thread, or give its role View Channel there."
_ASK_AGAIN = "Try again later; if it stays, Discord's status page may know more."
_Found = tuple[str, str]
_Postable = discord.abc.GuildChannel | discord.Thread


class InvalidTokenError(LoginError):
    """The token is invalid or was reset. `skew` as in `DiscordReport`: Discord's clock is known even then."""

    def __init__(self, skew: timedelta | None) -> None:
        super().__init__("Discord does not know this token.")
        self.skew = skew


@dataclass(slots=True)
class DiscordReport:
    """The results. `skew` is how far the local clock is ahead of Discord's, None if there was no `Date` header.

    `closed` lists for each channel what prevents posting, with the fix. `commands` is the number of commands registered
    at Discord, `commands_digest` their digest (`commands_digest`).
    """

    name: str
    intents: tuple[str, ...]
    skew: timedelta | None = None
    channels: int = 0
    commands: int = 0
    commands_digest: str = ""
    closed: list[_Found] = field(default_factory=list)


async def query_discord(
    settings: Settings, token: str, channels: Sequence[tuple[int, int]], clock: Callable[[], datetime]
) -> DiscordReport:
    """Check the bot and these (guild, channel) pairs, which are sorted. Raises `LoginError`."""
    if settings.discord_api:
        Route.BASE = resolve_api_base(settings.discord_api)
    # Any response has a `Date` header: no request is made for the clock alone.
    comparison = _ClockComparison(clock)
    trace = RequestLimiter(settings.pace).trace_config()
    trace.on_request_end.append(comparison.on_response)
    async with discord.Client(intents=discord.Intents(guilds=True), http_trace=trace) as client:
        try:
            await client.login(token)
            # Raw payloads: the digest needs the version of each command, which discord.py leaves out.
            registered = await client.http.get_global_commands(client.application_id or 0)
        except discord.LoginFailure as error:
            raise InvalidTokenError(comparison.skew) from error
        except (OSError, aiohttp.ClientError, discord.HTTPException) as error:
            raise LoginError(f"Discord cannot be reached: {error}.") from error
        report = DiscordReport(
            str(client.user), tuple(_granted_intents(client.application_flags)), comparison.skew, len(channels)
        )
        report.commands, report.commands_digest = len(registered), commands_digest(registered)
        report.closed += await _find_closed_channels(client, channels)
        return report


class _ClockComparison:
    """Measures the clock skew once. A `Date` header is truncated to whole seconds, so half a second is added."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self.skew: timedelta | None = None

    async def on_response(
        self, _session: aiohttp.ClientSession, _request: SimpleNamespace, about: aiohttp.TraceRequestEndParams
    ) -> None:
        named = about.response.headers.get("Date")
        if named and self.skew is None:
            self.skew = self._clock() - parsedate_to_datetime(named) - timedelta(seconds=0.5)


def _granted_intents(flags: discord.ApplicationFlags) -> Iterable[str]:
    return (name for name, forms in _INTENTS.items() if any(getattr(flags, form) for form in forms))


async def _find_closed_channels(client: discord.Client, channels: Sequence[tuple[int, int]]) -> list[_Found]:
    """Return the findings in guild order, whichever response comes first."""
    # Some at once hide the latency; all at once would use up the rate limit that the running bot needs.
    slots = asyncio.Semaphore(AT_ONCE)

    async def check_guild(guild_id: int, wanted: Sequence[int]) -> list[_Found]:
        async with slots:
            return await _closed_in_guild(client, guild_id, wanted)

    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(check_guild(guild_id, [channel for _, channel in wanted]))
            for guild_id, wanted in groupby(channels, key=lambda pair: pair[0])
        ]
    return [found for each in tasks for found in each.result()]


async def _closed_in_guild(client: discord.Client, guild_id: int, wanted: Sequence[int]) -> list[_Found]:
    """Check one guild: three requests, plus one for each thread."""
    try:
        guild = await client.fetch_guild(guild_id, with_counts=False)
        me = await guild.fetch_member(client.user.id if client.user else 0)
        known = {channel.id: channel for channel in await guild.fetch_channels()}
    # Discord answers with either to a bot that was removed.
    except (discord.NotFound, discord.Forbidden):
        return [(f"server {guild_id}: the bot is not in it any more, but it is subscribed", _REMOVE)]
    except (OSError, aiohttp.ClientError, discord.HTTPException) as error:
        return [(f"server {guild_id}: Discord did not answer: {error}", _ASK_AGAIN)]
    found = []
    for channel_id in wanted:
        try:
            # Threads are not among the channels of a guild, and are fetched one by one.
            channel: object = known.get(channel_id) or await client.fetch_channel(channel_id)
        except discord.NotFound:
            found.append((f"{guild.name}: channel {channel_id} is gone, but it is subscribed", _REMOVE))
        except discord.Forbidden:
            found.append((f"{guild.name}: the bot cannot see the thread or channel {channel_id}", _LET_IN))
        except (OSError, aiohttp.ClientError, discord.DiscordException) as error:
            found.append((f"{guild.name}: channel {channel_id} cannot be looked at: {error}", _ASK_AGAIN))
        else:
            found += _missing_in_channel(guild.name, channel, known, me)
    return found


def _missing_in_channel(
    guild: str, channel: object, known: Mapping[int, _Postable], me: discord.Member
) -> list[_Found]:
    """Return the missing permissions; a thread inherits those of its parent."""
    place = known.get(channel.parent_id) if isinstance(channel, discord.Thread) else channel
    if not isinstance(channel, _Postable) or not isinstance(place, discord.abc.GuildChannel):
        return []
    if not (lacking := permissions_missing_from(channel, place.permissions_for(me))):
        return []
    names, them = ", ".join(lacking), "it" if len(lacking) == 1 else "them"
    fix = f"Open the channel's settings → Permissions, add the bot's role and allow {them}."
    return [(f"{guild}: the bot cannot post in #{channel.name}: it lacks {names}", fix)]
