"""SQLite and PostgreSQL find the same cards in the same order, whatever is asked."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from itertools import pairwise, product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.cards.model import CardState, Provider, RelatedArticle
from bot.store import Store, open_store
from bot.store.cards.card_query import CardQuery, SearchOrder
from bot.store.cards.queries import ENDINGS
from tests.store.search.cards_in_many_languages import QUERIES, TITLES, store_in_many_languages
from tests.support.cards import NOW, make_card, make_older, store_cards
from tests.support.edits import edit_card

pytestmark = pytest.mark.postgresql

WORDS = [
    "moon", "moons", "c", "c++", "C++26", "c#", ".net", "net", "node.js", "disney", "disney+", "häuser", "haus",
    "芯片", "芯",
    "🚀", "🌙", "e\u0301t\u0301", "-", "*", '"', "(",
]  # fmt: skip
PAIRS = tuple[Store, Store]


@pytest.fixture
async def both(store: Store, tmp_path: Path) -> AsyncIterator[PAIRS]:
    """The store on PostgreSQL and one on SQLite, with the same cards."""
    async with open_store(f"sqlite+aiosqlite:///{tmp_path / 'same.db'}") as other:
        for each in (store, other):
            await store_in_many_languages(each)
            await store_cards(each, *make_random_cards())
        yield store, other


def make_random_cards() -> list:  # type: ignore[type-arg]
    """Cards of few words in any order, so that phrases and stems match here and there."""
    dice = random.Random(7)

    def say(most: int) -> str:
        return " ".join(dice.choices(WORDS, k=dice.randrange(1, most)))

    return [
        make_older(
            make_card(
                f"r{number}",
                title=say(5),
                excerpt=say(9),
                topics=tuple({say(3) for _ in range(dice.randrange(3))}),
                provider=Provider(say(3)) if dice.random() < 0.5 else None,
                related=(RelatedArticle(say(4), "https://b.example/", "B"),) if dice.random() < 0.3 else (),
                state=CardState.HELD if dice.random() < 0.2 else CardState.PUBLISHED,
                heat=number * 37 % 90,
            ),
            minutes=number,
        )
        for number in range(120)
    ]


def list_queries() -> list[str]:
    """The queries of the quality test and parts of the titles, alone and together."""
    words = [words for words, _ in QUERIES]
    titles = [title for cards in TITLES.values() for title, _ in cards.values()]
    return [
        *words,
        *titles,
        *(f'"{each}"' for each in (*words, *titles)),
        *(f"{each}*" for each in words),
        *(f"{one} {other}" for one, other in pairwise(words)),
        *(f"{one} -{other}" for one, other in product(WORDS, WORDS)),
        *(title[:length] for title in titles for length in (1, 3, 5, 8)),
        *(word[: len(word) // 2 + 1] for title in titles for word in title.split()),
    ]


async def find_difference(both: PAIRS, query: CardQuery) -> tuple[list[str], list[str]] | None:
    """The slugs that each engine finds, if they differ."""
    pages = [await store.cards.search_cards(query, 1, limit=20) for store in both]
    one, other = ([stored.card.slug for stored in page.cards] for page in pages)
    return None if one == other and pages[0].phrases == pages[1].phrases else (one, other)


@pytest.mark.slow
async def test_many_queries_find_the_same(both: PAIRS) -> None:
    queries = list_queries()
    assert len(queries) > 1000
    for number, words in enumerate(queries):
        order = list(SearchOrder)[number % 3]
        assert await find_difference(both, CardQuery(words, order=order)) is None, (words, order)


@pytest.mark.slow
@pytest.mark.timeout(900)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    words=st.lists(st.sampled_from(WORDS) | st.text(max_size=8), min_size=1, max_size=4).map(" ".join),
    order=st.sampled_from(SearchOrder),
    topic=st.none() | st.sampled_from(WORDS),
)
async def test_any_query_finds_the_same(both: PAIRS, words: str, order: SearchOrder, topic: str | None) -> None:
    assert await find_difference(both, CardQuery(words, order=order, topic=topic, until=NOW)) is None
    completed = [await store.cards.complete_cards(words, 1, limit=9) for store in both]
    assert completed[0] == completed[1]
    pages = [await store.cards.search_cards(CardQuery(words, order=order), 1, limit=3) for store in both]
    counts = [await store.cards.count_hits(page, limit=9) for store, page in zip(both, pages, strict=True)]
    assert counts[0] == counts[1]
    meant = [await store.cards.spelling.suggest_query(CardQuery(words), 1) for store in both]
    assert meant[0] == meant[1]


@pytest.mark.slow
async def test_of_many_known_words_the_same_complete_a_search(both: PAIRS) -> None:
    endings = ["a", "b", "ca", "cb", "dab", "dba"]
    titles = [f"zeugma{one}{other}" for one in endings for other in (*endings, "e", "f", "g", "h")]
    assert len(titles) > ENDINGS
    titled = [make_older(make_card(f"z{n}", title=title), minutes=n) for n, title in enumerate(titles)]
    for store in both:
        await store_cards(store, *titled)
    for words in ("zeug", "zeugm", "zeugma", "zeugmac", "moon zeugma"):
        for order in SearchOrder:
            assert await find_difference(both, CardQuery(words, order=order)) is None, (words, order)


@pytest.mark.slow
async def test_edited_words_are_found_completed_and_corrected_alike(both: PAIRS) -> None:
    for store in both:
        for slug, title in (("r3", "Zeppelin over Berlin"), ("r5", "Zeppelins, häuser")):
            card = await store.cards.get_by_slug(slug, 1, hidden=True)
            assert card
            await edit_card(store, 1, card.id, title=title, topics=("Airships",))
    for words, topic in product(("zepp", "zeppelin", "zepelin", "haus", "", "airsh"), (None, "Airships")):
        for order in SearchOrder:
            query = CardQuery(words, order=order, topic=topic)
            assert await find_difference(both, query) is None, query
        meant = [await store.cards.spelling.suggest_query(CardQuery(words, topic=topic), 1) for store in both]
        assert meant[0] == meant[1]
