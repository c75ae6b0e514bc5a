"""When a digest is due, through every change of the clocks; what people type for it, and how it is said in words."""

from __future__ import annotations

import difflib
import functools
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from bot.desk.subscription import When, Wish
from bot.errors import UserError

_DAY = timedelta(days=1)
_WEEK = timedelta(weeks=1)
_SIGHT = 10
"""Local days to look through: the day itself, a week, and one day more at each end in case a whole one is skipped."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One digest's place: its local day and time, and their instant in UTC."""

    day: date
    time: time
    at: datetime

    @property
    def name(self) -> str:
        """The local day and time; a subscription has no two slots with one name."""
        return f"{self.day} {self.time:%H:%M}"


def instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """When a local time comes, in UTC: the first of a repeated hour; one that is skipped, as much later."""
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Timetable:
    """The slots of a week. `days` count from Monday (0); `times` are local, in order and without repetition.

    Local times that fall on one instant, because the clocks skip an hour, are one slot with the later one's name.
    """

    days: tuple[int, ...]
    times: tuple[time, ...]
    timezone: str

    @property
    def period(self) -> timedelta:
        """The usual time between two slots."""
        return _WEEK / max(len(self.days) * len(self.times), 1)

    def latest(self, now: datetime) -> Slot | None:
        """The last slot at or before `now`; None when there are no days or no times."""
        for local in self._back(self._local(now) + self._shift(now)):
            if (found := self._slot(local)).at <= now:
                # A time that the clocks skipped comes later than some times after it.
                rivals = map(self._slot, self._back(local, local - self._shift(found.at)))
                return max((slot for slot in rivals if slot.at <= now), key=_place)
        return None

    def following(self, now: datetime) -> Slot | None:
        """The first slot after `now`; None when there are no days or no times."""
        for local in self._ahead(self._local(now) - self._shift(now)):
            if (found := self._slot(local)).at > now:
                # The same, seen from the skipped time: any other time is the clocks' own when it comes.
                rivals = [self._slot(rival) for rival in self._ahead(local, self._local(found.at))]
                first = min(slot.at for slot in rivals if slot.at > now)
                return max((slot for slot in rivals if slot.at == first), key=_place)
        return None

    def between(self, start: datetime, end: datetime) -> Iterator[Slot]:
        """Every slot after `start` until `end`, which is included, in order."""
        slot = self.following(start)
        while slot and slot.at <= end:
            yield slot
            slot = self.following(slot.at)

    def _slot(self, local: datetime) -> Slot:
        day, clock = local.date(), local.time()
        return Slot(day, clock, instant(day, clock, ZoneInfo(self.timezone)))

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(self.timezone)).replace(tzinfo=None)

    def _shift(self, moment: datetime) -> timedelta:
        """How far local times around a moment may be out of order: by how much the clocks changed on the day before.

        No zone has ever changed its clocks twice within a day, or by more than one.
        """
        return abs(self._local(moment) - self._local(moment - _DAY) - _DAY)

    def _ahead(self, start: datetime, end: datetime | None = None) -> Iterator[datetime]:
        """The timetable's local times from `start` to `end`, both included, in order."""
        for day in (start.date() + n * _DAY for n in range(_SIGHT)):
            if day.weekday() in self.days:
                first = bisect_left(self.times, start.time()) if day == start.date() else 0
                for clock in self.times[first:]:
                    local = datetime.combine(day, clock)
                    if end and local > end:
                        return
                    yield local

    def _back(self, start: datetime, end: datetime | None = None) -> Iterator[datetime]:
        """The timetable's local times from `start` back to `end`, both included, the latest first."""
        for day in (start.date() - n * _DAY for n in range(_SIGHT)):
            if day.weekday() in self.days:
                last = bisect_right(self.times, start.time()) if day == start.date() else len(self.times)
                for clock in reversed(self.times[:last]):
                    local = datetime.combine(day, clock)
                    if end and local < end:
                        return
                    yield local


def _place(slot: Slot) -> tuple[datetime, date, time]:
    return slot.at, slot.day, slot.time


_EVERY_DAY = tuple(range(7))
_WORKDAYS = tuple(range(5))
_MORNING = (time(9),)


def timetable(wish: Wish) -> Timetable | None:
    """A wish's slots; None for an instant one. What it leaves open is filled in: 09:00, every day, Monday."""
    days = tuple(sorted(set(wish.days)))
    times = tuple(sorted(set(wish.times)))
    match wish.when:
        case When.INSTANT:
            return None
        case When.HOURLY:
            minutes = sorted({clock.minute for clock in times} or {0})
            hourly = tuple(time(hour, minute) for hour in range(24) for minute in minutes)
            return Timetable(days or _EVERY_DAY, hourly, wish.timezone)
        case When.DAILY:
            return Timetable(days or _EVERY_DAY, times or _MORNING, wish.timezone)
        case When.WEEKDAYS:
            return Timetable(_WORKDAYS, times or _MORNING, wish.timezone)
        case When.WEEKLY:
            return Timetable(days or (0,), times or _MORNING, wish.timezone)


def first_turn(wish: Wish, now: datetime) -> tuple[datetime, datetime | None]:
    """Where a new subscription begins: cards that arrived after the first moment are new to it, and its next slot.

    A digest looks back over one of its periods, so that the first one is as full as the next.
    """
    table = timetable(wish)
    slot = table.following(now) if table else None
    return (now - table.period, slot.at) if table and slot else (now, None)


def words_of(wish: Wish) -> str:
    """A wish's schedule in words: "Monday to Friday at 09:00 (UTC)"."""
    table = timetable(wish)
    if table is None:
        return "as they appear"
    on_some = table.days != _EVERY_DAY
    if wish.when is not When.HOURLY:
        days = _days_in_words(table.days) if on_some else "daily"
        return f"{days} at {_listed([f'{clock:%H:%M}' for clock in table.times])} ({table.timezone})"
    minutes = sorted({clock.minute for clock in table.times})
    at = f" at {_listed([f':{minute:02}' for minute in minutes])}" if minutes != [0] else ""
    on = f" on {_days_in_words(table.days)}" if on_some else ""
    return f"hourly{at}{on} ({table.timezone})" if at or on else "hourly"


def _days_in_words(days: Sequence[int]) -> str:
    names = [_DAY_NAMES[day].title() for day in days]
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{names[0]} to {names[-1]}"
    return _listed(names)


def _listed(words: Sequence[str], joint: str = "and") -> str:
    return f" {joint} ".join(filter(None, (", ".join(words[:-1]), words[-1])))


_MOST_TIMES = 24
_NAMED_TIMES = {"noon": time(12), "midday": time(12), "midnight": time(0)}
_TIME = re.compile(r"([0-9]{1,2})(?:[:.h]?([0-9]{2}))?(am|pm|h)?")
_SPELLINGS = (
    (re.compile(r"(?<=[0-9])\s*([ap])\.?\s?m\b\.?"), r"\1m"),
    (re.compile(r"(?<=[0-9])\s*(?:h|uhr|o['’]?clock)\b"), "h"),
    (re.compile(r"\b12\s*(?=noon|midday|midnight)"), ""),
)


def parse_times(text: str) -> tuple[time, ...]:
    """The times of day of "9, 18:30, 7pm and noon", in order. Raises `UserError`."""
    times = {_time(word) for word in _words(_spelled(text))}
    if not times:
        raise UserError(_not_a_time(text))
    if len(times) > _MOST_TIMES:
        raise UserError(f"These are {len(times)} times of day; at most {_MOST_TIMES} are possible.")
    return tuple(sorted(times))


def parse_time(text: str) -> time:
    """One time of day. Raises `UserError`."""
    times = parse_times(text)
    if len(times) > 1:
        raise UserError(f"“{_shown(text)}” is more than one time of day. Give just one, such as `22:00`.")
    return times[0]


def _spelled(text: str) -> str:
    """Each time as one word: "9.30 a.m." becomes "9.30am"."""
    text = _folded(text)
    for pattern, word in _SPELLINGS:
        text = pattern.sub(word, text)
    return text


def _time(word: str) -> time:
    if word in _NAMED_TIMES:
        return _NAMED_TIMES[word]
    if not (parts := _TIME.fullmatch(word)):
        raise UserError(_not_a_time(word))
    hour, minute, half = int(parts[1]), int(parts[2] or 0), parts[3]
    if half in ("am", "pm"):
        if not 1 <= hour <= 12:
            raise UserError(_not_a_time(word))
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour > 23 or minute > 59:
        raise UserError(_not_a_time(word))
    return time(hour, minute)


def _not_a_time(word: str) -> str:
    return f"“{_shown(word)}” is not a time of day. Write times such as `09:00`, `18:30` or `7pm`, with commas between."


_DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_GROUPS = {
    **dict.fromkeys(("weekday", "weekdays", "workday", "workdays"), _WORKDAYS),
    **dict.fromkeys(("weekend", "weekends"), (5, 6)),
    **dict.fromkeys(("daily", "everyday", "all"), _EVERY_DAY),
}
_EVERY = re.compile(r"\b(?:every|all)\s*days?\b")
_TO = re.compile(r"\s*(?:[-–—]|\b(?:to|through|until)\b)\s*")


def parse_days(text: str) -> tuple[int, ...]:
    """The days of "mon, Wednesday, fri", "mon-fri" or "weekend", from Monday (0), in order. Raises `UserError`.

    Numbers are refused: whether 1 is Monday or Sunday depends on whom one asks.
    """
    spelled = _TO.sub("-", _EVERY.sub("daily", _folded(text).replace(".", " ")))
    days = {day for word in _words(spelled) for day in _days(word)}
    if not days:
        raise UserError(_not_a_day(text))
    return tuple(sorted(days))


def _days(word: str) -> Iterable[int]:
    if word in _DAY_GROUPS:
        return _DAY_GROUPS[word]
    first, dash, last = word.partition("-")
    start = _day(first, word)
    end = _day(last, word) if dash else start
    return [(start + n) % 7 for n in range((end - start) % 7 + 1)]


def _day(name: str, word: str) -> int:
    for day, full in enumerate(_DAY_NAMES):
        if len(name) > 1 and (full.startswith(name) or name in (f"{full}s", f"{full[:3]}s")):
            return day
    raise UserError(_not_a_day(word))


def _not_a_day(word: str) -> str:
    return f"“{_shown(word)}” is not a day. Write days such as `Mon, Wed`, `mon-fri`, `weekdays` or `weekend`."


_MOST_ZONES = 25
"""Discord's limit of suggestions."""
_COMMON_ZONES = (
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Paris",
    "Europe/Madrid",
    "Europe/Istanbul",
    "Europe/Moscow",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Toronto",
    "America/Mexico_City",
    "America/Sao_Paulo",
    "Africa/Lagos",
    "Africa/Johannesburg",
    "Asia/Dubai",
    "Asia/Kolkata",
    "Asia/Jakarta",
    "Asia/Shanghai",
    "Asia/Singapore",
    "Asia/Seoul",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Pacific/Auckland",
)
_NO_PLACES = {"localtime", "posixrules", "Factory"}
"""What a system has among its zones that means another zone, or none, on the next one."""
_TURNED = re.compile(r"(?:Etc/)?GMT[-+]?[0-9]+")
"""Never suggested: the sign of `Etc/GMT+1` is turned around (it is one hour behind UTC)."""
_OFFSET = re.compile(r"(?:utc|gmt)?_?[-+]_?[0-9]{1,2}(?::?[0-9]{2})?")


@functools.cache
def _known() -> dict[str, str]:
    """The zones of this system, by their folded names."""
    return {_zone_folded(zone): zone for zone in sorted(available_timezones() - _NO_PLACES)}


@functools.cache
def _suggested() -> dict[str, str]:
    return {name: zone for name, zone in _known().items() if not _TURNED.fullmatch(zone)}


def parse_zone(text: str) -> str:
    """The IANA zone of this name, as IANA spells it. Raises `UserError`, which suggests up to three others."""
    wanted = _zone_folded(text)
    if zone := _known().get(wanted):
        return zone
    if _OFFSET.fullmatch(wanted):
        raise UserError("An offset from UTC has no summer time. Name a time zone, such as `Europe/Berlin`, or `UTC`.")
    close = [f"`{zone}`" for zone in _close(wanted)]
    hint = f"Did you mean {_listed(close, 'or')}?" if close else "Name one such as `Europe/Berlin`, or `UTC`."
    raise UserError(f"There is no time zone “{_shown(text)}”. {hint}")


def zones(beginning: str) -> list[str]:
    """Up to 25 zones to suggest: those that begin so, those whose place begins so, then those with it anywhere."""
    query = _zone_folded(beginning)
    if not query:
        return [zone for zone in _COMMON_ZONES if _zone_folded(zone) in _known()]
    found = [
        (_rank(name, query), zone not in _COMMON_ZONES, zone) for name, zone in _suggested().items() if query in name
    ]
    return [zone for _, _, zone in sorted(found)[:_MOST_ZONES]]


def _rank(name: str, query: str) -> int:
    if name.startswith(query):
        return 0
    return 1 if f"/{query}" in name else 2


def _close(wanted: str) -> list[str]:
    """Up to three zones whose name, or whose place, is almost this."""
    if wanted and (found := zones(wanted)):
        return found[:3]
    names = {name.rpartition("/")[2]: zone for name, zone in _suggested().items()} | _suggested()
    close = difflib.get_close_matches(wanted[:40], names, n=6, cutoff=0.7)
    return list(dict.fromkeys(names[name] for name in close))[:3]


def _zone_folded(text: str) -> str:
    """For comparison: "são paulo" and "Sao_Paulo" are one."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return re.sub(r"_?/_?", "/", re.sub(r"[\s_]+", "_", _folded(plain)))


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s,;&/]+", text) if word not in ("", "and", "at", "on", "every")]


def _shown(text: str) -> str:
    """What somebody typed, short enough to be repeated in an answer."""
    line = " ".join(text.split())
    return line if len(line) <= 40 else f"{line[:39]}…"
