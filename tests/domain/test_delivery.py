"""The step towards what is wanted, the waits between tries, and the name of a try."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.delivery import (
    MAX_RETRY_DELAY,
    MIN_RETRY_DELAY,
    UNPUBLISHED,
    Action,
    make_nonce,
    next_action,
    retry_delay,
)


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


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_a_wait_lies_within_a_quarter_of_its_bounds(attempts: int, jitter: float) -> None:
    assert MIN_RETRY_DELAY * 0.75 <= retry_delay(attempts, jitter) <= MAX_RETRY_DELAY * 1.25


@given(st.integers(1, 60))
def test_waits_grow_until_the_longest(attempts: int) -> None:
    assert retry_delay(attempts, 0.5) <= retry_delay(attempts + 1, 0.5) <= MAX_RETRY_DELAY
    assert retry_delay(1, 0.5) == MIN_RETRY_DELAY


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
