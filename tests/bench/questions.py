"""What readers ask of a large store, and what bare SQL would ask for the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from bot.domain.search_query import parse_query
from bot.store.cards.card_query import CardQuery, SearchOrder, TimelineCursor
from bot.store.cards.card_search import RANKED as HITS
from bot.store.cards.repository import CardRepository
from bot.store.cards.rows import compute_sort_key
from bot.store.cards.spell_suggestions import SpellingSuggester
from bot.store.search import indexes_for_dialect
from tests.bench.cards import COMMON, PROVIDERS, RARE_TOPIC, SPAN, START, TOPICS, WORDS

GUILD, LIMIT = 1, 10


@dataclass(frozen=True, slots=True)
class BenchQuery:
    """One way to ask the archive, and what bare SQL would ask. `barred` ones have to keep the bars."""

    name: str
    run_query: Callable[[CardRepository, int], Awaitable[Any]]
    sql: str
    values: Callable[[int], tuple[Any, ...]]
    barred: bool = True


_BM25 = "bm25(card_search, 10.0, 4.0, 3.0, 1.0, 0.0)"
_SEEN = "coalesce((SELECT verdict FROM decisions d WHERE d.guild_id = 1 AND d.card_id = c.id), c.state) = 'published'"
_MATCH = f"SELECT c.* FROM card_search s JOIN cards c ON c.sort_key = -s.rowid WHERE card_search MATCH ? AND {_SEEN}"
_NEWEST = f"{_MATCH} ORDER BY s.rowid LIMIT 11"
_LATEST = f"SELECT c.* FROM cards c WHERE {_SEEN} ORDER BY c.sort_key DESC LIMIT 11"
_OF_TOPIC = (
    "SELECT c.* FROM card_topics t JOIN cards c ON c.id = t.card_id WHERE t.topic_id = "
    f"(SELECT id FROM topics WHERE key = ?) AND {_SEEN} ORDER BY t.sort_key DESC LIMIT 11"
)
_TOPICS = (
    "SELECT name, published_count FROM topics WHERE key LIKE ? OR key LIKE ? ORDER BY published_count DESC LIMIT 25"
)
_RANKED = {
    SearchOrder.NEWEST: _NEWEST,
    SearchOrder.BEST: f"SELECT * FROM (SELECT c.*, {_BM25} r FROM card_search s JOIN cards c ON c.sort_key = -s.rowid "
    f"WHERE card_search MATCH ? AND {_SEEN} ORDER BY s.rowid LIMIT 500) ORDER BY r LIMIT 11",
    SearchOrder.HOTTEST: f"SELECT * FROM ({_MATCH} ORDER BY s.rowid LIMIT 500) ORDER BY heat DESC LIMIT 11",
}
_NEAR = "SELECT word FROM known_words WHERE initial = ? AND length BETWEEN ? - 2 AND ? + 2 LIMIT 5000"


@dataclass(frozen=True, slots=True)
class PageRange:
    """Pages from many places: from which share of all the time on, over how much of it, and whether to newer cards."""

    since: float
    over: float
    newer: bool = False

    def make_cursor(self, n: int) -> TimelineCursor:
        return TimelineCursor(
            compute_sort_key(START + SPAN * (self.since + self.over * (n % 97) / 97), n), newer=self.newer
        )

    def bare_sql(self, sql: str, place: str) -> str:
        start, _, order = sql.partition(" ORDER BY ")
        older, newer, back = _SIDES[place]
        return (
            f"{start} AND {newer} ORDER BY {back} LIMIT 11" if self.newer else f"{start} AND {older} ORDER BY {order}"
        )


_SIDES = {
    "s.rowid": ("s.rowid > -?", "s.rowid < -?", "s.rowid DESC"),
    "c.sort_key": ("c.sort_key < ?", "c.sort_key > ?", "c.sort_key"),
    "t.sort_key": ("t.sort_key < ?", "t.sort_key > ?", "t.sort_key"),
}
"""The older cards and the newer ones, and the order to these."""
_TURNS = {
    "next page": PageRange(0.97, 0.03),
    "deep page": PageRange(0.03, 0.94),
    "deep page, back": PageRange(0.03, 0.94, newer=True),
}
_PAGES = {"second page": LIMIT, "late page": HITS // 3, "page behind the last": HITS}
"""Late is where best matches have to be looked for in every tier; behind the last is beyond all that is ranked."""
COUNTED = 51
_RECENT = START + SPAN - timedelta(days=30)


def _common_word(n: int) -> str:
    return COMMON[n % len(COMMON)]


_TURNED: dict[str, Callable[[int], CardQuery]] = {
    "a common word": lambda n: CardQuery(_common_word(n)),
    "two words": lambda n: CardQuery(f"{_common_word(n)} {WORDS[n % 30]}"),
    "a word of a provider": lambda n: CardQuery(_common_word(n), provider=PROVIDERS[n % 90]),
}
_QUERIES: dict[str, Callable[[int], CardQuery]] = {
    "a rare word": lambda n: CardQuery(WORDS[-1 - n % 40]),
    **_TURNED,
    "two letters": lambda n: CardQuery(_common_word(n)[:2]),
    "a topic": lambda n: CardQuery(topic=TOPICS[n % 60]),
    "a word in a topic": lambda n: CardQuery(_common_word(n), topic=TOPICS[n % 60]),
    "common in a rare topic": lambda n: CardQuery(_common_word(n), topic=RARE_TOPIC),
    "a word since a month": lambda n: CardQuery(_common_word(n), since=_RECENT),
    "a word in videos": lambda n: CardQuery(_common_word(n), type="video"),
    "a word until a month ago": lambda n: CardQuery(_common_word(n), until=_RECENT),
}
_NOTHING: dict[str, Callable[[int], CardQuery]] = {
    "nothing, a misspelled word": lambda n: CardQuery(misspell_word(n)),
    "nothing, a common word and a misspelled one": lambda n: CardQuery(f"{_common_word(n)} {misspell_word(n)}"),
    "nothing, a misspelled word and a common one": lambda n: CardQuery(f"{misspell_word(n)} {_common_word(n)}"),
    "nothing, a common word in a topic that is none": lambda n: CardQuery(_common_word(n), topic="Nowhere"),
}
"""A search without hits must not take longer than one with them."""
_LISTS: dict[str, Callable[[int], str | None]] = {
    "latest": lambda _: None,
    "latest of a topic": lambda n: TOPICS[n % 60],
    "latest of a rare topic": lambda _: RARE_TOPIC,
}


def card_queries(guild_id: int = GUILD) -> list[BenchQuery]:
    return [
        *(_search_query(guild_id, order, what) for order in SearchOrder for what in (*_QUERIES, *_NOTHING)),
        *(_search_query(guild_id, SearchOrder.NEWEST, what, turn) for turn in _TURNS for what in _TURNED),
        *(
            _search_query(guild_id, order, what, page)
            for order in (SearchOrder.BEST, SearchOrder.HOTTEST)
            for page in _PAGES
            for what in _TURNED
        ),
        *(_count_query(guild_id, what) for what in (*_QUERIES, *_NOTHING)),
        *(_latest_query(guild_id, what) for what in _LISTS),
        *(_latest_query(guild_id, what, turn) for turn in _TURNS for what in _LISTS),
        BenchQuery("latest, and their stories", lambda a, n: _list_stories(a, guild_id, n), _LATEST, lambda _: ()),
        BenchQuery(
            "cards by three letters",
            lambda a, n: a.complete_cards(_common_word(n)[:3], guild_id, limit=25),
            _NEWEST.replace("11", "25"),
            lambda n: (f'"{_common_word(n)[:3]}"*',),
        ),
        BenchQuery(
            "cards by four letters",
            lambda a, n: a.complete_cards(_common_word(n)[:4], guild_id, limit=25),
            _NEWEST.replace("11", "25"),
            lambda n: (f'"{_common_word(n)[:4]}"*',),
        ),
        BenchQuery(
            "cards by a common word",
            lambda a, n: a.complete_cards(_common_word(n), guild_id, limit=25),
            _NEWEST.replace("11", "25"),
            lambda n: (f'"{_common_word(n)}"*',),
        ),
    ]


def _search_query(guild_id: int, order: SearchOrder, what: str, page: str = "") -> BenchQuery:
    query, turn, offset = (_QUERIES | _NOTHING)[what], _TURNS.get(page), _PAGES.get(page, 0)
    bare = turn.bare_sql(_RANKED[order], "s.rowid") if turn else f"{_RANKED[order]} OFFSET {offset}"

    def run_query(archive: CardRepository, n: int) -> Awaitable[Any]:
        cursor = turn.make_cursor(n) if turn else None
        return archive.search_cards(replace(query(n), order=order), guild_id, limit=LIMIT, cursor=cursor, offset=offset)

    def values(n: int) -> tuple[Any, ...]:
        match = indexes_for_dialect("sqlite").shared.build_query(parse_query(query(n).words), query(n).to_tags())
        return (match, turn.make_cursor(n).sort_key) if turn else (match,)

    return BenchQuery(f"{order}{page and ', '}{page}: {what}", run_query, bare, values)


def _count_query(guild_id: int, what: str) -> BenchQuery:
    """A page, and how many hits there are."""
    query = (_QUERIES | _NOTHING)[what]

    async def run_query(archive: CardRepository, n: int) -> Any:
        return await archive.count_hits(await archive.search_cards(query(n), guild_id, limit=LIMIT), limit=COUNTED)

    sql = _NEWEST.replace("11", str(COUNTED)).replace("SELECT c.*", "SELECT count(*) FROM (SELECT c.id") + ")"
    return BenchQuery(
        f"newest and their count: {what}", run_query, sql, _search_query(guild_id, SearchOrder.NEWEST, what).values
    )


async def _list_stories(archive: CardRepository, guild_id: int, n: int) -> Any:
    page = await archive.list_latest(guild_id, limit=LIMIT, cursor=_TURNS["deep page"].make_cursor(n))
    return await archive.fetch_story_members([card.id for card in page.cards], guild_id)


def _latest_query(guild_id: int, what: str, page: str = "") -> BenchQuery:
    topic, turn = _LISTS[what], _TURNS.get(page)
    sql, place = (_LATEST, "c.sort_key") if what == "latest" else (_OF_TOPIC, "t.sort_key")

    def run_query(archive: CardRepository, n: int) -> Awaitable[Any]:
        return archive.list_latest(guild_id, topic=topic(n), limit=LIMIT, cursor=turn.make_cursor(n) if turn else None)

    def values(n: int) -> tuple[Any, ...]:
        name, place = topic(n), turn.make_cursor(n).sort_key if turn else None
        return tuple(value for value in (name and name.casefold(), place) if value is not None)

    return BenchQuery(f"{what}{page and ', '}{page}", run_query, turn.bare_sql(sql, place) if turn else sql, values)


def name_queries(guild_id: int = GUILD) -> list[BenchQuery]:
    def topic(n: int) -> str:
        return TOPICS[n % 300][: 1 + n % 4]

    def provider(n: int) -> str:
        return PROVIDERS[n % 90][:2]

    return [
        BenchQuery("topics by their beginning", lambda a, n: a.list_topics(guild_id, topic(n), limit=25),
                 _TOPICS, lambda n: (f"{topic(n)}%", f"% {topic(n)}%")),
        BenchQuery("topics, the largest", lambda a, _: a.list_topics(guild_id, limit=25),
                 _TOPICS, lambda _: ("%", "%")),
        BenchQuery("providers by their beginning", lambda a, n: a.list_providers(guild_id, provider(n), limit=25),
                 _TOPICS.replace("topics", "providers"), lambda n: (f"{provider(n)}%", "")),
    ]  # fmt: skip


def misspell_word(n: int) -> str:
    """A word that no card has: two letters in its middle are swapped."""
    word = WORDS[n % len(WORDS)]
    return word[:3] + word[4] + word[3] + word[5:]


def spelling_queries(speller: SpellingSuggester, guild_id: int = GUILD) -> list[BenchQuery]:
    def near(n: int) -> tuple[Any, ...]:
        return (misspell_word(n)[0], len(misspell_word(n)), len(misspell_word(n)))

    def one(_: CardRepository, n: int) -> Awaitable[Any]:
        return speller.suggest_query(CardQuery(misspell_word(n)), guild_id)

    def two(_: CardRepository, n: int) -> Awaitable[Any]:
        return speller.suggest_query(
            CardQuery(f"{misspell_word(n)} {_common_word(n)} {misspell_word(n + 7)}"), guild_id
        )

    return [
        BenchQuery("did you mean: a misspelled word", one, _NEAR, near, barred=False),
        BenchQuery("did you mean: two, and a common word", two, _NEAR, near, barred=False),
    ]
