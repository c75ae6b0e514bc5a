"""Message payloads for Discord's API, rendered once for all channels that get the same message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import discord
from discord.http import MultipartParameters

from bot.domain.delivery import POSTED_KINDS, ContentKind, Delivery
from bot.domain.subscription import Layout
from bot.i18n import override_language
from bot.render.card import render_unpublished, render_withdrawn, strip_pictures
from bot.render.digest import RenderedMessage, render_digest
from bot.store.cards.rows import StoredCard
from bot.ui.views import build_card_view, build_digest_view

_CACHE_SIZE = 256
_ANY_DELIVERY = 999_999_999_999
"""Placeholder for the delivery id in the `custom_id`s of a payload."""
_SILENT = discord.MessageFlags(suppress_notifications=True).value
Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """A payload template without what differs between channels."""

    payload: Payload
    roles: list[str]

    def for_delivery(self, delivery_id: int) -> Payload:
        """Return the payload with this delivery id in its buttons."""
        return {
            **self.payload,
            "components": [_with_delivery_id(row, str(delivery_id)) for row in self.payload["components"]],
        }


def _with_delivery_id(row: Payload, delivery_id: str) -> Payload:
    buttons = [
        {**button, "custom_id": button["custom_id"].replace(str(_ANY_DELIVERY), delivery_id)}
        if "custom_id" in button
        else button
        for button in row["components"]
    ]
    return {**row, "components": buttons}


class PayloadCache:
    """Cache of the payload templates in use."""

    def __init__(self, pictures: str | None) -> None:
        self._pictures = pictures
        self._templates: dict[tuple[Any, ...], MessageTemplate] = {}

    def render_new(self, delivery: Delivery, cards: Sequence[StoredCard]) -> Payload:
        """Render a new message, the only one that notifies anybody: it may ping its role, or be silent."""
        template = self._get_template(delivery, cards)
        payload = template.for_delivery(delivery.id) | {"allowed_mentions": {"parse": [], "roles": template.roles}}
        return payload | {"flags": _SILENT} if delivery.options.silent else payload

    def render_edit(self, delivery: Delivery, cards: Sequence[StoredCard]) -> Payload:
        """Render the edited message."""
        return self._get_template(delivery, cards).for_delivery(delivery.id) | {"allowed_mentions": {"parse": []}}

    def _get_template(self, delivery: Delivery, cards: Sequence[StoredCard]) -> MessageTemplate:
        key = (
            delivery.user_id is not None, delivery.desired_hash, delivery.layout, delivery.without_images,
            delivery.heading, delivery.options.mention_role_id, delivery.language,
            tuple(card.revision for card in cards),
        )  # fmt: skip
        if key not in self._templates:
            # Messages of one plan come close together: clearing all is as good as tracking the oldest.
            if len(self._templates) >= _CACHE_SIZE:
                self._templates.clear()
            with override_language(delivery.language):
                self._templates[key] = _build_template(
                    self._render_message(delivery, cards),
                    _build_view(delivery, cards),
                    delivery.options.mention_role_id,
                )
        return self._templates[key]

    def _render_message(self, delivery: Delivery, cards: Sequence[StoredCard]) -> RenderedMessage:
        """Return the text and embeds of the message."""
        if delivery.desired_kind not in POSTED_KINDS:
            note = render_unpublished() if delivery.desired_kind is ContentKind.UNPUBLISHED else render_withdrawn()
            return RenderedMessage(None, (note,))
        shown = render_digest(
            cards, delivery.layout, self._pictures, heading=delivery.heading, mention=delivery.options.mention_role_id
        )
        return (
            RenderedMessage(shown.content, tuple(map(strip_pictures, shown.embeds)))
            if delivery.without_images
            else shown
        )


def to_parameters(payload: Payload) -> MultipartParameters:
    """Convert a payload into discord.py's request parameters."""
    return MultipartParameters(payload, None, None)


def _build_view(delivery: Delivery, cards: Sequence[StoredCard]) -> discord.ui.View | None:
    if delivery.desired_kind not in POSTED_KINDS:
        return None
    if delivery.layout is Layout.CARD:
        return build_card_view(cards[0], _ANY_DELIVERY) if cards else None
    return build_digest_view(cards, _ANY_DELIVERY, personal=delivery.user_id is not None)


def _build_template(message: RenderedMessage, view: discord.ui.View | None, mention: int | None) -> MessageTemplate:
    return MessageTemplate(build_payload(message.content, message.embeds, view), [str(mention)] if mention else [])


def build_payload(content: str | None, embeds: Sequence[discord.Embed], view: discord.ui.View | None) -> Payload:
    """Build a complete payload: an edit removes what it leaves out."""
    return {
        "content": content or "",
        "embeds": [embed.to_dict() for embed in embeds],
        "components": view.to_components() if view else [],
    }
