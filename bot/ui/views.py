"""Button rows for messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import discord

from bot.i18n import tr
from bot.render.limits import LINK_BUTTON_URL
from bot.store.cards.rows import StoredCard
from bot.ui.card_buttons import (
    RelatedButton,
    ReportButton,
    SaveButton,
    SaveSelect,
    StopButton,
    TopicButton,
    UnsaveButton,
    WhyButton,
    parse_delivery_id,
)

ROW_SIZE = 5
"""Maximum buttons per row (Discord's component layout)."""


def build_card_view(
    card: StoredCard, delivery_id: int = 0, below: Iterable[discord.ui.Item[Any]] = ()
) -> discord.ui.View:
    """Build the buttons under a card: Open, Save, Related, More from this topic, Report; `below` gets its own row.

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


def build_list_view(cards: Sequence[StoredCard], list_buttons: Iterable[discord.ui.Item[Any]]) -> discord.ui.View:
    """Build the buttons under a list: Open and Save for each card by number, and those for the whole list."""
    if len(cards) == 1:
        return arrange_rows(_card_buttons(cards[0]), list_buttons)
    saves = [SaveButton(card.id, label=tr("Save {number}", number=number)) for number, card in enumerate(cards, 1)]
    return arrange_rows(_open_buttons(cards), saves, list_buttons)


def build_saved_view(cards: Sequence[StoredCard], list_buttons: Iterable[discord.ui.Item[Any]]) -> discord.ui.View:
    """Build the buttons under a member's saved cards: Open and Remove."""
    removes = [UnsaveButton(card.id, tr("Remove {number}", number=number)) for number, card in enumerate(cards, 1)]
    return arrange_rows(_open_buttons(cards), removes, list_buttons)


def arrange_rows(*groups: Iterable[discord.ui.Item[Any] | None]) -> discord.ui.View:
    """Lay out the items; each group starts a new row."""
    view, row = _empty_view(), 0
    for group in groups:
        items = [item for item in group if item]
        for index, item in enumerate(items):
            item.row = row + index // ROW_SIZE
            view.add_item(item)
        # Ceiling division: an empty group takes no row.
        row += -(-len(items) // ROW_SIZE)
    return view


def _card_buttons(card: StoredCard, delivery_id: int = 0) -> list[discord.ui.Item[Any] | None]:
    related = RelatedButton(card.id) if card.card.related else None
    more = TopicButton(card.id) if card.card.topics else None
    return [build_open_button(card, tr("Open")), SaveButton(card.id, delivery_id), related, more, ReportButton(card.id)]


def _open_buttons(cards: Sequence[StoredCard]) -> list[discord.ui.Button[Any] | None]:
    return [build_open_button(card, tr("Open {number}", number=number)) for number, card in enumerate(cards, 1)]


def build_open_button(card: StoredCard, label: str) -> discord.ui.Button[Any] | None:
    if card.card.url is None or len(card.card.url) > LINK_BUTTON_URL:
        return None
    return discord.ui.Button(label=label, url=card.card.url)


def _empty_view() -> discord.ui.View:
    """Create a view without timeout, since its buttons are handled as long as the message exists.

    It is stopped at once: discord.py would keep every view in memory forever, and a `DynamicItem` does not need it.
    """
    view = discord.ui.View(timeout=None)
    view.stop()
    return view
