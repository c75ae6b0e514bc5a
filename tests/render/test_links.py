"""Texts about submitted links keep to Discord's limits, and nothing in them formats or calls anybody."""

from __future__ import annotations

import pytest

from bot.domain.fetch_result import FetchProblem
from bot.i18n import override_language
from bot.render.limits import CONTENT, count_units
from bot.render.links import (
    describe_link_problem,
    describe_preview,
    describe_untitled,
    format_submitters,
    format_waiting_submitters,
    render_decision_notice,
)
from bot.sources.feeds.link_lookup import NO_LINK
from bot.sources.feeds.model import RefusalReason
from bot.store.cards.rows import StoredCard
from bot.store.moderation.submissions import Submission
from tests.support.cards import NOW, make_card

LOUD = "@everyone <@&5> **loud** " * 20


def stored(card_id: int = 1, **fields: object) -> StoredCard:
    return StoredCard(card_id, 0, "", make_card(f"card-{card_id}", **fields))


def people(count: int, comment: str = LOUD) -> list[Submission]:
    return [Submission(10**18 + number, comment, NOW) for number in range(count)]


def test_a_few_people_are_named_and_the_rest_are_counted() -> None:
    assert format_submitters([]) == ""
    assert format_submitters([Submission(7, "", NOW)]) == "📨 Submitted by <@7>"
    words = format_submitters(people(5, "Worth it"))
    assert words.count("“Worth it”") == 3
    assert words.endswith("+2 more")
    loud = format_submitters(people(1))
    assert "@everyone" not in loud
    assert "**" not in loud.replace("\\*\\*", "")


def test_a_page_of_the_queue_has_room_for_all_who_submitted() -> None:
    cards = [stored(number) for number in range(1, 6)]
    words = format_waiting_submitters(cards, {card.id: people(9) for card in cards}, 21)
    assert [line.partition(" ")[0] for line in words.splitlines()] == [f"**{number}.**" for number in range(21, 26)]
    assert count_units(words) <= 1200
    assert format_waiting_submitters(cards, {2: people(1, "Why")}, 1).startswith("**2.** 📨")
    assert format_waiting_submitters(cards, {}, 1) == ""


@pytest.mark.parametrize("length", [20, 1500, 1690, 2000])
@pytest.mark.parametrize("is_published", [True, False])
def test_a_notice_fits_into_a_message(length: int, is_published: bool) -> None:
    card = stored(title="Word " * 100, url=f"https://news.example/{'x' * length}")
    for language in ("en", "de"):
        with override_language(language):
            words = render_decision_notice(card, is_published=is_published)
        assert count_units(words) <= CONTENT
        assert "Word" in words


@pytest.mark.parametrize("problem", [*RefusalReason, *FetchProblem, NO_LINK])
def test_no_problem_of_a_link_speaks_of_feeds(problem: str) -> None:
    if problem not in (RefusalReason.WEB_PAGE, RefusalReason.FEED_LIST, RefusalReason.OTHER, RefusalReason.OTHER_JSON):
        assert "feed" not in describe_link_problem(problem, None)
    assert describe_link_problem(problem, 403).endswith("(403)")


def test_what_a_site_or_a_person_says_is_quoted_without_its_markup() -> None:
    assert "@everyone" not in describe_untitled("x/@everyone")
    assert "@everyone" not in describe_preview(LOUD, publishes=False, is_held=False)
    assert "file (PDF)" in describe_untitled("application/pdf")
