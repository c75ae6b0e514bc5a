from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.feed_schedule import FeedState
from bot.domain.fetch_result import FetchProblem
from bot.domain.follows import FollowPolicy
from bot.i18n import override_language, tr
from bot.render import feeds
from bot.render.feed_problems import describe_problem
from bot.render.feeds import (
    FeedPreview,
    ImportPreview,
    describe_check,
    describe_follow,
    describe_lookup_problem,
    describe_rate,
    describe_state,
    render_feed_list,
    render_import_preview,
    render_preview,
)
from bot.render.limits import CONTENT, EMBED_DESCRIPTION, EMBED_TOTAL, count_total, count_units
from bot.sources.feeds.model import FeedProblem, RefusalReason
from bot.store.cards.rows import StoredCard
from tests.support.cards import make_card
from tests.support.followed_feeds import NOW, make_follow, make_followed

SOON = FeedState(next_fetch_at=NOW + timedelta(minutes=10))


@pytest.mark.parametrize(
    ("weekly", "words"),
    [
        (None, ""),
        (0.0, "nothing in the last 12 weeks"),
        (0.3, "less than one a week"),
        (1.2, "about 1 a week"),
        (12.4, "about 12 a week"),
        (1173.0, "about 1,200 a week"),
        (99.7, "about 100 a week"),
    ],
)
def test_a_rate_has_two_digits(weekly: float | None, words: str) -> None:
    assert describe_rate(weekly) == words


@pytest.mark.parametrize(
    ("followed", "words"),
    [
        (make_followed(), "✅ fine"),
        (make_followed(paused=True), "⏸️ paused"),
        (make_followed(fetched_at=None), "🕓 not checked yet"),
        (make_followed(key="http://old.example/feed"), "✅ fine; it has moved to another address"),
        (
            make_followed(FeedState(next_fetch_at=NOW, moved_to="https://new.example/feed", moved_count=1)),
            "✅ fine; the site is moving it to another address",
        ),
        (
            make_followed(FeedState(next_fetch_at=NOW, problem="forbidden", failures=3)),
            "⚠️ The site refuses bots.",
        ),
        (
            make_followed(FeedState(next_fetch_at=None, problem="gone")),
            "⛔ The site says that the feed is gone for good. No longer checked.",
        ),
    ],
    ids=["fine", "paused", "new", "moved", "moving", "refused", "stopped"],
)
def test_the_state_of_a_feed_is_a_sentence(followed: Any, words: str) -> None:
    assert describe_state(followed) == words


def test_the_list_says_state_next_look_and_cards_of_the_week() -> None:
    (line, below) = str(render_feed_list([make_followed()], 50).description).splitlines()

    assert line == "[The Paper](https://paper.example/) · every card is published"
    assert below == f"✅ fine · next check <t:{int(NOW.timestamp()) + 600}:R> · 5 cards this week"


def test_a_paused_feed_has_no_next_look() -> None:
    assert "next check" not in str(render_feed_list([make_followed(paused=True)], 50).description)


def test_a_long_list_fits_and_counts_what_it_leaves_out() -> None:
    topics = tuple(f"topic {number}" for number in range(10))
    many = [make_followed(title="*" * 200, follow=make_follow(topics=topics)) for _ in range(200)]

    shown = render_feed_list(many, 500)

    assert count_units(str(shown.description)) <= EMBED_DESCRIPTION
    assert "more" in str(shown.description).splitlines()[-1]
    assert shown.footer.text == "200 of 500 feeds"


def test_names_of_feeds_are_literal() -> None:
    shown = str(
        render_feed_list([make_followed(title="**@everyone** [a](http://evil.example)", site="")], 50).description
    )

    assert "**@" not in shown.replace("\\*\\*", "")
    assert "@everyone" not in shown
    assert "[a](" not in shown


def test_an_address_is_not_shown_with_its_password() -> None:
    shown = feeds.render_feed(make_followed(url="https://ada:secret@paper.example/feed?token=hidden"))

    assert "secret" not in str(shown.to_dict())
    assert "hidden" not in str(shown.to_dict())


def test_what_is_usual_of_a_follow_is_not_said() -> None:
    assert describe_follow(make_follow()) == "every card is published"
    follow = make_follow(FollowPolicy.REVIEW, topics=("Space", "AI"), quality=60)
    assert describe_follow(follow) == "a moderator decides on each card · Space, AI · quality 60"


def preview(policy: FollowPolicy = FollowPolicy.PUBLISH, **fields: Any) -> FeedPreview:
    cards = [
        StoredCard(number, 0, "", make_card(title=f"Title {number}", excerpt="word " * 2000)) for number in range(1, 6)
    ]
    usual: dict[str, Any] = {"title": "The Paper", "url": "https://paper.example/feed", "cards": cards, "count": 5}
    usual["weekly"] = 3.0
    return FeedPreview(**usual | {"follow": make_follow(policy)} | fields)


def test_a_preview_shows_three_cards_within_the_limits() -> None:
    content, embeds = render_preview(preview(), None)

    assert [embed.title for embed in embeds] == ["Title 1", "Title 2", "Title 3"]
    assert count_total(embeds) <= EMBED_TOTAL
    assert content.splitlines()[0] == "**The Paper** · about 3 a week"
    assert count_units(render_preview(preview(title="t" * 999, url="u" * 9999), None)[0]) <= CONTENT


@pytest.mark.parametrize(
    ("policy", "words"), [(FollowPolicy.REVIEW, "wait for a moderator"), (FollowPolicy.ARCHIVE, "aren't posted")]
)
def test_a_preview_says_what_becomes_of_what_is_there(policy: FollowPolicy, words: str) -> None:
    assert words in render_preview(preview(policy), None)[0]


@pytest.mark.parametrize(
    ("policy", "newest", "words"),
    [
        (FollowPolicy.PUBLISH, 1, "Its newest card is published at once. 2 others can be searched but aren't posted."),
        (
            FollowPolicy.PUBLISH,
            2,
            "Its newest 2 cards are published at once. 1 other can be searched but isn't posted.",
        ),
        (FollowPolicy.REVIEW, 2, "Its newest 2 cards are published at once. 1 other waits for a moderator."),
        (FollowPolicy.REVIEW, 5, "Its newest 3 cards are published at once."),
    ],
)
def test_a_preview_says_what_is_published_at_once(policy: FollowPolicy, newest: int, words: str) -> None:
    text, _ = render_preview(preview(policy, count=3, newest=newest), None)
    assert text.endswith(words)


def test_an_empty_feed_has_a_preview() -> None:
    content, embeds = render_preview(preview(cards=[], count=0, weekly=None), None)

    assert "It's empty so far." in content
    assert embeds == []


@pytest.mark.parametrize("problem", list(FeedProblem))
def test_each_shortcoming_of_a_feed_is_said(problem: FeedProblem) -> None:
    plain = describe_check("The Paper", 3, NOW, 2.0, [])

    assert len(describe_check("The Paper", 3, NOW, 2.0, [problem]).splitlines()) == len(plain.splitlines()) + 1


@pytest.mark.parametrize("problem", [*FetchProblem, *RefusalReason])
def test_each_reason_is_a_sentence_in_every_language(problem: str) -> None:
    english = describe_problem(problem)
    with override_language("de"):
        german = describe_problem(problem)

    assert english.endswith(".")
    assert english != describe_problem("unheard of")
    assert german != english


def test_a_refusal_at_the_look_up_has_its_status() -> None:
    assert describe_lookup_problem(FetchProblem.FORBIDDEN, 403) == "The site refuses bots. (403)"
    assert describe_lookup_problem(RefusalReason.LOGIN_PAGE, 200) == "This is a login page, not a feed."
    assert "doesn't link to a feed" in describe_lookup_problem(RefusalReason.WEB_PAGE, 200)
    assert "/feed import" in describe_lookup_problem(RefusalReason.FEED_LIST, 200)


def test_an_import_says_what_it_leaves_out() -> None:
    shown = render_import_preview(ImportPreview(["One", "Two"], 3, 0, 4, make_follow()))

    fields = {field.name: field.value for field in shown.fields}
    assert fields["New"] == "2"
    assert fields["Already followed"] == "3"
    assert fields["Over this server's limit"] == "4"
    assert tr("Not a web address") not in fields
    assert shown.description == "One\nTwo"
