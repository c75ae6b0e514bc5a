"""Personal digests, sent by DM: opt-in only, and visible only to their member."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.cards.text import folded
from bot.desk.subscription import Subscription, When, Wish
from bot.errors import UserError
from bot.gateway.failures import suggesting
from bot.gateway.rights import guild_id
from bot.gateway.wishes import Asked, about_unknown, base_wish, wish_of
from bot.language import marked, spoken, tr
from bot.render.limits import CHOICES
from bot.render.markdown import fitted
from bot.render.members import following_text
from bot.store.follows import Follower

if TYPE_CHECKING:
    from bot.gateway.client import NewsBot

    Interaction = discord.Interaction[NewsBot]

_MOST = 25
"""Maximum topics a member can follow in a guild; beyond that, following every topic makes more sense."""
_AT = time(8)
_NOTHING = marked("You follow nothing here. `/follow` brings you a digest of your own.")
_CLOSED = marked(
    "I cannot write to you: your direct messages are closed to me. Open this server's **Privacy Settings**, allow "
    "**Direct Messages**, and use the command again."
)
_RESTS = marked("Your direct messages were closed, so your digest is paused: `/following` resumes it.")


async def follow(interaction: Interaction, topic: str, at: str | None, timezone: str | None) -> str:
    """Add a topic to the member's digest. Return what they follow now; raises `UserError`."""
    bot, topic = interaction.client, " ".join(topic.split())
    own = await _own(interaction)
    wish = await _wish(interaction, own, topic, at, timezone)
    channel_id = await _greeted(interaction, own)
    follower = Follower(interaction.user.id, guild_id(interaction), channel_id)
    await bot.store.follows.follow(follower, topic, wish, bot.clock())
    return await _words(interaction) + await about_unknown(interaction, [topic])


async def unfollow(interaction: Interaction, topic: str) -> str:
    """Remove a topic from the member's digest. Return what remains; raises `UserError`."""
    gone = await interaction.client.store.follows.unfollow(interaction.user.id, guild_id(interaction), topic)
    if not gone:
        own = await _own(interaction)
        raise UserError(f"{tr('You do not follow that.')} {following_text(own)}" if own else tr(_NOTHING))
    return await _words(interaction)


async def following(interaction: Interaction) -> str:
    """Return what the member follows here, and resume a paused digest. Raises `UserError`."""
    bot, own = interaction.client, await _own(interaction)
    if own is None:
        raise UserError(tr(_NOTHING))
    if own.paused:
        await _greeted(interaction, own)
        await bot.store.follows.resume(interaction.user.id, own.guild_id, own.wish, bot.clock())
    return await _words(interaction)


async def tell_of_rest(interaction: Interaction) -> None:
    """Tell a member once that their digest is paused, below the reply to their next command."""
    follows = interaction.client.store.follows
    if await follows.is_untold(interaction.user.id):
        await interaction.followup.send(tr(_RESTS), ephemeral=True)
        await follows.told(interaction.user.id)


@suggesting
async def followed_topics(interaction: discord.Interaction[NewsBot], current: str) -> list[app_commands.Choice[str]]:
    """Autocomplete the topics that the member follows here."""
    own, wish = await _own(interaction), folded(current)
    names = [name for name in own.wish.topics if wish in folded(name)] if own else []
    return [app_commands.Choice(name=name, value=name) for name in names[:CHOICES]]


async def _own(interaction: Interaction) -> Subscription | None:
    return await interaction.client.store.subscriptions.of_member(interaction.user.id, guild_id(interaction))


async def _words(interaction: Interaction) -> str:
    own = await _own(interaction)
    return following_text(own) if own else tr("You follow nothing here any more.")


async def _wish(
    interaction: Interaction, own: Subscription | None, topic: str, at: str | None, timezone: str | None
) -> Wish:
    """Merge the given options into the digest's settings. Raises `UserError`, also if nothing would change."""
    base = own.wish if own else replace(await base_wish(interaction), when=When.DAILY, times=(_AT,))
    base = replace(base, language=spoken())
    wish, known = wish_of(Asked(at=at, timezone=timezone), base), {folded(name) for name in base.topics}
    if not topic:
        raise UserError(tr("Name a topic. `/topics` shows what there is."))
    if own and not own.paused and folded(topic) in known and wish == base:
        raise UserError(f"{tr('You follow that already.')} {following_text(own)}")
    if len(known | {folded(topic)}) > _MOST:
        raise UserError(
            tr("You follow {most} topics here, which is as many as there can be. `/unfollow` one first.", most=_MOST)
        )
    return wish


async def _greeted(interaction: Interaction, own: Subscription | None) -> int:
    """Return the member's DM channel; send a greeting first if the digest is new or was paused.

    Raises `UserError` if Discord does not let the bot send DMs to the member.
    """
    channel = await interaction.user.create_dm()
    if own is None or own.paused:
        try:
            await channel.send(_greeting(interaction.guild))
        except discord.Forbidden as error:
            raise UserError(tr(_CLOSED)) from error
    return channel.id


def _greeting(guild: discord.Guild | None) -> str:
    if guild is None:
        return tr("Your own digest of **your server** comes here. `/unfollow` in the server ends it.")
    server = fitted(guild.name, 200)
    return tr("Your own digest of **{server}** comes here. `/unfollow` in the server ends it.", server=server)
