"""What posts say of how many publishers have their story, on the wire Discord: they follow it, at their own pace."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.subscription import Frequency, OnWithdrawal, SubscriptionOptions
from tests.support.line import WireHarness

HEADLINE = "Comet Halley nears planet Earth tonight"
ALL = SubscriptionOptions()
GOOD = SubscriptionOptions(min_quality=50)
"""A subscription that gets none of the cards which `report` writes: they add to the coverage of its posts alone."""


def report(harness: WireHarness, publisher: str, **fields: Any) -> None:
    host = f"{publisher.lower()}.example"
    values = {
        "title": HEADLINE,
        "quality": 10,
        "webUrl": f"https://{host}/1",
        "provider": f"{{name: {publisher}, domain: {host}}}",
        "publishedDateTime": f"{harness.clock():%Y-%m-%dT%H:%M:%SZ}",
    } | fields
    harness.write_card(publisher, **values)


async def count_edits(harness: WireHarness) -> int:
    return len(await harness.wire.list_requests(method="PATCH", path=r"/messages/\d+$"))


async def read_author(harness: WireHarness, kind: str = "text") -> str:
    """What the one post says above its title."""
    if kind == "forum":
        (post,) = await harness.forum_posts()
        assert post.starter
        return str(post.starter.embeds[0]["author"]["name"])
    (message,) = await harness.list_messages()
    return str(message.embeds[0]["author"]["name"])


@pytest.mark.parametrize("kind", ["text", "forum"])
async def test_a_story_that_grows_for_two_days_is_one_post(harness: WireHarness, kind: str) -> None:
    await harness.subscribe_channel(kind, ALL)
    seen = []
    for publisher in ("Alpha", "Beta", "Gamma", "Delta", "Epsilon"):
        report(harness, publisher)
        await harness.deliver_due()
        seen.append(await read_author(harness, kind))
        await harness.deliver_due(hours=11)
    assert seen == ["Alpha", *(f"Alpha · {text} publishers" for text in ("2", "3+", "3+", "5+"))]
    # With each publisher the list of the others changes as well: one edit for both.
    assert await count_edits(harness) == 4


@pytest.mark.parametrize("kind", ["text", "forum"])
async def test_an_edit_for_the_coverage_alone_waits_a_quarter_of_an_hour(harness: WireHarness, kind: str) -> None:
    await harness.subscribe_channel(kind, GOOD)
    report(harness, "Alpha", quality=80)
    await harness.deliver_due()
    began, edits = harness.clock(), {}
    for minute in range(1, 50):
        if minute in (1, 5, 16, 20):
            report(harness, f"Other{minute}")
        await harness.deliver_due(minutes=1)
        if minute == 20:  # what waits is not in memory
            await harness.restart_bot()
        edits[(harness.clock() - began).seconds // 60] = await count_edits(harness)
    assert [minute for minute in edits if edits[minute] != edits.get(minute - 1, 0)] == [15, 30]
    assert await read_author(harness, kind) == "Alpha · 5+ publishers"
    assert await harness.bot.store.outbox.queue.next_due_at(harness.clock()) is None


async def test_an_edit_for_another_reason_carries_the_coverage_along_at_once(harness: WireHarness) -> None:
    await harness.subscribe_channel("text", GOOD)
    report(harness, "Alpha", quality=80)
    await harness.deliver_due()
    report(harness, "Beta")
    await harness.deliver_due(minutes=1)
    assert await count_edits(harness) == 0
    report(harness, "Alpha", quality=80, excerpt="It is the brightest in years.")
    await harness.deliver_due(minutes=1)
    assert await count_edits(harness) == 1
    assert await read_author(harness) == "Alpha · 2 publishers"
    await harness.deliver_due(minutes=20)
    assert await count_edits(harness) == 1


async def test_coverage_that_shrinks_back_in_time_edits_nothing(harness: WireHarness) -> None:
    await harness.subscribe_channel("text", GOOD)
    report(harness, "Alpha", quality=80)
    await harness.deliver_due()
    for removed in ("false", "true"):
        report(harness, "Beta", removed=removed)
        await harness.deliver_due(minutes=1)
    await harness.deliver_due(minutes=20)
    assert await count_edits(harness) == 0
    assert await read_author(harness) == "Alpha"


async def test_a_post_that_is_refused_is_not_tried_again_for_its_coverage(harness: WireHarness) -> None:
    await harness.subscribe_channel("text", GOOD)
    await harness.wire.add_fault("filtered", "POST", "/messages$")
    report(harness, "Alpha", quality=80)
    await harness.deliver_due()
    report(harness, "Beta")
    await harness.deliver_due(minutes=20)
    # What is there is the notice to the server.
    assert await harness.message_titles() == [None]
    assert await harness.bot.store.outbox.queue.next_due_at(harness.clock()) is None


async def test_a_digest_stays_as_it_was_posted(harness: WireHarness) -> None:
    options = SubscriptionOptions(frequency=Frequency.DAILY, on_withdrawal=OnWithdrawal.DELETE)
    await harness.subscribe_channel("text", options)
    for publisher in ("Alpha", "Beta"):
        report(harness, publisher, quality=80)
    await harness.deliver_due(hours=25)
    assert await read_author(harness) == "Beta · 2 publishers"
    for publisher in ("Gamma", "Delta", "Epsilon"):
        report(harness, publisher, quality=80)
    await harness.deliver_due()
    await harness.deliver_due(hours=25)
    # Nor does the next digest tell the story again.
    assert await read_author(harness) == "Beta · 2 publishers"
    assert await count_edits(harness) == 0
