"""The bot's commands at Discord: registered when they changed, and again when somebody put others in their place."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import aiohttp
import discord

if TYPE_CHECKING:
    from bot.gateway.client import NewsBot

_log = logging.getLogger(__name__)
_OURS = "commands"
"""Where the store keeps a digest of the commands as they were sent last."""
AT_DISCORD = "commands_at_discord"
"""Where the store keeps a digest of what Discord made of them."""
COMPARED_EVERY = 24 * 3600.0
"""Seconds between two looks at what Discord has."""


def digest_at_discord(registered: Iterable[Mapping[str, Any]]) -> str:
    """Which commands Discord has, by their ids and versions: Discord gives a new one with every change.

    What it adds to a command by itself does not matter so.
    """
    known = sorted((str(each["id"]), str(each.get("version")), each["name"]) for each in registered)
    return _digest(known)


async def sync_commands(bot: NewsBot, *, force: bool = False) -> bool:
    """Register the commands when they are not those registered last, or Discord has others. Returns whether it did.

    Discord counts commands that are created, 200 a day: nothing is sent without need.
    """
    payload = [await command.get_translated_payload(bot.tree, bot.translator) for command in bot.tree.get_commands()]
    ours = _digest([bot.application_id, payload])
    if not force and await bot.store.meta.get(_OURS) == ours and await _are_there(bot):
        return False
    await bot.tree.sync()
    await bot.store.meta.set(_OURS, ours)
    await bot.store.meta.set(AT_DISCORD, digest_at_discord(await bot.http.get_global_commands(bot.application_id or 0)))
    return True


async def _are_there(bot: NewsBot) -> bool:
    """Whether Discord has what was registered last; taken for granted while it does not say."""
    try:
        registered = await bot.http.get_global_commands(bot.application_id or 0)
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        _log.warning("Discord did not say which commands it has: %s", error)
        return True
    if digest_at_discord(registered) == await bot.store.meta.get(AT_DISCORD):
        return True
    _log.warning("Discord has other commands than were registered last (%s): registering them again", len(registered))
    return False


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
