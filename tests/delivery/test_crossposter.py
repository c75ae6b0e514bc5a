"""Announcement channels on the wire Discord: what goes on to the channels that follow them, when, and how often."""

from __future__ import annotations

import pytest

from bot.domain.subscription import OnWithdrawal, SubscriptionOptions
from tests.support.line import WireHarness
from tests.wire.client import ANY

ON = SubscriptionOptions(crosspost=True)


async def crossposted_titles(harness: WireHarness) -> list[str | None]:
    """In the order in which they went on."""
    gone = [message for message in await harness.list_messages() if message.crossposted_at is not None]
    return [message.title for message in sorted(gone, key=lambda message: message.crossposted_at or 0)]


async def count_requests(harness: WireHarness) -> int:
    """How many requests to crosspost Discord received."""
    return len(await harness.wire.list_requests(path="/crosspost$"))


@pytest.mark.parametrize(("options", "expected"), [(ON, ["Title of a"]), (SubscriptionOptions(), [])])
async def test_posts_go_on_where_the_subscription_says_so(
    harness: WireHarness, options: SubscriptionOptions, expected: list[str]
) -> None:
    await harness.subscribe_channel("announcement", options)
    await harness.send_card("a")
    assert await harness.message_titles() == ["Title of a"]
    assert await crossposted_titles(harness) == expected


async def test_the_hottest_ten_go_at_once_and_the_eleventh_after_the_hour(harness: WireHarness) -> None:
    await harness.subscribe_channel("announcement", ON)
    for heat in (50, 100, 30, 90, 20, 110, 60, 80, 40, 120, 70):
        harness.write_card(f"card{heat}", heat=heat)
    await harness.deliver_due()
    hottest = [f"Title of card{heat}" for heat in range(120, 20, -10)]
    assert await crossposted_titles(harness) == hottest
    await harness.deliver_due(minutes=59)
    assert await count_requests(harness) == 10
    await harness.wire.refill_limits()
    await harness.deliver_due(minutes=2)
    assert await crossposted_titles(harness) == [*hottest, "Title of card20"]
    assert await harness.wire.list_requests(status=429) == []


async def test_each_channel_has_a_budget_of_its_own(harness: WireHarness) -> None:
    for _ in range(2):
        await harness.subscribe_channel("announcement", ON)
    for number in range(7):
        harness.write_card(f"card{number}")
    await harness.deliver_due()
    assert await count_requests(harness) == 14


async def test_a_post_that_went_on_already_counts_as_done(harness: WireHarness) -> None:
    await harness.subscribe_channel("announcement", ON)
    await harness.wire.add_fault("crossposted", "POST", "/crosspost$")
    await harness.send_card("a")
    await harness.deliver_due(hours=2)
    assert await count_requests(harness) == 1


async def test_what_others_spent_of_the_budget_is_asked_for_once(harness: WireHarness) -> None:
    await harness.wire.configure_settings(buckets={"crosspost": [1, 3600]})
    await harness.subscribe_channel("announcement", ON)
    harness.write_card("a", heat=90)
    harness.write_card("b", heat=80)
    for _ in range(4):
        await harness.deliver_due(minutes=10)
    assert await crossposted_titles(harness) == ["Title of a"]
    assert len(await harness.wire.list_requests(status=429)) == 1
    await harness.wire.refill_limits()
    await harness.deliver_due(hours=1)
    assert await crossposted_titles(harness) == ["Title of a", "Title of b"]


async def test_a_channel_that_has_to_wait_holds_up_no_other(harness: WireHarness) -> None:
    await harness.subscribe_channel("announcement", ON)
    first = harness.channel
    await harness.subscribe_channel("announcement", ON)
    await harness.wire.add_fault("503", "POST", f"/{first}/.*/crosspost$", times=ANY)
    await harness.send_card("a")
    assert await crossposted_titles(harness) == ["Title of a"]


@pytest.mark.parametrize("fault", ["503", "cloudflare", "rate_limited", "no_permission", "no_access", "no_channel"])
async def test_trouble_puts_a_crosspost_off(harness: WireHarness, fault: str) -> None:
    await harness.subscribe_channel("announcement", ON)
    await harness.wire.add_fault(fault, "POST", "/crosspost$", retry_after=1800.0)
    await harness.send_card("a")
    assert await crossposted_titles(harness) == []
    await harness.deliver_due(hours=2)
    assert await crossposted_titles(harness) == ["Title of a"]


async def test_a_message_that_a_moderator_deleted_is_passed_over(harness: WireHarness) -> None:
    await harness.subscribe_channel("announcement", ON)
    await harness.wire.add_fault("503", "POST", "/crosspost$")
    await harness.send_card("a")
    (post,) = await harness.list_messages()
    await harness.wire.delete_message(post)
    await harness.deliver_due(hours=1)
    await harness.send_card("b")
    assert await crossposted_titles(harness) == ["Title of b"]
    assert await count_requests(harness) == 3


async def test_what_waited_for_twelve_hours_is_news_no_more(harness: WireHarness) -> None:
    await harness.subscribe_channel("announcement", ON)
    await harness.wire.add_fault("503", "POST", "/crosspost$")
    await harness.send_card("a")
    await harness.deliver_due(hours=13)
    assert await crossposted_titles(harness) == []
    assert await count_requests(harness) == 1
    await harness.send_card("b")
    assert await crossposted_titles(harness) == ["Title of b"]


@pytest.mark.parametrize(("fault", "arrived"), [("reset", []), ("lost", ["Title of a"])])
async def test_an_end_between_post_and_crosspost_neither_loses_nor_repeats(
    harness: WireHarness, fault: str, arrived: list[str]
) -> None:
    await harness.subscribe_channel("announcement", ON)
    await harness.wire.add_fault(fault, "POST", "/crosspost$")
    await harness.send_card("a")
    assert await crossposted_titles(harness) == arrived
    await harness.restart_bot()
    await harness.deliver_due()
    await harness.deliver_due(hours=2)
    assert await crossposted_titles(harness) == ["Title of a"]
    assert await count_requests(harness) == 2


@pytest.mark.parametrize("on_withdrawal", [OnWithdrawal.DELETE, OnWithdrawal.MARK])
async def test_a_retracted_post_does_not_go_on(harness: WireHarness, on_withdrawal: OnWithdrawal) -> None:
    await harness.subscribe_channel("announcement", SubscriptionOptions(crosspost=True, on_withdrawal=on_withdrawal))
    await harness.wire.add_fault("503", "POST", "/crosspost$")
    await harness.send_card("a")
    harness.write_card("a", removed="true")
    await harness.deliver_due(hours=2)
    assert await harness.message_titles() != ["Title of a"]
    assert await count_requests(harness) == 1


async def test_a_post_that_waits_for_its_retraction_does_not_go_on(harness: WireHarness) -> None:
    await harness.subscribe_channel("announcement", ON)
    await harness.wire.add_fault("503", "POST", "/crosspost$")
    await harness.send_card("a")
    await harness.wire.add_fault("503", "DELETE", "/messages", times=ANY)
    harness.write_card("a", removed="true")
    await harness.deliver_due(hours=2)
    assert await harness.message_titles() == ["Title of a"]
    assert await count_requests(harness) == 1


async def test_a_post_that_comes_back_goes_on_again(harness: WireHarness) -> None:
    await harness.subscribe_channel("announcement", ON)
    await harness.send_card("a")
    await harness.send_card("a", removed="true")
    await harness.send_card("a")
    assert await crossposted_titles(harness) == ["Title of a"]
    assert await count_requests(harness) == 2


async def test_a_correction_comes_before_the_crosspost(harness: WireHarness) -> None:
    await harness.subscribe_channel("announcement", ON)
    await harness.wire.add_fault("503", "POST", "/crosspost$")
    await harness.send_card("a")
    await harness.wire.add_fault("503", "PATCH", "/messages")
    await harness.send_card("a", title="Corrected")
    assert await crossposted_titles(harness) == []
    await harness.deliver_due(hours=2)
    assert await crossposted_titles(harness) == ["Corrected"]
    assert [message.crosspost_edits for message in await harness.list_messages()] == [0]


async def test_changes_of_a_crossposted_post_come_in_few_edits(harness: WireHarness) -> None:
    """Discord takes three an hour; a story that is rewritten all the time needs no more."""
    await harness.subscribe_channel("announcement", ON)
    await harness.send_card("a")
    for version in range(20):
        harness.write_card("a", title=f"Version {version}")
        await harness.deliver_due(minutes=3)
    (post,) = await harness.list_messages()
    assert post.crosspost_edits == 3
    await harness.wire.refill_limits()
    await harness.deliver_due(minutes=20)
    assert await harness.message_titles() == ["Version 19"]
    assert await harness.wire.list_requests(status=429) == []


async def test_a_post_that_is_not_crossposted_follows_its_card_at_once(harness: WireHarness) -> None:
    await harness.subscribe_channel("announcement")
    await harness.send_card("a")
    await harness.send_card("a", title="Corrected")
    await harness.send_card("a", title="Corrected again")
    assert await harness.message_titles() == ["Corrected again"]


@pytest.mark.parametrize("on_withdrawal", [OnWithdrawal.DELETE, OnWithdrawal.MARK])
async def test_the_withdrawal_of_a_crossposted_post_does_not_wait(
    harness: WireHarness, on_withdrawal: OnWithdrawal
) -> None:
    await harness.subscribe_channel("announcement", SubscriptionOptions(crosspost=True, on_withdrawal=on_withdrawal))
    await harness.send_card("a")
    await harness.send_card("a", title="Corrected")
    await harness.send_card("a", title="Corrected again")
    assert await harness.message_titles() == ["Corrected"]
    await harness.send_card("a", removed="true")
    assert await harness.message_titles() == ([] if on_withdrawal is OnWithdrawal.DELETE else [None])


async def test_beyond_discords_limit_an_edit_waits_as_long_as_it_says(harness: WireHarness) -> None:
    await harness.wire.configure_settings(buckets={"crosspost_edit": [1, 7200]})
    await harness.subscribe_channel("announcement", ON)
    await harness.send_card("a")
    for version in range(4):
        harness.write_card("a", title=f"Version {version}")
        await harness.deliver_due(minutes=21)
    for _ in range(4):
        await harness.deliver_due(minutes=10)
    assert len(await harness.wire.list_requests(status=429)) <= 3  # one for each change at most
    await harness.wire.refill_limits()
    await harness.deliver_due(hours=2)
    assert await harness.message_titles() == ["Version 3"]
