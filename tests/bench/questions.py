"""What readers ask of a large store, and what bare SQL would ask for the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from bot.desk.wording import asked
from bot.store.finding import RANKED as HITS
from bot.store.reading import Archive, Cursor, Order, Query
from bot.store.records import timeline
from bot.store.search.sqlite import Fts5
from bot.store.spelling import Speller
from tests.bench.cards import COMMON, PROVIDERS, RARE_TOPIC, SPAN, START, TOPICS, WORDS

GUILD, LIMIT = 1, 10


@dataclass(frozen=True, slots=True)
class Question:
    """One way to ask the archive, and what bare SQL would ask. `barred` ones have to keep the bars."""

    name: str
    ask: Callable[[Archive, int], Awaitable[Any]]
    sql: str
    values: Callable[[int], tuple[Any, ...]]
    barred: bool = True


_BM25 = "bm25(card_search, 10.0, 4.0, 3.0, 1.0, 0.0)"
_SEEN = "coalesce((SELECT verdict FROM decisions d WHERE d.guild_id = 1 AND d.card_id = c.id), c.state) = 'published'"
_MATCH = f"SELECT c.* FROM card_search s JOIN cards c ON c.timeline = -s.rowid WHERE card_search MATCH ? AND {_SEEN}"
_NEWEST = f"{_MATCH} ORDER BY s.rowid LIMIT 11"
_LATEST = f"SELECT c.* FROM cards c WHERE {_SEEN} ORDER BY c.timeline DESC LIMIT 11"
_OF_TOPIC = (
    "SELECT c.* FROM card_topics t JOIN cards c ON c.id = t.card_id WHERE t.topic_id = "
    f"(SELECT id FROM topics WHERE key = ?) AND {_SEEN} ORDER BY t.timeline DESC LIMIT 11"
)
_TOPICS = "SELECT name, published FROM topics WHERE key LIKE ? OR key LIKE ? ORDER BY published DESC LIMIT 25"
_RANKED = {
    Order.NEWEST: _NEWEST,
    Order.BEST: f"SELECT * FROM (SELECT c.*, {_BM25} r FROM card_search s JOIN cards c ON c.timeline = -s.rowid "
    f"WHERE card_search MATCH ? AND {_SEEN} ORDER BY s.rowid LIMIT 500) ORDER BY r LIMIT 11",
    Order.HOTTEST: f"SELECT * FROM ({_MATCH} ORDER BY s.rowid LIMIT 500) ORDER BY heat DESC LIMIT 11",
}
_NEAR = "SELECT word FROM spellings WHERE initial = ? AND length BETWEEN ? - 2 AND ? + 2 LIMIT 5000"


@dataclass(frozen=True, slots=True)
class Turn:
    """Pages from many places: from which share of all the time on, over how much of it, and whether to newer cards."""

    since: float
    over: float
    newer: bool = False

    def cursor(self, n: int) -> Cursor:
        return Cursor(timeline(START + SPAN * (self.since + self.over * (n % 97) / 97), n), newer=self.newer)

    def bare(self, sql: str, place: str) -> str:
        start, _, order = sql.partition(" ORDER BY ")
        older, newer, back = _SIDES[place]
        return (
            f"{start} AND {newer} ORDER BY {back} LIMIT 11" if self.newer else f"{start} AND {older} ORDER BY {order}"
        )


_SIDES = {
    "s.rowid": ("s.rowid > -?", "s.rowid < -?", "s.rowid DESC"),
    "c.timeline": ("c.timeline < ?", "c.timeline > ?", "c.timeline"),
    "t.timeline": ("t.timeline < ?", "t.timeline > ?", "t.timeline"),
}
"""The older cards and the newer ones, and the order to these."""
_TURNS = {"next page": Turn(0.97, 0.03), "deep page": Turn(0.03, 0.94), "deep page, back": Turn(0.03, 0.94, newer=True)}
_PAGES = {"second page": LIMIT, "late page": HITS // 3}
"""Late is where best matches have to be looked for in every tier."""
_RECENT = START + SPAN - timedelta(days=30)


def _common(n: int) -> str:
    return COMMON[n % len(COMMON)]


_TURNED: dict[str, Callable[[int], Query]] = {
    "a common word": lambda n: Query(_common(n)),
    "two words": lambda n: Query(f"{_common(n)} {WORDS[n % 30]}"),
    "a word of a provider": lambda n: Query(_common(n), provider=PROVIDERS[n % 90]),
}
_QUERIES: dict[str, Callable[[int], Query]] = {
    "a rare word": lambda n: Query(WORDS[-1 - n % 40]),
    **_TURNED,
    "two letters": lambda n: Query(_common(n)[:2]),
    "a topic": lambda n: Query(topic=TOPICS[n % 60]),
    "a word in a topic": lambda n: Query(_common(n), topic=TOPICS[n % 60]),
    "common in a rare topic": lambda n: Query(_common(n), topic=RARE_TOPIC),
    "a word since a month": lambda n: Query(_common(n), since=_RECENT),
    "a word in videos": lambda n: Query(_common(n), kind="video"),
    "a word until a month ago": lambda n: Query(_common(n), until=_RECENT),
}
_LISTS: dict[str, Callable[[int], str | None]] = {
    "latest": lambda _: None,
    "latest of a topic": lambda n: TOPICS[n % 60],
    "latest of a rare topic": lambda _: RARE_TOPIC,
}


def of_cards() -> list[Question]:
    return [
        *(_search(order, what) for order in Order for what in _QUERIES),
        *(_search(Order.NEWEST, what, turn) for turn in _TURNS for what in _TURNED),
        *(_search(order, what, page) for order in (Order.BEST, Order.HOTTEST) for page in _PAGES for what in _TURNED),
        *(_latest(what) for what in _LISTS),
        *(_latest(what, turn) for turn in _TURNS for what in _LISTS),
        Question("cards by three letters", lambda a, n: a.complete_cards(_common(n)[:3], GUILD, limit=25),
                 _NEWEST.replace("11", "25"), lambda n: (f'"{_common(n)[:3]}"*',)),
        Question("cards by four letters", lambda a, n: a.complete_cards(_common(n)[:4], GUILD, limit=25),
                 _NEWEST.replace("11", "25"), lambda n: (f'"{_common(n)[:4]}"*',)),
        Question("cards by a common word", lambda a, n: a.complete_cards(_common(n), GUILD, limit=25),
                 _NEWEST.replace("11", "25"), lambda n: (f'"{_common(n)}"*',)),
    ]  # fmt: skip


def _search(order: Order, what: str, page: str = "") -> Question:
    query, turn, offset = _QUERIES[what], _TURNS.get(page), _PAGES.get(page, 0)
    bare = turn.bare(_RANKED[order], "s.rowid") if turn else f"{_RANKED[order]} OFFSET {offset}"

    def ask(archive: Archive, n: int) -> Awaitable[Any]:
        cursor = turn.cursor(n) if turn else None
        return archive.search(replace(query(n), order=order), GUILD, limit=LIMIT, cursor=cursor, offset=offset)

    def values(n: int) -> tuple[Any, ...]:
        match = Fts5().question(asked(query(n).words), query(n).tags)
        return (match, turn.cursor(n).timeline) if turn else (match,)

    return Question(f"{order}{page and ', '}{page}: {what}", ask, bare, values)


def _latest(what: str, page: str = "") -> Question:
    topic, turn = _LISTS[what], _TURNS.get(page)
    sql, place = (_LATEST, "c.timeline") if what == "latest" else (_OF_TOPIC, "t.timeline")

    def ask(archive: Archive, n: int) -> Awaitable[Any]:
        return archive.latest(GUILD, topic=topic(n), limit=LIMIT, cursor=turn.cursor(n) if turn else None)

    def values(n: int) -> tuple[Any, ...]:
        name, place = topic(n), turn.cursor(n).timeline if turn else None
        return tuple(value for value in (name and name.casefold(), place) if value is not None)

    return Question(f"{what}{page and ', '}{page}", ask, turn.bare(sql, place) if turn else sql, values)


def of_names() -> list[Question]:
    def topic(n: int) -> str:
        return TOPICS[n % 300][: 1 + n % 4]

    def provider(n: int) -> str:
        return PROVIDERS[n % 90][:2]

    return [
        Question("topics by their beginning", lambda a, n: a.topics(GUILD, topic(n), limit=25),
                 _TOPICS, lambda n: (f"{topic(n)}%", f"% {topic(n)}%")),
        Question("topics, the largest", lambda a, _: a.topics(GUILD, limit=25), _TOPICS, lambda _: ("%", "%")),
        Question("providers by their beginning", lambda a, n: a.providers(GUILD, provider(n), limit=25),
                 _TOPICS.replace("topics", "providers"), lambda n: (f"{provider(n)}%", "")),
    ]  # fmt: skip


def misspelled(n: int) -> str:
    """A word that no card has: two letters in its middle are swapped."""
    word = WORDS[n % len(WORDS)]
    return word[:3] + word[4] + word[3] + word[5:]


def spelling(speller: Speller) -> list[Question]:
    def near(n: int) -> tuple[Any, ...]:
        return (misspelled(n)[0], len(misspelled(n)), len(misspelled(n)))

    def one(_: Archive, n: int) -> Awaitable[Any]:
        return speller.meant(Query(misspelled(n)), GUILD)

    def two(_: Archive, n: int) -> Awaitable[Any]:
        return speller.meant(Query(f"{misspelled(n)} {_common(n)} {misspelled(n + 7)}"), GUILD)

    return [
        Question("did you mean: a misspelled word", one, _NEAR, near, barred=False),
        Question("did you mean: two, and a common word", two, _NEAR, near, barred=False),
    ]
