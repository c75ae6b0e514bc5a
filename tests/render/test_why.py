"""Why these cards and not others, as a reader is told."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.desk.digest import Fate, Why
from bot.render.why import arrived_words, fate_words, fates_line, matches_line, points, whys_embed
from bot.store.records import FiledCard
from tests.render.cases import LONG_TEXT, card
from tests.render.limits_check import assert_no_mention, assert_within_limits

AT = datetime(2026, 11, 25, 9, tzinfo=UTC)
TITLED = st.builds(card, title=LONG_TEXT)
WHYS = st.none() | st.builds(
    Why, st.integers(1, 25), st.none() | st.integers(0, 10**9), st.none() | st.integers(0, 1000), st.integers(0, 10**6)
)


def test_each_card_has_its_number_and_its_points() -> None:
    embed = whys_embed([(card(title="*One*"), Why(1, 140, 90, 3)), (card(title="Two"), None)])
    assert embed.title == "Why these?"
    *shown, empty, rule = (embed.description or "").splitlines()
    assert shown == ["**1.** \\*One\\*", "heat 140 · quality 90 · 3 h old", "**2.** Two"]
    assert empty == ""
    assert rule.startswith("Best first by heat and quality")


def test_a_digest_without_cards_says_so() -> None:
    assert (whys_embed([]).description or "").startswith("Nothing new matched.\n\nBest first")


@given(st.lists(st.tuples(TITLED, WHYS), max_size=6))
def test_any_digest_fits(chosen: list[tuple[FiledCard, Why | None]]) -> None:
    embed = whys_embed(chosen)
    assert_within_limits([embed])
    assert_no_mention([embed])


def test_of_many_long_titles_as_many_as_fit_are_shown() -> None:
    long = card(title="*[@everyone](https://evil.example)* " * 30)
    embed = whys_embed([(long, Why(place, 10**6, 1000, 10**4)) for place in range(1, 27)])
    assert_within_limits([embed])
    assert_no_mention([embed])
    shown = [line for line in (embed.description or "").splitlines() if line.startswith("**")]
    assert len(shown) > 20


def test_points_in_words() -> None:
    assert points(Why(1, None, None, 47)) == "no heat yet · no score yet · 47 h old"
    assert points(Why(1, 0, 0, 48)) == "heat 0 · quality 0 · 2 days old"


def test_every_fate_has_its_sentence_and_its_count() -> None:
    for fate in Fate:
        assert fate_words(fate).endswith(".")
        assert fates_line({1: fate}).startswith("1 looked at: 1 ")


def test_what_became_of_all_that_was_looked_at() -> None:
    fates = dict(enumerate([Fate.OTHER_TOPIC] * 1200 + [Fate.CHOSEN] * 8 + [Fate.PROVIDER_FULL]))
    assert fates_line(fates) == ("1,209 looked at: 8 chosen, 1 behind 2 of the same publisher, 1,200 of other topics")
    assert fates_line({}) == "No card has come in since the last digest."


def test_how_many_cards_an_instant_subscription_would_have_posted() -> None:
    fates = dict(enumerate([*Fate, Fate.BEATEN]))
    assert matches_line(fates, 7) == "4 cards of the last 7 days would have come."
    assert matches_line({1: Fate.CHOSEN, 2: Fate.WEAK}, 7) == "1 card of the last 7 days would have come."
    assert matches_line({1: Fate.WEAK}, 7) == matches_line({}, 7) == "No card of the last 7 days matches."


def test_when_a_channel_got_a_card() -> None:
    assert arrived_words(AT, None) == "The channel got it <t:1795597200:R>, as it appeared."
    assert arrived_words(AT, Why(2, 70, 80, 1)) == (
        "The channel got it <t:1795597200:R>: number 2 of its digest (heat 70 · quality 80 · 1 h old)."
    )
