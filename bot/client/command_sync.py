"""Register the slash commands when they changed, or when Discord's differ from those registered last."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

import aiohttp
import discord
from discord.ext import commands

from bot.client.localization import CommandTranslator
from bot.store.key_value import KeyValueStore

_log = logging.getLogger(__name__)
_OURS = "commands"
"""Store key for the digest of the commands as last sent."""
AT_DISCORD = "commands_at_discord"
"""Store key for the digest of the commands as Discord returned them."""
COMPARED_EVERY = 24 * 3600.0
"""Seconds between checks of the commands at Discord."""


def commands_digest(registered: Iterable[Mapping[str, Any]]) -> str:
    """Return a digest of the commands' ids and versions; Discord changes the version with every edit.

    That way the defaults that Discord adds to a command do not matter.
    """
    known = sorted((str(each["id"]), str(each.get("version")), each["name"]) for each in registered)
    return _hash_value(known)


async def sync_commands(
    bot: commands.AutoShardedBot, translator: CommandTranslator, key_values: KeyValueStore, *, force: bool = False
) -> bool:
    """Register the commands if they changed or Discord's differ. Return whether they were registered.

    Discord limits command creation to 200 a day, so nothing is sent without need.
    """
    payload = [await command.get_translated_payload(bot.tree, translator) for command in bot.tree.get_commands()]
    ours = _hash_value([bot.application_id, payload])
    if not force and await key_values.get_value(_OURS) == ours and await _are_registered(bot, key_values):
        return False
    # Not `tree.sync`, which would translate every word into every locale once more.
    await bot.http.bulk_upsert_global_commands(bot.application_id or 0, payload=payload)
    await key_values.set_value(_OURS, ours)
    await key_values.set_value(AT_DISCORD, commands_digest(await bot.http.get_global_commands(bot.application_id or 0)))
    return True


async def _are_registered(bot: commands.AutoShardedBot, key_values: KeyValueStore) -> bool:
    """Return whether Discord still has the commands registered last; assume so while it is unreachable."""
    try:
        registered = await bot.http.get_global_commands(bot.application_id or 0)
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        _log.warning("Could not fetch the registered commands: %s", error)
        return True
    if commands_digest(registered) == await key_values.get_value(AT_DISCORD):
        return True
    _log.warning("Commands at Discord (%s) differ from those registered last; registering again", len(registered))
    return False


def _hash_value(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
