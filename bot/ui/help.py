"""List the commands that a person may use here, for /help."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

import discord
from discord import app_commands

from bot.client.bot import Interaction, NewsBot
from bot.i18n import current_language, tr, tr_command_name, tr_noop
from bot.render.help import UsableCommand

_log = logging.getLogger(__name__)
START, NEWS, PERSONAL = tr_noop("Start here"), tr_noop("News"), tr_noop("Just for you")
CHANNELS, MODERATION, OWNERS_ONLY = tr_noop("Channels and feeds"), tr_noop("Moderation"), tr_noop("Bot owners")
_OF_ROOT = {
    **dict.fromkeys(("following", "unfollow", "saved", "privacy"), PERSONAL),
    **dict.fromkeys(("digest", "feed", "newsdesk"), CHANNELS),
    "desk": MODERATION,
}
_ORDER = list(_OF_ROOT)
_FIRST = [("latest",), ("search",), ("follow",), ("digest", "setup"), ("feed", "add"), ("desk", "queue")]
"""What to try first: for readers, for channel managers, for moderators."""
OWNERS: dict[Any, Any] = {"owners": True}
"""Key in the `extras` of a command that is restricted to the bot's owners."""

Known = app_commands.Command[Any, ..., Any] | app_commands.ContextMenu


async def list_usable_commands(interaction: Interaction) -> dict[str, list[UsableCommand]]:
    """Return the usable commands by group.

    Bots only see default permissions, not a guild's own command permission overrides.
    """
    bot = interaction.client
    offered = [command for command in _iter_commands(bot.tree) if _is_offered(interaction, command)]
    # The first call fetches the application from Discord, so it is made only if the answer matters.
    if any(map(_is_for_owners, offered)) and not await bot.is_owner(interaction.user):
        offered = [command for command in offered if not _is_for_owners(command)]
    ids = await _fetch_command_ids(bot)
    groups: dict[str, list[UsableCommand]] = {
        tr(group): [] for group in (START, NEWS, PERSONAL, CHANNELS, MODERATION, OWNERS_ONLY)
    }
    for command in sorted(offered, key=_place):
        groups[tr(_group_name(command))].append(_describe_command(command, ids))
    return groups


def _iter_commands(tree: app_commands.CommandTree[Any]) -> Iterator[Known]:
    for command in tree.walk_commands():
        if isinstance(command, app_commands.Command):
            yield command
    yield from tree.get_commands(type=discord.AppCommandType.message)


def _root_command(command: Known) -> Known | app_commands.Group:
    """Return the top-level command or group, which Discord shows or hides as a unit."""
    return (command.root_parent if isinstance(command, app_commands.Command) else None) or command


def _is_offered(interaction: discord.Interaction[Any], command: Known) -> bool:
    root, granted = _root_command(command), interaction.permissions
    if interaction.guild_id is None:
        return not root.guild_only and (root.allowed_contexts is None or bool(root.allowed_contexts.dm_channel))
    return granted.administrator or root.default_permissions is None or root.default_permissions <= granted


def _is_for_owners(command: Known) -> bool:
    return bool(command.extras.get("owners"))


def _place(command: Known) -> tuple[int, int]:
    """Return where a command is listed. Sorting is stable, and what is not named keeps its order."""
    root = _root_command(command).name
    return _place_at_start(command) or len(_FIRST) + 1, _ORDER.index(root) if root in _ORDER else -1


def _place_at_start(command: Known) -> int:
    """Return the command's place among what to try first, from 1 on; 0 if it is not among it."""
    words = tuple(command.qualified_name.split())
    return _FIRST.index(words) + 1 if words in _FIRST else 0


def _group_name(command: Known) -> str:
    if _place_at_start(command):
        return START
    return OWNERS_ONLY if _is_for_owners(command) else _OF_ROOT.get(_root_command(command).name, NEWS)


def _describe_command(command: Known, ids: Mapping[str, int]) -> UsableCommand:
    if isinstance(command, app_commands.ContextMenu):
        mention = tr("*Apps → {name}* on a message", name=tr_command_name(command.name, current_language()))
        return UsableCommand(mention, tr(command.extras["description"]))
    return UsableCommand(
        _command_mention(command.qualified_name, ids.get(_root_command(command).name)), tr(command.description)
    )


def _command_mention(name: str, number: int | None) -> str:
    """Return a clickable mention, which needs the untranslated name, or without an id the name to type."""
    if number:
        return f"</{name}:{number}>"
    return f"`/{' '.join(tr_command_name(word, current_language()) for word in name.split())}`"


async def mention_commands(bot: NewsBot, *names: tuple[str, ...]) -> list[str]:
    """Return commands as `/help` shows them, each by the words of its name."""
    ids = await _fetch_command_ids(bot)
    return [_command_mention(" ".join(name), ids.get(name[0])) for name in names]


async def _fetch_command_ids(bot: NewsBot) -> Mapping[str, int]:
    """Return the command ids, fetched once; empty while Discord is unreachable."""
    # Ids are stable as long as the command exists, and a mention without one still names the command.
    if not bot.command_ids:
        try:
            commands = await bot.tree.fetch_commands()
        except discord.HTTPException as error:
            _log.warning("Could not fetch the command ids: %s", error)
        else:
            bot.command_ids = {
                each.name: each.id for each in commands if each.type is discord.AppCommandType.chat_input
            }
    return bot.command_ids
