"""The keys by which cards of one story find each other; `test_story_clustering` says which cards these are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.cards.model import Provider, RelatedArticle
from bot.domain.story_keys import ALIKE, OWN, RELATED, TITLE, compute_keys, neighbour_keys
from tests.support.cards import make_card


@given(st.text(), st.text(max_size=40))
def test_any_title_and_address_has_keys(title: str, url: str) -> None:
    related = tuple(RelatedArticle(title, each) for each in (url, f"https://{url}"))
    found = compute_keys(make_card(title=title, related=related, provider=Provider(title, url)))
    assert all(key.startswith((OWN, RELATED, ALIKE, TITLE)) for key in found)


def test_a_table_of_keys_finds_the_neighbours() -> None:
    assert neighbour_keys(["u:a/b", "r:c/d", "s:c/d", "t:1"]) == {"u:a/b", "r:a/b", "u:c/d", "r:c/d", "s:c/d", "t:1"}
