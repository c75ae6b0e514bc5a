"""Posts in forum channels: each is a thread, whose starter message has the thread's id."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import discord

from bot.cards.text import folded
from bot.delivery.poster import ChannelClosedError
from bot.desk.delivery import Delivery
from bot.gateway.client import NewsBot
from bot.gateway.forms import Forms, parameters
from bot.language import tr
from bot.render.digest import forum_title
from bot.store.records import FiledCard

_TAGS = 5  # Discord's documentation, "Start Thread in Forum or Media Channel"
TAG_DEMANDED = (40066, 40067)
_PAGE = 100  # archived threads per request
_PAGES = 10
_LOOKED_AT = 100
"""Maximum posts that recovery inspects, one request each."""


class ForumPoster:
    """The API calls that differ in a forum. Forums accept no nonce, so recovery always searches before a retry."""

    def __init__(self, bot: NewsBot, forms: Forms) -> None:
        self._bot = bot
        self._forms = forms

    async def post(self, delivery: Delivery, cards: Sequence[FiledCard]) -> int:
        """Create the post. Raises `ChannelClosedError` as well as discord.py's errors."""
        known = self._bot.get_channel(delivery.channel_id)
        tags = _tags(_forum(known) if known else await self._fetched(delivery), cards)
        try:
            return await self._start(delivery, cards, tags)
        except discord.HTTPException as error:
            if error.status not in (400, 403):
                raise
            # The gateway may not have sent the latest change of the tags yet.
            current = _tags(await self._fetched(delivery), cards)
            if current != tags:
                return await self._start(delivery, cards, current)
            if error.code in TAG_DEMANDED:
                raise ChannelClosedError(_no_tag(delivery.channel_id)) from error
            raise

    async def _start(self, delivery: Delivery, cards: Sequence[FiledCard], tags: Sequence[int]) -> int:
        form: dict[str, Any] = {"name": _title(delivery, cards), "message": self._forms.new(delivery, cards)}
        if tags:
            form["applied_tags"] = [str(tag) for tag in tags]
        thread = await self._bot.http.start_thread_in_forum(delivery.channel_id, params=parameters(form))
        return int(thread["id"])

    async def recent(self, delivery: Delivery) -> AsyncIterator[discord.Message]:
        """Yield the starter messages of the bot's posts since the last attempt began, newest first."""
        after_id = delivery.after_id or 0
        mine = {
            int(thread["id"])
            async for thread in self._threads(delivery, discord.utils.snowflake_time(after_id))
            if self._is_own(thread, delivery) and int(thread["id"]) > after_id
        }
        for thread_id in sorted(mine, reverse=True)[:_LOOKED_AT]:
            place = self._bot.get_partial_messageable(thread_id, guild_id=delivery.guild_id)
            try:
                yield await place.fetch_message(thread_id)
            except discord.NotFound:
                continue  # deleted by a moderator

    async def _threads(self, delivery: Delivery, oldest: datetime) -> AsyncIterator[Any]:
        """Yield the guild's active threads, and the forum's threads archived since `oldest` (Discord's clock)."""
        for thread in (await self._bot.http.get_active_threads(delivery.guild_id))["threads"]:
            yield thread
        before, more, pages = "", True, 0
        while more and pages < _PAGES:
            pages += 1
            page = await self._bot.http.get_public_archived_threads(delivery.channel_id, before, _PAGE)
            for thread in page["threads"]:
                yield thread
                before = thread["thread_metadata"]["archive_timestamp"]
            more = page["has_more"] and discord.utils.parse_time(before) >= oldest

    async def rename(self, delivery: Delivery, thread_id: int, cards: Sequence[FiledCard]) -> None:
        """Rename the post after its current content, only if that differs: Discord limits renames strictly."""
        name = _title(delivery, cards)
        thread: Any = self._bot.get_channel(thread_id) or await self._bot.fetch_channel(thread_id)
        if thread.name != name:
            await self._bot.http.edit_channel(thread_id, name=name)

    async def put_away(self, delivery: Delivery, thread_id: int) -> None:
        """Rename and archive a post that has lost its message, so that it does not show a withdrawn headline."""
        await self._bot.http.edit_channel(thread_id, name=_title(delivery, ()), archived=True)

    async def delete(self, thread_id: int) -> bool:
        """Delete the whole post; return False if the bot lacks the permission."""
        try:
            await self._bot.http.delete_channel(thread_id)
        except discord.Forbidden:
            return False
        return True

    async def _fetched(self, delivery: Delivery) -> discord.ForumChannel:
        return _forum(await self._bot.fetch_channel(delivery.channel_id))

    def _is_own(self, thread: Any, delivery: Delivery) -> bool:
        user = self._bot.user
        owned = user is not None and int(thread["owner_id"]) == user.id
        return owned and int(thread["parent_id"] or 0) == delivery.channel_id


def _forum(channel: Any) -> discord.ForumChannel:
    if not isinstance(channel, discord.ForumChannel):
        raise ChannelClosedError(tr("{channel} is not a forum any more.", channel=f"<#{channel.id}>"))
    return channel


def _title(delivery: Delivery, cards: Sequence[FiledCard]) -> str:
    return forum_title(cards, delivery.layout, delivery.planned_at)


def _no_tag(channel_id: int) -> str:
    return tr(
        "{channel} demands a tag of every post, and only moderators may set those it has. Add another one.",
        channel=f"<#{channel_id}>",
    )


def _tags(forum: discord.ForumChannel, cards: Sequence[FiledCard]) -> list[int]:
    """Return the forum's tags named like topics of the cards, or its first tag if it requires one."""
    topics = {folded(topic) for card in cards for topic in card.card.topics}
    open_to_all = [tag for tag in forum.available_tags if not tag.moderated]
    fitting = [tag for tag in open_to_all if folded(tag.name) in topics][:_TAGS]
    return [tag.id for tag in fitting or (open_to_all[:1] if forum.flags.require_tag else [])]
