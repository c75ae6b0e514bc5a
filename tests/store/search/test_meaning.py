"""What people mean: how they type a word finds it, and the signs of a name tell it from another one."""

from __future__ import annotations

import pytest

from bot.cards.model import SourceKind
from bot.domain.search_query import is_only_exclusions
from bot.store import Store
from bot.store.cards.card_query import CardQuery, SearchOrder
from tests.support.cards import make_card, make_older, store_cards
from tests.support.follows import add_feed, follow_feed, make_item, store_items


async def search_slugs(store: Store, words: str, order: SearchOrder = SearchOrder.NEWEST) -> list[str]:
    page = await store.cards.search_cards(CardQuery(words, order=order), 1, limit=50)
    return [stored.card.slug for stored in page.cards]


@pytest.mark.parametrize(
    ("words", "title", "other"),
    [
        ("C++", "C++26 is finished", "C# 14 and .NET 10 released"), ("C#", "C# 14 released", "C++26 is finished"),
        ("c", "C turns fifty", "C++ turns forty"), ("C", "The C language", "C# and .NET"),
        ("c", "C or not", "F# or not"),
        ("F#", "F# for science", "Ford F 150 recalled"), ("f", "Ford F 150", "F# 10"), ("C♯", "C# 14", "C major"),
        (".NET", ".NET 10 released", "Net income rises"), ("net", "Net neutrality", ".NET 10"),
        ("asp.net", "ASP.NET Core", "Asp bites net user"), ("node.js", "Node.js 26", "A node fails, js does not"),
        ("vue.js", "Vue.js 4", "A vue on js"), ("g++", "g++ 16", "G 7 meets"),
        ("Notepad++", "Notepad++ 9", "Notepad 11"),
        ("Disney+", "Disney+ is dearer", "Disney opens a park"), ("A+", "Rated A+ again", "A rating"),
        ("c++", "Ｃ＋＋入門", "C 入門"), ("q#", "Q# on qubits", "Q & A"), ("αγιος", "Ο Άγιος Νικόλαος", "Η Αγία Σοφία"),
        ("strasse", "Straße gesperrt", "Stress im Verkehr"), ("AI", "ＡＩチップを発表", "チップを発表"),
        ("мой", "Мой город", "Мои города"), ("が", "が", "か"), ("🇺🇦", "🇺🇦 today", "🇦🇺 today"),
        ("👩‍💻", "👩‍💻 codes", "👩 reads"), ("❤", "❤️ it", "💙 it"), ("١٢٣", "Room 123", "Room 124"),
        ("x2", "f(x²)", "f(x)"),
        ("file", "ﬁle found", "life found"), ("שלום", "שָׁלוֹם", "שלג"), ("محمد", "مُحَمَّد", "محمود"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("order", [SearchOrder.NEWEST, SearchOrder.BEST])
async def test_a_word_finds_its_card_and_not_the_newer_one(
    store: Store, words: str, title: str, other: str, order: SearchOrder
) -> None:
    await store_cards(store, make_older(make_card("meant", title=title), hours=1), make_card("other", title=other))
    assert await search_slugs(store, words, order) == ["meant"]


@pytest.mark.parametrize(
    ("words", "slugs"),
    [
        ("chip", ["many", "one", "text"]), ("chips", ["many", "one", "text"]), ("CHIP", ["many", "one", "text"]),
        ('"chip"', ["one"]), ('"chips"', ["many", "text"]), ("chip*", ["many", "one", "text"]),
        ("chips*", ["many", "text"]),
        ("chips -chip", ["many", "text"]), ("nvidia chips", ["one"]), ('"nvidia chips"', []),
        ("-chips nvidia", ["one"]),
        ("disney", ["signed"]), ("disney+", ["signed"]), ('"disney+"', ["signed"]), ('"disney"', []),
    ],
)  # fmt: skip
async def test_single_words_find_other_forms_and_all_else_is_exact(store: Store, words: str, slugs: list[str]) -> None:
    titles = {"many": "Chips everywhere", "one": "A chip of Nvidia", "text": "Prices", "signed": "Disney+"}
    made = [
        make_older(make_card(slug, title=title, excerpt="of chips" if slug == "text" else ""), hours=hours)
        for hours, (slug, title) in enumerate(titles.items())
    ]
    await store_cards(store, *made)
    assert await search_slugs(store, words) == slugs


async def test_another_form_in_the_title_is_a_better_match_than_the_word_in_the_text(store: Store) -> None:
    cards = [
        make_card("text", excerpt="chips"),
        make_older(make_card("topic", topics=("Chip",)), hours=1),
        make_older(make_card("title", title="The chip"), hours=2),
    ]
    await store_cards(store, *cards)
    assert await search_slugs(store, "chips", SearchOrder.BEST) == ["title", "topic", "text"]


async def test_what_is_found_by_another_form_is_said(store: Store) -> None:
    await store_cards(store, make_card("one", title="A chip"), make_card("two", title="Comets"))
    for words, languages in (("chips", ("en",)), ("come", ())):
        (phrase,) = (await store.cards.search_cards(CardQuery(words), 1, limit=1)).phrases
        assert phrase.languages == languages
    assert phrase.endings == ("comets",)


@pytest.mark.parametrize(
    ("words", "is_only"),
    [
        ("-moon", True), ('-"red planet" -mars', True), ("moon -mars", False), ("", False), ("-", False),
        ("- (", False),
        ("--", False), ("-moon (", True),
    ],
)  # fmt: skip
def test_queries_that_only_leave_cards_out(words: str, is_only: bool) -> None:
    assert is_only_exclusions(words) is is_only


async def test_a_neighbour_with_another_language_changes_no_search(store: Store) -> None:
    await store_cards(store, make_card("organ", title="An organ in church"), make_card("pag", title="Pag is an island"))
    queries = ("organizations", "pages", "journaux", "organs", "häuser")
    before = [await search_slugs(store, words) for words in queries]
    source_id = await store.cards.importer.ensure_source(
        SourceKind.FEED, "https://feed.example/rss", is_shared=False, language="fr"
    )
    assert source_id == await add_feed(store)
    await follow_feed(store, 2, source_id)
    await store_items(store, source_id, make_item("pages", title="Les pages des journaux"))
    assert [await search_slugs(store, words) for words in queries] == before
