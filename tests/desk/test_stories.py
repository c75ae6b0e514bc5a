"""Which cards tell one story."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.cards.model import Related
from bot.desk.stories import Member, assigned, keys
from tests.support.cards import NOW, card


def stories(*fields: dict[str, Any]) -> list[int]:
    """The story of each card, by the place of the card that names it; `days` is its age."""
    members = [
        Member(place, NOW - timedelta(days=each.pop("days", 0)), keys(card(f"card-{place}", **each)))
        for place, each in enumerate(fields, start=1)
    ]
    found = assigned(members)
    return [found[place] for place in range(1, len(fields) + 1)]


def listing(*urls: str) -> tuple[Related, ...]:
    return tuple(Related("Another view", url) for url in urls)


def test_one_address_is_one_article_whenever_it_comes() -> None:
    same = {"aliases": ("news.example/same",)}
    assert stories(dict(same, title="One"), dict(same, title="Other", days=300)) == [1, 1]


def test_a_card_that_lists_another_tells_its_story_within_a_week() -> None:
    one = {"title": "One", "related": listing("https://paper.example/news/a-long-way")}
    other = {"title": "Other", "aliases": ("paper.example/news/a-long-way",)}
    assert stories(dict(one), dict(other)) == [1, 1]
    assert stories(dict(one), dict(other, days=8)) == [1, 2]


def test_a_front_page_tells_no_story() -> None:
    front = listing("https://paper.example/", "https://paper.example/news")
    assert stories({"title": "One", "related": front}, {"title": "Other", "related": front}) == [1, 2]


def test_titles_that_differ_by_a_word_are_one_but_not_by_a_number() -> None:
    title = "Astronomers measure distant galaxy rotation speed {}"
    assert stories({"title": title.format("again")}, {"title": title.format("precisely")}) == [1, 1]
    assert stories({"title": title.format("41")}, {"title": title.format("42")}) == [1, 2]
    assert stories({"title": "The morning briefing"}, {"title": "The morning briefing"}) == [1, 2]
    assert stories({"title": title.format("again")}, {"title": title.format("again"), "days": 4}) == [1, 2]


MEMBERS = st.lists(
    st.builds(
        Member,
        card_id=st.integers(1, 60),
        published_at=st.integers(0, 20).map(lambda days: NOW - timedelta(days=days)),
        keys=st.sets(st.sampled_from(["u:a/b", "u:c/d", "r:a/b", "r:e/f", "t:1", "t:2"])).map(frozenset),
    ),
    unique_by=lambda member: member.card_id,
    max_size=12,
)


@given(MEMBERS, st.randoms())
def test_the_order_in_which_cards_come_decides_nothing(members: list[Member], chance: Any) -> None:
    shuffled = list(members)
    chance.shuffle(shuffled)
    assert assigned(members) == assigned(shuffled)
    assert assigned(members).keys() == {member.card_id for member in members}
