"""Finding cards by words, and turning pages."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.cards.model import Card, CardState, Provider, RelatedArticle
from bot.cards.tokenizer import tokenize
from bot.store import Store
from bot.store.cards import card_search
from bot.store.cards.card_query import CardPage, CardQuery, SearchOrder, TimelineCursor
from bot.store.cards.rows import StoredCard
from tests.support.cards import NOW, make_card, make_older, store_cards

LIBRARY = (
    ("moon", "Apollo 11: first steps on the Moon", "Armstrong and Aldrin walk"),
    ("resume", "Writing a résumé", "naïve advice over coffee"),
    ("cpp", "C++ 23 and .NET 8 compared", "node.js, too"),
    ("chinese", "苹果发布新款芯片", "性能提升"),
    ("japanese", "日本語のニュース", ""),
    ("korean", "한국어 뉴스", ""),
    ("thai", "ข่าวภาษาไทยวันนี้", ""),
    ("german", "Größte Übung in Köln", "STRASSE"),
    ("snake", "The snake_case of C", "50% off & more"),
    ("vietnamese", "Tiếng Việt", ""),
)


@pytest.fixture
async def library(store: Store) -> Store:
    cards = [
        make_card(
            slug,
            title=title,
            excerpt=excerpt,
            topics=("Space",) if slug == "moon" else ("Languages", "News"),
            provider=Provider("NASA" if slug == "moon" else "The Gazette"),
            related=(RelatedArticle("Lunar landing seen elsewhere", "https://b.example/x", "BBC"),)
            if slug == "moon"
            else (),
        )
        for slug, title, excerpt in LIBRARY
    ]
    await store_cards(store, *(make_older(each, hours=place) for place, each in enumerate(cards)))
    return store


async def search_slugs(store: Store, words: str = "", **filters: object) -> list[str]:
    page = await store.cards.search_cards(CardQuery(words, **filters), 0, limit=50)  # type: ignore[arg-type]
    return [stored.card.slug for stored in page.cards]


@pytest.mark.parametrize(
    ("words", "slugs"),
    [
        ("moon", ["moon"]), ("MOON", ["moon"]), ("mo", ["moon", "snake"]), ("apollo fir", ["moon"]),
        ("apol* steps", ["moon"]),
        ("apol steps", []), ("steps apollo", ["moon"]), ('"first steps"', ["moon"]), ('"steps first"', []),
        ('"first steps', ["moon"]), ("lunar", ["moon"]), ("nasa", ["moon"]), ("space", ["moon"]), ("moon -apollo", []),
        ("moon -mars", ["moon"]), ('moon -"first steps"', []), ("-moon", []), ("moon gazette", []),
        ("resume", ["resume"]), ("résumé", ["resume"]), ("re\u0301sume\u0301", ["resume"]), ("NAIVE", ["resume"]),
        ("grosste", ["german"]), ("größte", ["german"]), ("strasse", ["german"]), ("Straße", ["german"]),
        ("ubung", ["german"]), ("koln", ["german"]),
        ("tieng viet", ["vietnamese"]),
        ("c++", ["cpp"]), ("c", ["snake"]), ("net", []), (".net", ["cpp"]), ("c++ .net", ["cpp"]), ("node.js", ["cpp"]),
        ("snake_case", ["snake"]),
        ("50%", ["snake"]), ("芯片", ["chinese"]), ("苹果 芯片", ["chinese"]), ("片芯", []), ("新", ["chinese"]),
        ("ニュース", ["japanese"]), ("日本", ["japanese"]), ("뉴스", ["korean"]), ("ภาษาไทย", ["thai"]),
        ("วันนี้", ["thai"]),
        ("foo AND", []), ("NEAR(moon", []), ("title:moon", []), ("moon*", ["moon"]), ("*", []), ('"', []), ("-", []),
        ('""', []), ("(", []), ("{title} : moon", []), ("^moon", ["moon"]), ("moon\x00mars", []),
        ("' OR 1=1 --", []), ("", []),
        ("tags", []), ("🌙", []),
    ],
)  # fmt: skip
async def test_words_find_what_a_reader_would_expect(library: Store, words: str, slugs: list[str]) -> None:
    assert await search_slugs(library, words) == slugs


async def test_topic_provider_and_since_narrow_a_search(library: Store) -> None:
    assert await search_slugs(library, topic=" SPACE ") == ["moon"]
    assert await search_slugs(library, "moon", topic="Languages") == []
    assert await search_slugs(library, provider="nasa") == ["moon"]
    assert len(await search_slugs(library, provider="The gazette", topic="news")) == len(LIBRARY) - 1
    assert await search_slugs(library, topic="Nowhere") == []
    assert await search_slugs(library, "-c", topic="Languages", provider="the gazette") == [
        slug for slug, _, _ in LIBRARY if slug not in ("moon", "snake")
    ]
    since = NOW - timedelta(hours=2)
    assert await search_slugs(library, topic="languages", since=since) == ["resume"]
    assert await search_slugs(library, until=since, topic="space") == []
    assert await search_slugs(library, topic="languages", since=NOW - timedelta(hours=4), until=since) == [
        "cpp",
        "chinese",
    ]
    assert await search_slugs(library, type="video") == []
    assert await search_slugs(library, "moon", type="Article") == ["moon"]


async def test_videos_alone(library: Store) -> None:
    await store_cards(library, make_card("film", title="The moon on film", type="video"))
    assert await search_slugs(library, "moon", type="video") == ["film"]
    assert await search_slugs(library, "moon", type="article") == ["moon"]


@pytest.mark.parametrize("year", [1, 1000, 3100, 9999])
async def test_years_that_no_card_reaches_are_no_failure(library: Store, year: int) -> None:
    far = datetime(year, 1, 1, tzinfo=UTC)
    assert bool(await search_slugs(library, "moon", since=far)) is (year < 3000)
    assert bool(await search_slugs(library, "moon", until=far)) is (year > 3000)


async def test_the_orders_are_newest_best_match_and_hottest(store: Store) -> None:
    await store_cards(
        store,
        make_card("new", excerpt="comet", heat=None),
        make_older(make_card("hot", excerpt="seen: comet", heat=200), hours=1),
        make_older(make_card("best", title="Comet", heat=10), hours=2),
    )
    assert await search_slugs(store, "comet") == ["new", "hot", "best"]
    assert (await search_slugs(store, "comet", order=SearchOrder.BEST))[0] == "best"
    assert await search_slugs(store, "comet", order=SearchOrder.HOTTEST) == ["hot", "best", "new"]


ANY = st.text(st.characters(exclude_categories=()), max_size=30)
"""Lone surrogates too: JSON can carry them."""
LIKELY = st.lists(st.sampled_from([
    '"', "-", "*", "(", ")", "AND", "NOT", "NEAR", ":", "^", "+", "moon", "mono", "hidden", "hiden", "Space", "secrets",
    "芯", "e\u0301", "\x00", " ", "_", "'", "{", "}", "%", "\\", "\ud800", "\u202e",
]), max_size=10).map("".join)  # fmt: skip
SAID = ANY | LIKELY


@pytest.fixture
async def with_held(library: Store) -> Store:
    """The library again as held cards, and one that no visible card has a word in common with."""
    held = [
        make_card(f"held-{slug}", title=title, excerpt=excerpt, topics=("Space", "Secrets"), state=CardState.HELD)
        for slug, title, excerpt in LIBRARY
    ]
    hidden = make_card("held", title="Hidden", topics=("Secrets",), provider=Provider("Whisper"), state=CardState.HELD)
    await store_cards(library, *held, hidden)
    return library


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    words=SAID,
    topic=st.none() | SAID,
    provider=st.none() | SAID,
    type=st.none() | SAID,
    order=st.sampled_from(SearchOrder),
    since=st.none() | st.datetimes(timezones=st.just(UTC)),
    until=st.none() | st.datetimes(timezones=st.just(UTC)),
)
async def test_nothing_that_is_said_makes_a_search_fail_or_shows_a_held_card(
    with_held: Store, words: str, order: SearchOrder, **filters: Any
) -> None:
    archive = with_held.cards
    for query in (
        CardQuery(words, order=order, **filters),
        CardQuery(words, order=order),
        CardQuery(words[:1], **filters),
    ):
        assert_seen((await archive.search_cards(query, 1, limit=20)).cards)
        meant = await with_held.cards.spelling.suggest_query(query, 1)
        if meant:
            page = await archive.search_cards(meant, 1, limit=20)
            assert page.cards
            assert_seen(page.cards)
            assert not {"hidden", "secrets", "whisper"} & {word.key for word in tokenize(meant.words)} - {
                word.key for word in tokenize(query.words)
            }


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=SAID)
async def test_nothing_that_is_typed_makes_a_suggestion_fail_or_name_a_held_card(with_held: Store, text: str) -> None:
    archive = with_held.cards
    assert_seen(await archive.complete_cards(text, 1, limit=20))
    assert "Secrets" not in [topic.name for topic in await archive.list_topics(1, text, limit=20)]
    assert "Whisper" not in [provider.name for provider in await archive.list_providers(1, text, limit=20)]
    assert_seen((await archive.list_latest(1, topic=text, limit=20)).cards)
    found = await archive.get_by_slug(text, 1)
    assert_seen([found] if found else [])


def assert_seen(cards: Iterable[StoredCard]) -> None:
    assert not [stored.card.slug for stored in cards if stored.card.slug.startswith("held")]


@pytest.mark.parametrize(
    ("typed", "slugs"),
    [
        ("come", ["third", "second", "first"]),
        ("comet", ["third", "first"]),
        ("bright come", ["first"]),
        ("COMÈT", ["third", "first"]),
        ("plungi", ["second"]),
        ("comets come", []),
        ('"come', []),
        ("-tail come", ["second", "first"]),
    ],
)
async def test_cards_to_complete_have_what_is_typed_as_the_beginning_of_a_word(
    store: Store, typed: str, slugs: list[str]
) -> None:
    await store_cards(store, make_card("first", title="A bright comet", published_at=NOW - timedelta(hours=3)))
    second = make_card("second", title="A comedy", excerpt="Plunging stocks", published_at=NOW - timedelta(hours=2))
    await store_cards(store, second, make_card("third", title="A comet's tail"), make_card("none", title="A moon"))
    assert [each.card.slug for each in await store.cards.complete_cards(typed, 1, limit=20)] == slugs


async def test_newer_cards_with_another_known_ending_are_completed_first(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = [
        make_card(f"{n}", title=f"A comet{'s' * (n % 2)}", published_at=NOW - timedelta(hours=n)) for n in range(8)
    ]
    await store_cards(store, *cards)
    for known in (50, 2):
        monkeypatch.setattr(
            "bot.store.cards.queries.ENDINGS", known
        )  # too many of them: the beginning alone is queried
        assert [each.card.slug for each in await store.cards.complete_cards("come", 1, limit=3)] == ["0", "1", "2"]


@pytest.mark.parametrize("word", ["word", "x" * 300, "語", "ﷺ"])
async def test_a_card_of_too_many_words_is_found_by_its_first_ones(store: Store, word: str) -> None:
    excerpt = "first " + " ".join(f"{word}{number}" for number in range(20_000)) + " last"
    await store_cards(store, make_card("long", title="Beginning", excerpt=excerpt, topics=("Subject",)))
    for words in ("beginning", "subject", "first"):
        assert await search_slugs(store, words) == ["long"]
    assert await search_slugs(store, "last") == []


async def test_changed_words_are_found_and_the_old_ones_are_not(library: Store) -> None:
    await store_cards(library, make_card("moon", title="Artemis", topics=("Rockets",)))
    assert (await search_slugs(library, "apollo"), await search_slugs(library, "artemis")) == ([], ["moon"])
    assert (await search_slugs(library, topic="space"), await search_slugs(library, topic="rockets")) == ([], ["moon"])
    assert [topic.name for topic in await library.cards.list_topics(0, limit=9)] == ["Languages", "News", "Rockets"]


async def test_topics_to_complete_begin_with_the_letters_or_have_such_a_word(library: Store) -> None:
    await store_cards(
        library, make_card("x", topics=("Deep Space", "50% off", "under_score")), make_card("y", topics=("Deep Space",))
    )
    named = [(each.name, each.count) for each in await library.cards.list_topics(0, "spa", limit=9)]
    assert named == [("Space", 1), ("Deep Space", 2)]
    assert [each.name for each in await library.cards.list_topics(0, "50%", limit=9)] == ["50% off"]
    assert await library.cards.list_topics(0, "%", limit=9) == []
    assert await library.cards.list_topics(0, "r_s", limit=9) == []
    assert [each.name for each in await library.cards.list_topics(0, limit=2)] == ["Languages", "News"]
    assert "Space" in await library.cards.list_all_topics(0)


Turn = Callable[[TimelineCursor | None], Awaitable[CardPage]]
TURNS = ["latest", "latest of a topic", "search"]


def page_turner(store: Store, way: str) -> Turn:
    def get_page(cursor: TimelineCursor | None) -> Awaitable[CardPage]:
        if way == "search":
            return store.cards.search_cards(CardQuery("title"), 1, limit=3, cursor=cursor)
        return store.cards.list_latest(1, topic="AI" if way.endswith("topic") else None, limit=3, cursor=cursor)

    return get_page


async def walk_pages(turn: Turn, page: CardPage, *, newer: bool) -> list[str]:
    """The slugs from a page to the end of the list, in list order."""
    slugs = [stored.card.slug for stored in page.cards]
    while page.has_newer if newer else page.has_older:
        page = await turn(TimelineCursor(page.cards[0 if newer else -1].sort_key, newer))
        part = [stored.card.slug for stored in page.cards]
        slugs = part + slugs if newer else slugs + part
    return slugs


@pytest.mark.parametrize("way", TURNS)
@pytest.mark.parametrize("count", [0, 1, 3, 4, 6, 10])
@pytest.mark.parametrize("few", [0, 5, card_search.FEW])
async def test_turning_pages_both_ways_visits_every_card_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, way: str, count: int, few: int
) -> None:
    monkeypatch.setattr(card_search, "FEW", few)
    cards = [make_older(make_card(f"c{n}", topics=("AI",)), minutes=n // 2) for n in range(count)]
    await store_cards(store, *random.Random(count).sample(cards, count))
    turn = page_turner(store, way)
    first = await turn(None)
    assert not first.has_newer
    forth = await walk_pages(turn, first, newer=False)
    assert sorted(forth) == sorted(each.slug for each in cards)
    assert [int(slug[1:]) // 2 for slug in forth] == [n // 2 for n in range(count)]
    end = await store.cards.get_by_slug(forth[-1], 1) if forth else None
    if end:
        last = await turn(TimelineCursor(end.sort_key - 1, newer=True))
        assert await walk_pages(turn, last, newer=True) == forth


@pytest.mark.parametrize("way", TURNS)
async def test_a_card_that_comes_between_two_pages_shifts_nothing(store: Store, way: str) -> None:
    cards = [make_older(make_card(f"c{n}", topics=("AI",)), minutes=n) for n in range(7)]
    await store_cards(store, *cards)
    turn = page_turner(store, way)
    first = await turn(None)
    await store_cards(
        store,
        make_card("newest", topics=("AI",), published_at=NOW),
        make_older(make_card("middle", topics=("AI",)), minutes=4.5),
    )
    second = await turn(TimelineCursor(first.cards[-1].sort_key))
    assert [stored.card.slug for stored in second.cards] == ["c3", "c4", "middle"]
    back = await turn(TimelineCursor(second.cards[0].sort_key, newer=True))
    assert [stored.card.slug for stored in back.cards] == ["c0", "c1", "c2"]
    assert back.has_newer


@pytest.mark.parametrize("order", [SearchOrder.BEST, SearchOrder.HOTTEST])
async def test_ranked_hits_turn_pages_by_number(store: Store, order: SearchOrder) -> None:
    await store_cards(store, *(make_older(make_card(f"c{n}", heat=n), minutes=n) for n in range(7)))
    query = CardQuery("title", order=order)
    pages = [await store.cards.search_cards(query, 0, limit=3, offset=offset) for offset in (0, 3, 6)]
    assert [(page.has_newer, page.has_older) for page in pages] == [(False, True), (True, True), (True, False)]
    assert sorted(stored.card.slug for page in pages for stored in page.cards) == [f"c{n}" for n in range(7)]


@pytest.mark.parametrize("order", SearchOrder)
async def test_pages_behind_the_last_hit_are_empty_and_ask_for_no_other_words(store: Store, order: SearchOrder) -> None:
    one = [make_older(make_card(f"one-{n}", title="A gloom"), minutes=n) for n in range(3)]
    others = [make_older(make_card(f"other-{n}", title="A gloomster"), hours=n) for n in range(1, 9)]
    await store_cards(store, *one, *others)
    is_newest = order is SearchOrder.NEWEST

    async def load(query: CardQuery, after: CardPage) -> CardPage:
        cursor = TimelineCursor(after.cards[-1].sort_key) if is_newest else None
        offset = 0 if is_newest else len(after.cards)
        return await store.cards.search_cards(query, 0, limit=3, cursor=cursor, offset=offset)

    query = CardQuery("gloom", order=order)
    first = await store.cards.search_cards(query, 0, limit=3)
    assert {stored.card.slug for stored in first.cards} == {"one-0", "one-1", "one-2"}
    assert (await load(query, first)).cards == ()
    assert await store.cards.count_hits(first, limit=50) == 3
    # What the beginning alone finds has its further pages, and its count.
    begun = replace(query, words="gloomst")
    first = await store.cards.search_cards(begun, 0, limit=3)
    assert {stored.card.slug[:5] for stored in (*first.cards, *(await load(begun, first)).cards)} == {"other"}
    assert await store.cards.count_hits(first, limit=50) == 8
    assert await store.cards.count_hits(await store.cards.list_latest(0, limit=3), limit=50) == 0


WHERE = {"title": 0, "topic": 1, "excerpt": 2, "nowhere": None}


def card_with_comet(number: int, where: str, *, held: bool) -> Card:
    text: dict[str, dict[str, Any]] = {
        "title": {"title": "Comet"},
        "topic": {"topics": ("Comet",)},
        "excerpt": {"excerpt": "a comet"},
    }
    state = CardState.HELD if held else CardState.PUBLISHED
    return make_older(make_card(f"c{number}", state=state, **text.get(where, {})), minutes=number)


@pytest.mark.parametrize("seed", range(5))
async def test_best_first_is_title_then_names_then_the_rest_on_every_page(store: Store, seed: int) -> None:
    dice = random.Random(seed)
    made = [(number, dice.choice([*WHERE]), dice.random() < 0.3) for number in range(dice.randrange(10, 40))]
    await store_cards(store, *(card_with_comet(number, where, held=held) for number, where, held in made))
    hits = [(WHERE[where], number) for number, where, held in made if WHERE[where] is not None and not held]
    best = [f"c{number}" for _, number in sorted(hits)]
    for limit, offset in ((1, 0), (3, 0), (3, 2), (5, len(best) // 2), (5, len(best) - 1), (100, 0), (5, 2**62)):
        page = await store.cards.search_cards(CardQuery("comet", order=SearchOrder.BEST), 0, limit=limit, offset=offset)
        assert [stored.card.slug for stored in page.cards] == best[offset : offset + limit], (limit, offset)
        assert (page.has_newer, page.has_older) == (offset > 0, len(best) > offset + limit)


async def test_best_first_without_words_in_a_title_is_names_then_the_rest(store: Store) -> None:
    found_in = ["excerpt", "topic", "excerpt", "topic"]
    await store_cards(store, *(card_with_comet(number, where, held=False) for number, where in enumerate(found_in)))
    query = CardQuery("comet", order=SearchOrder.BEST)
    pages = [await store.cards.search_cards(query, 0, limit=1, offset=offset) for offset in range(5)]
    assert [stored.card.slug for page in pages for stored in page.cards] == ["c1", "c3", "c0", "c2"]


async def test_best_first_ranks_the_newest_of_each_kind(store: Store) -> None:
    titles, most = 90, card_search.RANKED // 3
    found_in = ["excerpt"] * 3 + ["title"] * titles + ["excerpt"]
    await store_cards(store, *(card_with_comet(number, where, held=False) for number, where in enumerate(found_in)))
    page = await store.cards.search_cards(CardQuery("comet", order=SearchOrder.BEST), 0, limit=200)
    assert [stored.card.slug for stored in page.cards] == [
        *(f"c{number}" for number in range(3, 3 + most)), "c0", "c1", "c2",
    ]  # fmt: skip
    last = await store.cards.search_cards(CardQuery("comet", order=SearchOrder.BEST), 0, limit=2, offset=most + 1)
    assert [stored.card.slug for stored in last.cards] == ["c1", "c2"]
    assert not last.has_older
