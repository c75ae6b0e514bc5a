"""How well and how fast cards are told apart into stories, through the store and its planning.

python -m tests.bench.stories [STREAM PAIRS]   judge by a stream of items and pairs of them; exit 1 below the bars
python -m tests.bench.stories --fill CARDS     time a card in a store of so many

STREAM holds one item a line, in order of time within an archive: `repo`, `d` (time), `t` (title), `e` (excerpt), `u`
(address), `p` (publisher). PAIRS holds `repo`, `weight`, `same`, and `a` and `b` as items, or as the SHA-256 of their
titles. Without them, a small stream of our own is judged.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any
from unittest.mock import patch

from sqlalchemy import insert, select

from bot.cards.model import Card, CardState, ParseResult, Provider, SourceItem, SourceKind
from bot.domain import story_clustering, story_matching
from bot.domain.publishers import story_publisher
from bot.domain.story_matching import SAME_STORY, Report, StoryCard, weigh_words
from bot.domain.story_text import read_story_text
from bot.store import Store, open_store
from bot.store.cards import server_stories, story_batch
from bot.store.cards.importer import BATCH
from bot.store.cards.rows import card_to_row, compute_sort_key
from bot.store.cards.search_entries import SHARED
from bot.store.cards.story_candidates import WordIndex
from bot.store.cards.story_step import StoryStep
from bot.store.database import Database, open_database
from bot.store.tables import cards, word_counts
from tests.bench.cards import START, make_random, make_sentence
from tests.bench.table import format_verdict, print_table

OWN = Path(__file__).parent / "story_stream"
MIN_PRECISION, MIN_RECALL = 0.90, 0.68
"""By weight."""
CARD_BAR = 1.0
"""Milliseconds of CPU that a card of a batch may take."""
STEPS = (-40, -20, 0, 20, 40)
"""Thresholds that are tried, from the one that is shipped, in thousandths."""
MERGES = 50
LOADED_DAYS = timedelta(days=3)
FILLED_AT_ONCE, FILLED_SPAN, TEXTS_KEPT = 5000, timedelta(days=180), timedelta(days=30)
NEW_CARDS, MINUTE = 2000, timedelta(minutes=1)

Item = Mapping[str, Any]


def read_lines(path: Path) -> list[Item]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def title_key(item: Item | str) -> str:
    """Name an item as pairs do that do not contain it."""
    return item if isinstance(item, str) else hashlib.sha256(item["t"].encode()).hexdigest()


def make_card(number: int, item: Item) -> Card:
    published_at = datetime.fromisoformat(item["d"])
    return Card(
        slug=f"items/{number}",
        title=item["t"],
        excerpt=item.get("e") or "",
        published_at=published_at if published_at.tzinfo else published_at.replace(tzinfo=UTC),
        url=f"https://{item['u']}" if item.get("u") else None,
        state=CardState.PUBLISHED,
        provider=Provider(item["p"]) if item.get("p") else None,
        aliases=(item["u"],) if item.get("u") else (),
    )


async def tell_stories(items: Sequence[Item]) -> list[int]:
    """Feed the items of one archive to a new store, in order, and return the story of each."""
    with TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{folder}/stories.db"
        made = [make_card(number, item) for number, item in enumerate(items)]
        async with open_store(url) as store, open_database(url) as database:
            source = await store.cards.importer.ensure_source(SourceKind.FEED, "https://archive.example")
            step = StoryStep(database)
            for load in cut_loads(made):
                await import_cards(store, source, load)
                while await step.assign_pending():
                    pass
            stories = await load_stories(database)
    return [stories[card.slug] for card in made]


def cut_loads(made: Sequence[Card]) -> Iterator[Sequence[Card]]:
    """Yield the cards as they would be loaded, some days at a time."""
    start = 0
    for end in range(1, len(made) + 1):
        if end == len(made) or end - start == BATCH or made[end].published_at - made[start].published_at > LOADED_DAYS:
            yield made[start:end]
            start = end


async def import_cards(store: Store, source_id: int, batch: Sequence[Card]) -> None:
    read = [(SourceItem(card.slug, "1"), ParseResult(card)) for card in batch]
    now = max(card.published_at for card in batch)
    await store.cards.importer.import_batch(source_id, read, vanished=(), now=now, withdraw=True)


async def load_stories(database: Database) -> dict[str, int]:
    async with database.begin_read() as connection:
        return dict((await connection.execute(select(cards.c.slug, cards.c.story_id))).all())


@dataclass(slots=True)
class Score:
    """Sums over pairs: told to be one story and rightly so, wrongly so, and not told though they are."""

    right: float = 0
    wrong: float = 0
    missed: float = 0

    def add(self, *, together: bool, same: bool, weight: float) -> None:
        self.right += weight * (together and same)
        self.wrong += weight * (together and not same)
        self.missed += weight * (not together and same)

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong or 1)

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed or 1)


@dataclass(slots=True)
class Judgement:
    """What a threshold makes of the stream."""

    by_weight: Score
    by_pair: Score
    wrong: list[tuple[str, str]]
    stories: dict[str, list[int]]

    @property
    def posts(self) -> int:
        return sum(len(set(found)) for found in self.stories.values())


async def judge(stream: Mapping[str, Sequence[Item]], pairs: Sequence[Item], threshold: int) -> Judgement:
    related = min(threshold, story_matching.RELATED)
    with (
        patch.object(story_clustering, "SAME_STORY", threshold),
        patch.object(server_stories, "SAME_STORY", threshold),
        patch.object(story_batch, "RELATED", related),
    ):
        stories = {archive: await tell_stories(items) for archive, items in stream.items()}
    homes: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    titles: dict[str, str] = {}
    for archive, items in stream.items():
        for item, story in zip(items, stories[archive], strict=True):
            homes[archive, title_key(item)].add(story)
            titles[title_key(item)] = item["t"]
    found = Judgement(Score(), Score(), [], stories)
    for pair in pairs:
        one, other = (title_key(pair[side]) for side in ("a", "b"))
        together = bool(homes[pair["repo"], one] & homes[pair["repo"], other])
        found.by_weight.add(together=together, same=pair["same"], weight=pair["weight"])
        found.by_pair.add(together=together, same=pair["same"], weight=1)
        if together and not pair["same"]:
            found.wrong.append((titles.get(one, one), titles.get(other, other)))
    return found


def group_by_archive(items: Iterable[Item]) -> dict[str, list[Item]]:
    found: defaultdict[str, list[Item]] = defaultdict(list)
    for item in items:
        found[item["repo"]].append(item)
    return {archive: found[archive] for archive in sorted(found)}


def print_merges(stream: Mapping[str, Sequence[Item]], stories: Mapping[str, Sequence[int]]) -> None:
    """Print some cards beside the one before it in their story, to be read."""
    merges = []
    for archive, items in stream.items():
        last: dict[int, Item] = {}
        for item, story in zip(items, stories[archive], strict=True):
            if story in last:
                merges.append((archive, last[story], item))
            last[story] = item
    chosen = random.Random(1).sample(merges, min(MERGES, len(merges)))
    print(f"\n{len(chosen)} of {len(merges)} merges, to be read:")
    for archive, one, other in chosen:
        print(f"  {archive}: {one['t']}  [{one['p']}, {one['d']}]\n      + {other['t']}  [{other['p']}, {other['d']}]")


async def judge_stream(stream_path: Path, pairs_path: Path) -> bool:
    """Print how well the stories of a stream are told. Returns whether that is well enough."""
    stream, pairs = group_by_archive(read_lines(stream_path)), read_lines(pairs_path)
    rows, shipped = [], None
    for step in STEPS:
        found = await judge(stream, pairs, SAME_STORY + step)
        shipped = found if step == 0 else shipped
        weighted, plain = found.by_weight, found.by_pair
        rows.append(
            [
                f"{(SAME_STORY + step) / 1000:.3f}{' (shipped)' if step == 0 else ''}",
                *(f"{figure:.3f}" for figure in (weighted.precision, weighted.recall, plain.precision, plain.recall)),
                str(found.posts),
            ]
        )
    assert shipped is not None
    items = sum(map(len, stream.values()))
    print_table(["threshold", "P weighted", "R weighted", "P", "R", "stories"], rows)
    print(f"\n{items} items make {shipped.posts} posts: {1 - shipped.posts / max(items, 1):.0%} saved")
    print(
        "false pairs:", *(f"\n  {one}\n      + {other}" for one, other in shipped.wrong) if shipped.wrong else ["none"]
    )
    print_merges(stream, shipped.stories)
    is_good = shipped.by_weight.precision >= MIN_PRECISION and shipped.by_weight.recall >= MIN_RECALL
    print("ok" if is_good else "BELOW")
    return is_good


def make_filler(number: int, published_at: datetime) -> Card:
    dice = make_random(number)
    return Card(
        slug=f"filler/{number}",
        title=make_sentence(dice, 10),
        excerpt=make_sentence(dice, 25),
        published_at=published_at,
        state=CardState.PUBLISHED,
        provider=Provider(f"Publisher {number % 997}"),
    )


async def fill_store(database: Database, number: int) -> None:
    """Put so many cards into a store in bulk, with what is kept of the texts of recent ones."""
    counter: Counter[str] = Counter()
    for start in range(0, number, FILLED_AT_ONCE):
        numbers = range(start, min(start + FILLED_AT_ONCE, number))
        made = [make_filler(each, START - FILLED_SPAN * (1 - each / number)) for each in numbers]
        rows = [
            card_to_row(card)
            | {"id": each + 1, "sort_key": compute_sort_key(card.published_at, each + 1), "story_id": each + 1}
            | {"file_missing": False, "needs_planning": False, "needs_story": False}
            for each, card in zip(numbers, made, strict=True)
        ]
        recent = [
            (row["id"], card) for row, card in zip(rows, made, strict=True) if card.published_at > START - TEXTS_KEPT
        ]
        texts = []
        for card_id, card in recent:
            text = read_story_text(card.title, card.excerpt)
            counter.update(text.words)
            weighed = weigh_words(text, counter.total() / 30, counter.__getitem__)
            texts.append(
                StoryCard(card_id, Report(story_publisher(card), card.published_at, text.title), weighed, text.numbers)
            )
        async with database.begin_write() as connection:
            await connection.execute(insert(cards), rows)
            await WordIndex(connection).save_cards(texts)
    async with database.begin_write() as connection:
        counts = [
            {"source_id": SHARED, "word": word, "count": count, "counted_at": START}
            for word, count in [("", counter.total() / 30), *sorted(counter.items())]
        ]
        await connection.execute(insert(word_counts), counts)


async def time_cards(number: int) -> bool:
    """Print the CPU time that a new card takes in a batch. Returns whether that is little enough."""
    with TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{folder}/stories.db"
        async with open_store(url) as store, open_database(url) as database:
            await fill_store(database, number)
            source = await store.cards.importer.ensure_source(SourceKind.FEED, "https://archive.example")
            step, told = StoryStep(database), 0
            made = [make_filler(number + each, START + MINUTE * each / 4) for each in range(NEW_CARDS)]
            for start in range(0, NEW_CARDS, BATCH):
                await import_cards(store, source, made[start : start + BATCH])
            begun = process_time()
            while count := await step.assign_pending():
                told += count
            taken = (process_time() - begun) * 1000 / told
    print(f"{number:,} cards, {told:,} new ones: {taken:.2f} ms of CPU a card; {format_verdict(taken, CARD_BAR)}")
    return taken <= CARD_BAR


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stream", nargs="?", type=Path, default=OWN / "stream.jsonl")
    parser.add_argument("pairs", nargs="?", type=Path, default=OWN / "pairs.jsonl")
    parser.add_argument("--fill", type=int, metavar="CARDS")
    given = parser.parse_args()
    work = time_cards(given.fill) if given.fill else judge_stream(given.stream, given.pairs)
    return 0 if asyncio.run(work) else 1


if __name__ == "__main__":
    sys.exit(main())
