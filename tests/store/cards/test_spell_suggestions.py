"""A search without hits learns how the cards spell its words, and nothing of cards that it must not see."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.cards.model import CardState, Provider
from bot.domain.moderation import Decision, DecisionSource, Verdict
from bot.store import Store
from bot.store.cards.card_query import CardQuery
from tests.support.cards import NOW, make_card, make_older, store_cards

GUILD = 1


async def suggest_words(store: Store, words: str, guild: int = GUILD, **filters: object) -> str | None:
    found = await store.cards.spelling.suggest_query(CardQuery(words, **filters), guild)  # type: ignore[arg-type]
    return found.words if found else None


@pytest.fixture
async def library(store: Store) -> Store:
    await store_cards(
        store,
        make_card("python", title="Python releases", topics=("Programming",), provider=Provider("The Gazette")),
        make_older(make_card("koln", title="Größte Übung in Köln", excerpt="Nächtliches Manöver"), days=3),
        make_card("secret", title="Zanzibar merger", state=CardState.HELD),
        make_card("gone", title="Withdrawal symptom", state=CardState.WITHDRAWN),
    )
    return store


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("pyhton", "python"), ("pythom", "python"), ("ptyhon", "python"), ("ypthon", "python"),
        ("pythoon", "python"), ("Pyhton relaeses", "python releases"), ('"pyhton releases"', '"python releases"'),
        ("pyhton -snake", "python -snake"), ("pyhton -releases", None), ("programing", "programming"),
        ("gazzette", "gazette"), ("ubnug köln", "ubung köln"), ("python", None), ("kilimanjaro", None), ("", None),
        ("pyhton kilimanjaro", None), ("pyhton köln", None), ("!!", None), ("日本", None), ("manöwer", None),
        ("pythonreleases", "python releases"), ("releasespython", None),
    ],
)  # fmt: skip
async def test_words_are_spelled_as_visible_cards_spell_them(library: Store, words: str, text: str | None) -> None:
    assert await suggest_words(library, words) == text


async def test_words_of_hidden_cards_are_never_offered(library: Store) -> None:
    assert await suggest_words(library, "zanzibra") is None
    assert await suggest_words(library, "symtpom") is None
    stored = await library.cards.get_by_slug("secret", 2, hidden=True)
    assert stored
    shown = Decision(2, stored.id, Verdict.PUBLISH, 5, NOW)
    await library.moderation.decisions.decide_card(shown, source=DecisionSource.COMMAND, expected=None)
    assert await suggest_words(library, "zanzibra", 2) == "zanzibar"
    assert await suggest_words(library, "zanzibra") is None


async def test_a_word_of_a_card_that_went_is_not_offered_any_more(library: Store) -> None:
    await store_cards(library, make_card("python", title="Python releases", state=CardState.WITHDRAWN))
    assert await suggest_words(library, "pyhton") is None


async def test_an_offer_keeps_the_filters_and_finds_something_with_them(library: Store) -> None:
    assert await suggest_words(library, "pyhton", topic="programming", type="article") == "python"
    assert await suggest_words(library, "pyhton", type="video") is None
    assert await suggest_words(library, "pyhton", until=NOW - timedelta(days=1)) is None


async def test_of_equally_near_words_the_more_frequent_one_is_offered(store: Store) -> None:
    cards = [make_card(f"c{n}", title="Starshop opens") for n in range(3)]
    await store_cards(store, *cards, replace(cards[0], slug="other", title="Starship rises"))
    assert await suggest_words(store, "starshup") == "starshop"
