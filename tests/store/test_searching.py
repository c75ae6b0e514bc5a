"""Finding cards by words, and turning pages."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.cards.model import Card, Provider, Related, State
from bot.cards.words import split
from bot.store import Store
from bot.store.finding import RANKED
from bot.store.reading import Cursor, Order, Page, Query
from bot.store.records import FiledCard
from tests.support.cards import NOW, card, file_cards, older

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
        card(
            slug,
            title=title,
            excerpt=excerpt,
            topics=("Space",) if slug == "moon" else ("Languages", "News"),
            provider=Provider("NASA" if slug == "moon" else "The Gazette"),
            related=(Related("Lunar landing seen elsewhere", "https://b.example/x", "BBC"),) if slug == "moon" else (),
        )
        for slug, title, excerpt in LIBRARY
    ]
    await file_cards(store, *(older(each, hours=place) for place, each in enumerate(cards)))
    return store


async def found(store: Store, words: str = "", **filters: object) -> list[str]:
    page = await store.archive.search(Query(words, **filters), 0, limit=50)  # type: ignore[arg-type]
    return [filed.card.slug for filed in page.cards]


@pytest.mark.parametrize(
    ("words", "slugs"),
    [
        ("moon", ["moon"]), ("MOON", ["moon"]), ("mo", ["moon", "snake"]), ("apollo fir", ["moon"]),
        ("apol* steps", ["moon"]),
        ("apol steps", []), ("steps apollo", ["moon"]), ('"first steps"', ["moon"]), ('"steps first"', []),
        ('"first steps', ["moon"]), ("lunar", ["moon"]), ("nasa", ["moon"]), ("space", ["moon"]), ("moon -apollo", []),
        ("moon -mars", ["moon"]), ('moon -"first steps"', []), ("-moon", []), ("moon gazette", []),
        ("resume", ["resume"]), ("résumé", ["resume"]), ("re\u0301sume\u0301", ["resume"]), ("NAIVE", ["resume"]),
        ("grosste", []), ("größte", ["german"]), ("ubung", ["german"]), ("koln", ["german"]),
        ("tieng viet", ["vietnamese"]),
        ("c++", ["cpp", "snake"]), (".net", ["cpp"]), ("c++ .net", ["cpp"]), ("node.js", ["cpp"]),
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
    assert await found(library, words) == slugs


async def test_topic_provider_and_since_narrow_a_search(library: Store) -> None:
    assert await found(library, topic=" SPACE ") == ["moon"]
    assert await found(library, "moon", topic="Languages") == []
    assert await found(library, provider="nasa") == ["moon"]
    assert len(await found(library, provider="The gazette", topic="news")) == len(LIBRARY) - 1
    assert await found(library, topic="Nowhere") == []
    assert await found(library, "-c", topic="Languages", provider="the gazette") == [
        slug for slug, _, _ in LIBRARY if slug not in ("moon", "cpp", "snake")
    ]
    since = NOW - timedelta(hours=2)
    assert await found(library, topic="languages", since=since) == ["resume"]
    assert await found(library, until=since, topic="space") == []
    assert await found(library, topic="languages", since=NOW - timedelta(hours=4), until=since) == ["cpp", "chinese"]
    assert await found(library, kind="video") == []
    assert await found(library, "moon", kind="Article") == ["moon"]


async def test_videos_alone(library: Store) -> None:
    await file_cards(library, card("film", title="The moon on film", type="video"))
    assert await found(library, "moon", kind="video") == ["film"]
    assert await found(library, "moon", kind="article") == ["moon"]


@pytest.mark.parametrize("year", [1, 1000, 3100, 9999])
async def test_years_that_no_card_reaches_are_no_failure(library: Store, year: int) -> None:
    far = datetime(year, 1, 1, tzinfo=UTC)
    assert bool(await found(library, "moon", since=far)) is (year < 3000)
    assert bool(await found(library, "moon", until=far)) is (year > 3000)


async def test_the_orders_are_newest_best_match_and_hottest(store: Store) -> None:
    await file_cards(
        store,
        card("new", excerpt="comet", heat=None),
        older(card("hot", excerpt="seen: comet", heat=200), hours=1),
        older(card("best", title="Comet", heat=10), hours=2),
    )
    assert await found(store, "comet") == ["new", "hot", "best"]
    assert (await found(store, "comet", order=Order.BEST))[0] == "best"
    assert await found(store, "comet", order=Order.HOTTEST) == ["hot", "best", "new"]


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
        card(f"held-{slug}", title=title, excerpt=excerpt, topics=("Space", "Secrets"), state=State.HELD)
        for slug, title, excerpt in LIBRARY
    ]
    hidden = card("held", title="Hidden", topics=("Secrets",), provider=Provider("Whisper"), state=State.HELD)
    await file_cards(library, *held, hidden)
    return library


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    words=SAID, topic=st.none() | SAID, provider=st.none() | SAID, kind=st.none() | SAID, order=st.sampled_from(Order),
    since=st.none() | st.datetimes(timezones=st.just(UTC)), until=st.none() | st.datetimes(timezones=st.just(UTC)),
)  # fmt: skip
async def test_nothing_that_is_said_makes_a_search_fail_or_shows_a_held_card(
    with_held: Store, words: str, order: Order, **filters: Any
) -> None:
    archive = with_held.archive
    for query in (Query(words, order=order, **filters), Query(words, order=order), Query(words[:1], **filters)):
        assert_seen((await archive.search(query, 1, limit=20)).cards)
        meant = await with_held.speller.meant(query, 1)
        if meant:
            page = await archive.search(meant, 1, limit=20)
            assert page.cards
            assert_seen(page.cards)
            assert not {"hidden", "secrets", "whisper"} & {word.key for word in split(meant.words)} - {
                word.key for word in split(query.words)
            }


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(said=SAID)
async def test_nothing_that_is_typed_makes_a_suggestion_fail_or_name_a_held_card(with_held: Store, said: str) -> None:
    archive = with_held.archive
    assert_seen(await archive.complete_cards(said, 1, limit=20))
    assert "Secrets" not in [topic.name for topic in await archive.topics(1, said, limit=20)]
    assert "Whisper" not in [provider.name for provider in await archive.providers(1, said, limit=20)]
    assert_seen((await archive.latest(1, topic=said, limit=20)).cards)
    found = await archive.by_slug(said, 1)
    assert_seen([found] if found else [])


def assert_seen(cards: Iterable[FiledCard]) -> None:
    assert not [filed.card.slug for filed in cards if filed.card.slug.startswith("held")]


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
    await file_cards(store, card("first", title="A bright comet", published_at=NOW - timedelta(hours=3)))
    second = card("second", title="A comedy", excerpt="Plunging stocks", published_at=NOW - timedelta(hours=2))
    await file_cards(store, second, card("third", title="A comet's tail"), card("none", title="A moon"))
    assert [each.card.slug for each in await store.archive.complete_cards(typed, 1, limit=20)] == slugs


async def test_newer_cards_with_another_known_ending_are_completed_first(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = [card(f"{n}", title=f"A comet{'s' * (n % 2)}", published_at=NOW - timedelta(hours=n)) for n in range(8)]
    await file_cards(store, *cards)
    for known in (50, 2):
        monkeypatch.setattr("bot.store.finding.ENDINGS", known)  # too many of them: the beginning alone is asked for
        assert [each.card.slug for each in await store.archive.complete_cards("come", 1, limit=3)] == ["0", "1", "2"]


async def test_changed_words_are_found_and_the_old_ones_are_not(library: Store) -> None:
    await file_cards(library, card("moon", title="Artemis", topics=("Rockets",)))
    assert (await found(library, "apollo"), await found(library, "artemis")) == ([], ["moon"])
    assert (await found(library, topic="space"), await found(library, topic="rockets")) == ([], ["moon"])
    assert [topic.name for topic in await library.archive.topics(0, limit=9)] == ["Languages", "News", "Rockets"]


async def test_topics_to_complete_begin_with_the_letters_or_have_such_a_word(library: Store) -> None:
    await file_cards(
        library, card("x", topics=("Deep Space", "50% off", "under_score")), card("y", topics=("Deep Space",))
    )
    named = [(each.name, each.count) for each in await library.archive.topics(0, "spa", limit=9)]
    assert named == [("Space", 1), ("Deep Space", 2)]
    assert [each.name for each in await library.archive.topics(0, "50%", limit=9)] == ["50% off"]
    assert await library.archive.topics(0, "%", limit=9) == []
    assert await library.archive.topics(0, "r_s", limit=9) == []
    assert [each.name for each in await library.archive.topics(0, limit=2)] == ["Languages", "News"]
    assert "Space" in await library.archive.all_topics(0)


Turn = Callable[[Cursor | None], Awaitable[Page]]
TURNS = ["latest", "latest of a topic", "search"]


def turning(store: Store, way: str) -> Turn:
    def turn(cursor: Cursor | None) -> Awaitable[Page]:
        if way == "search":
            return store.archive.search(Query("title"), 1, limit=3, cursor=cursor)
        return store.archive.latest(1, topic="AI" if way.endswith("topic") else None, limit=3, cursor=cursor)

    return turn


async def walk(turn: Turn, page: Page, *, newer: bool) -> list[str]:
    """The slugs from a page to the end of the list, in list order."""
    slugs = [filed.card.slug for filed in page.cards]
    while page.has_newer if newer else page.has_older:
        page = await turn(Cursor(page.cards[0 if newer else -1].timeline, newer))
        part = [filed.card.slug for filed in page.cards]
        slugs = part + slugs if newer else slugs + part
    return slugs


@pytest.mark.parametrize("way", TURNS)
@pytest.mark.parametrize("count", [0, 1, 3, 4, 6, 10])
async def test_turning_pages_both_ways_visits_every_card_once(store: Store, way: str, count: int) -> None:
    cards = [older(card(f"c{n}", topics=("AI",)), minutes=n // 2) for n in range(count)]
    await file_cards(store, *random.Random(count).sample(cards, count))
    turn = turning(store, way)
    first = await turn(None)
    assert not first.has_newer
    forth = await walk(turn, first, newer=False)
    assert sorted(forth) == sorted(each.slug for each in cards)
    assert [int(slug[1:]) // 2 for slug in forth] == [n // 2 for n in range(count)]
    end = await store.archive.by_slug(forth[-1], 1) if forth else None
    if end:
        last = await turn(Cursor(end.timeline - 1, newer=True))
        assert await walk(turn, last, newer=True) == forth


@pytest.mark.parametrize("way", TURNS)
async def test_a_card_that_comes_between_two_pages_shifts_nothing(store: Store, way: str) -> None:
    cards = [older(card(f"c{n}", topics=("AI",)), minutes=n) for n in range(7)]
    await file_cards(store, *cards)
    turn = turning(store, way)
    first = await turn(None)
    await file_cards(
        store, card("newest", topics=("AI",), published_at=NOW), older(card("middle", topics=("AI",)), minutes=4.5)
    )
    second = await turn(Cursor(first.cards[-1].timeline))
    assert [filed.card.slug for filed in second.cards] == ["c3", "c4", "middle"]
    back = await turn(Cursor(second.cards[0].timeline, newer=True))
    assert [filed.card.slug for filed in back.cards] == ["c0", "c1", "c2"]
    assert back.has_newer


@pytest.mark.parametrize("order", [Order.BEST, Order.HOTTEST])
async def test_ranked_hits_turn_pages_by_number(store: Store, order: Order) -> None:
    await file_cards(store, *(older(card(f"c{n}", heat=n), minutes=n) for n in range(7)))
    query = Query("title", order=order)
    pages = [await store.archive.search(query, 0, limit=3, offset=offset) for offset in (0, 3, 6)]
    assert [(page.has_newer, page.has_older) for page in pages] == [(False, True), (True, True), (True, False)]
    assert sorted(filed.card.slug for page in pages for filed in page.cards) == [f"c{n}" for n in range(7)]


WHERE = {"title": 0, "topic": 1, "excerpt": 2, "nowhere": None}


def with_comet(number: int, where: str, *, held: bool) -> Card:
    said: dict[str, dict[str, Any]] = {
        "title": {"title": "Comet"},
        "topic": {"topics": ("Comet",)},
        "excerpt": {"excerpt": "a comet"},
    }
    state = State.HELD if held else State.PUBLISHED
    return older(card(f"c{number}", state=state, **said.get(where, {})), minutes=number)


@pytest.mark.parametrize("seed", range(5))
async def test_best_first_is_title_then_names_then_the_rest_on_every_page(store: Store, seed: int) -> None:
    dice = random.Random(seed)
    made = [(number, dice.choice([*WHERE]), dice.random() < 0.3) for number in range(dice.randrange(10, 40))]
    await file_cards(store, *(with_comet(number, where, held=held) for number, where, held in made))
    hits = [(WHERE[where], number) for number, where, held in made if WHERE[where] is not None and not held]
    best = [f"c{number}" for _, number in sorted(hits)]
    for limit, offset in ((1, 0), (3, 0), (3, 2), (5, len(best) // 2), (5, len(best) - 1), (100, 0), (5, 2**62)):
        page = await store.archive.search(Query("comet", order=Order.BEST), 0, limit=limit, offset=offset)
        assert [filed.card.slug for filed in page.cards] == best[offset : offset + limit], (limit, offset)
        assert (page.has_newer, page.has_older) == (offset > 0, len(best) > offset + limit)


async def test_best_first_ranks_the_newest_of_each_kind(store: Store) -> None:
    titles, most = 90, RANKED // 3
    found_in = ["excerpt"] * 3 + ["title"] * titles + ["excerpt"]
    await file_cards(store, *(with_comet(number, where, held=False) for number, where in enumerate(found_in)))
    page = await store.archive.search(Query("comet", order=Order.BEST), 0, limit=200)
    assert [filed.card.slug for filed in page.cards] == [
        *(f"c{number}" for number in range(3, 3 + most)), "c0", "c1", "c2",
    ]  # fmt: skip
    last = await store.archive.search(Query("comet", order=Order.BEST), 0, limit=2, offset=most + 1)
    assert [filed.card.slug for filed in last.cards] == ["c1", "c2"]
    assert not last.has_older
