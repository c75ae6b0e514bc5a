"""The bot's own name and pictures in a server."""

from __future__ import annotations

import discord
from discord import app_commands

from bot.client.bot import Interaction
from bot.errors import UserError
from bot.i18n import tr

MAX_PICTURE = 8 << 20
"""Bytes of a picture that is sent on; Discord takes 10 MB with everything around it."""
_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_INVALID_FORM = 50035


async def change_profile(
    interaction: Interaction,
    name: str | None = None,
    avatar: discord.Attachment | None = None,
    banner: discord.Attachment | None = None,
) -> str:
    """Change what is given, and return the reply. Raises `UserError` if a picture is unusable or Discord refuses."""
    if name is None and avatar is None and banner is None:
        raise UserError(tr("Give me a name, an avatar or a banner, or `reset` to go back to my own."))
    fields: dict[str, object] = {} if name is None else {"nick": name}
    # Only from the interaction itself: an address that somebody typed could lead anywhere.
    fields |= {
        field: await _read_picture(picture) for field, picture in (("avatar", avatar), ("banner", banner)) if picture
    }
    await _edit_profile(interaction, fields)
    return tr("My profile in this server is changed.")


async def reset_profile(interaction: Interaction) -> str:
    """Go back to the bot's own name and pictures, and return the reply."""
    await _edit_profile(interaction, {"nick": None, "avatar": None, "banner": None})
    return tr("I have my own name and pictures again.")


async def _read_picture(picture: discord.Attachment) -> bytes:
    if (picture.content_type or "").partition(";")[0] not in _PICTURES:
        raise UserError(tr("A picture must be a PNG, JPEG, GIF or WebP file."))
    if picture.size > MAX_PICTURE:
        raise UserError(tr("This picture is larger than 8 MB. Use a smaller one."))
    try:
        return await picture.read()
    except discord.HTTPException as error:
        raise UserError(tr("Discord didn't give me the picture. Try again.")) from error


async def _edit_profile(interaction: Interaction, fields: dict[str, object]) -> None:
    if interaction.guild is None:
        raise app_commands.NoPrivateMessage
    try:
        # The reason stands in the server's audit log at Discord.
        await interaction.guild.me.edit(reason=str(interaction.user), **fields)  # type: ignore[arg-type]
    except discord.Forbidden as error:
        raise UserError(tr("I may not change my name here: I need the permission Change Nickname.")) from error
    except ValueError as error:  # what discord.py says of bytes that are no picture
        raise UserError(tr("A picture must be a PNG, JPEG, GIF or WebP file.")) from error
    except discord.HTTPException as error:
        if error.code != _INVALID_FORM:
            raise
        raise UserError(
            tr("Discord refused the name or picture, or pictures were changed too often. Try another, or wait.")
        ) from error
