"""Several cards as one message."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.cards.model import Provider
from bot.domain.subscription import Frequency, Layout
from bot.render.chart import describe_counts, draw_bar_chart, round_up_scale
from bot.render.digest import format_heading, render_digest
from bot.render.layouts import LAYOUTS
from bot.store.cards.rows import StoredCard
from tests.render.cases import FILED, make_card, make_related
from tests.render.limits_check import assert_no_mention, assert_within_limits

AT = datetime(2026, 11, 25, 9, tzinfo=UTC)


@given(st.lists(FILED, min_size=1, max_size=30), st.sampled_from(sorted(LAYOUTS)))
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
        if layout is Layout.LIST:
            lines = [line for embed in message.embeds for line in (embed.description or "").splitlines()]
            assert len(lines) >= count
        start += count


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
    assert render_digest([], Layout.CARDS, None, heading=format_heading(Frequency.DAILY, AT, empty=True)).content
    assert render_digest([make_card()], Layout.LIST, None, heading="Head", mention=7).content == "<@&7> Head"


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
