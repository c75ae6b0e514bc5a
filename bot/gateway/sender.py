"""The courier's hands: discord.py calls, and what their failures mean."""

from __future__ import annotations

from collections.abc import Iterator
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
from bot.gateway.views import card_view, delivery_of
from bot.render.card import card_embed, unpublished_embed
from bot.store.records import FiledCard

_UNKNOWN_MESSAGE = 10008
_LOOKED_BACK = 100
"""Messages of a channel's history among which recovery looks for a post of its own: one request's worth."""


class DiscordPoster:
    """`bot.delivery.poster.Poster` for Discord. Needs no gateway, only the token."""

    def __init__(self, bot: NewsBot) -> None:
        self._bot = bot

    async def post(self, delivery: Delivery, card: FiledCard, nonce: str) -> int:
        channel = self._channel(delivery)
        embed = card_embed(card, self._bot.settings.asset_base_url)
        with _named_failures(posting=True):
            message = await channel.send(embed=embed, view=card_view(card, delivery.id), nonce=nonce)
        return message.id

    async def find(self, delivery: Delivery) -> int | None:
        me = self._bot.user
        with _named_failures():
            async for message in self._channel(delivery).history(limit=_LOOKED_BACK):
                if me and message.author.id == me.id and delivery_of(message) == delivery.id:
                    return message.id
        return None

    async def edit(self, delivery: Delivery, card: FiledCard) -> None:
        embed, view = card_embed(card, self._bot.settings.asset_base_url), card_view(card, delivery.id)
        with _named_failures():
            if delivery.wanted == UNPUBLISHED:
                await self._message(delivery).edit(embed=unpublished_embed(), view=None)
            else:
                await self._message(delivery).edit(embed=embed, view=view)

    async def retract(self, delivery: Delivery) -> None:
        with _named_failures():
            await self._message(delivery).delete()

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
        raise ChannelClosedError(str(error)) from error
    except discord.Forbidden as error:
        raise ChannelClosedError(str(error)) from error
    except discord.RateLimited as error:
        raise TryLaterError(str(error), timedelta(seconds=error.retry_after)) from error
    except discord.HTTPException as error:
        if error.status == 400:
            raise CardRefusedError(str(error)) from error
        raise TryLaterError(str(error)) from error
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise TryLaterError(f"{type(error).__name__}: {error}") from error
