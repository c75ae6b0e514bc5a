"""The action that brings a channel to the desired content, and the nonce of a post."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.delivery import UNPUBLISHED, Action, make_nonce, next_action


@pytest.mark.parametrize(
    ("wanted", "message_id", "actual", "step"),
    [
        ("r", None, None, Action.POST),
        ("r", 1, "q", Action.EDIT),
        ("r", 1, "", Action.EDIT),
        ("r", 1, None, Action.EDIT),
        ("r", 1, "r", None),
        (None, 1, "r", Action.RETRACT),
        (None, None, None, None),
        (UNPUBLISHED, 1, "r", Action.EDIT),
        (UNPUBLISHED, None, None, None),
    ],
)
def test_the_step_makes_the_channel_hold_what_is_wanted(
    wanted: str | None, message_id: int | None, actual: str | None, step: Action | None
) -> None:
    assert next_action(wanted, message_id, actual) is step


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
