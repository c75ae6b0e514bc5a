"""The action that brings a channel to the desired content, and the nonce of a post."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.delivery import (
    Action,
    AttachedCard,
    CardRevision,
    ContentKind,
    compute_content,
    hash_content,
    make_nonce,
    next_action,
    select_shown,
)
from tests.support.deliveries import make_delivery

CARDS, UNPUBLISHED, WITHDRAWN = ContentKind.CARDS, ContentKind.UNPUBLISHED, ContentKind.WITHDRAWN


@pytest.mark.parametrize(
    ("kind", "message_id", "delivered", "step"),
    [
        (CARDS, None, None, Action.POST),
        (CARDS, 1, "other", Action.EDIT),
        (CARDS, 1, None, Action.EDIT),
        (CARDS, 1, "hash", None),
        (None, 1, "other", Action.RETRACT),
        (None, None, None, None),
        (UNPUBLISHED, 1, "other", Action.EDIT),
        (UNPUBLISHED, None, None, None),
        (WITHDRAWN, None, None, None),
        (ContentKind.EMPTY, None, None, Action.POST),
    ],
)
def test_the_step_makes_the_channel_hold_the_desired_content(
    kind: ContentKind | None, message_id: int | None, delivered: str | None, step: Action | None
) -> None:
    delivery = make_delivery(
        desired_kind=kind, desired_hash=kind and "hash", message_id=message_id, delivered_hash=delivered
    )
    assert next_action(delivery) is step


@pytest.mark.parametrize(
    ("attached", "kind", "shown"),
    [
        ([AttachedCard(1, "a", True), AttachedCard(2, "b", True)], CARDS, [1, 2]),
        ([AttachedCard(1, "a", True), AttachedCard(2, "b", False)], CARDS, [1]),
        ([AttachedCard(1, None, True), AttachedCard(3, "c", False), AttachedCard(2, "b", False)], CARDS, [3]),
        ([AttachedCard(1, "unpublished", True), AttachedCard(2, "b", False)], CARDS, [2]),
        ([AttachedCard(1, "unpublished", True), AttachedCard(2, None, True)], UNPUBLISHED, []),
        ([AttachedCard(1, None, True)], None, []),
        ([], None, []),
    ],
)
def test_a_message_shows_its_visible_cards_or_a_suppressed_one_or_a_note(
    attached: list[AttachedCard], kind: ContentKind | None, shown: list[int]
) -> None:
    assert compute_content(attached, leaves_note=False)[0] is kind
    assert compute_content(attached, leaves_note=True)[0] is (kind or WITHDRAWN)
    assert [card.card_id for card in select_shown(attached)] == shown


_CONTENTS = st.lists(st.builds(CardRevision, st.integers(1, 99), st.text("0123456789abcdef~", min_size=1)), max_size=3)


@given(_CONTENTS, _CONTENTS)
def test_two_contents_have_one_hash_only_if_they_are_equal(one: list[CardRevision], other: list[CardRevision]) -> None:
    assert (hash_content(CARDS, one) == hash_content(CARDS, other)) == (one == other)
    assert hash_content(CARDS, one) not in {hash_content(kind) for kind in ContentKind if kind is not CARDS}


def test_the_hash_of_a_content_stays_the_same() -> None:
    """It is stored: with another one, every message of every server would be edited."""
    assert hash_content(CARDS, [CardRevision(12, "ab~34"), CardRevision(7, "cd")]) == "299ac67f6aeed53c"


@given(st.integers(0, 2**63), st.integers(0, 2**63))
def test_a_nonce_fits_discord_is_stable_and_differs_between_deliveries(one: int, other: int) -> None:
    assert len(make_nonce("0123abcd", one)) <= 25
    assert (make_nonce("0123abcd", one) == make_nonce("0123abcd", other)) == (one == other)
    assert make_nonce("0123abcd", one) != make_nonce("0123abce", one)


@given(st.integers(0, 2**63), st.integers(0, 2**32))
def test_what_is_posted_again_after_its_retraction_has_another_nonce(delivery: int, seconds: int) -> None:
    retracted_at = datetime.fromtimestamp(seconds, UTC)
    again = make_nonce("0123abcd", delivery, retracted_at)
    assert len(again) <= 25
    assert again == make_nonce("0123abcd", delivery, retracted_at)
    assert again not in (
        make_nonce("0123abcd", delivery),
        make_nonce("0123abcd", delivery, retracted_at + timedelta(days=1)),
    )
