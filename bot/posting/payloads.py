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
from bot.render.digest import RenderedMessage, format_text, render_digest
from bot.store.cards.rows import StoredCard
from bot.ui.magazine import build_magazine, build_magazine_note
from bot.ui.views import build_card_view, build_digest_view

_CACHE_SIZE = 256
_ANY_DELIVERY = 999_999_999_999
"""Placeholder for the delivery id in the `custom_id`s of a payload."""
_SILENT = discord.MessageFlags(suppress_notifications=True).value
_COMPONENTS_V2 = discord.MessageFlags(components_v2=True).value
Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class MessageTemplate:
    """A payload template without what differs between channels."""

    payload: Payload
    roles: list[str]

    def for_delivery(self, delivery_id: int) -> Payload:
        """Return the payload with this delivery id in its buttons."""
        components = [_with_delivery_id(part, str(delivery_id)) for part in self.payload["components"]]
        return {**self.payload, "components": components}


def _with_delivery_id(part: Payload, delivery_id: str) -> Payload:
    changed = {**part}  # the template is used again for other channels
    if "custom_id" in part:
        changed["custom_id"] = part["custom_id"].replace(str(_ANY_DELIVERY), delivery_id)
    # The button beside a section's text is in neither of its lists.
    if "accessory" in part:
        changed["accessory"] = _with_delivery_id(part["accessory"], delivery_id)
    if "components" in part:
        changed["components"] = [_with_delivery_id(each, delivery_id) for each in part["components"]]
    return changed


class PayloadCache:
    """Cache of the payload templates in use."""

    def __init__(self, pictures: str | None) -> None:
        self._pictures = pictures
        self._templates: dict[tuple[Any, ...], MessageTemplate] = {}

    def render_new(self, delivery: Delivery, cards: Sequence[StoredCard]) -> Payload:
        """Render a new message, the only one that notifies anybody: it may ping its role, or be silent."""
        template = self._get_template(delivery, cards)
        payload = template.for_delivery(delivery.id) | {"allowed_mentions": {"parse": [], "roles": template.roles}}
        return payload | {"flags": payload.get("flags", 0) | _SILENT} if delivery.options.silent else payload

    def render_edit(self, delivery: Delivery, cards: Sequence[StoredCard]) -> Payload:
        """Render the edited message."""
        return self._get_template(delivery, cards).for_delivery(delivery.id) | {"allowed_mentions": {"parse": []}}

    def _get_template(self, delivery: Delivery, cards: Sequence[StoredCard]) -> MessageTemplate:
        options = delivery.options
        text = format_text(cards, delivery.layout, options, delivery.planned_at, heading=delivery.heading)
        key = (
            delivery.user_id is not None, delivery.desired_hash, delivery.layout, delivery.without_images, text,
            options.mention_role_id, options.colour, delivery.language,
            tuple(card.revision for card in cards),
        )  # fmt: skip
        if key not in self._templates:
            # Messages of one plan come close together: clearing all is as good as tracking the oldest.
            if len(self._templates) >= _CACHE_SIZE:
                self._templates.clear()
            role = options.mention_role_id
            with override_language(delivery.language):
                payload = self._build_payload(delivery, cards, text)
            self._templates[key] = MessageTemplate(payload, [str(role)] if role else [])
        return self._templates[key]

    def _build_payload(self, delivery: Delivery, cards: Sequence[StoredCard], text: str) -> Payload:
        # By the delivery, whatever its subscription says by now: a posted message stays one of Components V2.
        if delivery.layout is Layout.MAGAZINE:
            return _build_layout_payload(self._build_magazine(delivery, cards, text))
        message = self._render_message(delivery, cards, text)
        return build_payload(message.content, message.embeds, _build_view(delivery, cards))

    def _build_magazine(self, delivery: Delivery, cards: Sequence[StoredCard], text: str) -> discord.ui.LayoutView:
        if delivery.desired_kind not in POSTED_KINDS:
            return build_magazine_note(_render_note(delivery))
        return build_magazine(
            cards,
            _ANY_DELIVERY,
            self._pictures,
            text=text,
            colour=delivery.options.colour,
            personal=delivery.user_id is not None,
            with_pictures=not delivery.without_images,
        )

    def _render_message(self, delivery: Delivery, cards: Sequence[StoredCard], text: str) -> RenderedMessage:
        """Return the text and embeds of the message."""
        if delivery.desired_kind not in POSTED_KINDS:
            return RenderedMessage(None, (_render_note(delivery),))
        shown = render_digest(cards, delivery.layout, self._pictures, text=text, colour=delivery.options.colour)
        return (
            RenderedMessage(shown.content, tuple(map(strip_pictures, shown.embeds)))
            if delivery.without_images
            else shown
        )


def _render_note(delivery: Delivery) -> discord.Embed:
    """Return what takes the place of cards that are not shown any more."""
    return render_unpublished() if delivery.desired_kind is ContentKind.UNPUBLISHED else render_withdrawn()


def to_parameters(payload: Payload) -> MultipartParameters:
    """Convert a payload into discord.py's request parameters."""
    return MultipartParameters(payload, None, None)


def _build_view(delivery: Delivery, cards: Sequence[StoredCard]) -> discord.ui.View | None:
    if delivery.desired_kind not in POSTED_KINDS:
        return None
    if delivery.layout is Layout.CARD:
        return build_card_view(cards[0], _ANY_DELIVERY) if cards else None
    return build_digest_view(cards, _ANY_DELIVERY, personal=delivery.user_id is not None)


def build_payload(content: str | None, embeds: Sequence[discord.Embed], view: discord.ui.View | None) -> Payload:
    """Build a complete payload: an edit removes what it leaves out."""
    return {
        "content": content or "",
        "embeds": [embed.to_dict() for embed in embeds],
        "components": view.to_components() if view else [],
    }


def _build_layout_payload(view: discord.ui.LayoutView) -> Payload:
    """Build a payload of Components V2, which may hold nothing else. An edit replaces all of them."""
    components = view.to_components()  # type: ignore[no-untyped-call]  # discord.py
    return {"components": components, "flags": _COMPONENTS_V2}
