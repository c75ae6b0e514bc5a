"""Message payloads for Discord's API, rendered once for all channels that get the same message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import discord
from discord.http import MultipartParameters

from bot.desk.delivery import UNPUBLISHED, WITHDRAWN, Delivery
from bot.desk.subscription import Layout
from bot.gateway.views import card_view, digest_view
from bot.language import speaking
from bot.render.card import unpublished_embed, withdrawn_embed, without_pictures
from bot.render.digest import Message, digest_message
from bot.store.records import FiledCard

_KEPT = 256
_ANY_DELIVERY = 999_999_999_999
"""Placeholder for the delivery id in the `custom_id`s of a payload."""
Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """A payload template without what differs between channels."""

    payload: Payload
    roles: list[str]

    def filled(self, delivery_id: int) -> Payload:
        """Return the payload with this delivery id in its buttons."""
        return {**self.payload, "components": [_named(row, str(delivery_id)) for row in self.payload["components"]]}


def _named(row: Payload, delivery_id: str) -> Payload:
    buttons = [
        {**button, "custom_id": button["custom_id"].replace(str(_ANY_DELIVERY), delivery_id)}
        if "custom_id" in button
        else button
        for button in row["components"]
    ]
    return {**row, "components": buttons}


class Forms:
    """Cache of the payload templates in use."""

    def __init__(self, pictures: str | None) -> None:
        self._pictures = pictures
        self._made: dict[tuple[Any, ...], Form] = {}

    def new(self, delivery: Delivery, cards: Sequence[FiledCard]) -> Payload:
        """Render a new message, the only one that may ping its role."""
        form = self._form(delivery, cards)
        return form.filled(delivery.id) | {"allowed_mentions": {"parse": [], "roles": form.roles}}

    def changed(self, delivery: Delivery, cards: Sequence[FiledCard]) -> Payload:
        """Render the edited message."""
        return self._form(delivery, cards).filled(delivery.id) | {"allowed_mentions": {"parse": []}}

    def _form(self, delivery: Delivery, cards: Sequence[FiledCard]) -> Form:
        key = (
            delivery.user_id is not None, delivery.wanted, delivery.layout, delivery.plain, delivery.heading,
            delivery.mention, delivery.language,
            tuple(card.revision for card in cards),
        )  # fmt: skip
        if key not in self._made:
            if len(self._made) >= _KEPT:
                self._made.clear()
            with speaking(delivery.language):
                self._made[key] = _made(self._message(delivery, cards), _view(delivery, cards), delivery.mention)
        return self._made[key]

    def _message(self, delivery: Delivery, cards: Sequence[FiledCard]) -> Message:
        """Return the text and embeds of the message."""
        if delivery.wanted in (UNPUBLISHED, WITHDRAWN):
            note = unpublished_embed() if delivery.wanted == UNPUBLISHED else withdrawn_embed()
            return Message(None, (note,))
        shown = digest_message(
            cards, delivery.layout, self._pictures, heading=delivery.heading, mention=delivery.mention
        )
        return Message(shown.content, tuple(map(without_pictures, shown.embeds))) if delivery.plain else shown


def parameters(payload: Payload) -> MultipartParameters:
    """Convert a payload into discord.py's request parameters."""
    return MultipartParameters(payload, None, None)


def _view(delivery: Delivery, cards: Sequence[FiledCard]) -> discord.ui.View | None:
    if delivery.wanted in (UNPUBLISHED, WITHDRAWN):
        return None
    if delivery.layout is Layout.CARD:
        return card_view(cards[0], _ANY_DELIVERY) if cards else None
    return digest_view(cards, _ANY_DELIVERY, personal=delivery.user_id is not None)


def _made(message: Message, view: discord.ui.View | None, mention: int | None) -> Form:
    return Form(payload(message.content, message.embeds, view), [str(mention)] if mention else [])


def payload(content: str | None, embeds: Sequence[discord.Embed], view: discord.ui.View | None) -> Payload:
    """Build a complete payload: an edit removes what it leaves out."""
    return {
        "content": content or "",
        "embeds": [embed.to_dict() for embed in embeds],
        "components": view.to_components() if view else [],
    }
