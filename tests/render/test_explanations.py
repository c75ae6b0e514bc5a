"""Why these cards and not others, as a reader sees it."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.digest_selection import SelectionOutcome, SelectionReason
from bot.render.explanations import (
    arrival_text,
    format_score,
    matches_line,
    outcome_text,
    outcomes_line,
    render_reasons,
)
from bot.render.levels import scale_text
from bot.store.cards.rows import StoredCard
from tests.render.cases import LONG_TEXT, make_card
from tests.render.limits_check import assert_no_mention, assert_within_limits

AT = datetime(2026, 11, 25, 9, tzinfo=UTC)
TITLED = st.builds(make_card, title=LONG_TEXT)
WHYS = st.none() | st.builds(
    SelectionReason,
    st.integers(1, 25),
    st.none() | st.integers(0, 10**9),
    st.none() | st.integers(0, 1000),
    st.integers(0, 10**6),
)


def test_each_card_has_its_number_and_its_points() -> None:
    embed = render_reasons([(make_card(title="*One*"), SelectionReason(1, 140, 90, 3)), (make_card(title="Two"), None)])
    assert embed.title == "Why these?"
    *shown, empty, rule, scale = (embed.description or "").splitlines()
    assert shown == ["**1.** \\*One\\*", "-# heat 140 · quality 90 · 3 h old", "**2.** Two"]
    assert empty == ""
    assert rule.startswith("The hottest and best cards come first")
    assert scale == f"-# {scale_text()}"


def test_a_digest_without_cards_says_so() -> None:
    assert (render_reasons([]).description or "").startswith("Nothing new matched.\n\nThe hottest")


@given(st.lists(st.tuples(TITLED, WHYS), max_size=6))
def test_any_digest_fits(selected: list[tuple[StoredCard, SelectionReason | None]]) -> None:
    embed = render_reasons(selected)
    assert_within_limits([embed])
    assert_no_mention([embed])


def test_of_many_long_titles_as_many_as_fit_are_shown() -> None:
    long = make_card(title="*[@everyone](https://evil.example)* " * 30)
    embed = render_reasons([(long, SelectionReason(place, 10**6, 1000, 10**4)) for place in range(1, 27)])
    assert_within_limits([embed])
    assert_no_mention([embed])
    shown = [line for line in (embed.description or "").splitlines() if line.startswith("**")]
    assert len(shown) > 20


def test_points_in_words() -> None:
    assert format_score(SelectionReason(1, None, None, 47)) == "no heat yet · not rated yet · 47 h old"
    assert format_score(SelectionReason(1, 0, 0, 0)) == "heat 0 · quality 0 · new"
    assert format_score(SelectionReason(1, 0, 0, 48)) == "heat 0 · quality 0 · 2 days old"


def test_every_fate_has_its_sentence_and_its_count() -> None:
    for outcome in SelectionOutcome:
        assert outcome_text(outcome).endswith(".")
        assert outcomes_line({1: outcome}).startswith("1 considered: 1 ")


def test_what_became_of_all_that_was_looked_at() -> None:
    outcomes = dict(
        enumerate(
            [SelectionOutcome.OTHER_TOPIC] * 1200 + [SelectionOutcome.SELECTED] * 8 + [SelectionOutcome.PROVIDER_LIMIT]
        )
    )
    assert outcomes_line(outcomes) == (
        "1,209 considered: 8 picked, 1 over their publisher's share, 1,200 about other topics"
    )
    assert outcomes_line({}) == ""


def test_how_many_cards_an_instant_subscription_would_have_posted() -> None:
    outcomes = dict(enumerate([*SelectionOutcome, SelectionOutcome.OUTRANKED]))
    assert matches_line(outcomes, 7) == "4 cards from the last 7 days would have been posted."
    assert (
        matches_line({1: SelectionOutcome.SELECTED, 2: SelectionOutcome.LOW_QUALITY}, 7)
        == "1 card from the last 7 days would have been posted."
    )
    assert (
        matches_line({1: SelectionOutcome.LOW_QUALITY}, 7)
        == matches_line({}, 7)
        == "No cards from the last 7 days match."
    )


def test_when_a_channel_got_a_card() -> None:
    assert arrival_text(AT, None) == "Posted here <t:1795597200:R>, as it came in."
    assert arrival_text(AT, SelectionReason(2, 70, 80, 1)) == (
        f"Posted here <t:1795597200:R>, as number 2 of its digest (heat 70 · quality 80 · 1 h old).\n-# {scale_text()}"
    )
