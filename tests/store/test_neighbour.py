"""A hostile neighbour changes no byte of what another server sees, whichever way it reads."""

from __future__ import annotations

import re
from itertools import islice, product
from pathlib import Path
from typing import Any

from bot.cards.model import Provider
from bot.domain.follows import Follow, FollowPolicy
from bot.domain.moderation import EVERYWHERE, Decision, DecisionSource, Verdict
from bot.domain.subscription import Frequency, SubscriptionOptions
from bot.store import Store, open_store
from bot.store.moderation.reports import Report
from bot.store.moderation.submissions import NewSubmission
from bot.store.subscriptions.personal_digests import Follower
from tests.support.cards import NOW
from tests.support.edits import edit_card
from tests.support.follows import (
    HERE,
    LATER,
    LONG_AGO,
    MAX_AGE,
    THERE,
    add_everybodys,
    add_feed,
    add_own,
    decide,
    follow_feed,
    list_slugs,
    make_item,
    plan,
    post_due,
    store_items,
    subscribe,
)
from tests.support.reading_walk import MEMBER, read_everything
from tests.support.stores import new_database
from tests.support.stories import join_stories, split_card, undo

NOBODY = 3
"""A server without feeds."""
_NUMBERS = re.compile(r"\b(?:id|\w+_id|sort_key|desired_hash)(?:=|': )'?\w+'?|~\d+|(?<=[{ ])\d+: (?=<)")
HEADLINE = "Ferry company confirms the sale of its oldest ship"
"""Of a card that waits for a second publisher."""
TITLES = (HEADLINE, "Comet nears Earth", *(f"Comet nears Earth commet cometic{letter}" for letter in "abcdefgh"))
WORDS = [f"pi{''.join(letters)}" for letters in islice(product("abcdefgh", repeat=8), 2400)]
"""As many words of a length and a beginning as are looked at for a misspelled one."""
SPELLINGS = {"space": "sPACE", "moon": "mOON", "harbour": "hARBOUR"}


async def build_server(store: Store) -> list[int]:
    """A server with everything that a server may have; returns the ids of the cards that it knows."""
    ids = [*await add_everybodys(store), *await add_own(store)]
    for card_id in ids:
        await store.members.saved_cards.save_card(MEMBER, card_id, NOW)
    other = await add_feed(store, "other")
    await follow_feed(store, HERE, other, FollowPolicy.COVERED)
    covered = make_item("covered", title=HEADLINE, provider=Provider("Gazette"), url="https://gazette.example/1")
    ids += await store_items(store, other, covered)
    walk = make_item("walk", title="Pilgrimage through the marshes", provider=Provider("Blog"))
    ids += await store_items(store, await add_feed(store), walk)
    await subscribe(store, HERE, 10)
    await subscribe(store, HERE, 12, topics=("Harbour",))
    await subscribe(store, HERE, 13, frequency=Frequency.DAILY)
    await store.moderation.reviews.set_channel(HERE, 11, 5, NOW, MAX_AGE)
    await store.moderation.reports.add_report(HERE, ids[0], Report(MEMBER, "Old news.", NOW))
    await edit_card(store, HERE, ids[-1], topics=("Space", "Moon"))
    await edit_card(store, HERE, ids[0], title="A comet of our own", excerpt="It is near.")
    await store.members.last_read.mark_read(MEMBER, HERE, NOW)
    await submit_link(store, HERE, MEMBER, "own")
    daily = SubscriptionOptions(frequency=Frequency.DAILY)
    await store.subscriptions.personal_digests.follow_topic(Follower(MEMBER, HERE, 70), "Moon", daily, NOW)
    return ids


async def add_hostile(store: Store) -> list[int]:
    """A neighbour's feed: copies of a headline, with the addresses, topics, publishers and words of others."""
    feed = await add_feed(store, "hostile")
    await follow_feed(store, THERE, feed, topics=(*SPELLINGS.values(), "sPaM"))
    copies = [
        make_item(
            f"copy-{number}",
            title=f"{TITLES[number % len(TITLES)]} {' '.join(WORDS[number::40]) if number > 19 else ''}".strip(),
            aliases=("news.example/comet", "news.example/shared"),
            topics=(*SPELLINGS.values(), "Copies"),
            provider=Provider("nasa" if number % 2 else "bLOG"),
            quality=190,
            heat=190,
        )
        for number in range(40)
    ]
    ids = await store_items(store, feed, *copies)
    await submit_link(store, THERE, 8, "link", title="Comet nears Earth", topics=(*SPELLINGS.values(), "Copies"))
    await decide(store, THERE, ids[0], Verdict.WITHDRAW)
    await decide(store, EVERYWHERE, ids[2], Verdict.PUBLISH)
    await subscribe(store, THERE, 20, topics=tuple(SPELLINGS.values()))
    await edit_card(store, THERE, ids[3], title="Comet nears commet", topics=tuple(SPELLINGS.values()))
    daily = SubscriptionOptions(frequency=Frequency.DAILY)
    for topic in SPELLINGS.values():
        await store.subscriptions.personal_digests.follow_topic(Follower(8, THERE, 80), topic, daily, NOW)
    return ids


async def submit_link(store: Store, guild_id: int, user_id: int, name: str, **fields: Any) -> None:
    card = make_item(f"links/{guild_id}/{name}", aliases=(f"news.example/{name}",), **fields)
    new = NewSubmission(guild_id, user_id, card.aliases, card, NOW, "A comment")
    outcome = await store.moderation.submissions.submit_link(new, 3)
    assert await store.moderation.submissions.request_notice(guild_id, outcome.card_id, user_id, "en")


async def join_feed(store: Store) -> None:
    """The neighbour follows what the server follows, in its own way, plays with it and leaves."""
    feed = await add_feed(store)
    await follow_feed(store, THERE, feed, FollowPolicy.REVIEW, topics=("sPaM",), quality=190)
    changed = Follow(THERE, feed, FollowPolicy.PUBLISH, LONG_AGO, 5, quality=0, topics=("Copies",), paused=True)
    assert await store.cards.follows.edit_follow(changed)
    for slug in ("shared", "comet", "moon"):
        stored = await store.cards.get_by_slug(slug, THERE, hidden=True)
        assert stored
        own: dict[str, Any] = {"title": "Comet commet cometic", "excerpt": "copyy cop", "topics": ("sPACE", "Copies")}
        await edit_card(store, THERE, stored.id, **own)
    await play_with_stories(store)
    await plan(store)
    assert await store.cards.follows.unfollow_source(THERE, feed, LATER, keep_posts=False)


async def play_with_stories(store: Store) -> None:
    """The neighbour splits and joins the cards that both servers have, takes some of that back, and more comes."""
    await plan(store)
    shared, moon, held = [
        stored.id
        for slug in ("shared", "moon", "held")
        if (stored := await store.cards.get_by_slug(slug, THERE, hidden=True))
    ]
    await split_card(store, THERE, shared)
    await join_stories(store, THERE, moon, shared)
    await undo(store, await join_stories(store, THERE, held, moon))


async def test_what_a_neighbour_does_later_changes_nothing(store: Store) -> None:
    await build_server(store)
    await plan(store)
    before = {guild: await read_everything(store, guild) for guild in (HERE, NOBODY, EVERYWHERE)}
    hostile = await add_hostile(store)
    await join_feed(store)
    await plan(store)
    await store.cards.importer.recount_names()
    for guild, ways in before.items():
        after = await read_everything(store, guild)
        assert after.keys() == ways.keys()
        for way, shown in ways.items():
            assert repr(after[way]) == repr(shown), (guild, way)
    own = await store.cards.list_latest(THERE, limit=100, every_card=True)
    assert len(own.cards) == 41, "the neighbour has its own"
    for card_id in hostile[1:]:
        for hidden in (True, False):
            assert await store.cards.get_card(card_id, HERE, hidden=hidden) is None
            assert await store.cards.get_card(card_id, EVERYWHERE, hidden=hidden) is None
            assert await store.cards.get_visible([card_id], HERE) == []
    posts = sorted(slugs for _, slugs in await post_due(store, 10))
    assert posts == [("comet", "shared"), ("moon",), ("walk",)]
    decision = Decision(HERE, hostile[1], Verdict.PUBLISH, 9, NOW)
    outcome = await store.moderation.decisions.decide_card(decision, source=DecisionSource.COMMAND, expected=None)
    assert (outcome.accepted, outcome.entry) == (False, None)
    await plan(store)
    assert await post_due(store, 10) == []
    assert "copy-1" not in await list_slugs(store, HERE)


async def test_what_a_neighbour_did_before_changes_nothing(tmp_path: Path) -> None:
    shown = []
    for name in ("alone", "beside"):
        async with open_store(new_database(tmp_path / f"{name}.db")) as store:
            if name == "beside":
                await add_hostile(store)
                await plan(store)
            await build_server(store)
            await plan(store)
            await store.cards.importer.recount_names()
            shown.append({guild: await read_everything(store, guild) for guild in (HERE, NOBODY)})
    alone, beside = shown
    for guild, ways in alone.items():
        changed = {
            way: (strip_numbers(beside[guild][way]), expected)
            for way, shown in ways.items()
            if strip_numbers(beside[guild][way]) != (expected := strip_numbers(shown))
        }
        assert changed == {}, guild


def strip_numbers(shown: Any) -> str:
    """Take out the numbers of rows, which tell how many others have: nobody reads them."""
    return _NUMBERS.sub("", repr(shown))
