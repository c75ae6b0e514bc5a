"""A feed is fetched neither too often nor too rarely, moves only for good, and stops when it is gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.feed_schedule import (
    MAX_RETRY_AFTER,
    MAX_UNHINTED_DELAY,
    FeedState,
    FetchInterval,
    record_failure,
    record_fetch,
)
from bot.domain.fetch_result import ContentKind, FetchProblem, FetchResult, FetchStatus

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SHORTEST, LONGEST = timedelta(minutes=15), DAY
INTERVAL = FetchInterval(SHORTEST, LONGEST)
NEW = FetchResult(FetchStatus.NEW, body_hash="1", etag='"1"', last_modified="then", kind=ContentKind.XML)
UNCHANGED = FetchResult(FetchStatus.UNCHANGED, body_hash="1", etag='"1"')


def _succeed(
    state: FeedState, result: FetchResult = UNCHANGED, now: datetime = NOW, ttl: timedelta | None = None
) -> tuple[FeedState, str]:
    return record_fetch(state, result, now, INTERVAL, jitter=0, ttl=ttl)


def _fail(
    state: FeedState, problem: str = FetchProblem.TIMEOUT, now: datetime = NOW, retry_after: timedelta | None = None
) -> FeedState:
    return record_failure(state, problem, now, INTERVAL, jitter=0, retry_after=retry_after)


def _delay(state: FeedState, now: datetime = NOW) -> timedelta:
    assert state.next_fetch_at is not None
    return state.next_fetch_at - now


def test_a_fetch_keeps_what_asks_for_the_next_one() -> None:
    state, new_url = _succeed(FeedState(), NEW)
    assert (state.etag, state.last_modified, state.body_hash, state.kind) == ('"1"', "then", "1", ContentKind.XML)
    assert (state.changed_at, state.problem, new_url) == (NOW, "", "")
    later, _ = _succeed(state, now=NOW + DAY)
    assert (later.changed_at, later.kind) == (NOW, ContentKind.XML)


@pytest.mark.parametrize(
    ("max_age", "ttl", "delay"),
    [
        (timedelta(seconds=1), None, SHORTEST),
        (timedelta(days=365), None, LONGEST),
        (HOUR, None, HOUR),
        (None, HOUR, HOUR),
        (timedelta(), HOUR, HOUR),
        (2 * HOUR, HOUR, 2 * HOUR),
        (None, timedelta(days=365), LONGEST),
        (None, timedelta(), SHORTEST),
    ],
)
def test_trap_32_what_a_site_says_holds_within_bounds(
    max_age: timedelta | None, ttl: timedelta | None, delay: timedelta
) -> None:
    state, _ = _succeed(FeedState(), replace(NEW, max_age=max_age), ttl=ttl)
    assert _delay(state) == delay


@pytest.mark.parametrize(
    ("quiet", "delay"), [(HOUR, SHORTEST), (5 * HOUR, HOUR / 2), (10 * HOUR, HOUR), (30 * DAY, MAX_UNHINTED_DELAY)]
)
def test_without_a_word_of_its_site_a_quiet_feed_is_fetched_less_often(quiet: timedelta, delay: timedelta) -> None:
    state, _ = _succeed(FeedState(), NEW)
    state, _ = _succeed(state, now=NOW + quiet)
    assert _delay(state, NOW + quiet) == delay


def test_failures_back_off_up_to_the_longest_interval_and_a_success_ends_them() -> None:
    state, _ = _succeed(FeedState(), NEW)
    delays = []
    for number in range(9):
        state = _fail(state, now=NOW + number * DAY)
        delays.append(_delay(state, NOW + number * DAY))
    assert delays == [SHORTEST * 2**number for number in range(7)] + [LONGEST] * 2
    assert (state.failures, state.failing_since, state.problem) == (9, NOW, "timeout")
    assert (state.etag, state.body_hash) == ('"1"', "1")
    state, _ = _succeed(state)
    assert (state.failures, state.failing_since, state.problem) == (0, None, "")


@pytest.mark.parametrize(
    ("retry_after", "delay"),
    [(None, SHORTEST), (timedelta(seconds=1), SHORTEST), (5 * HOUR, 5 * HOUR), (timedelta(days=3650), MAX_RETRY_AFTER)],
)
def test_trap_31_a_site_is_left_alone_as_long_as_it_wants_but_a_day_at_most(
    retry_after: timedelta | None, delay: timedelta
) -> None:
    assert _delay(_fail(FeedState(), FetchProblem.RATE_LIMITED, retry_after=retry_after)) == delay


def test_jitter_only_delays_by_a_tenth() -> None:
    earliest = record_fetch(FeedState(), NEW, NOW, INTERVAL, jitter=0).state
    latest = record_fetch(FeedState(), NEW, NOW, INTERVAL, jitter=1).state
    assert (_delay(earliest), _delay(latest)) == (SHORTEST, SHORTEST * 1.1)
    assert _delay(record_failure(FeedState(), "x", NOW, INTERVAL, jitter=1)) == SHORTEST * 1.1


@given(st.timedeltas(timedelta(), timedelta(days=3650)), st.floats(0, 1), st.integers(0, 10_000))
def test_trap_42_no_fetch_waits_longer_than_a_clock_that_went_back_is_recognised_by(
    hint: timedelta, jitter: float, failures: int
) -> None:
    latest = INTERVAL.latest_fetch_at(NOW)
    state = record_fetch(FeedState(), replace(NEW, max_age=hint), NOW, INTERVAL, jitter=jitter).state
    assert state.next_fetch_at is not None
    assert NOW + SHORTEST <= state.next_fetch_at <= latest
    state = record_failure(FeedState(failures=failures), "x", NOW, INTERVAL, jitter=jitter, retry_after=hint)
    assert state.next_fetch_at is not None
    assert NOW + SHORTEST <= state.next_fetch_at <= latest


MOVED = replace(NEW, moved_to="https://paper.example/new")


def test_trap_29_a_feed_moves_after_three_equal_answers_on_two_days() -> None:
    state, new_url = _succeed(FeedState(kind=ContentKind.XML), MOVED)
    for hours in (1, 2, 3, 4, 5):
        state, new_url = _succeed(state, MOVED, NOW + hours * HOUR)
        assert new_url == ""
    state, new_url = _succeed(state, MOVED, NOW + DAY)
    assert new_url == MOVED.moved_to
    assert (state.moved_to, state.moved_on, state.moved_count) == ("", None, 0)


def test_two_answers_on_two_days_are_too_few() -> None:
    state, _ = _succeed(FeedState(), MOVED)
    state, new_url = _succeed(state, MOVED, NOW + DAY)
    assert new_url == ""
    assert _succeed(state, MOVED, NOW + DAY + HOUR)[1] == MOVED.moved_to


@pytest.mark.parametrize(
    "between", [NEW, replace(MOVED, moved_to="https://elsewhere.example/"), replace(MOVED, kind=ContentKind.JSON)]
)
def test_another_answer_between_begins_the_count_again(between: FetchResult) -> None:
    state = FeedState()
    for number, result in enumerate((MOVED, MOVED, between, MOVED, MOVED)):
        state, new_url = _succeed(state, result, NOW + number * DAY)
        assert new_url == ""
    assert state.moved_count == 2


def test_a_feed_never_moves_to_another_kind_of_document() -> None:
    state, _ = _succeed(FeedState(), NEW)
    page = replace(MOVED, kind=ContentKind.HTML)
    for number in range(5):
        state, new_url = _succeed(state, page, NOW + number * DAY)
        assert (new_url, state.kind) == ("", ContentKind.XML)


def test_a_failure_between_does_not_count_against_a_move() -> None:
    state, _ = _succeed(FeedState(), MOVED)
    state, _ = _succeed(_fail(state), MOVED)
    assert _succeed(_fail(state), MOVED, NOW + DAY)[1] == MOVED.moved_to


def test_an_unchanged_answer_counts_for_a_move() -> None:
    state, _ = _succeed(FeedState(), MOVED)
    for number in (1, 2):
        state, new_url = _succeed(state, replace(UNCHANGED, moved_to=MOVED.moved_to), NOW + number * DAY)
    assert new_url == MOVED.moved_to


def test_trap_30_what_is_gone_stops_at_once_and_what_is_not_there_after_thirty_days() -> None:
    assert _fail(FeedState(), FetchProblem.GONE).next_fetch_at is None
    state = FeedState()
    for day in range(30):
        state = _fail(state, FetchProblem.NOT_FOUND if day % 3 else FetchProblem.TIMEOUT, NOW + day * DAY)
        assert state.next_fetch_at is not None
    assert state.missing_since == NOW + DAY
    # Only a site that says so ends it, not one that does not answer.
    assert _fail(state, FetchProblem.TIMEOUT, NOW + 31 * DAY).next_fetch_at is not None
    assert _fail(state, FetchProblem.NOT_FOUND, NOW + 31 * DAY).next_fetch_at is None


def test_trap_30_a_feed_that_comes_back_has_its_thirty_days_again() -> None:
    state = _fail(FeedState(), FetchProblem.NOT_FOUND)
    state, _ = _succeed(state, NEW, NOW + 20 * DAY)
    assert _fail(state, FetchProblem.NOT_FOUND, NOW + 40 * DAY).next_fetch_at is not None


def test_a_document_that_could_not_be_read_is_not_known_the_next_time() -> None:
    state, _ = _succeed(FeedState(), NEW)
    state = _fail(state, "login_page")
    assert (state.etag, state.body_hash, state.problem) == ('"1"', "1", "login_page")
