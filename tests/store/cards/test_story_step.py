"""Stories of everybody's cards, from a load to the post."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from bot.cards.model import Card, CardState, Provider, RelatedArticle
from bot.store import Store, open_store
from bot.store.cards import story_step
from bot.store.cards.story_batch import StoryBatch
from bot.store.database import Database, open_database
from bot.store.tables import cards, story_texts, story_words, word_counts
from tests.support.cards import NOW, make_card, store_cards
from tests.support.follows import HERE, plan, post_due, subscribe
from tests.support.stores import new_database, url_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
COMET = "Comet Halley nears planet Earth tonight"
MORE = "Astronomers expect comet Halley near Earth tonight"


def tell(slug: str, title: str = COMET, publisher: str = "", **fields: Any) -> Card:
    """A card of a publisher that is its own unless given."""
    after = fields.pop("after", timedelta())
    name = publisher or f"Publisher {slug}"
    usual = {"provider": Provider(name), "published_at": NOW - DAY + after, "url": f"https://{slug}.example/{slug}"}
    return make_card(slug, title=title, **(usual | {"aliases": (f"{slug}.example/a/{slug}",)} | fields))


async def tell_all(store: Store) -> None:
    while await store.cards.stories.assign_pending():
        pass


async def load_stories(database: Database) -> dict[str, str]:
    """The slug of the card that each card's story goes by."""
    async with database.begin_read() as connection:
        rows = (await connection.execute(select(cards.c.id, cards.c.slug, cards.c.story_id))).all()
    slugs = {card_id: slug for card_id, slug, _ in rows}
    return {slug: slugs[story] if story else "" for _, slug, story in rows}


async def stories_of(store: Store, database: Database, *loaded: Card) -> list[str]:
    await store_cards(store, *loaded)
    await tell_all(store)
    found = await load_stories(database)
    return [found[card.slug] for card in loaded]


@pytest.fixture
async def database(store: Store, tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(url_of(tmp_path / "newsdesk.db")) as opened:
        yield opened


async def test_cards_of_one_story_make_one_post_whatever_publisher_brings_it(store: Store) -> None:
    await subscribe(store, HERE, 10)
    await store_cards(store, tell("one"))
    await plan(store)
    assert await post_due(store, 10) == [("post", ("one",))]
    await store_cards(store, tell("two", MORE, after=HOUR), tell("other", "Leaders meet in Paris about trade tariffs"))
    await plan(store)
    assert await post_due(store, 10) == [("edit", ("one", "two")), ("post", ("other",))]


async def test_a_daily_briefing_makes_a_post_each_day(store: Store) -> None:
    await subscribe(store, HERE, 10)
    for day in range(7):
        now = NOW + day * DAY
        briefing = tell(f"day-{day}", "Morning briefing", "The Paper", published_at=now - HOUR, excerpt="What matters")
        await store_cards(store, briefing, now=now)
        await plan(store, now)
        assert await post_due(store, 10, now) == [("post", (f"day-{day}",))]


async def test_a_publisher_has_one_card_in_a_story(store: Store, database: Database) -> None:
    report, later = "Market report of the stock exchange", "Market report of the stock exchange, evening"
    assert await stories_of(
        store,
        database,
        tell("first", report, "A", excerpt="Shares rise"),
        tell("changed", report, "A", excerpt="Shares fall", after=3 * HOUR),
        tell("evening", later, "A", excerpt="Shares fall", after=6 * HOUR),
        tell("next", report, "A", excerpt="Shares rise", after=DAY),
        tell("linked", "An altogether different title", "A", after=DAY, aliases=("first.example/a/first",)),
    ) == ["first", "first", "evening", "next", "first"]


async def test_addresses_and_related_come_first(store: Store, database: Database) -> None:
    listing = (RelatedArticle("Other", "https://listed.example/a/listed"),)
    assert await stories_of(
        store,
        database,
        tell("listed", "Leaders meet in Paris"),
        tell("like", COMET),
        tell("listing", COMET, related=listing, after=HOUR),
        tell("late", "Leaders met in Paris", related=listing, after=-8 * DAY),
    ) == ["listed", "like", "listed", "late"]


@pytest.mark.slow
@pytest.mark.parametrize("loads", [1, 7, 20])
async def test_loads_of_any_size_in_order_of_time_give_the_same_stories(
    tmp_path: Path, loads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(story_step, "BATCH", 7)
    stream = make_stream(60)
    at_once, in_parts = [await tell_in_loads(tmp_path / f"{size}.db", stream, size) for size in (60, loads)]
    assert at_once == in_parts
    assert 10 < len(set(at_once.values())) < 50, "some cards share a story"


def make_stream(number: int) -> list[Card]:
    dice, words = random.Random(7), [f"{start}{end}ax" for start in "bcdfghjklmnp" for end in ("anor", "elim", "upat")]
    words += [f"{word}ov" for word in words] + [f"{word}um" for word in words]
    subjects = [dice.sample(words, 5) for _ in range(25)]
    return [
        tell(
            f"c{place:02}",
            " ".join([*dice.sample(dice.choice(subjects), 4), *dice.sample(words, 2)]),
            f"P{dice.randrange(30)}",
            excerpt=" ".join(dice.sample(words, 6)),
            after=timedelta(hours=2 * place) - 5 * DAY,
        )
        for place in range(number)
    ]


async def tell_in_loads(path: Path, stream: Sequence[Card], size: int) -> dict[str, str]:
    url = new_database(path)
    async with open_store(url) as store, open_database(url) as database:
        for start in range(0, len(stream), size):
            await store_cards(store, *stream[start : start + size])
            await tell_all(store)
        return await load_stories(database)


async def test_after_a_failure_in_the_middle_the_stories_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = make_stream(40)
    whole = await tell_in_loads(tmp_path / "whole.db", stream, 40)
    monkeypatch.setattr(story_step, "BATCH", 9)
    url = new_database(tmp_path / "broken.db")
    async with open_store(url) as store, open_database(url) as database:
        await store_cards(store, *stream)
        await store.cards.stories.assign_pending()
        with monkeypatch.context() as broken:
            broken.setattr(StoryBatch, "_save_links", fail_hard)
            with pytest.raises(KeyboardInterrupt):
                await store.cards.stories.assign_pending()
        await store_cards(store, *stream)
        await tell_all(store)
        assert await load_stories(database) == whole


async def fail_hard(_: StoryBatch) -> None:
    raise KeyboardInterrupt


async def test_a_card_for_which_the_step_fails_is_posted_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await subscribe(store, HERE, 10)
    await store_cards(store, tell("one"), tell("two", MORE, after=HOUR), tell("bad", "A third title of its own"))
    weigh = StoryBatch._weigh_cards

    async def fail_for_one(batch: StoryBatch) -> Any:
        if any("third" in each.text.title for each in batch._pending):
            raise ValueError("not this one")
        return await weigh(batch)

    monkeypatch.setattr(StoryBatch, "_weigh_cards", fail_for_one)
    await plan(store)
    assert sorted(await post_due(store, 10)) == [("post", ("bad",)), ("post", ("one", "two"))]


async def test_a_plan_leaves_cards_whose_stories_are_not_told_to_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await subscribe(store, HERE, 10)
    await store_cards(store, tell("one"), tell("other", "Leaders meet in Paris about trade tariffs"))
    with monkeypatch.context() as slow:
        slow.setattr(story_step.StoryStep, "assign_pending", assign_nothing)
        assert await plan(store) == 0
    assert await plan(store) == 2


async def assign_nothing(_: story_step.StoryStep) -> int:
    return 0


async def test_a_new_title_judges_a_card_again_until_it_is_posted(store: Store, database: Database) -> None:
    await subscribe(store, HERE, 10)
    other = "Leaders meet in Paris about trade tariffs"
    assert await stories_of(store, database, tell("one"), tell("two", MORE, after=HOUR)) == ["one", "one"]
    assert await stories_of(store, database, tell("one", other), tell("three", MORE, after=2 * HOUR)) == ["one", "two"]
    await plan(store)
    await post_due(store, 10)
    assert await stories_of(store, database, tell("two", other, after=HOUR)) == ["two"]
    assert (await load_stories(database))["three"] == "two"


async def test_an_edit_of_the_text_alone_keeps_the_story_and_counts_no_word_twice(
    store: Store, database: Database
) -> None:
    await stories_of(store, database, tell("one"), tell("two", MORE, after=HOUR))
    before = await count_words(database)
    assert await stories_of(store, database, tell("two", MORE, after=HOUR, excerpt="Comet")) == ["one"]
    assert await count_words(database) == before


async def count_words(database: Database) -> list[Any]:
    async with database.begin_read() as connection:
        query = select(word_counts.c.word, word_counts.c.count).order_by(word_counts.c.word)
        return list((await connection.execute(query)).all())


async def test_cards_that_had_a_story_before_keep_it_and_are_joined(store: Store, database: Database) -> None:
    """A store of an earlier version: its cards have stories, and are found by their words from now on."""
    await stories_of(store, database, tell("one"), tell("kept", "Leaders meet in Paris"))
    async with database.begin_write() as connection:
        one = select(cards.c.id).where(cards.c.slug == "one").scalar_subquery()
        await connection.execute(update(cards).values(needs_story=True, story_id=one))
    assert await stories_of(store, database, tell("new", MORE, after=HOUR)) == ["one"]
    assert (await load_stories(database))["kept"] == "one"


async def test_texts_are_kept_for_as_long_as_cards_are_compared(store: Store, database: Database) -> None:
    await store_cards(store, tell("old", after=-40 * DAY), tell("new"))
    await store.cards.stories.delete_old(NOW)
    await tell_all(store)
    await store.cards.stories.delete_old(NOW)
    async with database.begin_read() as connection:
        assert (await connection.execute(select(func.count()).select_from(story_texts))).scalar_one() == 1
        assert (await connection.execute(select(func.count(story_words.c.card_id.distinct())))).scalar_one() == 1
        words = (await connection.execute(select(func.count()).select_from(word_counts))).scalar_one()
    await store.cards.stories.delete_old(NOW + 365 * DAY)
    assert words > 5
    assert await count_words(database) == []


@pytest.mark.slow
async def test_hostile_titles_are_told_apart_without_harm(store: Store, database: Database) -> None:
    assert await stories_of(
        store,
        database,
        tell("empty", " "),
        tell("blank", "\u200b", after=HOUR),
        tell("huge", "comet " * 200_000, excerpt="tail " * 200_000),
        tell("marks", "…!? — «»", after=HOUR),
        tell("withdrawn", state=CardState.WITHDRAWN),
    ) == ["empty", "blank", "huge", "marks", ""]


@pytest.mark.slow
async def test_very_many_cards_of_one_title_make_stories_of_limited_size(store: Store, database: Database) -> None:
    copies = [tell(f"copy-{number}", after=number * timedelta(minutes=1)) for number in range(150)]
    found = await stories_of(store, database, *copies)
    sizes = [found.count(story) for story in dict.fromkeys(found)]
    assert sizes == [30] * 5


async def test_stories_in_other_scripts_and_languages(store: Store, database: Database) -> None:
    assert await stories_of(
        store,
        database,
        tell("de", "Bundesregierung beschließt Gesetz für erneuerbare Energien"),
        tell("de-2", "Gesetz für erneuerbare Energien von der Bundesregierung beschlossen", after=HOUR),
        tell("zh", "苹果公司今天发布新款笔记本电脑"),
        tell("zh-2", "苹果公司发布新款笔记本电脑和平板", after=HOUR),
        tell("ja", "東京株式市場で日経平均が大幅上昇"),
        tell("ja-2", "日経平均が大幅上昇、東京株式市場", after=HOUR),
    ) == ["de", "de", "zh", "zh", "ja", "ja"]


async def test_cards_that_list_a_withdrawn_one_tell_its_story(store: Store, database: Database) -> None:
    first = tell("first", "A harbour opens its new lighthouse")
    await stories_of(store, database, first)
    await stories_of(store, database, replace(first, state=CardState.WITHDRAWN))
    listed = (RelatedArticle(first.title, f"https://{first.aliases[0]}", "Another"),)
    later = (
        tell("second", "Ships praise a beam seen far away", related=listed, after=HOUR),
        tell("third", "Electricians finish early in the port", related=listed, after=2 * HOUR),
    )
    assert await stories_of(store, database, *later) == ["first", "first"]
