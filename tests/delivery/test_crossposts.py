"""Announcement channels on the wire Discord: what goes on to the channels that follow them, when, and how often."""

from __future__ import annotations

import pytest

from bot.desk.subscription import OnWithdrawal, Wish
from tests.support.line import Line
from tests.wire.client import ANY

ON = Wish(crosspost=True)


async def crossposted(line: Line) -> list[str | None]:
    """In the order in which they went on."""
    gone = [message for message in await line.messages() if message.crossposted_at is not None]
    return [message.title for message in sorted(gone, key=lambda message: message.crossposted_at or 0)]


async def asked(line: Line) -> int:
    """How often Discord was asked to pass a post on."""
    return len(await line.wire.requests(path="/crosspost$"))


@pytest.mark.parametrize(("wish", "expected"), [(ON, ["Title of a"]), (Wish(), [])])
async def test_posts_go_on_where_the_subscription_says_so(line: Line, wish: Wish, expected: list[str]) -> None:
    await line.subscribe("announcement", wish)
    await line.send("a")
    assert await line.titles() == ["Title of a"]
    assert await crossposted(line) == expected


async def test_the_hottest_ten_go_at_once_and_the_eleventh_after_the_hour(line: Line) -> None:
    await line.subscribe("announcement", ON)
    for heat in (50, 100, 30, 90, 20, 110, 60, 80, 40, 120, 70):
        line.write(f"card{heat}", heat=heat)
    await line.deliver()
    hottest = [f"Title of card{heat}" for heat in range(120, 20, -10)]
    assert await crossposted(line) == hottest
    await line.deliver(minutes=59)
    assert await asked(line) == 10
    await line.wire.refill()
    await line.deliver(minutes=2)
    assert await crossposted(line) == [*hottest, "Title of card20"]
    assert await line.wire.requests(status=429) == []


async def test_each_channel_has_a_budget_of_its_own(line: Line) -> None:
    for _ in range(2):
        await line.subscribe("announcement", ON)
    for number in range(7):
        line.write(f"card{number}")
    await line.deliver()
    assert await asked(line) == 14


async def test_a_post_that_went_on_already_counts_as_done(line: Line) -> None:
    await line.subscribe("announcement", ON)
    await line.wire.fault("crossposted", "POST", "/crosspost$")
    await line.send("a")
    await line.deliver(hours=2)
    assert await asked(line) == 1


async def test_what_others_spent_of_the_budget_is_asked_for_once(line: Line) -> None:
    await line.wire.configure(buckets={"crosspost": [1, 3600]})
    await line.subscribe("announcement", ON)
    line.write("a", heat=90)
    line.write("b", heat=80)
    for _ in range(4):
        await line.deliver(minutes=10)
    assert await crossposted(line) == ["Title of a"]
    assert len(await line.wire.requests(status=429)) == 1
    await line.wire.refill()
    await line.deliver(hours=1)
    assert await crossposted(line) == ["Title of a", "Title of b"]


async def test_a_channel_that_has_to_wait_holds_up_no_other(line: Line) -> None:
    await line.subscribe("announcement", ON)
    first = line.channel
    await line.subscribe("announcement", ON)
    await line.wire.fault("503", "POST", f"/{first}/.*/crosspost$", times=ANY)
    await line.send("a")
    assert await crossposted(line) == ["Title of a"]


@pytest.mark.parametrize("fault", ["503", "cloudflare", "rate_limited", "no_permission", "no_access", "no_channel"])
async def test_trouble_puts_a_crosspost_off(line: Line, fault: str) -> None:
    await line.subscribe("announcement", ON)
    await line.wire.fault(fault, "POST", "/crosspost$", retry_after=1800.0)
    await line.send("a")
    assert await crossposted(line) == []
    await line.deliver(hours=2)
    assert await crossposted(line) == ["Title of a"]


async def test_a_message_that_a_moderator_deleted_is_passed_over(line: Line) -> None:
    await line.subscribe("announcement", ON)
    await line.wire.fault("503", "POST", "/crosspost$")
    await line.send("a")
    (post,) = await line.messages()
    await line.wire.delete(post)
    await line.deliver(hours=1)
    await line.send("b")
    assert await crossposted(line) == ["Title of b"]
    assert await asked(line) == 3


async def test_what_waited_for_twelve_hours_is_news_no_more(line: Line) -> None:
    await line.subscribe("announcement", ON)
    await line.wire.fault("503", "POST", "/crosspost$")
    await line.send("a")
    await line.deliver(hours=13)
    assert await crossposted(line) == []
    assert await asked(line) == 1
    await line.send("b")
    assert await crossposted(line) == ["Title of b"]


@pytest.mark.parametrize(("fault", "arrived"), [("reset", []), ("lost", ["Title of a"])])
async def test_an_end_between_post_and_crosspost_neither_loses_nor_repeats(
    line: Line, fault: str, arrived: list[str]
) -> None:
    await line.subscribe("announcement", ON)
    await line.wire.fault(fault, "POST", "/crosspost$")
    await line.send("a")
    assert await crossposted(line) == arrived
    await line.restart()
    await line.deliver()
    await line.deliver(hours=2)
    assert await crossposted(line) == ["Title of a"]
    assert await asked(line) == 2


@pytest.mark.parametrize("on_withdrawal", [OnWithdrawal.DELETE, OnWithdrawal.MARK])
async def test_a_retracted_post_does_not_go_on(line: Line, on_withdrawal: OnWithdrawal) -> None:
    await line.subscribe("announcement", Wish(crosspost=True, on_withdrawal=on_withdrawal))
    await line.wire.fault("503", "POST", "/crosspost$")
    await line.send("a")
    line.write("a", removed="true")
    await line.deliver(hours=2)
    assert await line.titles() != ["Title of a"]
    assert await asked(line) == 1


async def test_a_post_that_waits_for_its_retraction_does_not_go_on(line: Line) -> None:
    await line.subscribe("announcement", ON)
    await line.wire.fault("503", "POST", "/crosspost$")
    await line.send("a")
    await line.wire.fault("503", "DELETE", "/messages", times=ANY)
    line.write("a", removed="true")
    await line.deliver(hours=2)
    assert await line.titles() == ["Title of a"]
    assert await asked(line) == 1


async def test_a_post_that_comes_back_goes_on_again(line: Line) -> None:
    await line.subscribe("announcement", ON)
    await line.send("a")
    await line.send("a", removed="true")
    await line.send("a")
    assert await crossposted(line) == ["Title of a"]
    assert await asked(line) == 2


async def test_a_correction_comes_before_the_crosspost(line: Line) -> None:
    await line.subscribe("announcement", ON)
    await line.wire.fault("503", "POST", "/crosspost$")
    await line.send("a")
    await line.wire.fault("503", "PATCH", "/messages")
    await line.send("a", title="Corrected")
    assert await crossposted(line) == []
    await line.deliver(hours=2)
    assert await crossposted(line) == ["Corrected"]
    assert [message.crosspost_edits for message in await line.messages()] == [0]


async def test_changes_of_a_crossposted_post_come_in_few_edits(line: Line) -> None:
    """Discord takes three an hour; a story that is rewritten all the time needs no more."""
    await line.subscribe("announcement", ON)
    await line.send("a")
    for version in range(20):
        line.write("a", title=f"Version {version}")
        await line.deliver(minutes=3)
    (post,) = await line.messages()
    assert post.crosspost_edits == 3
    await line.wire.refill()
    await line.deliver(minutes=20)
    assert await line.titles() == ["Version 19"]
    assert await line.wire.requests(status=429) == []


async def test_a_post_that_is_not_crossposted_follows_its_card_at_once(line: Line) -> None:
    await line.subscribe("announcement")
    await line.send("a")
    await line.send("a", title="Corrected")
    await line.send("a", title="Corrected again")
    assert await line.titles() == ["Corrected again"]


@pytest.mark.parametrize("on_withdrawal", [OnWithdrawal.DELETE, OnWithdrawal.MARK])
async def test_the_withdrawal_of_a_crossposted_post_does_not_wait(line: Line, on_withdrawal: OnWithdrawal) -> None:
    await line.subscribe("announcement", Wish(crosspost=True, on_withdrawal=on_withdrawal))
    await line.send("a")
    await line.send("a", title="Corrected")
    await line.send("a", title="Corrected again")
    assert await line.titles() == ["Corrected"]
    await line.send("a", removed="true")
    assert await line.titles() == ([] if on_withdrawal is OnWithdrawal.DELETE else [None])


async def test_beyond_discords_limit_an_edit_waits_as_long_as_it_says(line: Line) -> None:
    await line.wire.configure(buckets={"crosspost_edit": [1, 7200]})
    await line.subscribe("announcement", ON)
    await line.send("a")
    for version in range(4):
        line.write("a", title=f"Version {version}")
        await line.deliver(minutes=21)
    for _ in range(4):
        await line.deliver(minutes=10)
    assert len(await line.wire.requests(status=429)) <= 3  # one for each change at most
    await line.wire.refill()
    await line.deliver(hours=2)
    assert await line.titles() == ["Version 3"]
