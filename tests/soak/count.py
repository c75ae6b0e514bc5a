"""What the channels hold, counted at the wire, against what files and subscriptions alone say they should hold."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from tests.soak.news import NewsStream, PublishedCard
from tests.soak.plan import CardOutcome, Channel, card_title, digest_slots
from tests.wire.client import WireDiscord
from tests.wire.results import WireMessage

_CARD = re.compile(r"Card (\d+) of the soak")
MARGIN = timedelta(seconds=20)
"""A card this close before a digest may be in it or in the next."""
_TAKEN = (CardOutcome.DELETED, CardOutcome.UNPUBLISHED)


@dataclass(slots=True)
class MessageCount:
    """Pairs of channel and card. `wanted` are those that must be there at the end, `held` those of them that are."""

    wanted: int = 0
    held: int = 0
    repeated: int = 0
    """Messages beyond the first, deleted ones included, in which a channel received the same card."""
    stray: int = 0
    """Cards in a channel that never subscribed to them."""
    stale: int = 0
    """Posts that show an edited card's first version."""
    standing: int = 0
    """Posts that still show a card that was taken back."""
    disordered: int = 0
    """Channels in which a card came after a younger one."""
    messages: int = 0
    digests: int = 0

    @property
    def lost(self) -> int:
        return self.wanted - self.held


async def count_messages(
    wire: WireDiscord, channels: list[Channel], news: NewsStream, began: datetime, ended: datetime
) -> MessageCount:
    """`began` is when the bot was ready, `ended` when it was quiet."""
    total = MessageCount()
    for channel in channels:
        messages = [
            each for each in await wire.list_messages(channel.id, deleted=True) if _card_numbers(_full_text(each))
        ]
        total.messages += len(messages)
        total.digests += len(messages) if channel.times else 0
        _count_channel(total, channel, messages, _required_cards(channel, news, began, ended), news)
    return total


def _required_cards(channel: Channel, news: NewsStream, began: datetime, ended: datetime) -> set[int]:
    """Cards that must be there and stay; of digests, those filed well before the last one that was due."""
    last = ended
    if channel.times:
        due = [each for each in digest_slots(channel, began) if each < ended]
        last = due[-1] - MARGIN if due else began
    return {
        card.number
        for card in news.cards.values()
        if card.topic == channel.topic and card.outcome not in _TAKEN and card.at < last
    }


def _count_channel(
    total: MessageCount, channel: Channel, messages: list[WireMessage], required: set[int], news: NewsStream
) -> None:
    already_delivered = Counter(number for message in messages for number in _card_numbers(_full_text(message)))
    there = {
        number for message in messages if message.deleted is None for number in _card_numbers(_current_text(message))
    }
    total.wanted += len(required)
    total.held += len(required & there)
    total.repeated += sum(times - 1 for times in already_delivered.values())
    total.stray += sum(news.cards[number].topic != channel.topic for number in already_delivered)
    total.standing += sum(news.cards[number].outcome in _TAKEN for number in there)
    total.stale += sum(_is_stale(news.cards[number], messages) for number in there)
    if not channel.times:
        arrived = [min(_card_numbers(_full_text(message))) for message in messages]
        total.disordered += any(later < earlier for earlier, later in pairwise(arrived))


def _is_stale(card: PublishedCard, messages: list[WireMessage]) -> bool:
    if card.outcome is not CardOutcome.EDITED:
        return False
    return not any(
        card_title(card.number, card.version) in _current_text(message)
        for message in messages
        if message.deleted is None
    )


def _current_text(message: WireMessage) -> str:
    return message.content + json.dumps(message.embeds)


def _full_text(message: WireMessage) -> str:
    """What it shows and what it ever showed."""
    return _current_text(message) + json.dumps(message.revisions)


def _card_numbers(text: str) -> set[int]:
    return {int(number) for number in _CARD.findall(text)}
