"""Slots of digests: in every zone, around every change of the clocks; and how a schedule is said in words."""

from __future__ import annotations

import functools
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.digest_schedule import EVERY_DAY, Slot, WeeklySchedule, describe_schedule, schedule_for
from bot.domain.subscription import Frequency, SubscriptionOptions

ZONES = sorted(available_timezones() - {"localtime", "posixrules", "Factory"})
FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def parse_moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def make_slot(name: str, moment: str) -> Slot:
    day, clock = name.split()
    return Slot(date.fromisoformat(day), time.fromisoformat(clock), parse_moment(moment))


def slot_names(slots: Iterator[Slot]) -> list[str]:
    return [each.name for each in slots]


# When a slot is


def test_the_slots_around_a_moment() -> None:
    table = WeeklySchedule(EVERY_DAY, (time(9), time(18, 30)), "Europe/Berlin")
    morning = make_slot("2026-11-25 09:00", "2026-11-25 08:00")
    evening = make_slot("2026-11-25 18:30", "2026-11-25 17:30")
    assert morning.name == "2026-11-25 09:00"
    assert table.latest_slot(parse_moment("2026-11-25 12:00")) == table.latest_slot(morning.at) == morning
    assert table.next_slot(parse_moment("2026-11-25 12:00")) == table.next_slot(morning.at) == evening
    assert list(table.slots_between(morning.at - SECOND, evening.at)) == [morning, evening]
    assert list(table.slots_between(morning.at, evening.at - SECOND)) == []


def test_a_week_between_two_slots() -> None:
    table = WeeklySchedule((0,), (time(9),), "Asia/Tokyo")
    assert table.latest_slot(parse_moment("2026-11-30 00:00")) == make_slot("2026-11-30 09:00", "2026-11-30 00:00")
    assert table.latest_slot(parse_moment("2026-11-29 23:59")) == make_slot("2026-11-23 09:00", "2026-11-23 00:00")
    assert table.next_slot(parse_moment("2026-11-30 00:00")) == make_slot("2026-12-07 09:00", "2026-12-07 00:00")
    assert table.period == timedelta(weeks=1)


@pytest.mark.parametrize("table", [WeeklySchedule((), (time(9),), "UTC"), WeeklySchedule(EVERY_DAY, (), "UTC")])
def test_without_days_or_times_there_is_no_slot(table: WeeklySchedule) -> None:
    now = parse_moment("2026-11-25 12:00")
    assert table.latest_slot(now) is table.next_slot(now) is None
    assert list(table.slots_between(now, now + 30 * DAY)) == []
    assert table.period == timedelta(weeks=1)


def test_a_skipped_time_comes_as_much_later_even_behind_a_later_one() -> None:
    table = WeeklySchedule(EVERY_DAY, (time(2, 30), time(3)), "Europe/Berlin")
    slots = [
        make_slot("2026-03-29 03:00", "2026-03-29 01:00"),
        make_slot("2026-03-29 02:30", "2026-03-29 01:30"),
        make_slot("2026-03-30 02:30", "2026-03-30 00:30"),
    ]
    assert list(table.slots_between(parse_moment("2026-03-28 12:00"), parse_moment("2026-03-30 00:45"))) == slots
    assert [table.latest_slot(each.at) for each in slots] == slots


def test_two_times_that_fall_on_one_instant_are_one_slot() -> None:
    table = WeeklySchedule(EVERY_DAY, (time(2), time(2, 30), time(3), time(3, 30)), "Europe/Berlin")
    around = slot_names(table.slots_between(parse_moment("2026-03-29 00:00"), parse_moment("2026-03-29 12:00")))
    assert around == ["2026-03-29 03:00", "2026-03-29 03:30"]


def test_a_repeated_time_comes_the_first_time_only() -> None:
    table = WeeklySchedule(EVERY_DAY, (time(2, 30),), "Europe/Berlin")
    once = make_slot("2026-10-25 02:30", "2026-10-25 00:30")
    assert table.next_slot(parse_moment("2026-10-25 00:00")) == once
    assert table.latest_slot(parse_moment("2026-10-25 01:45")) == once
    assert table.next_slot(once.at) == make_slot("2026-10-26 02:30", "2026-10-26 01:30")


def test_a_day_that_a_whole_country_skipped() -> None:
    """There was no 2011-12-30 in Samoa: its times come a day later, with those of the 31st."""
    daily = WeeklySchedule(EVERY_DAY, (time(9),), "Pacific/Apia")
    start, end = parse_moment("2011-12-29 00:00"), parse_moment("2011-12-31 12:00")
    assert slot_names(daily.slots_between(start, end)) == ["2011-12-29 09:00", "2011-12-31 09:00"]
    fridays = WeeklySchedule((4,), (time(9),), "Pacific/Apia")
    assert fridays.next_slot(start) == make_slot("2011-12-30 09:00", "2011-12-30 19:00")
    assert fridays.latest_slot(parse_moment("2011-12-30 18:00")) == make_slot("2011-12-23 09:00", "2011-12-23 19:00")


# The same, everywhere


@functools.cache
def clock_changes(zone: str) -> list[datetime]:
    """The instants from which a zone's clocks show another offset, to the second."""
    clock = ZoneInfo(zone)
    found = []
    for week in range((LAST - FIRST) // timedelta(weeks=1)):
        before = FIRST + week * timedelta(weeks=1)
        after = before + timedelta(weeks=1)
        if utc_offset(before, clock) != utc_offset(after, clock):
            while after - before > SECOND:
                middle = before + (after - before) // SECOND // 2 * SECOND
                before, after = (
                    (middle, after) if utc_offset(middle, clock) == utc_offset(before, clock) else (before, middle)
                )
            found.append(after)
    return found


@functools.cache
def changing_zones() -> list[str]:
    return [zone for zone in ZONES if clock_changes(zone)]


def utc_offset(moment: datetime, clock: ZoneInfo) -> timedelta:
    return moment.astimezone(clock).utcoffset() or timedelta()


@st.composite
def zones_and_moments(draw: st.DrawFn) -> tuple[str, datetime]:
    zone = draw(st.one_of(st.sampled_from(ZONES), st.deferred(lambda: st.sampled_from(changing_zones()))))
    if not clock_changes(zone) or draw(st.integers(0, 3)) == 0:
        return zone, FIRST + draw(st.integers(-50 * 365 * 86_400, 75 * 365 * 86_400)) * SECOND  # 1974 to 2098
    nearby = st.one_of(st.integers(-30, 30).map(lambda n: n * 360), st.integers(-2 * 86_400, 2 * 86_400))
    return zone, draw(st.sampled_from(clock_changes(zone))) + draw(nearby) * SECOND


def clock_times(zone: str, now: datetime) -> st.SearchStrategy[time]:
    """Times of day, mostly from the hours around the zone's change of clocks that is nearest to `now`."""
    anywhen = st.builds(time, st.integers(0, 23), st.sampled_from((0, 1, 30, 59)))
    if not clock_changes(zone):
        return anywhen
    change = min(clock_changes(zone), key=lambda each: abs(each - now)).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    near = st.integers(-8, 8).map(lambda n: (change + n * timedelta(minutes=15)).time())
    return st.one_of(near, near, anywhen)


@st.composite
def weekly_schedules(draw: st.DrawFn) -> tuple[WeeklySchedule, datetime]:
    """Any timetable, and a moment that is likely near a change of its clocks."""
    zone, now = draw(zones_and_moments())
    days = draw(
        st.one_of(st.just(EVERY_DAY), st.sets(st.integers(0, 6), min_size=1).map(lambda each: (*sorted(each),)))
    )
    hourly = st.integers(0, 59).map(lambda minute: {time(hour, minute) for hour in range(24)})
    times = draw(st.one_of(st.sets(clock_times(zone, now), min_size=1, max_size=6), hourly))
    return WeeklySchedule(days, tuple(sorted(times)), zone), now


def calendar_slots(table: WeeklySchedule, now: datetime, reach: int = 10) -> list[Slot]:
    """The slots of the days around `now`, found by trying every day and time."""
    zone = ZoneInfo(table.timezone)
    found: dict[datetime, Slot] = {}
    for day in (now.date() + n * DAY for n in range(-reach, reach + 1)):
        for clock in table.times if day.weekday() in table.days else ():
            instant = datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)
            found[instant] = Slot(day, clock, instant)
    return [found[instant] for instant in sorted(found)]


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(weekly_schedules())
def test_the_slots_before_and_after_any_moment_are_those_of_the_calendar(
    drawn: tuple[WeeklySchedule, datetime],
) -> None:
    table, now = drawn
    slots = calendar_slots(table, now)
    place = bisect_right([each.at for each in slots], now)
    assert table.latest_slot(now) == slots[place - 1]
    assert table.next_slot(now) == slots[place]
    for each in slots[place - 1 : place + 1]:
        assert table.latest_slot(each.at) == each
        assert table.next_slot(each.at - timedelta(microseconds=1)) == each


@settings(max_examples=100, deadline=None)
@given(weekly_schedules())
def test_the_slots_between_two_moments_are_those_of_the_calendar(drawn: tuple[WeeklySchedule, datetime]) -> None:
    table, now = drawn
    start, end = now - 2 * DAY, now + 2 * DAY
    slots = list(table.slots_between(start, end))
    assert slots == [each for each in calendar_slots(table, now) if start < each.at <= end]
    assert len({each.name for each in slots}) == len(slots)
    assert all(one.at < other.at for one, other in pairwise(slots))
    following = table.next_slot(start)
    for each in slots:
        assert following == each
        following = table.next_slot(each.at)
    assert following is not None
    assert following.at > end


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(weekly_schedules())
def test_every_day_and_time_has_one_slot_and_a_skipped_one_may_share_it(drawn: tuple[WeeklySchedule, datetime]) -> None:
    table, now = drawn
    zone = ZoneInfo(table.timezone)
    slots = list(table.slots_between(now - 5 * DAY, now + 5 * DAY))
    for day in (now.astimezone(zone).date() + n * DAY for n in range(-2, 3)):
        for clock in table.times if day.weekday() in table.days else ():
            local = datetime.combine(day, clock, tzinfo=zone)
            instants = [local.replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
            shown = [instant.astimezone(zone).replace(tzinfo=None) for instant in instants]
            here = [each for each in slots if each.at in instants]
            if local.replace(tzinfo=None) in [each.replace(fold=0) for each in shown]:
                assert Slot(day, clock, min(instants)) in here
                assert [each.at for each in here if (each.day, each.time) == (day, clock)] == [min(instants)]
            else:
                later = [each for each in here if each.at == instants[0]]
                assert len(later) == 1
                assert (later[0].day, later[0].time) >= (day, clock)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(weekly_schedules(), st.lists(st.integers(1, 4_000), min_size=1, max_size=30))
def test_a_bot_that_is_often_away_sends_one_digest_for_all_that_it_missed(
    drawn: tuple[WeeklySchedule, datetime], naps: list[int]
) -> None:
    """`naps` are the minutes between two looks at the clock, up to almost three days."""
    table, now = drawn
    began = now
    sent = [table.latest_slot(now)]
    for nap in naps:
        missed = list(table.slots_between(now, now := now + timedelta(minutes=nap)))
        due, last = table.latest_slot(now), sent[-1]
        assert due
        assert last
        following = table.next_slot(last.at)
        assert following
        assert (following.at <= now) == (due.name not in {each.name for each in sent if each}) == bool(missed)
        if missed:
            assert due == missed[-1]
            assert last.at < due.at
            sent.append(due)
    ever = list(table.slots_between(began, now))
    assert len(sent) - 1 <= len(ever)
    assert {each.name for each in sent[1:] if each} <= {each.name for each in ever}
    assert not ever or sent[-1] == ever[-1]


def test_no_zone_changes_its_clocks_twice_within_a_day_or_by_more_than_one() -> None:
    """What `WeeklySchedule` relies on to look only at the times around a moment."""
    for zone in ZONES:
        clock = ZoneInfo(zone)
        assert all(later - earlier > DAY for earlier, later in pairwise(clock_changes(zone)))
        assert all(
            abs(utc_offset(each, clock) - utc_offset(each - SECOND, clock)) <= DAY for each in clock_changes(zone)
        )


# From options


@pytest.mark.parametrize(
    ("options", "days", "times"),
    [
        (SubscriptionOptions(Frequency.HOURLY), EVERY_DAY, [time(hour) for hour in range(24)]),
        (
            SubscriptionOptions(Frequency.HOURLY, (time(0, 45), time(9, 15)), (5, 6)),
            (5, 6),
            [time(h, m) for h in range(24) for m in (15, 45)],
        ),
        (SubscriptionOptions(Frequency.DAILY), EVERY_DAY, [time(9)]),
        (SubscriptionOptions(Frequency.DAILY, (time(18), time(7), time(18)), (4, 0)), (0, 4), [time(7), time(18)]),
        (SubscriptionOptions(Frequency.WEEKDAYS), (0, 1, 2, 3, 4), [time(9)]),
        (SubscriptionOptions(Frequency.WEEKLY), (0,), [time(9)]),
        (SubscriptionOptions(Frequency.WEEKLY, (time(8),), (2,)), (2,), [time(8)]),
    ],
)
def test_a_wish_gives_a_timetable(options: SubscriptionOptions, days: tuple[int, ...], times: list[time]) -> None:
    table = schedule_for(options)
    assert table == WeeklySchedule(days, tuple(times), "UTC")
    assert table.period == timedelta(weeks=1) / len(days) / len(times)


def test_an_instant_wish_has_no_timetable() -> None:
    assert schedule_for(SubscriptionOptions()) is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (SubscriptionOptions(), "as they come in"),
        (SubscriptionOptions(Frequency.HOURLY), "hourly"),
        (SubscriptionOptions(Frequency.HOURLY, timezone="Asia/Tokyo"), "hourly"),
        (SubscriptionOptions(Frequency.HOURLY, (time(0, 5), time(0, 35))), "hourly at :05 and :35 (UTC)"),
        (
            SubscriptionOptions(Frequency.HOURLY, days=(5, 6), timezone="Asia/Tokyo"),
            "hourly on Saturday and Sunday (Asia/Tokyo)",
        ),
        (
            SubscriptionOptions(Frequency.DAILY, (time(9), time(18, 30)), (), "Europe/Berlin"),
            "daily at 09:00 and 18:30 (Europe/Berlin)",
        ),
        (SubscriptionOptions(Frequency.DAILY, (time(7), time(8), time(9))), "daily at 07:00, 08:00 and 09:00 (UTC)"),
        (SubscriptionOptions(Frequency.DAILY, (), (0, 2, 4)), "Monday, Wednesday and Friday at 09:00 (UTC)"),
        (SubscriptionOptions(Frequency.DAILY, (), (1, 2, 3)), "Tuesday to Thursday at 09:00 (UTC)"),
        (SubscriptionOptions(Frequency.WEEKDAYS), "Monday to Friday at 09:00 (UTC)"),
        (SubscriptionOptions(Frequency.WEEKLY, timezone="Asia/Tokyo"), "Monday at 09:00 (Asia/Tokyo)"),
    ],
)
def test_a_schedule_in_words(options: SubscriptionOptions, words: str) -> None:
    assert describe_schedule(options) == words
