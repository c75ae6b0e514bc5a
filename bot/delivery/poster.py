"""What the courier needs of Discord, and the ways in which a call can fail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from bot.desk.delivery import Delivery
from bot.errors import NewsdeskError
from bot.store.records import FiledCard
from bot.store.refused import RefusedMessage


class DeliveryError(NewsdeskError):
    """A call did not do what was wanted; the text is for operators."""


class TryLaterError(DeliveryError):
    """Discord or the way to it is in trouble. Whether the call arrived is unknown. `after` is Discord's own wish."""

    def __init__(self, text: str, after: timedelta | None = None) -> None:
        super().__init__(text)
        self.after = after


class WayClosedError(TryLaterError):
    """The whole bot's way to Discord is in trouble: nobody is told but the operator, and the gate is shut by then.

    `sent`: whether the request went out at all; if not, nothing has to be looked for later.
    """

    def __init__(self, text: str, after: timedelta | None = None, *, sent: bool = True) -> None:
        super().__init__(text, after)
        self.sent = sent


class ChannelClosedError(DeliveryError):
    """The channel is gone, or the bot may not write there. The text, in the language spoken, tells the server's
    people so, with the fix.
    """


class CardRefusedError(DeliveryError):
    """Discord does not accept this message's form, and never will. `picture`: it is a picture's address it refuses.

    `code` is Discord's own for the error, 0 when it gave none.
    """

    def __init__(self, text: str, *, picture: bool = False, code: int = 0) -> None:
        super().__init__(text)
        self.picture = picture
        self.code = code


class MessageRemovedError(DeliveryError):
    """The message is not there any more: somebody deleted it."""


class AlreadyDoneError(DeliveryError):
    """What was asked for is so already: as good as done."""


class Poster(Protocol):
    """What can be asked of a channel. All that make requests, but those that tell people, raise `DeliveryError`."""

    def horizon(self) -> int | None:
        """An id that is older than whatever is posted from now on, by Discord's own clock; None when unknown."""

    async def post(self, delivery: Delivery, cards: Sequence[FiledCard], nonce: str) -> int:
        """Send the message; a repeated nonce gives the earlier one. Returns the message's id."""

    async def is_member(self, guild_id: int, user_id: int) -> bool:
        """Whether somebody is in a server, as far as Discord tells: not when the bot itself is in it no more."""

    async def find(self, delivery: Delivery) -> int | None:
        """The id of a message that an earlier try left in the channel, or None. It is younger than `after_id`."""

    async def edit(self, delivery: Delivery, cards: Sequence[FiledCard]) -> None:
        """Make the message show its cards as they are now."""

    async def retract(self, delivery: Delivery) -> None:
        """Delete the message."""

    async def crosspost(self, delivery: Delivery) -> None:
        """Pass a post of an announcement channel on to the channels that follow it.

        Raises `AlreadyDoneError` when somebody has done so before.
        """

    async def tell(self, guild_id: int, text: str, subscribers: Sequence[int]) -> bool:
        """Tell a server's people something: in its system channel, else the subscribers themselves. Never raises.

        Returns whether anybody could be told. A `guild_id` of 0 is nobody's: only the subscribers are told.
        """

    async def report_refused(self, messages: Sequence[RefusedMessage]) -> bool:
        """Tell the people of these messages, all of one server or member, that Discord refuses them. As `tell`."""
