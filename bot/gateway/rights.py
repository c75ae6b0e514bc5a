"""Who may do what, asked at the moment it is done: of people, and of the bot itself in a channel."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import discord
from discord import app_commands

from bot.errors import UserError
from bot.language import marked, tr, trn
from bot.render.markdown import bold_names


def guild_id(interaction: discord.Interaction[Any]) -> int:
    """The server of an interaction, 0 in a direct message: there the files alone say what is visible."""
    return interaction.guild_id or 0


def channel_of(
    interaction: discord.Interaction[Any], channel_id: int
) -> discord.abc.GuildChannel | discord.Thread | None:
    """A channel or thread of the interaction's server; None when it is gone, or another server's."""
    return interaction.guild.get_channel_or_thread(channel_id) if interaction.guild else None


def may_moderate(interaction: discord.Interaction[Any]) -> bool:
    """Whether this person decides on cards here."""
    return interaction.guild_id is not None and interaction.permissions.manage_messages


def require_moderator(interaction: discord.Interaction[Any]) -> None:
    """Raises when the person may not decide on cards now, whatever they could when the button was made."""
    if interaction.guild_id is None:
        raise app_commands.NoPrivateMessage
    if not may_moderate(interaction):
        raise app_commands.MissingPermissions(["manage_messages"])


def require_channel_manager(interaction: discord.Interaction[Any], channel_id: int) -> None:
    """Raises unless the person manages the channel; one that is gone takes managing the server's channels."""
    channel = channel_of(interaction, channel_id)
    granted = interaction.permissions  # Discord's own word, for the channel in which the command was used
    if channel and channel_id != interaction.channel_id and isinstance(interaction.user, discord.Member):
        granted = channel.permissions_for(interaction.user)
    if not granted.manage_channels:
        where = f"<#{channel_id}>"
        raise UserError(tr("You need the permission **Manage Channels** in {channel} for this.", channel=where))


_NEEDED = {
    "view_channel": marked("View Channel"),
    "send_messages": marked("Send Messages"),
    "embed_links": marked("Embed Links"),
    "read_message_history": marked("Read Message History"),
}


def missing(channel: discord.abc.GuildChannel | discord.Thread) -> list[str]:
    """The permissions that the bot lacks to post in a channel, by the names of Discord's settings."""
    return lacking_of(channel, channel.permissions_for(channel.guild.me))


def lacking_of(channel: discord.abc.GuildChannel | discord.Thread, granted: discord.Permissions) -> list[str]:
    """The same, of permissions that are known already."""
    needed = dict(_NEEDED)
    if isinstance(channel, discord.Thread):
        needed["send_messages_in_threads"] = marked("Send Messages in Threads")
        del needed["send_messages"]
    elif isinstance(channel, discord.ForumChannel):
        needed["send_messages"] = marked("Create Posts")  # Discord's name for it there
    return [tr(words) for name, words in needed.items() if not getattr(granted, name)]


def require_postable(channel: discord.abc.GuildChannel | discord.Thread, *, again: str = "") -> None:
    """Raises with the fix when the bot could not post there. `again`: what to do then, when it is not to subscribe."""
    if lacking := missing(channel):
        raise UserError(f"{how_to_mend(channel, lacking)} {again or tr('Then subscribe again.')}")


def is_public(channel: discord.abc.GuildChannel | discord.Thread) -> bool:
    """Whether everybody in the server can read along."""
    if isinstance(channel, discord.Thread):
        return not channel.is_private() and channel.parent is not None and is_public(channel.parent)
    return channel.permissions_for(channel.guild.default_role).view_channel


def how_to_hide(channel: discord.abc.GuildChannel | discord.Thread) -> str:
    """Why a channel cannot be the moderators' desk, and how it can."""
    return tr(
        "Everybody can read {channel}, and held cards are not for everybody. Open the channel's settings → "
        "Permissions, make it private and add the moderators and me.",
        channel=channel.mention,
    )


def how_to_mend(channel: discord.abc.GuildChannel | discord.Thread, lacking: Sequence[str]) -> str:
    """What the bot lacks in a channel, and where to give it."""
    return trn(
        "I cannot post in {channel}: I lack {permissions}. Open the channel's settings → Permissions, add my role and "
        "allow it.",
        "I cannot post in {channel}: I lack {permissions}. Open the channel's settings → Permissions, add my role and "
        "allow them.",
        len(lacking),
        channel=channel.mention,
        permissions=bold_names(lacking),
    )


def trouble(interaction: discord.Interaction[Any], channel_id: int, closed: Collection[int]) -> str:
    """What keeps the bot from posting in a channel of this server, with the fix; empty when nothing does."""
    channel = channel_of(interaction, channel_id)
    if channel is None:
        return tr("it is gone. `/digest remove` ends its subscription.")
    if lacking := missing(channel):
        return how_to_mend(channel, lacking)
    return tr("the last try failed; I try again by myself.") if channel_id in closed else ""
