"""The Discord implementation of the courier's poster: API calls for a delivery, and classification of their errors."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import aiohttp
import discord
from discord.http import Route

from bot.client.bot import NewsBot
from bot.client.permissions import hide_channel_text, is_public, missing_permissions, missing_permissions_text
from bot.client.rate_limit import EdgePageError, GateShutError, parse_retry_after, through_gate
from bot.delivery.error_classification import ErrorScope, classify_error
from bot.delivery.sender import (
    AlreadyDoneError,
    CardRefusedError,
    ChannelClosedError,
    DeliveryError,
    MessageDeletedError,
    RetryLaterError,
    SendingPausedError,
)
from bot.domain.delivery import Delivery, ThreadState
from bot.domain.subscription import Layout
from bot.i18n import tr, trn
from bot.posting.forum_sender import TAG_DEMANDED, ForumSender
from bot.posting.payloads import Payload, PayloadCache, build_payload, to_parameters
from bot.render.digest import forum_title
from bot.render.markdown import fit_escaped
from bot.store.cards.rows import StoredCard
from bot.store.outbox.refused_messages import RefusedMessage
from bot.ui.review_message import build_review
from bot.ui.views import find_delivery_id

_log = logging.getLogger(__name__)
_THREAD_ARCHIVED = 50083  # archived by Discord for inactivity; may be reopened unless it is locked
_THREAD_LOCKED = 160005
_THREADS_USED_UP = (160006, 160007)
_WRONG_KIND = (40058, 50003, 50008, 50024)
_NO_MEMBER = (10004, 10007, 10013, 50001)
"""Unknown guild, member, user; and a guild the bot has no access to."""
_NAMED = 5
"""Maximum cards, and channels per card, named in a report."""
_TITLE = 120
_LOGGED = 300
"""Maximum characters of Discord's error message in a log line."""
_PICTURE = re.compile(r"embeds\.\d+\.(?:image|thumbnail|author\.icon_url)|components\.[\w.]*\.media\b")
_LOOKED_BACK = 1000
"""Maximum messages of a channel's history that recovery searches; one request returns a hundred."""
_THREAD_PAGE = 50
"""Messages of a thread that are looked at: the bot itself writes one at most, so that others are among them."""
_NOBODY: Payload = {"allowed_mentions": {"parse": []}}
_LOCKED_FOR = timedelta(hours=1)
"""Retry delay for an edit that failed because its forum post is locked."""
_T = TypeVar("_T")


class DiscordSender:
    """`bot.delivery.sender.MessageSender` for Discord. Needs only the token, no gateway.

    Messages are sent as finished payloads: `Messageable.send` builds objects for every request and response, which
    doubles the work of a post to a thousand channels.
    """

    def __init__(self, bot: NewsBot) -> None:
        self._bot = bot
        self._payloads = PayloadCache(bot.settings.asset_base_url)
        self._forum_sender = ForumSender(bot, self._payloads)

    async def post_message(self, delivery: Delivery, cards: Sequence[StoredCard], nonce: str) -> int:
        await self._require_writable(delivery)
        delivery = self._drop_deleted_role(delivery)
        with translate_errors(posting=True):
            if delivery.is_forum:
                thread_id = await self._forum_sender.post_thread(delivery, cards)
                self._bot.discord_time.note_id(thread_id)
                return thread_id
            place, form = delivery.channel_id, await self._build_payload(delivery, cards, new=True)
            # If an earlier attempt arrived within some minutes, Discord returns its message instead of posting again.
            params = to_parameters(form | {"nonce": nonce, "enforce_nonce": True})
            message = await self._with_open_thread(place, lambda: self._bot.http.send_message(place, params=params))
        self._bot.discord_time.note_id(int(message["id"]))
        return int(message["id"])

    async def is_member(self, guild_id: int, user_id: int) -> bool:
        with translate_errors():
            try:
                await self._bot.http.get_member(guild_id, user_id)
            except (discord.NotFound, discord.Forbidden) as error:
                if error.code not in _NO_MEMBER:
                    raise
                return False
        return True

    def newest_id_bound(self) -> int | None:
        return self._bot.discord_time.newest_id_bound()

    async def find_message(self, delivery: Delivery) -> int | None:
        """Search what was posted since the last attempt began, or the latest messages if that time is unknown."""
        await self._require_writable(delivery)
        with translate_errors():
            async for message in self._iter_recent(delivery):
                if self._is_own_message(message) and find_delivery_id(message) == delivery.id:
                    return message.id
        return None

    async def edit_message(self, delivery: Delivery, cards: Sequence[StoredCard]) -> None:
        await self._require_writable(delivery)
        delivery = self._drop_deleted_role(delivery)
        place, message_id = _message_channel_id(delivery), _message_id(delivery)
        params = to_parameters(await self._build_payload(delivery, cards, new=False))
        with _translate_errors_at(delivery):
            await self._with_open_thread(place, lambda: self._bot.http.edit_message(place, message_id, params=params))
            if delivery.is_forum:
                await self._forum_sender.rename_thread(delivery, place, cards)

    async def delete_message(self, delivery: Delivery) -> None:
        place, message_id = _message_channel_id(delivery), _message_id(delivery)
        # The thread first: once the message is gone, nothing leads to it.
        if delivery.thread in (ThreadState.WANTED, ThreadState.DONE) and not await self.has_discussion(delivery):
            with translate_errors(), suppress(discord.NotFound, discord.Forbidden):
                await self._bot.http.delete_channel(message_id)
        with _translate_errors_at(delivery):
            if delivery.is_forum and await self._forum_sender.delete_thread(message_id):
                return
            # Without the right to delete threads the post stays: empty it, and hide its title in the archive.
            await self._with_open_thread(place, lambda: self._bot.http.delete_message(place, message_id))
            if delivery.is_forum:
                await self._with_open_thread(place, lambda: self._forum_sender.archive_thread(delivery, place))

    async def has_discussion(self, delivery: Delivery) -> bool:
        # The thread of a message has its id, in a forum as well as elsewhere.
        with translate_errors():
            try:
                messages = await self._bot.http.logs_from(_message_id(delivery), limit=_THREAD_PAGE)
            except discord.NotFound:
                return False
        return any(not self._is_own_id(int(message["author"]["id"])) for message in messages)

    async def start_thread(self, delivery: Delivery, cards: Sequence[StoredCard]) -> None:
        path = "/channels/{channel_id}/messages/{message_id}/threads"
        route = Route("POST", path, channel_id=delivery.channel_id, message_id=_message_id(delivery))
        # Not `start_thread_with_message`, which demands how long until it is archived: the channel has its own default.
        name = forum_title(cards, delivery.layout, delivery.planned_at)
        with translate_errors():
            await self._bot.http.request(route, json={"name": name})

    async def crosspost_message(self, delivery: Delivery) -> None:
        with translate_errors():
            await self._bot.http.publish_message(delivery.channel_id, _message_id(delivery))

    async def notify_guild(
        self, guild_id: int, text: str, subscribers: Sequence[int], channel_id: int | None = None
    ) -> bool:
        if channel_id and await self._notify_safely(f"Channel {channel_id}", self._notify_channel(channel_id, text)):
            return True
        if guild_id and await self._notify_safely(f"Server {guild_id}", self._notify_system_channel(guild_id, text)):
            return True
        results = [await self._notify_safely(f"User {user}", self._notify_member(user, text)) for user in subscribers]
        return any(results)

    async def notify_member(self, user_id: int, text: str, nonce: str) -> bool:
        try:
            with translate_errors():
                channel = await self._bot.http.start_private_message(user_id)
                form = {"content": text, "nonce": nonce, "enforce_nonce": True} | _NOBODY
                await self._bot.http.send_message(int(channel["id"]), params=to_parameters(form))
        except SendingPausedError:
            return False  # logged by the gate
        except RetryLaterError as error:
            _log.warning("Could not notify User %s yet: %s", user_id, error)
            return False
        except DeliveryError as error:
            # Nearly always closed direct messages, which is the member's own choice.
            _log.info("User %s takes no message: %s", user_id, error)
        except Exception:  # noqa: BLE001 - a bug in notifications must not stop the others
            _log.exception("Could not notify User %s", user_id)
        return True

    async def report_refused_messages(self, messages: Sequence[RefusedMessage]) -> bool:
        member = messages[0].user_id
        people = {message.subscriber for message in messages if message.subscriber}
        text = describe_refused(messages)
        return await self.notify_guild(
            0 if member else messages[0].guild_id, text, [member] if member else sorted(people)
        )

    async def _notify_safely(self, whom: str, notice: Awaitable[bool]) -> bool:
        """Run one notification; its failure must not prevent the others."""
        try:
            with translate_errors():
                return await notice
        except SendingPausedError:
            return False  # logged by the gate
        except DeliveryError as error:
            _log.warning("Could not notify %s: %s", whom, error)
        except Exception:  # noqa: BLE001 - a bug in notifications must not stop delivery
            _log.exception("Could not notify %s", whom)
        return False

    async def _notify_system_channel(self, guild_id: int, text: str) -> bool:
        """Post in the guild's system channel; return whether it has one that accepted the message."""
        if guild := self._bot.get_guild(guild_id):
            place = (
                guild.system_channel.id
                if guild.system_channel and not missing_permissions(guild.system_channel)
                else None
            )
        else:
            # A courier has no gateway and knows no guild.
            place = int((await self._bot.http.get_guild(guild_id, with_counts=False))["system_channel_id"] or 0)
        return await self._notify_channel(place, text) if place else False

    async def _notify_channel(self, channel_id: int, text: str) -> bool:
        await self._bot.http.send_message(channel_id, params=to_parameters({"content": text} | _NOBODY))
        return True

    async def _notify_member(self, user_id: int, text: str) -> bool:
        channel = await self._bot.http.start_private_message(user_id)
        await self._bot.http.send_message(int(channel["id"]), params=to_parameters({"content": text} | _NOBODY))
        return True

    async def _build_payload(self, delivery: Delivery, cards: Sequence[StoredCard], *, new: bool) -> Payload:
        if delivery.layout is Layout.REVIEW:
            shown = await build_review(self._bot, delivery.guild_id, cards[0], delivery.id)
            return build_payload(**shown) | _NOBODY
        return self._payloads.render_new(delivery, cards) if new else self._payloads.render_edit(delivery, cards)

    def _drop_deleted_role(self, delivery: Delivery) -> Delivery:
        """Drop a mention of a deleted role: readers would see its id."""
        guild = self._bot.get_guild(delivery.guild_id)
        role = delivery.options.mention_role_id
        if role is None or guild is None or guild.unavailable or guild.get_role(role):
            return delivery
        return replace(delivery, options=replace(delivery.options, mention_role_id=None))

    async def _with_open_thread(self, place: int, call: Callable[[], Awaitable[_T]]) -> _T:
        """Run the call; if it fails because its thread is archived, unarchive it and retry."""
        try:
            return await call()
        except discord.HTTPException as error:
            if error.code != _THREAD_ARCHIVED:
                raise
        await self._bot.http.edit_channel(place, archived=False)
        return await call()

    def _iter_recent(self, delivery: Delivery) -> AsyncIterator[discord.Message]:
        """Yield messages in an order that finds the attempt's post early."""
        if delivery.is_forum:
            return self._forum_sender.recent_starters(delivery)
        channel = self._bot.get_partial_messageable(delivery.channel_id, guild_id=delivery.guild_id)
        after = discord.Object(delivery.after_id) if delivery.after_id else None
        return channel.history(limit=_LOOKED_BACK, after=after)

    def _is_own_message(self, message: discord.Message) -> bool:
        return self._is_own_id(message.author.id)

    def _is_own_id(self, user_id: int) -> bool:
        return self._bot.user is not None and user_id == self._bot.user.id

    async def _require_writable(self, delivery: Delivery) -> None:
        """Raise instead of sending a request that Discord would reject: too many of those ban the bot's IP address.

        If the gateway has not sent the guild (yet), only a desk's privacy is checked, over REST.
        """
        guild = self._bot.get_guild(delivery.guild_id)
        if guild and not guild.unavailable:
            channel = guild.get_channel_or_thread(delivery.channel_id)
            if channel and (lacking := missing_permissions(channel)):
                raise ChannelClosedError(missing_permissions_text(channel, lacking))
            if channel and delivery.layout is Layout.REVIEW and is_public(channel):
                raise ChannelClosedError(hide_channel_text(channel))
        elif delivery.layout is Layout.REVIEW:
            await self._require_private_channel(delivery)

    async def _require_private_channel(self, delivery: Delivery) -> None:
        with translate_errors():
            guild = await self._bot.fetch_guild(delivery.guild_id, with_counts=False)
            channel = place = await guild.fetch_channel(delivery.channel_id)
            if isinstance(place, discord.Thread) and not place.is_private():
                place = await guild.fetch_channel(place.parent_id)
        if not isinstance(place, discord.Thread) and is_public(place):
            raise ChannelClosedError(hide_channel_text(channel))


def _message_id(delivery: Delivery) -> int:
    if delivery.message_id is None:
        raise MessageDeletedError(f"delivery {delivery.id} has no message")
    return delivery.message_id


def _message_channel_id(delivery: Delivery) -> int:
    """Return the message's channel: a forum post is a thread with the id of its starter message."""
    return _message_id(delivery) if delivery.is_forum else delivery.channel_id


@contextmanager
def translate_errors(*, posting: bool = False) -> Iterator[None]:
    """Subject the requests inside to the gate, and convert discord.py's and aiohttp's errors into the courier's."""
    try:
        with through_gate():
            yield
    except discord.RateLimited as error:
        raise RetryLaterError(str(error), timedelta(seconds=error.retry_after)) from error
    except discord.HTTPException as error:
        raise _to_delivery_error(error, posting=posting) from error
    except GateShutError as error:
        raise SendingPausedError(str(error), sent=False) from error
    except EdgePageError as error:
        raise SendingPausedError(str(error), error.retry_after) from error
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise RetryLaterError(f"{type(error).__name__}: {error}") from error


def _to_delivery_error(error: discord.HTTPException, *, posting: bool) -> DeliveryError:
    """Classify discord.py's error (`bot.delivery.error_classification`), without keeping its body."""
    words = f"{error.status}, code {error.code}: {' '.join(error.text.split())}"[:_LOGGED]
    # A nonce whose message was deleted gives "unknown message" or no code: a moderator removed the post.
    if posting and error.status == 404 and not error.code:
        return MessageDeletedError(words)
    match classify_error(error.status, error.code):
        case ErrorScope.MESSAGE:
            return MessageDeletedError(words)
        case ErrorScope.DONE:
            return AlreadyDoneError(words)
        case ErrorScope.CARD:
            # discord.py keeps the fields that Discord names private, and puts them into the text alone.
            picture = _PICTURE.search(error.text) is not None
            return CardRefusedError(words, picture=picture, code=error.code)
        case ErrorScope.PLACE:
            return ChannelClosedError(describe_closed_place(error.status, error.code))
        case ErrorScope.WAY:
            return SendingPausedError(words, _retry_after(error))
        case ErrorScope.LATER:
            return RetryLaterError(words, _retry_after(error))


def _retry_after(error: discord.HTTPException) -> timedelta | None:
    return parse_retry_after(error.response) if isinstance(error.response, aiohttp.ClientResponse) else None


def describe_refused(messages: Sequence[RefusedMessage]) -> str:
    """Describe the rejected messages by card title; each card is named once, however many channels it was for."""
    channels: dict[str, list[int]] = {}
    for message in messages:
        channels.setdefault(message.title, []).append(message.channel_id)
    lines = [
        trn(
            "Discord refused {count} card. It will be posted once its file changes:",
            "Discord refused {count} cards. They will be posted once their files change:",
            len(channels),
        )
    ]
    for title, places in list(channels.items())[:_NAMED]:
        where = ", ".join(f"<#{place}>" for place in sorted(set(places))[:_NAMED])
        lines.append(
            f"• {fit_escaped(title, _TITLE)}" if messages[0].user_id else f"• {fit_escaped(title, _TITLE)} → {where}"
        )
    if len(channels) > _NAMED:
        lines.append("…")
    return "\n".join(lines)


def describe_closed_place(status: int, code: int) -> str:
    """Explain to its users why a channel rejects messages, and how to fix it."""
    if code in (_THREAD_LOCKED, _THREAD_ARCHIVED):
        return tr("A thread I post in is locked. Unlock it, or give me **Manage Threads** there.")
    if code in _THREADS_USED_UP:
        return tr(
            "This server has reached Discord's limit of active threads, so I can't create posts. Close threads you "
            "no longer need."
        )
    if code in _WRONG_KIND:
        return tr("A channel I post in has changed its type, and I can't post there any more. Choose another one.")
    if code in TAG_DEMANDED:
        return tr("A forum I post in requires a tag on every post. Add a tag that members can use.")
    if status == 404:
        return tr("A channel I post in was deleted.")
    return tr(
        "I can no longer post in a channel. Open its settings → Permissions, add my role and allow **View "
        "Channel**, **Send Messages**, **Embed Links** and **Read Message History**."
    )


@contextmanager
def _translate_errors_at(delivery: Delivery) -> Iterator[None]:
    """Like `translate_errors`, for the message's place: an error of a forum post is not one of its forum."""
    try:
        with translate_errors():
            yield
    except ChannelClosedError as error:
        if not delivery.is_forum:
            raise
        # The forum itself is fine: its circuit stays closed.
        if isinstance(error.__cause__, discord.NotFound):
            raise MessageDeletedError(str(error)) from error
        raise RetryLaterError(str(error), _LOCKED_FOR) from error
