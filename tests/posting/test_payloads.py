"""Which buttons stand under a message: its layout says so, whatever else the message holds."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from bot.domain.delivery import ContentKind
from bot.domain.subscription import Layout, SubscriptionOptions
from bot.posting.payloads import PayloadCache
from bot.store.cards.rows import StoredCard
from tests.support.cards import make_card
from tests.support.deliveries import make_delivery
from tests.wire.forms.components import find_interactive, find_texts

_HEADINGS = ("", "Daily digest")
_MENTIONS = (None, 7)
_LANGUAGES = ("en", "de")
_OF_CARD, _OF_DIGEST = {"save", "more"}, {"keep", "why"}


def _make_cards(number: int) -> list[StoredCard]:
    return [
        StoredCard(each, each, f"r{each}", make_card(f"card-{each}", topics=("Python",)))
        for each in range(1, number + 1)
    ]


def _button_kinds(payload: dict[str, Any]) -> set[str]:
    """The kinds of the buttons and menus of ours, by the first word of their ids."""
    ids = [part.get("custom_id", "") for part in find_interactive(payload["components"])]
    return {each.split(":")[1] for each in ids if each}


@pytest.mark.parametrize("language", _LANGUAGES)
@pytest.mark.parametrize("mention", _MENTIONS)
@pytest.mark.parametrize("heading", _HEADINGS)
@pytest.mark.parametrize("layout", [Layout.CARD, Layout.CARDS, Layout.LIST, Layout.COMPACT])
@pytest.mark.parametrize("number", [1, 2, 5])
def test_the_layout_alone_chooses_the_buttons(
    layout: Layout, heading: str, mention: int | None, language: str, number: int
) -> None:
    delivery = make_delivery(
        layout=layout, heading=heading, options=SubscriptionOptions(mention_role_id=mention), language=language
    )
    for payload in (
        PayloadCache(None).render_new(delivery, _make_cards(number)),
        PayloadCache(None).render_edit(delivery, _make_cards(number)),
    ):
        kinds = _button_kinds(payload)
        assert kinds <= (_OF_CARD if layout is Layout.CARD else _OF_DIGEST)
        assert ("save" if layout is Layout.CARD else "keep") in kinds


@pytest.mark.parametrize("heading", _HEADINGS)
@pytest.mark.parametrize("layout", [Layout.CARDS, Layout.LIST, Layout.COMPACT, Layout.MAGAZINE])
def test_a_digest_without_cards_has_nothing_to_save(layout: Layout, heading: str) -> None:
    assert _button_kinds(
        PayloadCache(None).render_new(make_delivery(layout=layout, heading=heading, desired_kind=ContentKind.EMPTY), [])
    ) == {"why"}


@pytest.mark.parametrize("layout", [Layout.CARD, Layout.CARDS, Layout.LIST, Layout.COMPACT, Layout.MAGAZINE])
@pytest.mark.parametrize("kind", [ContentKind.UNPUBLISHED, ContentKind.WITHDRAWN])
def test_a_note_in_a_cards_place_has_no_buttons(layout: Layout, kind: ContentKind) -> None:
    assert _button_kinds(PayloadCache(None).render_edit(make_delivery(layout=layout, desired_kind=kind), [])) == set()


def test_only_a_new_silent_message_carries_the_flag() -> None:
    payloads, suppressed = PayloadCache(None), discord.MessageFlags(suppress_notifications=True).value
    loud, silent = make_delivery(), make_delivery(options=SubscriptionOptions(silent=True, mention_role_id=7))
    assert "flags" not in payloads.render_new(loud, _make_cards(1))
    assert payloads.render_new(silent, _make_cards(1))["flags"] == suppressed
    assert payloads.render_new(silent, _make_cards(1))["allowed_mentions"] == {"parse": [], "roles": ["7"]}
    assert "flags" not in payloads.render_edit(silent, _make_cards(1))


@pytest.mark.parametrize("personal", [False, True])
def test_a_magazines_buttons_carry_its_delivery(personal: bool) -> None:
    delivery = make_delivery(layout=Layout.MAGAZINE, heading="Head", user_id=3 if personal else None)
    payloads = PayloadCache(None)
    for payload in (payloads.render_new(delivery, _make_cards(2)), payloads.render_edit(delivery, _make_cards(2))):
        ids = [part["custom_id"] for part in find_interactive(payload["components"])]
        assert ids == ["nd:save:1:5", "nd:save:2:5", "nd:why:5", *(["nd:stop:5"] if personal else [])]
        assert find_texts(payload["components"])[0] == "Head"
        assert payload["flags"] == discord.MessageFlags(components_v2=True).value
        assert not {"content", "embeds"} & payload.keys()


def test_what_a_subscription_says_above_its_posts_is_in_no_other_ones() -> None:
    payloads, cards = PayloadCache(None), _make_cards(1)
    shown = {
        template: payloads.render_new(make_delivery(options=SubscriptionOptions(template=template)), cards)["content"]
        for template in ("", "Hello", "{topics}: {title}")
    }
    assert shown == {"": "", "Hello": "Hello", "{topics}: {title}": f"Python: {cards[0].card.title}"}
    colours = [
        payloads.render_new(make_delivery(options=SubscriptionOptions(colour=colour)), cards)["embeds"][0]["color"]
        for colour in (None, 1, 2)
    ]
    assert colours[1:] == [1, 2]
    assert colours[0] not in colours[1:]
