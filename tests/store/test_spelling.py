"""A search without hits learns how the cards spell its words, and nothing of cards that it must not see."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.cards.model import Provider, State
from bot.desk.publication import Decision, Source, Verdict
from bot.store import Store
from bot.store.reading import Query
from tests.support.cards import NOW, card, file_cards, older

GUILD = 1


async def meant(store: Store, words: str, guild: int = GUILD, **filters: object) -> str | None:
    found = await store.speller.meant(Query(words, **filters), guild)  # type: ignore[arg-type]
    return found.words if found else None


@pytest.fixture
async def library(store: Store) -> Store:
    await file_cards(
        store,
        card("python", title="Python releases", topics=("Programming",), provider=Provider("The Gazette")),
        older(card("koln", title="Größte Übung in Köln", excerpt="Nächtliches Manöver"), days=3),
        card("secret", title="Zanzibar merger", state=State.HELD),
        card("gone", title="Withdrawal symptom", state=State.WITHDRAWN),
    )
    return store


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("pyhton", "python"), ("pythom", "python"), ("ptyhon", "python"), ("ypthon", "python"),
        ("pythoon", "python"), ("Pyhton relaeses", "python releases"), ('"pyhton releases"', '"python releases"'),
        ("pyhton -snake", "python -snake"), ("pyhton -releases", None), ("programing", "programming"),
        ("gazzette", "gazette"), ("ubnug köln", "ubung köln"), ("python", None), ("kilimanjaro", None), ("", None),
        ("pyhton kilimanjaro", None), ("pyhton köln", None), ("!!", None), ("日本", None), ("manöwer", None),
        ("pythonreleases", "python releases"), ("releasespython", None),
    ],
)  # fmt: skip
async def test_words_are_spelled_as_visible_cards_spell_them(library: Store, words: str, said: str | None) -> None:
    assert await meant(library, words) == said


async def test_words_of_hidden_cards_are_never_offered(library: Store) -> None:
    assert await meant(library, "zanzibra") is None
    assert await meant(library, "symtpom") is None
    filed = await library.archive.by_slug("secret", 2, hidden=True)
    assert filed
    shown = Decision(2, filed.id, Verdict.PUBLISH, 5, NOW)
    await library.desk.decide(shown, source=Source.COMMAND, expected=None)
    assert await meant(library, "zanzibra", 2) == "zanzibar"
    assert await meant(library, "zanzibra") is None


async def test_a_word_of_a_card_that_went_is_not_offered_any_more(library: Store) -> None:
    await file_cards(library, card("python", title="Python releases", state=State.WITHDRAWN))
    assert await meant(library, "pyhton") is None


async def test_an_offer_keeps_the_filters_and_finds_something_with_them(library: Store) -> None:
    assert await meant(library, "pyhton", topic="programming", kind="article") == "python"
    assert await meant(library, "pyhton", kind="video") is None
    assert await meant(library, "pyhton", until=NOW - timedelta(days=1)) is None


async def test_of_equally_near_words_the_more_frequent_one_is_offered(store: Store) -> None:
    cards = [card(f"c{n}", title="Starshop opens") for n in range(3)]
    await file_cards(store, *cards, replace(cards[0], slug="other", title="Starship rises"))
    assert await meant(store, "starshup") == "starshop"
