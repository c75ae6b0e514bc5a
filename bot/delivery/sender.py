"""The interface between courier and Discord, and the errors of its calls."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from bot.domain.delivery import Delivery
from bot.errors import NewsdeskError
from bot.store.cards.rows import StoredCard
from bot.store.outbox.refused_messages import RefusedMessage


class DeliveryError(NewsdeskError):
    """Base class for failed calls; the text is for operators."""


class RetryLaterError(DeliveryError):
    """Temporary failure; whether the call took effect is unknown. `retry_after` is Discord's `Retry-After`."""

    def __init__(self, text: str, retry_after: timedelta | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class SendingPausedError(RetryLaterError):
    """The connection to Discord fails for the whole bot; the gate is shut, and only the operator is notified.

    `sent`: whether the request was sent at all; if not, there is no message to search for later.
    """

    def __init__(self, text: str, retry_after: timedelta | None = None, *, sent: bool = True) -> None:
        super().__init__(text, retry_after)
        self.sent = sent


class ChannelClosedError(DeliveryError):
    """The channel is gone, or the bot may not write there.

    The text, in the current language, is for the server's moderators and says how to fix it.
    """


class CardRefusedError(DeliveryError):
    """Discord permanently rejects this message's content. `picture`: because of an image URL.

    `code` is Discord's JSON error code, 0 if there was none.
    """

    def __init__(self, text: str, *, picture: bool = False, code: int = 0) -> None:
        super().__init__(text)
        self.picture = picture
        self.code = code


class MessageDeletedError(DeliveryError):
    """The message was deleted by somebody else."""


class AlreadyDoneError(DeliveryError):
    """The requested change was already made; treat as success."""


class MessageSender(Protocol):
    """Operations on a channel.

    Methods that make requests raise `DeliveryError`, except `notify_guild`, `notify_member` and
    `report_refused_messages`.
    """

    def newest_id_bound(self) -> int | None:
        """Return an id lower than that of any future post, by Discord's clock; None if unknown."""

    async def post_message(self, delivery: Delivery, cards: Sequence[StoredCard], nonce: str) -> int:
        """Send the message and return its id. Repeating a nonce returns the earlier message."""

    async def is_member(self, guild_id: int, user_id: int) -> bool:
        """Whether the user is in the server; False if the bot itself has left it."""

    async def find_message(self, delivery: Delivery) -> int | None:
        """Return the id of a message posted by an earlier attempt, or None. Searches after `after_id`."""

    async def edit_message(self, delivery: Delivery, cards: Sequence[StoredCard]) -> None:
        """Edit the message to show the current version of its cards."""

    async def delete_message(self, delivery: Delivery) -> None:
        """Delete the message, with its thread unless anybody but the bot wrote in a thread that the bot started."""

    async def has_discussion(self, delivery: Delivery) -> bool:
        """Whether anybody but the bot wrote in the thread of a post."""

    async def start_thread(self, delivery: Delivery, cards: Sequence[StoredCard]) -> None:
        """Start a thread under a post of a text or announcement channel, named like its card.

        Raises `AlreadyDoneError` if it has one.
        """

    async def crosspost_message(self, delivery: Delivery) -> None:
        """Publish a post of an announcement channel to the channels that follow it.

        Raises `AlreadyDoneError` if it was crossposted before.
        """

    async def notify_guild(
        self, guild_id: int, text: str, subscribers: Sequence[int], channel_id: int | None = None
    ) -> bool:
        """Notify a server in this channel, else in its system channel, else the subscribers by direct message.

        Never raises.
        Returns whether anybody was reached. With a `guild_id` of 0, only the subscribers are notified.
        """

    async def notify_member(self, user_id: int, text: str, nonce: str) -> bool:
        """Notify a member by direct message. Repeating a nonce within some minutes sends nothing again.

        Never raises. Returns whether that is settled: they got it, or take no direct messages of the bot.
        """

    async def report_refused_messages(self, messages: Sequence[RefusedMessage]) -> bool:
        """Notify one server or member that Discord rejected these messages.

        Never raises; returns as `notify_guild` does.
        """
