"""Links that people submit: in their own server, once, within a limit, and told once what was decided."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest

from bot.cards.model import Card, CardState
from bot.domain.follows import BACKLOG_DAYS, FollowPolicy
from bot.domain.moderation import EVERYWHERE, Decision, DecisionSource, Verdict
from bot.store import Store
from bot.store.moderation.queue import QueueFilters
from bot.store.moderation.submissions import (
    KnownCard,
    KnownState,
    NewSubmission,
    SubmissionNotice,
    SubmissionOutcome,
    SubmissionResult,
)
from tests.support.cards import NOW, make_card, store_cards
from tests.support.follows import add_feed, follow_feed, make_item, post_due, store_items
from tests.support.reading_walk import read_everything
from tests.support.stores import query_database

HERE, THERE = 1, 2
ANN, BEN, MODERATOR = 27, 28, 29
HELD, KNOWN, PUBLISHED = SubmissionResult.HELD, SubmissionResult.KNOWN, SubmissionResult.PUBLISHED
MAX_AGE = timedelta(days=14)


def make_link(name: str, guild_id: int = HERE, **changes: Any) -> Card:
    address = f"news.example/{name}"
    fields: dict[str, Any] = {"url": f"https://{address}", "aliases": (address,), "state": CardState.HELD, "topics": ()}
    return make_card(f"links/{guild_id}/{name}", **fields | changes)


async def submit(
    store: Store, name: str, user_id: int = ANN, guild_id: int = HERE, limit: int = 3, **changes: Any
) -> SubmissionOutcome:
    card = changes.pop("card", make_link(name, guild_id))
    fields: dict[str, Any] = {"at": NOW, "comment": "", "publishes": False} | changes
    return await store.moderation.submissions.submit_link(
        NewSubmission(guild_id, user_id, card.aliases, card, **fields), limit
    )


async def decide(
    store: Store, card_id: int, verdict: Verdict, expected: Verdict | None = None, guild: int = HERE
) -> None:
    decision = Decision(guild, card_id, verdict, MODERATOR, NOW)
    outcome = await store.moderation.decisions.decide_card(decision, source=DecisionSource.COMMAND, expected=expected)
    assert outcome.accepted


async def list_waiting(store: Store, guild_id: int = HERE) -> list[int]:
    page = await store.moderation.queue.get_page(guild_id, QueueFilters(), limit=9, offset=0)
    return [each.card.id for each in page.waiting]


async def list_visible(store: Store, guild_id: int = HERE) -> list[str]:
    return [stored.card.slug for stored in (await store.cards.list_latest(guild_id, limit=9)).cards]


async def test_a_link_waits_for_the_moderators_of_its_server_alone(store: Store) -> None:
    await store_cards(store, make_card("shared"))
    before = await read_everything(store, THERE)

    outcome = await submit(store, "a", comment="Read this")

    assert outcome.result is HELD
    assert await list_waiting(store) == [outcome.card_id]
    assert await list_visible(store) == ["shared"]
    (submission,) = (await store.moderation.submissions.list_for_cards(HERE, [outcome.card_id]))[outcome.card_id]
    assert (submission.user_id, submission.comment, submission.at) == (ANN, "Read this", NOW)
    assert await store.moderation.submissions.list_for_cards(THERE, [outcome.card_id]) == {}
    await decide(store, outcome.card_id, Verdict.PUBLISH)
    assert "links/1/a" in await list_visible(store)
    assert await read_everything(store, THERE) == before


async def test_a_moderators_link_is_published_and_logged(store: Store) -> None:
    await submit(store, "a", MODERATOR, publishes=True)
    outcome = await submit(store, "b", MODERATOR, publishes=True, limit=0)
    assert outcome.result is PUBLISHED
    assert sorted(await list_visible(store)) == ["links/1/a", "links/1/b"]
    assert outcome.entry is not None
    assert (outcome.entry.actor_id, outcome.entry.after) == (MODERATOR, Verdict.PUBLISH)
    assert await list_visible(store, THERE) == []


async def test_what_the_server_sees_by_any_of_its_addresses_is_known(store: Store) -> None:
    await store_cards(store, make_card("shared", aliases=("a.example/1", "a.example/2")))
    known = (await store.cards.find_by_urls(["a.example/1"], HERE, limit=1))[0].id
    link = make_link("x", aliases=("b.example/x", "a.example/2"))

    outcome = await submit(store, "x", card=link)

    assert outcome == SubmissionOutcome(KNOWN, known)
    assert await list_waiting(store) == []
    assert await store.moderation.submissions.count_recent(HERE, ANN, NOW) == 0


async def test_a_card_of_another_server_is_not_known(store: Store) -> None:
    feed = await add_feed(store)
    await follow_feed(store, THERE, feed)
    await store_items(store, feed, make_item("item", aliases=("news.example/a",)))
    theirs = await submit(store, "a", MODERATOR, THERE, card=make_link("b", THERE), publishes=True)

    ours = await submit(store, "a")

    assert (theirs.result, ours.result) == (PUBLISHED, HELD)
    assert await submit(store, "c", guild_id=THERE, card=make_link("a", THERE)) == SubmissionOutcome(
        KNOWN, (await store.cards.find_by_urls(["news.example/a"], THERE, limit=1))[0].id
    )


async def test_a_card_that_is_held_already_is_submitted_instead_of_a_second_one(store: Store) -> None:
    held = make_card("held", state=CardState.HELD, aliases=("news.example/a",))
    await store_cards(store, held)
    by_ann, by_ben = await submit(store, "a"), await submit(store, "a", BEN)
    assert by_ann == by_ben
    assert await list_waiting(store) == [by_ann.card_id]
    assert (await submit(store, "a")).result is SubmissionResult.REPEATED
    people = (await store.moderation.submissions.list_for_cards(HERE, [by_ann.card_id]))[by_ann.card_id]
    assert [each.user_id for each in people] == [ANN, BEN]

    outcome = await submit(store, "a", MODERATOR, publishes=True)

    assert (outcome.result, outcome.card_id) == (PUBLISHED, by_ann.card_id)
    assert (await submit(store, "a", BEN)).result is KNOWN
    assert await list_visible(store, THERE) == []


async def test_a_held_card_that_was_seen_and_is_gone_is_not_made_up(store: Store) -> None:
    new = NewSubmission(HERE, ANN, ("news.example/a",), None, NOW)
    assert await store.moderation.submissions.submit_link(new, 3) == SubmissionOutcome(SubmissionResult.GONE)
    card_id = (await submit(store, "a", BEN)).card_id
    assert await store.moderation.submissions.submit_link(new, 3) == SubmissionOutcome(HELD, card_id)


async def test_what_a_feed_held_before_comes_to_the_desk_if_somebody_submits_it(store: Store) -> None:
    feed = await add_feed(store)
    (card_id,) = await store_items(store, feed, make_item("item", aliases=("news.example/a",)))
    await follow_feed(store, HERE, feed, FollowPolicy.REVIEW, followed_at=NOW)
    assert await list_waiting(store) == []
    assert (await submit(store, "a")).card_id == card_id
    assert await list_waiting(store) == [card_id]


@pytest.mark.parametrize("guild", [HERE, EVERYWHERE])
async def test_what_was_withdrawn_cannot_be_submitted(store: Store, guild: int) -> None:
    card_id = (await submit(store, "a")).card_id
    await decide(store, card_id, Verdict.WITHDRAW, guild=guild)
    for publishes in (False, True):
        outcome = await submit(store, "a", BEN, publishes=publishes)
        assert outcome == SubmissionOutcome(SubmissionResult.WITHDRAWN, card_id)
    assert await store.moderation.submissions.find_known(HERE, ["news.example/a"]) == KnownCard(
        card_id, KnownState.WITHDRAWN
    )
    assert await store.moderation.submissions.find_known(THERE, ["news.example/a"]) is None


async def test_a_member_has_a_limit_of_an_hour_in_each_server(store: Store) -> None:
    for number in range(3):
        assert (await submit(store, str(number), at=NOW + timedelta(minutes=number))).result is HELD
    last = NOW + timedelta(minutes=59)
    assert await submit(store, "late", at=last) == SubmissionOutcome(SubmissionResult.TOO_MANY)
    assert (await submit(store, "late", BEN, at=last)).result is HELD
    assert (await submit(store, "late", guild_id=THERE, at=last)).result is HELD
    assert (await submit(store, "later", at=NOW + timedelta(hours=1))).result is HELD
    assert (await submit(store, "none", BEN, limit=0)).result is SubmissionResult.TOO_MANY


async def test_of_many_at_once_as_many_are_taken_as_the_limit_says(store: Store) -> None:
    outcomes = await asyncio.gather(*(submit(store, str(number)) for number in range(6)))
    results = [outcome.result for outcome in outcomes]
    assert (results.count(HELD), results.count(SubmissionResult.TOO_MANY)) == (3, 3)
    again = await asyncio.gather(*(submit(store, "same", BEN) for _ in range(4)))
    assert sorted(outcome.result.name for outcome in again) == ["HELD", "REPEATED", "REPEATED", "REPEATED"]
    assert len({outcome.card_id for outcome in again}) == 1


async def test_a_submission_comes_to_the_review_channel_and_a_second_one_changes_its_review(store: Store) -> None:
    await store.moderation.reviews.set_channel(HERE, 11, 5, NOW, MAX_AGE)
    card_id = (await submit(store, "a")).card_id
    await store.outbox.planner.plan_cards([card_id], HERE, NOW, MAX_AGE)
    assert await post_due(store, 11) == [("post", ("links/1/a",))]
    await submit(store, "a", BEN)
    await store.outbox.planner.plan_cards([card_id], HERE, NOW, MAX_AGE)
    assert await post_due(store, 11) == [("edit", ("links/1/a",))]
    await store.members.privacy.erase_member(BEN, NOW)
    await store.outbox.planner.plan_deliveries(NOW, MAX_AGE)
    assert await post_due(store, 11) == [("edit", ("links/1/a",))]


async def test_a_submission_is_exported_and_erased_and_its_card_stays(store: Store) -> None:
    card_id = (await submit(store, "a", comment="mine")).card_id
    await submit(store, "a", BEN, comment="theirs")
    (row,) = (await store.members.privacy.export_member(ANN))["submissions"]
    assert (row["card"], row["comment"], row["guild_id"]) == ("links/1/a", "mine", HERE)
    assert (await store.members.privacy.erase_member(ANN, NOW))["submissions"] == 1
    assert (await store.members.privacy.export_member(ANN))["submissions"] == []
    people = (await store.moderation.submissions.list_for_cards(HERE, [card_id]))[card_id]
    assert [each.user_id for each in people] == [BEN]
    assert await list_waiting(store) == [card_id]


async def test_erasing_brings_no_new_submissions_and_leaves_no_trace_of_the_person(
    store: Store, database_url: str
) -> None:
    for name in ("a", "b"):
        await submit(store, name, at=NOW - timedelta(minutes=50))
        await store.members.privacy.erase_member(ANN, NOW)
    await submit(store, "c")
    assert (await submit(store, "d")).result is SubmissionResult.TOO_MANY
    await store.members.privacy.erase_member(ANN, NOW)
    assert (await submit(store, "d")).result is SubmissionResult.TOO_MANY
    assert (await submit(store, "d", BEN)).result is HELD
    assert (await submit(store, "e", guild_id=THERE)).result is HELD
    kept = query_database(database_url, "SELECT key, value FROM key_values WHERE key LIKE 'submitted %'")
    assert [bool(re.fullmatch(r"submitted [0-9a-f]{32}", key)) for key, _ in kept] == [True]

    await store.moderation.submissions.delete_old(NOW)
    assert query_database(database_url, "SELECT key, value FROM key_values WHERE key LIKE 'submitted %'") == kept
    assert await store.moderation.submissions.count_recent(HERE, ANN, NOW + timedelta(minutes=10)) == 1
    await store.moderation.submissions.delete_old(NOW + timedelta(hours=1))
    assert not query_database(database_url, "SELECT key FROM key_values WHERE key LIKE 'submitted %'")
    assert await store.moderation.submissions.count_recent(HERE, ANN, NOW) == 0


@pytest.mark.parametrize(("verdict", "is_published"), [(Verdict.PUBLISH, True), (Verdict.WITHDRAW, False)])
async def test_who_asks_for_it_is_told_once_what_was_decided(
    store: Store, verdict: Verdict, is_published: bool
) -> None:
    submitted = store.moderation.submissions
    card_id = (await submit(store, "a")).card_id
    await submit(store, "a", BEN)
    assert not await submitted.request_notice(HERE, card_id, MODERATOR, "en")
    assert not await submitted.request_notice(THERE, card_id, ANN, "en")
    assert await submitted.request_notice(HERE, card_id, ANN, "de")
    assert await submitted.fetch_notices() == []

    await decide(store, card_id, verdict)

    notice = SubmissionNotice(HERE, card_id, ANN, "de", is_published)
    assert await submitted.fetch_notices() == [notice]
    await submitted.mark_notified(notice)
    assert await submitted.fetch_notices() == []
    other = Verdict.WITHDRAW if is_published else Verdict.PUBLISH
    await decide(store, card_id, other, verdict)
    assert await submitted.fetch_notices() == []


async def test_an_undecided_link_leaves_after_the_backlogs_time_and_may_come_again(store: Store) -> None:
    card_id = (await submit(store, "a")).card_id
    decided = (await submit(store, "b")).card_id
    await decide(store, decided, Verdict.PUBLISH)
    later = NOW + BACKLOG_DAYS + timedelta(days=1)

    await store.cards.follows.delete_unused(later)

    assert await list_waiting(store) == []
    assert [row["card"] for row in (await store.members.privacy.export_member(ANN))["submissions"]] == ["links/1/b"]
    assert await submit(store, "a", BEN, at=later) == SubmissionOutcome(HELD, card_id)
    assert await list_waiting(store) == [card_id]


async def test_a_feeds_card_that_somebody_submitted_goes_with_the_feed(store: Store) -> None:
    feed = await add_feed(store)
    await follow_feed(store, HERE, feed, FollowPolicy.REVIEW)
    (card_id,) = await store_items(store, feed, make_item("item", aliases=("news.example/a",)))
    assert (await submit(store, "a")).card_id == card_id
    await store.cards.follows.unfollow_source(HERE, feed, NOW, keep_posts=True)
    await store.cards.follows.delete_unused(NOW + timedelta(days=2))
    assert (await store.members.privacy.export_member(ANN))["submissions"] == []


async def test_links_are_no_feeds_of_the_server(store: Store) -> None:
    await submit(store, "a")
    (follow,) = await store.cards.follows.list_follows(HERE)
    assert follow.created_by == 0
    assert await store.feeds.fetch_feeds([follow.source_id]) == []
    assert (await store.members.privacy.export_member(ANN))["feeds_added"] == []
