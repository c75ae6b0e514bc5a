"""What channel managers read of their subscriptions: complete, safe, and within Discord's limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cards.model import Provider
from bot.domain.quiet_hours import QuietHours
from bot.domain.subscription import Frequency, Layout, OnWithdrawal, Subscription, SubscriptionOptions
from bot.render.subscriptions import (
    WhatIfResult,
    quiet_text,
    render_draft,
    render_subscription,
    render_subscriptions,
    render_whatif,
    subscribed_text,
)
from bot.store.cards.rows import StoredCard
from bot.store.subscriptions.quiet_hours import QuietChannel
from bot.ui.option_table import summarize_options
from tests.render.cases import ANY_TEXT, FILED, LONG_TEXT, make_card, make_related
from tests.render.limits_check import assert_no_mention, assert_within_limits

AT = datetime(2026, 11, 25, 9, tzinfo=UTC)
STAMP = "<t:1795597200:R>"
ORDINARY = SubscriptionOptions()
HOSTILE = ("**bold** @everyone", "[x](https://evil.example)", "<@&1>")
LONGEST = SubscriptionOptions(
    Frequency.DAILY,
    tuple(time(hour, 30) for hour in range(24)),
    (0, 1, 2, 3, 4, 6),
    "America/Argentina/ComodRivadavia",
    excluded=("word " * 15,) * 25,
    topics=("topic " * 15,) * 25,
    min_quality=1000,
    max_cards=25,
    layout=Layout.LIST,
    mention_role_id=10**18,
    crosspost=True,
    on_withdrawal=OnWithdrawal.MARK,
    skip_empty=False,
    silent=True,
)
OPTIONS = st.builds(
    SubscriptionOptions,
    frequency=st.sampled_from(Frequency),
    times=st.sets(st.times(), max_size=24).map(tuple),
    days=st.sets(st.integers(0, 6)).map(tuple),
    topics=st.lists(LONG_TEXT.filter(str.strip), max_size=3).map(tuple),
    excluded=st.lists(ANY_TEXT.filter(str.strip), max_size=3).map(tuple),
    layout=st.sampled_from(Layout),
    mention_role_id=st.none() | st.just(77),
    skip_empty=st.booleans(),
)


def make_subscription(options: SubscriptionOptions = ORDINARY, number: int = 1, **more: Any) -> Subscription:
    return Subscription(number, 1, 10**18 + number, 5, AT, AT, options, **more)


def show_subscription(subscription: Subscription) -> discord.Embed:
    return render_subscription(subscription, summarize_options(subscription.options))


def show_draft(channel_id: int | None, options: SubscriptionOptions) -> discord.Embed:
    return render_draft(channel_id, options, summarize_options(options))


def embed_fields(embed: discord.Embed) -> dict[str | None, str | None]:
    return {field.name: field.value for field in embed.fields}


def embed_lines(embed: discord.Embed) -> list[str]:
    return (embed.description or "").splitlines()


# A list of them


def test_nothing_is_subscribed() -> None:
    embed = render_subscriptions([])
    assert embed.description == "No subscriptions yet."
    assert embed.fields == []


def test_each_has_its_channel_its_topics_its_times_and_what_comes_next() -> None:
    options = SubscriptionOptions(
        Frequency.DAILY, (time(9),), timezone="Europe/Berlin", topics=("AI", "Space"), excluded=("go_ssip",)
    )
    found = [
        make_subscription(),
        make_subscription(options, 2, next_digest_at=AT),
        make_subscription(SubscriptionOptions(Frequency.WEEKLY, min_quality=60), 3, paused=True),
    ]
    assert embed_lines(render_subscriptions(found)) == [
        f"**<#{10**18 + 1}>** · as they come in",
        "Every topic",
        "",
        f"**<#{10**18 + 2}>** · daily at 09:00 (Europe/Berlin) · next {STAMP}",
        "AI, Space · without go\\_ssip",
        "",
        f"**<#{10**18 + 3}>** · Monday at 09:00 (UTC) · paused",
        "Every topic · quality ≥ 60",
    ]


def test_quiet_hours_stand_below() -> None:
    hours = QuietHours(time(22), time(7), "Europe/Berlin", 500)
    quiet = [QuietChannel(5, 1, hours, True, AT), QuietChannel(6, 1, QuietHours(time(0), time(6), "UTC"), False, AT)]
    turns = STAMP.replace(":R", ":f")
    assert (embed_fields(render_subscriptions([], quiet))["Quiet hours"] or "").splitlines() == [
        f"<#5> · 22:00 to 07:00 (Europe/Berlin), except for heat ≥ 500 · quiet until {turns}",
        f"<#6> · 00:00 to 06:00 (UTC) · next {turns}",
    ]


@pytest.mark.parametrize(
    "options", [SubscriptionOptions(), SubscriptionOptions(Frequency.DAILY, topics=HOSTILE, excluded=HOSTILE), LONGEST]
)
def test_as_many_as_fit_are_listed_and_the_others_counted(options: SubscriptionOptions) -> None:
    found = [make_subscription(options, number, next_digest_at=AT) for number in range(50)]
    hours = QuietHours(time(22), time(7), "America/Argentina/ComodRivadavia", 100_000)
    embed = render_subscriptions(found, [QuietChannel(10**18 + n, 1, hours, True, AT) for n in range(50)])
    assert_within_limits([embed])
    assert_no_mention([embed])
    for text in (embed.description, embed.fields[0].value):
        shown = (text or "").splitlines()
        left = 50 - sum(line.startswith(("<#", "**<#")) for line in shown)
        assert 0 <= left < 45
        assert (shown[-1] == f"+{left} more") == (left > 0)


@given(st.lists(OPTIONS.map(make_subscription), max_size=4))
def test_any_subscriptions_fit(found: list[Subscription]) -> None:
    embed = render_subscriptions(found)
    assert_within_limits([embed])
    assert_no_mention([embed])


# One of them


def test_an_ordinary_subscription_is_said_in_few_words() -> None:
    embed = show_subscription(make_subscription())
    assert embed.title == "Subscription"
    assert embed_fields(embed) == {"Channel": f"<#{10**18 + 1}>", "When": "As they come in", "Topics": "Every topic"}


def test_what_differs_is_said_and_when_the_next_comes() -> None:
    options = SubscriptionOptions(
        Frequency.HOURLY,
        topics=HOSTILE,
        excluded=("a*",),
        min_quality=60,
        layout=Layout.LIST,
        mention_role_id=77,
        crosspost=True,
        skip_empty=False,
        on_withdrawal=OnWithdrawal.MARK,
        silent=True,
    )
    shown = embed_fields(show_subscription(make_subscription(options, next_digest_at=AT)))
    assert shown["When"] == "Hourly"
    assert shown["Topics"] == (
        "\\*\\*bold\\*\\* @\u200beveryone, \\[x\\](https\\://evil.example), \\<\u200b@&1>"  # escaped, and torn apart
    )
    assert shown["How"] == (
        "Without a\\*; quality at least 60 (fair); as a list of at most 10 headlines; mentions <@&77>; published to "
        "following channels; withdrawn cards leave a note; even when nothing is new; without notifications"
    )
    assert shown["Next"] == STAMP


def test_a_role_that_is_called_is_named_though_nothing_else_differs() -> None:
    assert (
        embed_fields(show_subscription(make_subscription(SubscriptionOptions(mention_role_id=77))))["How"]
        == "Mentions <@&77>"
    )


def test_a_paused_subscription_says_so() -> None:
    assert (
        embed_fields(show_subscription(make_subscription(SubscriptionOptions(Frequency.DAILY), paused=True)))["Next"]
        == "Paused"
    )


def test_a_draft_need_not_have_a_channel_yet() -> None:
    embed = show_draft(None, SubscriptionOptions(Frequency.DAILY))
    assert embed.title == "New subscription"
    assert embed_fields(embed) == {
        "Channel": "*not chosen yet*",
        "When": "Daily at 09:00 (UTC)",
        "Topics": "Every topic",
        "How": "At most 10 cards",
    }
    assert (
        embed_fields(show_draft(5, SubscriptionOptions(on_withdrawal=OnWithdrawal.KEEP)))["How"]
        == "Withdrawn cards stay"
    )


@given(OPTIONS)
def test_any_wish_fits(options: SubscriptionOptions) -> None:
    assert_within_limits([show_subscription(make_subscription(options, next_digest_at=AT))])
    assert_no_mention([show_draft(5, replace(options, mention_role_id=None))])


def test_the_longest_wish_fits_and_still_names_its_role() -> None:
    embed = show_subscription(make_subscription(LONGEST, next_digest_at=AT))
    assert_within_limits([embed])
    assert f"; mentions <@&{10**18}>; " in (embed_fields(embed)["How"] or "")


def test_what_a_new_subscription_begins_with() -> None:
    assert subscribed_text(make_subscription(), 0) == (
        f"<#{10**18 + 1}> gets new cards from now on; those that are already out are not posted."
    )
    assert (
        subscribed_text(make_subscription(SubscriptionOptions(Frequency.DAILY), next_digest_at=AT), 0)
        == f"<#{10**18 + 1}> gets its first digest {STAMP}."
    )


def test_quiet_hours_in_words() -> None:
    assert quiet_text(5, QuietHours(time(22), time(7), "Europe/Berlin")) == (
        "Quiet hours in <#5>: 22:00 to 07:00 (Europe/Berlin). Cards that arrive then are posted together afterwards."
    )
    assert "except for heat ≥ 500" in quiet_text(5, QuietHours(time(22), time(7), "UTC", 500))


# What a subscription would have brought


def make_result(cards: Sequence[StoredCard], *counts: int, digests: int = 0) -> WhatIfResult:
    return WhatIfResult(
        [(date(2026, 11, 1) + timedelta(days=day), count) for day, count in enumerate(counts)], digests, cards
    )


def test_the_last_days_in_numbers_and_the_newest_cards() -> None:
    shown = make_card(title="A [title]", url="https://a.example", provider=Provider("Paper"))
    embed = render_whatif(
        SubscriptionOptions(Frequency.DAILY, topics=("A*",)),
        make_result([shown], 1, 0, 0, 4, digests=2),
        "attachment://x.png",
    )
    assert embed.title == "The last 4 days, daily at 09:00 (UTC)"
    assert embed.image.url == "attachment://x.png"
    assert embed_lines(embed) == [
        "**5 cards** in 2 digests, about **1.2 a day**, at most 4 (on 4 November).",
        "Topics: A\\*.",
        "",
        "1. <t:1711726200:d> A \\[title\\] [Open](https://a.example) · Paper",
    ]


def test_one_card_is_not_said_to_be_several() -> None:
    embed = render_whatif(SubscriptionOptions(), make_result([make_card()], 1, digests=1), "attachment://x.png")
    assert embed_lines(embed)[:2] == [
        "**1 card** in 1 digest, about **1.0 a day**, at most 1 (on 1 November).",
        "Topics: every topic.",
    ]


def test_of_many_cards_ten_are_named() -> None:
    embed = render_whatif(
        LONGEST, make_result([make_card(related=make_related(2))] * 25, 25), "https://a.example/x.png"
    )
    assert_within_limits([embed])
    assert len(embed_lines(embed)) == 3 + 10
    assert embed_lines(embed)[-1].startswith("10. ")
    assert embed.footer.text == "These are the newest 10."


@given(OPTIONS, st.lists(FILED, min_size=1, max_size=3))
def test_any_past_fits(options: SubscriptionOptions, cards: list[StoredCard]) -> None:
    embed = render_whatif(options, make_result(cards, len(cards), 10**6), "https://a.example/x.png")
    assert_within_limits([embed])
    assert_no_mention([embed])
