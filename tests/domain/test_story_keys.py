"""The addresses by which cards of one article find each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cards.model import RelatedArticle
from bot.domain.story_keys import OWN, RELATED, compute_keys, neighbour_keys
from tests.support.cards import make_card


def related_listing(*urls: str) -> tuple[RelatedArticle, ...]:
    return tuple(RelatedArticle("Another view", url) for url in urls)


@given(st.text(), st.text(max_size=40))
def test_any_title_and_address_has_keys(title: str, url: str) -> None:
    card = make_card(title=title, aliases=(url,), related=related_listing(url, f"https://{url}"))
    assert all(key.startswith((OWN, RELATED)) for key in compute_keys(card))


def test_an_article_is_looked_up_as_a_card_and_where_a_card_lists_it() -> None:
    assert neighbour_keys(["u:a/b", "r:c/d"]) == {"u:a/b", "r:a/b", "u:c/d"}


@pytest.mark.parametrize(
    "front", ["", "/", "/news", "/en", "/en-us/news", "/news/technology", "/index.html", "/sports", "/pensions"]
)
def test_a_front_page_is_no_article(front: str) -> None:
    card = make_card(aliases=(), related=related_listing(f"https://paper.example{front}"))
    assert compute_keys(card) == frozenset()


@pytest.mark.parametrize(
    "front", ["paper.example", "paper.example/en", "paper.example/news", "a.example/en/news/world"]
)
def test_a_card_whose_own_address_is_a_front_has_no_key(front: str) -> None:
    assert compute_keys(make_card(aliases=(front,))) == frozenset()


@pytest.mark.parametrize(
    "page", ["youtube.com/watch?v=b_ieIGfOlbs", "kernelnewbies.org/Linux_6.1", "peps.python.org/pep-0692", "a.test?p=5"]
)
def test_a_short_address_may_be_a_page_all_the_same(page: str) -> None:
    assert OWN + page in compute_keys(make_card(aliases=(page,)))
    assert RELATED + page in compute_keys(make_card(related=related_listing(f"https://{page}")))


def test_addresses_are_compared_in_their_normal_form() -> None:
    tracked = related_listing("https://www.paper.example/a/long-way/?utm_source=x", "", "http://[broken")
    assert compute_keys(make_card(aliases=(), related=tracked)) == {RELATED + "paper.example/a/long-way"}
