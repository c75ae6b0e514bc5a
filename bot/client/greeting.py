"""The message that a server gets when the bot joins it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import discord

from bot.i18n import language_for_locale, override_language
from bot.store.greetings import Greetings

_log = logging.getLogger(__name__)
_LATEST = timedelta(days=1)
"""Servers that were joined longer ago are not greeted, such as those of an old bot with a new store."""
_ENTRIES_READ = 10
"""Entries of the audit log: its filter is for the kind, and other bots join as well."""

BuildGreeting = Callable[[discord.Guild, bool], Awaitable[dict[str, Any]]]
"""Builds the message of a server in the current language, for a channel of it or, if True, for a direct message."""


class Greeter:
    """Greets each server once: in its system channel, or the person who invited the bot."""

    def __init__(self, greetings: Greetings, clock: Callable[[], datetime], build: BuildGreeting) -> None:
        self._greetings = greetings
        self._clock = clock
        self._build = build

    async def greet_guild(self, guild: discord.Guild) -> None:
        """Greet a server that the bot joined lately and has not greeted since. Never raises for Discord's sake."""
        joined_at = guild.me.joined_at
        # Asked before the store is: at a start, all servers come at once.
        if joined_at is None or abs(self._clock() - joined_at) > _LATEST:
            return
        if not await self._greetings.claim_greeting(guild.id, joined_at):
            return
        with override_language(language_for_locale(guild.preferred_locale)):
            try:
                await self._send_greeting(guild)
            except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as error:
                _log.info("Guild %s was not greeted: %s", guild.id, type(error).__name__)

    async def _send_greeting(self, guild: discord.Guild) -> None:
        channel = guild.system_channel
        if channel is not None and _can_write(channel):
            try:
                await channel.send(**await self._build(guild, False))
            except (discord.Forbidden, discord.NotFound):
                _log.info("Guild %s refused a message in its system channel", guild.id)
            else:
                return
        if inviter := await _find_inviter(guild):
            await inviter.send(**await self._build(guild, True))


def _can_write(channel: discord.TextChannel) -> bool:
    granted = channel.permissions_for(channel.guild.me)
    return granted.view_channel and granted.send_messages


async def _find_inviter(guild: discord.Guild) -> discord.Member | discord.User | None:
    """Return who added the bot; None if the audit log is closed to it or does not say."""
    if not guild.me.guild_permissions.view_audit_log:
        return None
    async for entry in guild.audit_logs(action=discord.AuditLogAction.bot_add, limit=_ENTRIES_READ):
        if getattr(entry.target, "id", None) == guild.me.id:
            return entry.user
    return None
