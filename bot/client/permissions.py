"""Permission checks, made when an action runs: for users, and for the bot in a channel."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import aiohttp
import discord
from discord import app_commands

from bot.errors import UserError
from bot.i18n import tr, tr_noop, trn
from bot.render.markdown import bold_names


def guild_id_of(interaction: discord.Interaction[Any]) -> int:
    """Return the server whose cards a member sees here; 0, for everybody's cards only, where the bot serves none.

    That is in direct messages, and in servers that a member brought the bot to without its being installed there.
    """
    if interaction.is_user_integration() and not interaction.is_guild_integration():
        return 0
    return interaction.guild_id or 0


def get_cached_channel(
    interaction: discord.Interaction[Any], channel_id: int
) -> discord.abc.GuildChannel | discord.Thread | None:
    """Return a channel or thread of the interaction's guild; None if it is deleted or belongs to another guild."""
    return interaction.guild.get_channel_or_thread(channel_id) if interaction.guild else None


def can_moderate(interaction: discord.Interaction[Any]) -> bool:
    """Return whether the user may decide on cards here."""
    return interaction.guild_id is not None and interaction.permissions.manage_messages


def require_moderator(interaction: discord.Interaction[Any]) -> None:
    """Raise unless the user may decide on cards now, regardless of when the button was created."""
    if interaction.guild_id is None:
        raise app_commands.NoPrivateMessage
    if not can_moderate(interaction):
        raise app_commands.MissingPermissions(["manage_messages"])


def require_server_manager(interaction: discord.Interaction[Any]) -> None:
    """Raise unless the user may manage the server now, regardless of who may use the command in its settings."""
    if interaction.guild_id is None:
        raise app_commands.NoPrivateMessage
    if not interaction.permissions.manage_guild:
        raise app_commands.MissingPermissions(["manage_guild"])


async def find_channel(
    interaction: discord.Interaction[Any], channel_id: int
) -> discord.abc.GuildChannel | discord.Thread | None:
    """Return a channel or thread of the interaction's guild, even if it is not cached, such as an archived thread.

    None if it is deleted or belongs to another guild. Raises `HiddenChannelError` if the bot cannot see it, and
    `UserError` if Discord does not respond.
    """
    if (known := get_cached_channel(interaction, channel_id)) or interaction.guild is None:
        return known
    try:
        found: _Found = await interaction.client.fetch_channel(channel_id)
    except (discord.NotFound, discord.InvalidData):
        return None
    except discord.Forbidden as error:
        raise HiddenChannelError from error
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        raise UserError(tr("Discord didn't tell me which channel that is. Please try again.")) from error
    if isinstance(found, discord.abc.PrivateChannel) or found.guild.id != interaction.guild_id:
        return None
    if isinstance(found, discord.Thread) and found.parent is None:
        raise HiddenChannelError
    return found


_Found = discord.abc.GuildChannel | discord.abc.PrivateChannel | discord.Thread


class HiddenChannelError(Exception):
    """The bot cannot see the channel, so nobody's permissions in it are known."""


def permissions_in(
    interaction: discord.Interaction[Any], channel: discord.abc.GuildChannel | discord.Thread
) -> discord.Permissions:
    """Return the user's permissions in a channel of the guild."""
    if channel.id == interaction.channel_id:
        return interaction.permissions  # computed by Discord
    if not isinstance(interaction.user, discord.Member):
        return discord.Permissions.none()
    return channel.permissions_for(interaction.user)


async def require_channel_manager(interaction: discord.Interaction[Any], channel_id: int) -> None:
    """Raise `UserError` unless the user can see and manage that channel."""
    if not await _can_manage(interaction, channel_id):
        where = f"<#{channel_id}>"
        raise UserError(tr("You need the **Manage Channels** permission in {channel} for this.", channel=where))


async def _can_manage(interaction: discord.Interaction[Any], channel_id: int) -> bool:
    """Return whether the user manages the channel. A deleted channel requires Manage Channels in the guild; one that
    the bot cannot see, and that may be a private thread, additionally requires Manage Threads.
    """
    member = interaction.user
    if channel_id == interaction.channel_id:
        return interaction.permissions.manage_channels
    if not isinstance(member, discord.Member):
        return False
    try:
        channel = await find_channel(interaction, channel_id)
    except HiddenChannelError:
        return member.guild_permissions.manage_channels and member.guild_permissions.manage_threads
    if channel is None:
        return member.guild_permissions.manage_channels
    return permissions_in(interaction, channel).manage_channels and await _can_see(interaction, channel, member)


async def _can_see(
    interaction: discord.Interaction[Any], channel: discord.abc.GuildChannel | discord.Thread, member: discord.Member
) -> bool:
    """Return whether the user sees the channel; private threads are for members and for those with Manage Threads."""
    if not isinstance(channel, discord.Thread) or not channel.is_private():
        return True
    if permissions_in(interaction, channel).manage_threads:
        return True
    try:
        await channel.fetch_member(member.id)
    except (discord.NotFound, discord.Forbidden):
        return False
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        raise UserError(tr("Discord didn't tell me which channel that is. Please try again.")) from error
    return True


def can_mention(
    interaction: discord.Interaction[Any], channel: discord.abc.GuildChannel | discord.Thread, role: discord.Role
) -> bool:
    """Return whether the user could mention the role in the channel; the bot must not do it for them otherwise."""
    return role.mentionable or permissions_in(interaction, channel).mention_everyone


_NEEDED = {
    "view_channel": tr_noop("View Channel"),
    "send_messages": tr_noop("Send Messages"),
    "embed_links": tr_noop("Embed Links"),
    "read_message_history": tr_noop("Read Message History"),
}
REQUIRED_PERMISSIONS = discord.Permissions(**dict.fromkeys(_NEEDED, True))
"""What an invitation asks for."""


def missing_permissions(channel: discord.abc.GuildChannel | discord.Thread) -> list[str]:
    """Return the permissions that the bot lacks to post in a channel, by their names in Discord's settings."""
    return permissions_missing_from(channel, channel.permissions_for(channel.guild.me))


def permissions_missing_from(
    channel: discord.abc.GuildChannel | discord.Thread, granted: discord.Permissions
) -> list[str]:
    """Like `missing_permissions`, for permissions that are already known."""
    needed = dict(_NEEDED)
    if isinstance(channel, discord.Thread):
        needed["send_messages_in_threads"] = tr_noop("Send Messages in Threads")
        del needed["send_messages"]
    elif isinstance(channel, discord.ForumChannel):
        needed["send_messages"] = tr_noop("Create Posts")  # its name in forum channels
    return [tr(words) for name, words in needed.items() if not getattr(granted, name)]


def require_can_post(channel: discord.abc.GuildChannel | discord.Thread, *, again: str = "") -> None:
    """Raise with the fix if the bot cannot post there. `again` says what to do then, unless it is to subscribe."""
    if lacking := missing_permissions(channel):
        raise UserError(f"{missing_permissions_text(channel, lacking)} {again or tr('Then subscribe again.')}")


def is_public(channel: discord.abc.GuildChannel | discord.Thread) -> bool:
    """Return whether everyone in the guild can read the channel."""
    if isinstance(channel, discord.Thread):
        return not channel.is_private() and channel.parent is not None and is_public(channel.parent)
    return channel.permissions_for(channel.guild.default_role).view_channel


def hide_channel_text(channel: discord.abc.GuildChannel | discord.Thread) -> str:
    """Explain why a channel cannot be the desk, and how to make it private."""
    return tr(
        "Everyone can read {channel}, and held cards aren't for everyone. Open the channel's settings → "
        "Permissions, make it private, and add the moderators and me.",
        channel=channel.mention,
    )


def missing_permissions_text(channel: discord.abc.GuildChannel | discord.Thread, lacking: Sequence[str]) -> str:
    """List the bot's missing permissions in a channel, and where to grant them."""
    return trn(
        "I can't post in {channel}: I'm missing {permissions}. Open the channel's settings → Permissions, add my "
        "role and allow it.",
        "I can't post in {channel}: I'm missing {permissions}. Open the channel's settings → Permissions, add my "
        "role and allow them.",
        len(lacking),
        channel=channel.mention,
        permissions=bold_names(lacking),
    )


async def channel_problem(interaction: discord.Interaction[Any], channel_id: int, closed: Collection[int]) -> str:
    """Return what prevents posting in a channel of this guild, with the fix; empty if nothing does."""
    try:
        channel = await find_channel(interaction, channel_id)
    except HiddenChannelError:
        return tr("I can't see it. Add me to that thread, or give my role **View Channel** there.")
    if channel is None:
        return tr("it was deleted. Remove its subscription with `/digest remove`.")
    if lacking := missing_permissions(channel):
        return missing_permissions_text(channel, lacking)
    return tr("the last attempt failed. I'll try again automatically.") if channel_id in closed else ""


def find_deleted_roles(interaction: discord.Interaction[Any], roles: Collection[int]) -> set[int]:
    """Return those of these roles that were deleted from the guild."""
    guild = interaction.guild
    return {role for role in roles if guild is not None and guild.get_role(role) is None}


def thread_problem(interaction: discord.Interaction[Any], channel_id: int) -> str:
    """Return what prevents the bot from starting threads in a text channel, with the fix; empty if nothing does."""
    channel, guild = get_cached_channel(interaction, channel_id), interaction.guild
    if guild is None or not isinstance(channel, discord.TextChannel):
        return ""
    if channel.permissions_for(guild.me).create_public_threads:
        return ""
    return tr(
        "Posts in {channel} get no threads: I'm missing **Create Public Threads**. Open the channel's settings → "
        "Permissions, add my role and allow it.",
        channel=channel.mention,
    )


def mention_problem(interaction: discord.Interaction[Any], channel_id: int, role_id: int | None) -> str:
    """Return what prevents a subscription from mentioning its role, with the fix; empty if it can, or has none."""
    channel, guild = get_cached_channel(interaction, channel_id), interaction.guild
    if role_id is None or guild is None:
        return ""
    role = guild.get_role(role_id)
    if role is None:
        return tr("the role to mention was deleted, so nobody is mentioned. Choose another with `/digest edit`.")
    if channel and not role.mentionable and not channel.permissions_for(guild.me).mention_everyone:
        return tr("I can no longer mention {role}, so nobody is mentioned.", role=role.mention)
    return ""
