"""Commands for people who installed the bot for themselves, to use wherever they are."""

from __future__ import annotations

from typing import TypeVar

from discord import app_commands

_Command = TypeVar("_Command")


def installable_by_users(command: _Command) -> _Command:
    """Offer a command, group or context menu in every conversation of those who installed the bot for themselves.

    Its replies must be ephemeral and show only what `guild_id_of` grants.
    """
    return app_commands.allowed_installs(guilds=True, users=True)(
        app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)(command)
    )
