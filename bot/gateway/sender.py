"""The courier's hands: discord.py calls, and what their failures mean."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import aiohttp
import discord

from bot.delivery.poster import (
    CardRefusedError,
    ChannelClosedError,
    MessageRemovedError,
    TryLaterError,
)
from bot.desk.delivery import UNPUBLISHED, Delivery
from bot.gateway.client import NewsBot
from bot.gateway.rights import how_to_mend, missing
from bot.gateway.views import card_view, delivery_of
from bot.render.card import card_embed, unpublished_embed, without_pictures
from bot.store.records import FiledCard

_log = logging.getLogger(__name__)
_UNKNOWN_MESSAGE = 10008
_PICTURE = re.compile(r"embeds\.\d+\.(?:image|thumbnail|author\.icon_url)")
_LOOKED_BACK = 1000
"""Messages of a channel's history among which recovery looks for a post of its own; a hundred are one request."""
_CLOCKS_DIFFER = timedelta(minutes=2)


class DiscordPoster:
    """`bot.delivery.poster.Poster` for Discord. Needs no gateway, only the token."""

    def __init__(self, bot: NewsBot) -> None:
        self._bot = bot

    async def post(self, delivery: Delivery, card: FiledCard, nonce: str) -> int:
        self._require_open(delivery)
        with _named_failures(posting=True):
            message = await self._channel(delivery).send(
                embed=self._embed(delivery, card), view=card_view(card, delivery.id), nonce=nonce
            )
        return message.id

    async def find(self, delivery: Delivery) -> int | None:
        """Looks back to the moment at which the first try began."""
        self._require_open(delivery)
        oldest = delivery.sent_at - _CLOCKS_DIFFER if delivery.sent_at else None
        with _named_failures():
            async for message in self._channel(delivery).history(limit=_LOOKED_BACK):
                if self._is_mine(message) and delivery_of(message) == delivery.id:
                    return message.id
                if oldest and message.created_at < oldest:
                    break
        return None

    async def edit(self, delivery: Delivery, card: FiledCard) -> None:
        self._require_open(delivery)
        message = self._message(delivery)
        with _named_failures():
            if delivery.wanted == UNPUBLISHED:
                await message.edit(embed=unpublished_embed(), view=None)
            else:
                await message.edit(embed=self._embed(delivery, card), view=card_view(card, delivery.id))

    async def retract(self, delivery: Delivery) -> None:
        with _named_failures():
            await self._message(delivery).delete()

    async def tell(self, guild_id: int, text: str, subscribers: Sequence[int]) -> None:
        guild = self._bot.get_guild(guild_id)
        channel = guild.system_channel if guild else None
        try:
            if channel and not missing(channel):
                await channel.send(text)
                return
            for user_id in subscribers:
                user = await self._bot.fetch_user(user_id)
                await user.send(text)
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            _log.warning("Server %s could not be told: %s", guild_id, error)

    def _embed(self, delivery: Delivery, card: FiledCard) -> discord.Embed:
        embed = card_embed(card, self._bot.settings.asset_base_url)
        return without_pictures(embed) if delivery.plain else embed

    def _is_mine(self, message: discord.Message) -> bool:
        return self._bot.user is not None and message.author.id == self._bot.user.id

    def _require_open(self, delivery: Delivery) -> None:
        """Spares a request that Discord would refuse: too many of those ban the bot's address.

        Says nothing about a server that the gateway has not told of (yet).
        """
        guild = self._bot.get_guild(delivery.guild_id)
        if guild is None or guild.unavailable:
            return
        channel = guild.get_channel_or_thread(delivery.channel_id)
        if channel and (lacking := missing(channel)):
            raise ChannelClosedError(how_to_mend(channel, lacking))

    def _channel(self, delivery: Delivery) -> discord.PartialMessageable:
        return self._bot.get_partial_messageable(delivery.channel_id, guild_id=delivery.guild_id)

    def _message(self, delivery: Delivery) -> discord.PartialMessage:
        if delivery.message_id is None:
            raise MessageRemovedError(f"delivery {delivery.id} has no message")
        return self._channel(delivery).get_partial_message(delivery.message_id)


@contextmanager
def _named_failures(*, posting: bool = False) -> Iterator[None]:
    """Turn discord.py's and aiohttp's errors into the courier's own."""
    try:
        yield
    except discord.NotFound as error:
        # A nonce whose message was deleted answers "unknown message" as well: a moderator removed the post.
        if error.code == _UNKNOWN_MESSAGE or (posting and not error.code):
            raise MessageRemovedError(str(error)) from error
        raise ChannelClosedError("A channel that I post to is gone.") from error
    except discord.Forbidden as error:
        raise ChannelClosedError(f"Discord does not let me post in a channel any more ({error.text}).") from error
    except discord.RateLimited as error:
        raise TryLaterError(str(error), timedelta(seconds=error.retry_after)) from error
    except discord.HTTPException as error:
        if error.status == 400:
            raise CardRefusedError(str(error), picture=_PICTURE.search(error.text) is not None) from error
        raise TryLaterError(str(error)) from error
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise TryLaterError(f"{type(error).__name__}: {error}") from error
