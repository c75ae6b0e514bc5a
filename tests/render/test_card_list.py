"""Many things in one message."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.cards.model import Provider
from bot.render.card_list import (
    fair_share,
    format_choice,
    format_others,
    render_card_list,
    render_related,
    render_topics,
)
from bot.render.limits import CHOICE_NAME, EMBED_TOTAL, count_total, count_units
from bot.store.cards.rows import StoredCard
from bot.store.cards.trends import TopicTrend
from tests.render.cases import ANY_TEXT, FILED, PICTURES, make_card, make_related
from tests.render.limits_check import assert_no_mention, assert_within_limits


def test_cards_are_numbered_from_first() -> None:
    embeds = render_card_list([make_card(), make_card()], None, first=6, notes=["Held", ""])
    assert [embed.author.name for embed in embeds] == ["6", "7"]
    assert [embed.description for embed in embeds] == ["**Held**", None]


def test_one_card_is_shown_in_full_and_none_not_at_all() -> None:
    embeds = render_card_list([make_card(related=make_related(2))], None, first=3, notes=["Held"])
    assert (embeds[0].author.name, embeds[0].description) == (None, "**Held**")
    assert embeds[0].fields[0].name == "Also covered by"
    assert render_card_list([], None) == []


def test_at_most_ten() -> None:
    assert len(render_card_list([make_card()] * 14, None, notes=["note"] * 14)) == 10


def test_long_cards_get_what_short_ones_leave() -> None:
    long = make_card(title="*" * 300, excerpt="_" * 300, topics=("x" * 300,), provider=Provider("y" * 300), url=None)
    embeds = render_card_list([long] * 9 + [make_card()], None, notes=["n" * 300] * 9)
    assert_within_limits(embeds)
    assert count_total(embeds) > EMBED_TOTAL - 200
    assert all(embed.title and embed.author.name for embed in embeds[:9])


def test_fair_share() -> None:
    assert fair_share([10, 20, 30], 100) == 30
    assert fair_share([10, 100, 100], 110) == 50
    assert fair_share([], 6) == 6


def test_one_address_twice_stays_two_embeds() -> None:
    plain, anchored = make_card(url="https://a.example/x"), make_card(url="https://a.example/y#part", excerpt="Words")
    embeds = render_card_list([plain, plain, anchored, anchored], None)
    assert [embed.url for embed in embeds] == [
        "https://a.example/x",
        "https://a.example/x#2",
        "https://a.example/y#part",
        None,
    ]
    assert embeds[3].description == "Words\n[Open](https://a.example/y#part)"


@given(st.lists(FILED, max_size=11), st.lists(ANY_TEXT, max_size=11), st.integers(1, 9999))
def test_any_list_fits(cards: list[StoredCard], notes: list[str], first: int) -> None:
    embeds = render_card_list(cards, PICTURES, first=first, notes=notes)
    assert_within_limits(embeds)
    assert_no_mention(embeds)
    linked = [embed.url for embed in embeds if embed.url]
    assert len(set(linked)) == len(linked)


def test_topics() -> None:
    embed = render_topics([TopicTrend("C_Sharp", 1), TopicTrend("Space", 1200)])
    assert embed.description == "**C\\_Sharp** · 1 card\n**Space** · 1,200 cards"
    assert embed.footer.text is None
    assert render_topics([]).description == "No topics yet."


def test_topics_with_new_cards_and_what_rises() -> None:
    embed = render_topics([TopicTrend("Space", 20, recent=5, before=2), TopicTrend("Quiet", 9, recent=1, before=1)])
    assert embed.description == "**Space** · 20 cards · 5 in 7 days 📈\n**Quiet** · 9 cards · 1 in 7 days"
    assert "7 before" in (embed.footer.text or "")


def test_too_many_topics_end_in_a_number() -> None:
    embed = render_topics([TopicTrend(f"Topic {n}", n) for n in range(2000)])
    assert_within_limits([embed])
    assert (embed.description or "").splitlines()[-1].endswith(" more")


@given(
    st.lists(
        st.builds(TopicTrend, ANY_TEXT, st.integers(1, 10**9), st.integers(0, 10**9), st.integers(0, 9)), max_size=60
    )
)
def test_any_topics_fit(topics: list[TopicTrend]) -> None:
    assert_within_limits([render_topics(topics)])


def test_related_stories_are_numbered() -> None:
    embed = render_related(make_card(url="https://a.example", related=make_related(2)))
    assert embed.author.name == "Also covered by 2 others"
    assert embed.description == (
        "1. [Other view 0](https://other.example/0) · Other 0\n2. [Other view 1](https://other.example/1) · Other 1"
    )
    assert "No other publisher" in (render_related(make_card()).description or "")


def test_of_179_related_stories_the_rest_is_a_number() -> None:
    embed = render_related(make_card(related=make_related(179, title="A rather long headline " * 5)))
    lines = (embed.description or "").splitlines()
    assert_within_limits([embed])
    assert lines[-1] == f"+{179 - (len(lines) - 1)} more"
    assert len(lines) > 20


@given(FILED)
def test_any_related_stories_fit(stored: StoredCard) -> None:
    embed = render_related(stored)
    assert_within_limits([embed])
    assert_no_mention([embed])


def test_a_choice_keeps_the_provider() -> None:
    assert format_choice(make_card(title="A_b", provider=Provider("NASA"))) == "A_b · NASA"
    assert format_choice(make_card(title="word " * 50, provider=Provider("NASA"))).endswith("word… · NASA")


@given(FILED)
def test_any_choice_fits(stored: StoredCard) -> None:
    assert count_units(format_choice(stored)) <= CHOICE_NAME


def test_others_are_counted_by_publisher_in_the_order_of_the_cards() -> None:
    report = "The minister said on Monday that the new bridge over the river will open to traffic next spring."
    stored = [
        StoredCard(number, number, "", make_card(provider=Provider(name), excerpt=report, url=None).card)
        for number, name in enumerate(["Agency", "Copy", "Another copy"], 1)
    ]
    assert format_others(stored[2], [stored[1], stored[0]]) == "+2 more cards"
    own = StoredCard(4, 4, "", make_card(provider=Provider("Own report"), excerpt="", url=None).card)
    assert format_others(stored[2], [own, stored[0]]) == "+1 more publisher"
    assert format_others(own, []) == ""
