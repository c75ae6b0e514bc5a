"""An item of a feed becomes a card like any other."""

from __future__ import annotations

from dataclasses import replace
from html import escape

import pytest

from bot.cards.model import CardState, Provider
from bot.render.card import render_card
from bot.render.markdown import neutralize_mentions
from bot.sources.feeds.item_card import make_card, make_slug
from bot.sources.feeds.model import FeedReadResult
from bot.store.cards.rows import StoredCard
from tests.sources.feeds.documents import FEED_URL, NOW, read, read_item, rss, rss_item


def test_a_card_has_what_the_item_says_and_the_feed_as_its_publisher() -> None:
    feed = read(rss(rss_item(description="It did.", guid="1")))
    (item,) = feed.items
    card = make_card(item, feed, source="7", url=FEED_URL, first_seen=NOW, topics=("Sea",))
    assert card.slug == make_slug("7", item.key) == f"feeds/7/{item.key}"
    assert (card.title, card.excerpt, card.url) == (item.title, "It did.", item.link)
    assert card.published_at == item.published_at
    assert card.provider == Provider("The Paper", "paper.example")
    assert (card.topics, card.aliases) == (("Sea",), ("paper.example/harbour",))
    assert (card.state, card.quality, card.heat) == (CardState.HELD, None, None)


def test_without_a_time_of_its_own_an_item_has_that_at_which_it_was_seen() -> None:
    item = read_item(rss_item(date=None, link=None, guid="1"))
    card = make_card(item, FeedReadResult(), source="7", url=FEED_URL, first_seen=NOW)
    assert card.published_at == NOW
    assert (card.url, card.aliases) == (None, ())
    assert card.provider == Provider("paper.example", "paper.example")


def test_the_publisher_that_an_item_names_is_that_of_the_card() -> None:
    item = replace(read_item(rss_item()), provider=Provider("Other", "other.example"))
    assert make_card(item, FeedReadResult(), source="7", url=FEED_URL, first_seen=NOW).provider == item.provider


@pytest.mark.parametrize(
    "text", ["@everyone look", "**bold** text", "[a](http://evil.example)", "<@1234> and <#5>", "||spoiler||", "# Big"]
)
def test_trap_18_what_a_feed_writes_formats_and_calls_nobody(text: str) -> None:
    item = read_item(rss_item(title=text, description=f"{escape(text)} once more"))
    assert item.title == text
    card = make_card(item, FeedReadResult(), source="7", url=FEED_URL, first_seen=NOW)
    embed = render_card(StoredCard(1, 1, "revision", card), None)
    for shown in (embed.title, embed.description):
        assert shown
        assert not shown.startswith(text)
        assert neutralize_mentions(shown) == shown
