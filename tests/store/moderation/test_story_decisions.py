"""Stories that moderators split and join: what their server sees, posts and gets later; no other sees a trace."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bot.cards.model import Card, Provider, RelatedArticle
from bot.domain.delivery import COVERAGE_EDITS_APART
from bot.domain.follows import FollowPolicy
from bot.domain.moderation import EVERYWHERE, Verdict
from bot.domain.story_change import StoryRefusal
from bot.domain.story_clustering import LARGEST
from bot.domain.subscription import Frequency
from bot.store import Store, open_store
from bot.store.moderation.audit_log import AuditEntry, AuditFilter
from bot.store.transfer.export import EXPORTED
from tests.support.cards import NOW, make_card, make_older, store_cards
from tests.support.edits import make_act
from tests.support.follows import (
    HERE,
    LATER,
    LONG_AGO,
    MAX_AGE,
    THERE,
    add_feed,
    decide,
    follow_feed,
    make_item,
    plan,
    post_due,
    store_items,
    subscribe,
)
from tests.support.reading_walk import read_everything
from tests.support.stores import new_database
from tests.support.stories import join_stories, list_stories, refuse_join, refuse_split, split_card, undo

COMET, FERRY = "Comet Halley nears planet Earth tonight", "Ferry company confirms the sale of its oldest ship"
NAMES = ("ant", "bee", "cat", "dog", "eel")


def tell(name: str, title: str = COMET, **changes: Any) -> Card:
    """A card of everybody's that tells a story, by a publisher of its own; the later in the alphabet, the newer."""
    fields = {"title": title, "provider": Provider(name.capitalize()), "url": f"https://{name}.example/1"} | changes
    return make_older(make_card(name, **fields), days=1 - (ord(name[0]) - ord("a")) / 100)


async def add_story(store: Store, *names: str, title: str = COMET) -> list[int]:
    """Store the cards of one story, and plan."""
    ids = [card_id for name in names for card_id in await store_cards(store, tell(name, title))]
    await plan(store)
    return ids


async def test_a_split_card_leaves_the_post_and_gets_one_of_its_own(store: Store) -> None:
    for channel in (10, 11):
        await subscribe(store, HERE, channel)
    ids = await add_story(store, "ant", "bee", "cat")
    assert await post_due(store, 10) == [("post", ("ant", "bee", "cat"))]
    assert await post_due(store, 11) == [("post", ("ant", "bee", "cat"))]
    await split_card(store, HERE, ids[1])
    for channel in (10, 11):
        assert await post_due(store, channel) == [("edit", ("ant", "cat")), ("post", ("bee",))]
    assert await list_stories(store, HERE) == [{"ant", "cat"}, {"bee"}]
    for _ in range(2):
        assert await plan(store, LATER) == 0
        assert await post_due(store, 10, LATER) == []


async def test_the_post_stays_that_of_its_first_card(store: Store) -> None:
    await subscribe(store, HERE, 10)
    ids = await add_story(store, "ant", "bee", "cat")
    await post_due(store, 10)
    await split_card(store, HERE, ids[0])
    assert await post_due(store, 10) == [("edit", ("ant",)), ("post", ("bee", "cat"))]


async def test_an_old_card_gets_no_post(store: Store) -> None:
    await subscribe(store, HERE, 10)
    ids = await add_story(store, "ant", "bee")
    await post_due(store, 10)
    entry = await split_card(store, HERE, ids[1], LATER, timedelta(minutes=1))
    assert await post_due(store, 10, LATER) == [("edit", ("ant",))]
    # Nor one that a moderator published long ago, whatever changes of it.
    await store_cards(store, tell("bee", excerpt="Changed"), now=LATER)
    await plan(store, LATER)
    assert await post_due(store, 10, LATER) == []
    await undo(store, entry, LATER)
    assert await post_due(store, 10, LATER) == [("edit", ("ant", "bee"))]


async def test_a_split_card_goes_only_where_a_new_one_would(store: Store) -> None:
    await subscribe(store, HERE, 10)
    ids = await add_story(store, "ant", "bee")
    await post_due(store, 10)
    (subscription,) = await store.subscriptions.list_for_guild(HERE)
    await store.subscriptions.remove_subscription(HERE, subscription.id)
    await subscribe(store, HERE, 10, topics=("Sea",))
    await split_card(store, HERE, ids[1])
    assert await post_due(store, 10) == [("edit", ("ant",))]


async def test_joined_again_both_posts_stay_and_list_each_other(store: Store) -> None:
    await subscribe(store, HERE, 10)
    ids = await add_story(store, "ant", "bee", "cat")
    await post_due(store, 10)
    await split_card(store, HERE, ids[1])
    await post_due(store, 10)
    entry = await join_stories(store, HERE, ids[1], ids[0])
    assert await list_stories(store, HERE) == [{"ant", "bee", "cat"}]
    assert await post_due(store, 10) == [("edit", ("ant", "cat", "bee")), ("edit", ("bee", "ant", "cat"))]
    await undo(store, entry)
    assert await list_stories(store, HERE) == [{"ant", "cat"}, {"bee"}]
    assert await post_due(store, 10) == [("edit", ("ant", "cat")), ("edit", ("bee",))]


async def test_a_later_card_is_listed_on_every_post_of_its_story_and_the_others_wait(store: Store) -> None:
    await subscribe(store, HERE, 10)
    ids, ferry = await add_story(store, "ant", "bee"), await add_story(store, "cat", title=FERRY)
    await post_due(store, 10)
    entry = await join_stories(store, HERE, ids[0], ferry[0])
    assert await post_due(store, 10) == [("edit", ("ant", "bee", "cat")), ("edit", ("cat", "ant", "bee"))]
    await store_cards(store, tell("dog"))
    await plan(store)
    assert await post_due(store, 10) == [("edit", ("cat", "dog", "ant", "bee"))]
    # However many come, the other post is edited once in this time.
    await store_cards(store, tell("eel"))
    await plan(store)
    assert await post_due(store, 10) == [("edit", ("cat", "dog", "eel", "ant", "bee"))]
    at = NOW + COVERAGE_EDITS_APART
    assert await store.outbox.queue.next_due_at(NOW) == at
    assert await post_due(store, 10, at) == [("edit", ("ant", "bee", "cat", "dog", "eel"))]
    assert await plan(store, LATER) == 0
    assert await post_due(store, 10, LATER) == []
    await undo(store, entry, LATER)
    assert sorted(await post_due(store, 10, LATER)) == [
        ("edit", ("ant", "bee", "dog", "eel")),
        ("edit", ("cat",)),
    ]


async def test_what_is_listed_on_the_other_posts_goes_with_its_card(store: Store) -> None:
    await subscribe(store, HERE, 10)
    ids, ferry = await add_story(store, "ant"), await add_story(store, "bee", title=FERRY)
    parliament = await add_story(store, "cat", title="Parliament votes on the new budget for schools")
    await post_due(store, 10)
    await join_stories(store, HERE, ids[0], ferry[0])
    await join_stories(store, HERE, ids[0], parliament[0])
    await post_due(store, 10)
    (dog,) = await store_cards(store, tell("dog"))
    await plan(store)
    await post_due(store, 10)
    at = NOW + COVERAGE_EDITS_APART
    await post_due(store, 10, at)
    await decide(store, HERE, dog, Verdict.WITHDRAW)
    await plan(store, LATER)
    assert sorted(await post_due(store, 10, LATER)) == [
        ("edit", ("ant", "bee", "cat")),
        ("edit", ("bee", "ant", "cat")),
        ("edit", ("cat", "ant", "bee")),
    ]


async def test_taking_a_split_back_restores_the_list_and_deletes_nothing(store: Store) -> None:
    await subscribe(store, HERE, 10)
    ids = await add_story(store, "ant", "bee")
    await post_due(store, 10)
    entry = await split_card(store, HERE, ids[1])
    await post_due(store, 10)
    await undo(store, entry)
    assert await list_stories(store, HERE) == [{"ant", "bee"}]
    assert await post_due(store, 10) == [("edit", ("ant", "bee")), ("edit", ("bee", "ant"))]
    # A post that only lists a card is none of that card: it goes with its own.
    await decide(store, HERE, ids[1], Verdict.WITHDRAW)
    await plan(store)
    assert await post_due(store, 10) == [("edit", ("ant",)), ("retract", ())]


async def test_what_was_not_sent_when_a_split_is_taken_back_is_not_sent(store: Store) -> None:
    await subscribe(store, HERE, 10)
    ids = await add_story(store, "ant", "bee")
    await post_due(store, 10)
    entry = await split_card(store, HERE, ids[1])
    await undo(store, entry)
    # As it is in the channel already, so the courier has nothing to do.
    assert await post_due(store, 10) == [("edit", ("ant", "bee"))]
    assert await plan(store, LATER) == 0


async def test_where_one_story_has_a_post_the_list_on_it_follows(store: Store) -> None:
    await subscribe(store, HERE, 10, topics=("Space",))
    comet = await store_cards(store, tell("ant", topics=("Space",)))
    ferry = await store_cards(store, tell("bee", FERRY, topics=("Sea",)))
    await plan(store)
    assert await post_due(store, 10) == [("post", ("ant",))]
    entry = await join_stories(store, HERE, ferry[0], comet[0])
    assert await post_due(store, 10) == [("edit", ("ant", "bee"))]
    await undo(store, entry)
    assert await post_due(store, 10) == [("edit", ("ant",))]
    assert await plan(store, LATER) == 0


async def test_two_stories_that_wait_for_their_posts_get_one(store: Store) -> None:
    await subscribe(store, HERE, 10)
    comet, ferry = await add_story(store, "ant"), await add_story(store, "bee", title=FERRY)
    await join_stories(store, HERE, ferry[0], comet[0])
    assert await post_due(store, 10) == [("post", ("ant", "bee"))]


async def test_later_cards_join_what_they_are_like(store: Store) -> None:
    await subscribe(store, HERE, 10)
    ids = await add_story(store, "ant", "bee")
    await post_due(store, 10)
    await split_card(store, HERE, ids[1])
    await post_due(store, 10)
    # As much like one as like the other: the later one of equals counts, as in every story.
    await add_story(store, "cat")
    assert await list_stories(store, HERE) == [{"bee", "cat"}, {"ant"}]
    assert await list_stories(store, THERE) == [{"ant", "bee", "cat"}]
    assert await post_due(store, 10) == [("edit", ("bee", "cat"))]
    await add_story(store, "dog")
    assert await list_stories(store, HERE) == [{"bee", "cat", "dog"}, {"ant"}]


async def test_later_cards_of_a_followed_source_join_what_they_are_like(store: Store) -> None:
    feed = await add_feed(store)
    for guild in (HERE, THERE):
        await follow_feed(store, guild, feed)
    ids = await add_story(store, "ant", "bee")
    entry = await split_card(store, HERE, ids[1])
    await store_items(store, feed, make_item("own", title=COMET, provider=Provider("Own")))
    await plan(store)
    assert {"own", "bee"} in await list_stories(store, HERE)
    assert await list_stories(store, THERE) == [{"ant", "bee", "own"}]
    await undo(store, entry)
    assert await list_stories(store, HERE) == [{"ant", "bee", "own"}]


async def test_a_followed_card_is_split_and_joined_in_one_server(store: Store) -> None:
    feed = await add_feed(store)
    for guild, channel in ((HERE, 10), (THERE, 20)):
        await follow_feed(store, guild, feed)
        await subscribe(store, guild, channel)
    (own,) = await store_items(store, feed, make_item("own", title=COMET, provider=Provider("Own")))
    await add_story(store, "ant")
    for channel in (10, 20):
        assert [act for act, _ in await post_due(store, channel)] == ["post"]
    await split_card(store, HERE, own)
    assert sorted(map(sorted, await list_stories(store, HERE))) == [["ant"], ["own"]]
    assert await list_stories(store, THERE) == [{"ant", "own"}]
    assert sorted(act for act, _ in await post_due(store, 10)) == ["edit", "post"]
    assert await post_due(store, 20) == []


async def test_a_join_brings_out_what_waits_for_a_second_publisher(store: Store) -> None:
    feed = await add_feed(store)
    await follow_feed(store, HERE, feed, FollowPolicy.COVERED)
    await subscribe(store, HERE, 10)
    (own,) = await store_items(store, feed, make_item("own", title=FERRY, provider=Provider("Own")))
    comet = await add_story(store, "ant")
    assert await post_due(store, 10) == [("post", ("ant",))]
    await join_stories(store, HERE, own, comet[0])
    assert await post_due(store, 10) == [("edit", ("ant", "own"))]


async def test_digests_go_by_the_stories_of_their_server(store: Store) -> None:
    for guild, channel in ((HERE, 10), (THERE, 20)):
        await subscribe(store, guild, channel, frequency=Frequency.DAILY)
        await subscribe(store, guild, channel + 1)
    ids = await add_story(store, "ant", "bee")
    await split_card(store, HERE, ids[1])
    pool = await store.outbox.candidates.load_pool([HERE, THERE], LONG_AGO, LONG_AGO)
    told = {guild: {each.card_id: each.story_id for each in pool.for_guild(guild)} for guild in (HERE, THERE)}
    assert told[THERE] == dict.fromkeys(ids, ids[0])
    assert told[HERE][ids[0]] == ids[0]
    assert told[HERE][ids[1]] < 0
    delivered = await store.outbox.candidates.load_delivered([10, 11, 20, 21], pool)
    assert delivered[11].stories == set(told[HERE].values())
    assert delivered[21].stories == {ids[0]}


@pytest.mark.parametrize("is_followed", [False, True])
async def test_a_split_card_is_new_to_digests_once_more_while_it_is_fresh(store: Store, is_followed: bool) -> None:
    if is_followed:
        feed = await add_feed(store)
        for guild in (HERE, THERE):
            await follow_feed(store, guild, feed)
        ids = await store_items(store, feed, *(make_item(name, title=COMET, provider=Provider(name)) for name in NAMES))
        await plan(store)
    else:
        ids = await add_story(store, *NAMES)

    async def list_new(oldest: timedelta = MAX_AGE) -> dict[int, set[int]]:
        pool = await store.outbox.candidates.load_pool([HERE, THERE], NOW, LATER - oldest)
        return {guild: {each.card_id for each in pool.for_guild(guild) if each.arrived_at > NOW} for guild in (1, 2)}

    assert await list_new() == {HERE: set(), THERE: set()}
    await split_card(store, HERE, ids[1], LATER)
    assert await list_new() == {HERE: {ids[1]}, THERE: set()}
    assert await list_new(timedelta(minutes=1)) == {HERE: set(), THERE: set()}
    joined = await join_stories(store, HERE, ids[1], ids[0], LATER)
    assert await list_new() == {HERE: set(), THERE: set()}
    await undo(store, joined, LATER)
    assert await list_new() == {HERE: {ids[1]}, THERE: set()}


async def test_a_story_told_again_leaves_decisions_alone(store: Store) -> None:
    ids = await add_story(store, "ant", "bee", "cat")
    ferry = await add_story(store, "dog", title=FERRY)
    await split_card(store, HERE, ids[1])
    await join_stories(store, HERE, ferry[0], ids[2])
    expected = await list_stories(store, HERE)
    assert sorted(map(sorted, expected)) == [["ant", "cat", "dog"], ["bee"]]
    for name, title in (("ant", COMET), ("bee", COMET), ("cat", COMET), ("dog", FERRY)):
        # With another title a card leaves its story by matching and looks for one anew.
        for words in (f"{title} again", title):
            await store_cards(store, tell(name, words), now=LATER)
            await plan(store, LATER)
            assert await list_stories(store, HERE) == expected, (name, words)


async def test_what_cannot_be_done_is_refused(store: Store) -> None:
    ids, ferry = await add_story(store, "ant", "bee"), await add_story(store, "cat", title=FERRY)
    feed = await add_feed(store)
    await follow_feed(store, THERE, feed)
    (foreign,) = await store_items(store, feed, make_item("own", title=COMET))
    await plan(store)
    assert await refuse_split(store, HERE, ferry[0]) is StoryRefusal.ALONE
    assert await refuse_split(store, HERE, foreign) is StoryRefusal.GONE
    assert await refuse_split(store, HERE, 12345) is StoryRefusal.GONE
    assert await refuse_join(store, HERE, ids[0], foreign) is StoryRefusal.GONE
    assert await refuse_join(store, HERE, ids[0], ids[0]) is StoryRefusal.SAME
    assert await refuse_join(store, HERE, ids[0], ids[1]) is StoryRefusal.SAME
    await split_card(store, HERE, ids[1])
    assert await refuse_split(store, HERE, ids[1]) is StoryRefusal.ALONE
    await decide(store, HERE, ids[1], Verdict.WITHDRAW)
    assert await refuse_split(store, HERE, ids[1]) is StoryRefusal.WITHDRAWN
    assert await refuse_join(store, HERE, ferry[0], ids[1]) is StoryRefusal.WITHDRAWN


async def test_no_join_makes_a_story_too_large(store: Store) -> None:
    ids = [*await add_story(store, "ant"), *await add_story(store, "bee", title=FERRY)]
    more = [
        make_older(make_card(f"more-{number}", title=COMET, provider=Provider(f"P{number}")), days=1)
        for number in range(LARGEST - 1)
    ]
    await store_cards(store, *more)
    await plan(store)
    before = await list_stories(store, HERE)
    assert max(map(len, before)) == LARGEST
    assert await refuse_join(store, HERE, ids[1], ids[0]) is StoryRefusal.TOO_LARGE
    assert await list_stories(store, HERE) == before
    await split_card(store, HERE, ids[0])
    assert {"ant"} in await list_stories(store, HERE)


async def test_joins_are_taken_back_one_after_the_other(store: Store) -> None:
    titles = (COMET, FERRY, "Parliament votes on the new budget for schools")
    ids = [(await add_story(store, name, title=title))[0] for name, title in zip(NAMES, titles, strict=False)]
    first = await join_stories(store, HERE, ids[1], ids[0])
    second = await join_stories(store, HERE, ids[2], ids[1])
    assert await list_stories(store, HERE) == [{"ant", "bee", "cat"}]
    await undo(store, second)
    assert sorted(map(sorted, await list_stories(store, HERE))) == [["ant", "bee"], ["cat"]]
    await undo(store, first)
    assert sorted(map(sorted, await list_stories(store, HERE))) == [["ant"], ["bee"], ["cat"]]
    decisions = store.moderation.decisions
    assert (outcome := await decisions.undo_entry(HERE, first.id, make_act()))
    assert not outcome.accepted
    assert outcome.entry
    assert await decisions.undo_entry(HERE, outcome.entry.id, make_act()) is None
    assert await decisions.undo_entry(THERE, first.id, make_act()) is None


async def refuse_undo(store: Store, entry: AuditEntry) -> AuditEntry:
    """Try to take a split or a join back; return the entry that stands in its way."""
    outcome = await store.moderation.decisions.undo_entry(HERE, entry.id, make_act())
    assert outcome
    assert not outcome.accepted
    assert outcome.entry
    return outcome.entry


async def test_a_split_can_be_undone_after_the_undo_of_a_join(store: Store) -> None:
    await subscribe(store, HERE, 10)
    ids, ferry = await add_story(store, "ant", "bee"), await add_story(store, "cat", title=FERRY)
    await post_due(store, 10)
    split = await split_card(store, HERE, ids[1])
    joined = await join_stories(store, HERE, ids[1], ferry[0])
    log = store.moderation.audit_log
    # The join holds the card, whatever becomes of the split.
    assert await refuse_undo(store, split) == joined
    for entry in (joined, split):
        assert await log.get_last_own(HERE, ids[1]) == entry
        await undo(store, entry)
    assert await log.get_last_own(HERE, ids[1]) is None
    assert await list_stories(store, HERE) == [{"cat"}, {"ant", "bee"}]
    for entry in (split, joined):
        assert (await refuse_undo(store, entry)).reverts_id == entry.id


async def test_a_join_can_be_undone_while_a_later_split_is_in_force(store: Store) -> None:
    ids, ferry = await add_story(store, "ant", "bee"), await add_story(store, "cat", "dog", title=FERRY)
    joined = await join_stories(store, HERE, ids[0], ferry[0])
    split = await split_card(store, HERE, ids[0])
    await undo(store, joined)
    assert sorted(map(sorted, await list_stories(store, HERE))) == [["ant"], ["bee"], ["cat", "dog"]]
    await undo(store, split)
    assert sorted(map(sorted, await list_stories(store, HERE))) == [["ant", "bee"], ["cat", "dog"]]


async def test_a_join_within_a_larger_one_is_undone_after_it(store: Store) -> None:
    titles = (COMET, FERRY, "Parliament votes on the new budget for schools")
    ids = [(await add_story(store, name, title=title))[0] for name, title in zip(NAMES, titles, strict=False)]
    first = await join_stories(store, HERE, ids[0], ids[1])
    second = await join_stories(store, HERE, ids[2], ids[0])
    assert await refuse_undo(store, first) == second
    assert await list_stories(store, HERE) == [{"ant", "bee", "cat"}]


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_was_done_can_be_undone_in_some_order_and_leaves_nothing(store: Store, seed: int) -> None:
    dice = Random(seed)
    await subscribe(store, HERE, 10)
    ids = [*await add_story(store, "ant", "bee", "cat"), *await add_story(store, "dog", "eel", title=FERRY)]
    before = await list_stories(store, HERE)
    posted = await post_due(store, 10)
    done: list[AuditEntry] = []
    stories = store.moderation.stories
    for _ in range(10):
        card_id, other_id = dice.sample(ids, 2)
        act = dice.choice(("split", "join", "undo"))
        if act == "undo" and done:
            entry = dice.choice(done)
            outcome = await store.moderation.decisions.undo_entry(HERE, entry.id, make_act())
            assert outcome
            if outcome.accepted:
                done.remove(entry)
            else:
                assert outcome.entry in done, "what is named can be undone, or leads to what can"
            await plan(store)
        else:
            made = (
                await stories.split_card(HERE, card_id, make_act(), NOW - MAX_AGE)
                if act == "split"
                else await stories.join_stories(HERE, card_id, other_id, make_act())
            )
            done += [made.entry] if made.entry else []
            await plan(store)
        await post_due(store, 10)
    dice.shuffle(done)
    while done:
        for entry in tuple(done):
            outcome = await store.moderation.decisions.undo_entry(HERE, entry.id, make_act())
            if outcome and outcome.accepted:
                done.remove(entry)
                await plan(store)
                await post_due(store, 10)
                break
        else:
            raise AssertionError("nothing can be undone any more")
    assert await list_stories(store, HERE) == before
    assert await plan(store, LATER) == 0
    assert len(posted) == 2


async def read_related(store: Store, guild_id: int, card_id: int) -> list[str]:
    """Return the publishers that a card lists in a server."""
    stored = await store.cards.get_card(card_id, guild_id)
    assert stored
    return [each.provider for each in stored.card.related]


async def test_an_article_that_a_card_lists_is_left_out_where_its_card_was_split_off(store: Store) -> None:
    for guild_id, channel_id in ((HERE, 10), (THERE, 20)):
        await subscribe(store, guild_id, channel_id)
    listed = tuple(RelatedArticle(name, f"https://{name.lower()}.example/1", name) for name in ("Bee", "Cat"))
    cards = [tell(name, aliases=(f"{name}.example/1",), related=listed if name == "ant" else ()) for name in NAMES[:3]]
    ids = [card_id for card in cards for card_id in await store_cards(store, card)]
    await plan(store)
    for channel_id in (10, 20):
        assert await post_due(store, channel_id) == [("post", ("ant",))]
    entry = await split_card(store, HERE, ids[1])
    assert [await read_related(store, guild_id, ids[0]) for guild_id in (HERE, THERE)] == [["Cat"], ["Bee", "Cat"]]
    # It named no card before, and is edited all the same.
    assert await post_due(store, 10) == [("edit", ("ant",)), ("post", ("bee",))]
    pool = await store.outbox.candidates.load_pool([HERE, THERE], LONG_AGO, LONG_AGO)
    (here, there) = [
        {each.card_id: each.revision for each in pool.for_guild(guild_id)}[ids[0]] for guild_id in (HERE, THERE)
    ]
    found = [(await store.cards.get_by_ids(ids, guild_id))[ids[0]].revision for guild_id in (HERE, THERE)]
    assert [here, there] == found
    assert here != there
    await undo(store, entry)
    assert await read_related(store, HERE, ids[0]) == ["Bee", "Cat"]
    assert await post_due(store, 10) == [("edit", ("ant", "bee")), ("edit", ("bee", "ant", "cat"))]
    # The card itself is split off.
    await split_card(store, HERE, ids[0])
    assert await read_related(store, HERE, ids[0]) == []
    await plan(store, LATER)
    assert await post_due(store, 20, LATER) == []


async def count_publishers(store: Store, guild_id: int, card_ids: Sequence[int]) -> list[int]:
    """Return the numbers of publishers by which the heat of cards is computed in a server."""
    stored = [await store.cards.get_card(card_id, guild_id) for card_id in card_ids]
    return [each.publishers for each in stored if each]


@pytest.mark.parametrize("is_followed", [False, True])
async def test_the_heat_follows_a_decision_at_once_in_its_server(store: Store, is_followed: bool) -> None:
    ids = await add_story(store, "ant", "bee")
    if is_followed:
        feed = await add_feed(store)
        for guild_id in (HERE, THERE):
            await follow_feed(store, guild_id, feed)
        own = make_item("cat", title=COMET, provider=Provider("Cat"), quality=50)
        ids += await store_items(store, feed, own)
        await plan(store)
    else:
        ids += await add_story(store, "cat")
    ids += await add_story(store, "dog", title=FERRY)
    before = [3, 3, 3, 1]
    assert await count_publishers(store, HERE, ids) == before
    split = await split_card(store, HERE, ids[2])
    assert await count_publishers(store, HERE, ids) == [2, 2, 1, 1]
    joined = await join_stories(store, HERE, ids[2], ids[3])
    assert await count_publishers(store, HERE, ids) == [2, 2, 2, 2]
    assert await count_publishers(store, THERE, ids) == before
    await undo(store, joined)
    assert await count_publishers(store, HERE, ids) == [2, 2, 1, 1]
    await undo(store, split)
    assert await count_publishers(store, HERE, ids) == before
    await plan(store, LATER)
    assert [await count_publishers(store, guild_id, ids) for guild_id in (HERE, THERE)] == [before, before]


async def test_no_other_server_sees_a_trace(store: Store) -> None:
    for guild, channel in ((HERE, 10), (THERE, 20)):
        await subscribe(store, guild, channel)
        await subscribe(store, guild, channel + 1, frequency=Frequency.DAILY)
    ids, ferry = await add_story(store, "ant", "bee"), await add_story(store, "cat", title=FERRY)
    before = {guild: await read_everything(store, guild) for guild in (THERE, 3, EVERYWHERE)}
    await split_card(store, HERE, ids[1])
    await join_stories(store, HERE, ferry[0], ids[0])
    await plan(store)
    for guild, ways in before.items():
        after = await read_everything(store, guild)
        for way, shown in ways.items():
            assert repr(after[way]) == repr(shown), (guild, way)


async def test_decisions_are_exported_and_imported(store: Store, tmp_path: Path) -> None:
    ids, ferry = await add_story(store, "ant", "bee", "cat"), await add_story(store, "dog", title=FERRY)
    await split_card(store, HERE, ids[1])
    await join_stories(store, HERE, ferry[0], ids[1])
    expected = await list_stories(store, HERE)
    async with store.transfer.exporter.take_snapshot() as snapshot:
        exported = {kind: [row async for row in snapshot.export_rows(kind)] for kind in EXPORTED}
    async with open_store(new_database(tmp_path / "other.db")) as other:
        for name, title in (("dog", FERRY), ("cat", COMET), ("bee", COMET), ("ant", COMET)):
            await add_story(other, name, title=title)
        for times in range(2):
            summary = await other.transfer.importer.import_all(exported, NOW)
            assert (summary.added if times == 0 else summary.kept)["stories"] == len(exported["stories"])
            assert await list_stories(other, HERE) == expected
        log = (await other.moderation.audit_log.get_page(HERE, AuditFilter(), limit=9)).entries
        await undo(other, log[0])
        assert {"bee"} in await list_stories(other, HERE)


@pytest.mark.parametrize("change", [{"story_id": 12345}, {"card": "unknown"}])
async def test_a_decision_of_an_export_that_refers_to_nothing_is_left_out(store: Store, change: dict[str, Any]) -> None:
    ids = await add_story(store, "ant", "bee")
    entry = await split_card(store, HERE, ids[1])
    async with store.transfer.exporter.take_snapshot() as snapshot:
        exported = {kind: [row async for row in snapshot.export_rows(kind)] for kind in EXPORTED}
    await undo(store, entry)
    exported["stories"] = [row | change for row in exported["stories"]]
    assert "stories" not in (await store.transfer.importer.import_all(exported, NOW)).added
    assert await list_stories(store, HERE) == [{"ant", "bee"}]
