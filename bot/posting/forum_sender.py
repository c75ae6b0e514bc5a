"""Posts in forum channels: each is a thread, whose starter message has the thread's id."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

import discord

from bot.cards.text import normalize_name
from bot.client.bot import NewsBot
from bot.delivery.sender import ChannelClosedError
from bot.domain.delivery import Delivery
from bot.i18n import tr
from bot.posting.payloads import PayloadCache, to_parameters
from bot.render.digest import forum_title
from bot.store.cards.rows import StoredCard

_TAGS = 5  # Discord's documentation, "Start Thread in Forum or Media Channel"
TAG_DEMANDED = (40066, 40067)
_PAGE = 100  # archived threads per request
_PAGES = 10
_LOOKED_AT = 100
"""Maximum posts that recovery inspects, one request each."""


class ForumSender:
    """The API calls that differ in a forum. Forums accept no nonce, so recovery always searches before a retry."""

    def __init__(self, bot: NewsBot, payloads: PayloadCache) -> None:
        self._bot = bot
        self._payloads = payloads

    async def post_thread(self, delivery: Delivery, cards: Sequence[StoredCard]) -> int:
        """Create the post. Raises `ChannelClosedError` as well as discord.py's errors."""
        known = self._bot.get_channel(delivery.channel_id)
        tags = _matching_tags(_as_forum(known) if known else await self._fetch_forum(delivery), cards)
        try:
            return await self._create_thread(delivery, cards, tags)
        except discord.HTTPException as error:
            if error.status not in (400, 403):
                raise
            # The gateway may not have sent the latest change of the tags yet.
            current = _matching_tags(await self._fetch_forum(delivery), cards)
            if current != tags:
                return await self._create_thread(delivery, cards, current)
            if error.code in TAG_DEMANDED:
                raise ChannelClosedError(_missing_tag_text(delivery.channel_id)) from error
            raise

    async def _create_thread(self, delivery: Delivery, cards: Sequence[StoredCard], tags: Sequence[int]) -> int:
        form: dict[str, Any] = {
            "name": _thread_title(delivery, cards),
            "message": self._payloads.render_new(delivery, cards),
        }
        if tags:
            form["applied_tags"] = [str(tag) for tag in tags]
        thread = await self._bot.http.start_thread_in_forum(delivery.channel_id, params=to_parameters(form))
        return int(thread["id"])

    async def recent_starters(self, delivery: Delivery) -> AsyncIterator[discord.Message]:
        """Yield the starter messages of the bot's posts since the last attempt began, newest first."""
        after_id = delivery.after_id or 0
        own = {
            int(thread["id"])
            async for thread in self._iter_threads(delivery, discord.utils.snowflake_time(after_id))
            if self._is_own_thread(thread, delivery) and int(thread["id"]) > after_id
        }
        # Two posts may have the same title: only the buttons of the starter message name the delivery.
        for thread_id in sorted(own, reverse=True)[:_LOOKED_AT]:
            place = self._bot.get_partial_messageable(thread_id, guild_id=delivery.guild_id)
            try:
                yield await place.fetch_message(thread_id)
            except discord.NotFound:
                continue  # deleted by a moderator

    async def _iter_threads(self, delivery: Delivery, oldest: datetime) -> AsyncIterator[Any]:
        """Yield the guild's active threads, and the forum's threads archived since `oldest` (Discord's clock)."""
        # Moderators may archive a new post at once, so the active threads are not enough.
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

    async def rename_thread(self, delivery: Delivery, thread_id: int, cards: Sequence[StoredCard]) -> None:
        """Rename the post after its current content, only if that differs: Discord limits renames strictly."""
        name = _thread_title(delivery, cards)
        thread: Any = self._bot.get_channel(thread_id) or await self._bot.fetch_channel(thread_id)
        if thread.name != name:
            await self._bot.http.edit_channel(thread_id, name=name)

    async def archive_thread(self, delivery: Delivery, thread_id: int) -> None:
        """Rename and archive a post that has lost its message, so that it does not show a withdrawn headline."""
        await self._bot.http.edit_channel(thread_id, name=_thread_title(delivery, ()), archived=True)

    async def delete_thread(self, thread_id: int) -> bool:
        """Delete the whole post; return False if the bot lacks the permission."""
        try:
            await self._bot.http.delete_channel(thread_id)
        except discord.Forbidden:
            return False
        return True

    async def _fetch_forum(self, delivery: Delivery) -> discord.ForumChannel:
        return _as_forum(await self._bot.fetch_channel(delivery.channel_id))

    def _is_own_thread(self, thread: Any, delivery: Delivery) -> bool:
        user = self._bot.user
        owned = user is not None and int(thread["owner_id"]) == user.id
        return owned and int(thread["parent_id"] or 0) == delivery.channel_id


def _as_forum(channel: Any) -> discord.ForumChannel:
    if not isinstance(channel, discord.ForumChannel):
        raise ChannelClosedError(tr("{channel} is no longer a forum.", channel=f"<#{channel.id}>"))
    return channel


def _thread_title(delivery: Delivery, cards: Sequence[StoredCard]) -> str:
    return forum_title(cards, delivery.layout, delivery.planned_at)


def _missing_tag_text(channel_id: int) -> str:
    return tr(
        "{channel} requires a tag on every post, and only moderators can use the ones it has. Add one that members "
        "can use.",
        channel=f"<#{channel_id}>",
    )


def _matching_tags(forum: discord.ForumChannel, cards: Sequence[StoredCard]) -> list[int]:
    """Return the forum's tags named like topics of the cards, or its first tag if it requires one."""
    topics = {normalize_name(topic) for card in cards for topic in card.card.topics}
    open_to_all = [tag for tag in forum.available_tags if not tag.moderated]
    fitting = [tag for tag in open_to_all if normalize_name(tag.name) in topics][:_TAGS]
    return [tag.id for tag in fitting or (open_to_all[:1] if forum.flags.require_tag else [])]
