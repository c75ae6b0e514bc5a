"""Button rows for messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import discord

from bot.i18n import tr
from bot.render.limits import LINK_BUTTON_URL
from bot.store.cards.rows import StoredCard
from bot.ui.card_buttons import (
    MoreButton,
    SaveButton,
    SaveSelect,
    StopButton,
    StorySelect,
    UnsaveButton,
    WhyButton,
    parse_delivery_id,
)
from bot.ui.components import arrange_rows


def build_card_view(
    card: StoredCard, delivery_id: int = 0, below: Iterable[discord.ui.Item[Any]] = ()
) -> discord.ui.View:
    """Build the buttons under a card: Open, Save, More…; `below` gets its own row.

    Recovery recognizes a post by the delivery id in its buttons.
    """
    return arrange_rows(_card_buttons(card, delivery_id), below)


def build_digest_view(cards: Sequence[StoredCard], delivery_id: int, *, personal: bool = False) -> discord.ui.View:
    """Build the components under a digest: save a card, explain the choice; for a personal digest also unsubscribe."""
    keep = [SaveSelect(delivery_id, cards)] if cards else []
    return arrange_rows(keep, [WhyButton(delivery_id), StopButton(delivery_id) if personal else None])


def find_delivery_id(message: discord.Message) -> int | None:
    """Return the delivery id in a post's buttons; None for any other message."""
    for row in message.components:
        for button in getattr(row, "children", ()):
            # Link buttons have no `custom_id`.
            if found := parse_delivery_id(getattr(button, "custom_id", None) or ""):
                return found
    return None


def build_list_view(
    cards: Sequence[StoredCard],
    list_buttons: Iterable[discord.ui.Item[Any]],
    others: Mapping[int, str] = MappingProxyType({}),
) -> discord.ui.View:
    """Build the components under a list, whose titles are links: save a card, and the buttons for the whole list.

    `others` are, by card id, words on who else has the card's story.
    """
    if len(cards) == 1:
        return arrange_rows(_card_buttons(cards[0]), list_buttons)
    entries = [(card, others[card.id]) for card in cards if card.id in others]
    return arrange_rows([SaveSelect(0, cards)], [StorySelect(entries)] if entries else [], list_buttons)


def build_saved_view(cards: Sequence[StoredCard], list_buttons: Iterable[discord.ui.Item[Any]]) -> discord.ui.View:
    """Build the buttons under a member's saved cards: Remove, by number where there are several."""
    if len(cards) == 1:
        return arrange_rows([build_open_button(cards[0], tr("Open")), UnsaveButton(cards[0].id)], list_buttons)
    removes = [UnsaveButton(card.id, tr("Remove {number}", number=number)) for number, card in enumerate(cards, 1)]
    return arrange_rows(removes, list_buttons)


def _card_buttons(card: StoredCard, delivery_id: int = 0) -> list[discord.ui.Item[Any] | None]:
    return [build_open_button(card, tr("Open")), SaveButton(card.id, delivery_id), MoreButton(card.id)]


def build_open_button(card: StoredCard, label: str) -> discord.ui.Button[Any] | None:
    if card.card.url is None or len(card.card.url) > LINK_BUTTON_URL:
        return None
    return discord.ui.Button(label=label, url=card.card.url)
