"""The delays between attempts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.backoff import MAX_RETRY_DELAY, MIN_RETRY_DELAY, retry_delay


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_a_wait_lies_within_a_quarter_of_its_bounds(attempts: int, jitter: float) -> None:
    assert MIN_RETRY_DELAY * 0.75 <= retry_delay(attempts, jitter) <= MAX_RETRY_DELAY * 1.25


@given(st.integers(1, 60))
def test_waits_grow_until_the_longest(attempts: int) -> None:
    assert retry_delay(attempts, 0.5) <= retry_delay(attempts + 1, 0.5) <= MAX_RETRY_DELAY
    assert retry_delay(1, 0.5) == MIN_RETRY_DELAY
