"""Several cards as one message."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import accumulate

import discord
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.cards.model import Image, Provider
from bot.domain.subscription import Frequency, Layout, SubscriptionOptions
from bot.render.chart import describe_counts, draw_bar_chart, round_up_scale
from bot.render.digest import format_heading, format_text, render_digest
from bot.render.layouts import EMBED_LAYOUTS, LAYOUTS
from bot.render.layouts.magazine import render_stories
from bot.store.cards.rows import StoredCard
from bot.ui.magazine import build_magazine
from tests.render.cases import ANY_TEXT, FILED, make_card, make_related
from tests.render.limits_check import (
    MENTION,
    assert_magazine_within_limits,
    assert_no_mention,
    assert_within_limits,
    displayed_texts,
)

AT = datetime(2026, 11, 25, 9, tzinfo=UTC)


@given(st.lists(FILED, min_size=1, max_size=30), st.sampled_from(sorted(EMBED_LAYOUTS)))
def test_whatever_the_cards_each_message_fits(cards: list[StoredCard], layout: Layout) -> None:
    look = LAYOUTS[layout]
    sizes = [look.measure_card(each) for each in cards]
    counts = look.split_cards(sizes)
    assert look.needs_sizes or counts == look.split_cards([0] * len(cards))
    assert sum(counts) == len(cards)
    assert min(counts) > 0
    start = 0
    for count in counts:
        message = render_digest(cards[start : start + count], layout, None)
        assert_within_limits(message.embeds)
        assert_no_mention(message.embeds)
        addresses = [embed.url for embed in message.embeds if embed.url]
        assert len(addresses) == len(set(addresses))
        if layout in (Layout.LIST, Layout.COMPACT):
            lines = [line for embed in message.embeds for line in (embed.description or "").splitlines()]
            assert len(lines) >= count
        start += count


@settings(max_examples=40)
@given(st.lists(FILED, max_size=10), ANY_TEXT, st.booleans())
def test_whatever_the_cards_each_magazine_fits(cards: list[StoredCard], text: str, personal: bool) -> None:
    cards = [replace(card, id=number) for number, card in enumerate(cards, 1)]
    layout = LAYOUTS[Layout.MAGAZINE]
    counts = layout.split_cards([layout.measure_card(card) for card in cards])
    assert sum(counts) == len(cards)
    options = SubscriptionOptions(template=f"{text} {{title}}", mention_role_id=7)
    for start, count in zip(accumulate([0, *counts]), [*counts, 1], strict=True):
        shown = cards[start : start + count]
        above = format_text(shown, Layout.MAGAZINE, options, AT, heading="Head")
        view = build_magazine(shown, 5, None, text=above, personal=personal)
        assert_magazine_within_limits(view)
        texts = displayed_texts(view)
        assert not any(map(MENTION.search, texts[1:]))
        assert len(texts) == 1 + len(shown)
        assert all(
            f"<t:{int(card.card.published_at.timestamp())}:R>" in text
            for card, text in zip(shown, texts[1:], strict=True)
        )


@pytest.mark.slow
@settings(max_examples=30)
@given(st.lists(FILED, min_size=8, max_size=10), st.sampled_from([Layout.MAGAZINE, Layout.COMPACT]))
def test_cards_that_grow_after_they_were_divided_still_fit(cards: list[StoredCard], layout: Layout) -> None:
    if layout is Layout.MAGAZINE:
        cards = [replace(card, id=number) for number, card in enumerate(cards, 1)]
        assert_magazine_within_limits(build_magazine(cards, 5, None, text="x" * 600))
    else:
        assert_within_limits(render_digest(cards, layout, None).embeds)


def test_every_layout_but_the_review_is_made_of_cards_alone() -> None:
    assert {*LAYOUTS} == {*Layout} - {Layout.REVIEW}


def test_a_list_names_each_card_in_a_line() -> None:
    cards = [make_card(title="One [x]", url="https://a.example/1", provider=Provider("Paper")), make_card(title="Two")]
    (embed,) = render_digest(cards, Layout.LIST, None).embeds
    assert embed.description == (
        "- **One \\[x\\] [Open](https://a.example/1)** · Paper · <t:1711726200:R>\n- **Two** · <t:1711726200:R>"
    )


def test_later_cards_of_a_story_join_it_once() -> None:
    lead = make_card(title="Lead", url="https://a.example/1", related=make_related(2))
    later = make_card(title="Later", url="https://other.example/1", provider=Provider("Late"))
    twin = make_card(title="Twin", url="https://a.example/1?utm_source=x")
    (embed,) = render_digest([lead, later, twin], Layout.CARD, None).embeds
    assert (embed.fields[0].value or "").splitlines() == [
        "[Later](https://other.example/1) · Late",
        "[Other view 0](https://other.example/0) · Other 0",
    ]


def test_headings_and_roles() -> None:
    line = format_heading(Frequency.DAILY, AT, ("Space", "A*"), parts=2)
    assert line == "**Daily digest** · Space, A\\* · <t:1795597200:D> · in 2 messages"
    assert render_digest([], Layout.CARDS, None, text=format_heading(Frequency.DAILY, AT, empty=True)).content
    called = SubscriptionOptions(mention_role_id=7)
    assert format_text([make_card()], Layout.LIST, called, AT, heading="Head") == "<@&7> Head"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("**Hello** {Title} – { topics }", "**Hello** A \\*card\\* – Space, @\u200beveryone"),
        ("{publisher}", "Head"),
        ("{date} {heading} {odd} }{", "<t:1795597200:D> Head {odd} }{"),
        ("", "Head"),
    ],
)
def test_the_text_above_a_post_is_the_subscriptions_own(template: str, text: str) -> None:
    card = make_card(title="A *card*", topics=("Space", "@everyone"))
    options = SubscriptionOptions(template=template)
    assert format_text([card], Layout.CARD, options, AT, heading="Head") == text
    assert format_text([], Layout.CARD, replace(options, template="{title}"), AT, heading="Head") == "Head"


@pytest.mark.parametrize("layout", EMBED_LAYOUTS)
def test_a_subscriptions_colour_is_that_of_all_its_embeds(layout: Layout) -> None:
    message = render_digest([make_card(topics=("Space",)), make_card(topics=("AI",))], layout, None, colour=0x123456)
    assert {embed.colour for embed in message.embeds} == {discord.Colour(0x123456)}


def test_a_magazine_shows_the_pictures_of_its_first_stories_and_links_what_fits() -> None:
    image = Image("https://pictures.example/1.png")
    cards = [
        replace(make_card(title=f"Story {number}", url=f"https://a.example/{number}", image=image), id=number)
        for number in range(8)
    ]
    pictures = [story.picture for story in render_stories(cards, None)]
    assert pictures == [image.url] * 3 + [None] * 5
    text = render_stories(cards, None)[0].text
    assert text == "### [Story 0](https://a.example/0)\n-# <t:1711726200:R>"
    long = [replace(make_card(title="Long", url="https://a.example/" + "x" * 1500), id=1)] * 8
    assert (
        LAYOUTS[Layout.MAGAZINE].split_cards([LAYOUTS[Layout.MAGAZINE].measure_card(card) for card in long]) == [2] * 4
    )


@given(st.integers(0, 10**9))
def test_a_charts_scale_ends_in_a_round_number_that_leaves_little_empty(most: int) -> None:
    top = round_up_scale(most)
    assert most <= top <= max(most * 4 / 3 + 1, 2)
    assert top % 2 == 0
    assert top <= 10 or len(str(top).rstrip("0")) <= 2


def test_a_chart_is_a_picture_whatever_it_counts() -> None:
    for counts in ([], [0], [0] * 30, list(range(60)), [10**9]):
        assert draw_bar_chart(counts, ["25 Nov"] * len(counts), title="漢字 & more").startswith(b"\x89PNG")


def test_a_chart_in_words() -> None:
    assert describe_counts([0, 3, 1], ["a", "b", "c"]) == (
        "Bar chart of cards a day over 3 days: 4 in all, at most 3 on b, none on 1 of them; rising."
    )
    assert describe_counts([1, 1], ["a", "b"]).endswith("2 in all, at most 1 on a; steady.")
    assert describe_counts([0, 0], ["a", "b"]) == "Bar chart: no cards in 2 days."
