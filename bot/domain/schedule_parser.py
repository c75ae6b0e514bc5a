"""Parse user input for schedules: times of day and days of the week."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import time

from bot.domain.digest_schedule import DAY_NAMES, EVERY_DAY, WORKDAYS
from bot.domain.user_input import is_one_of, normalize_input, shorten_input, translations_of
from bot.errors import UserError
from bot.i18n import tr, tr_noop, weekday_names

_MAX_TIMES = 24
_NAMED_TIMES = {tr_noop("noon midday"): time(12), tr_noop("midnight"): time(0)}
_TIME = re.compile(r"([0-9]{1,2})(?:[:.h]?([0-9]{2}))?(am|pm|h)?")
_SPELLINGS = (
    (re.compile(r"(?<=[0-9])\s*([ap])\.?\s?m\b\.?"), r"\1m"),
    (re.compile(r"(?<=[0-9])\s*(?:h|uhr|o['’]?clock)\b"), "h"),
    (re.compile(r"\b12\s*(?=noon|midday|midnight)"), ""),
)


def parse_times(text: str) -> tuple[time, ...]:
    """Parse times of day such as "9, 18:30, 7pm and noon", sorted. Raises `UserError`."""
    times = {_parse_one_time(word, text) for word in _split_words(_normalize_times(text))}
    if not times:
        raise UserError(_time_error(text))
    if len(times) > _MAX_TIMES:
        text = tr("That's {count} times of day; the limit is {most}.", count=len(times), most=_MAX_TIMES)
        raise UserError(text)
    return tuple(sorted(times))


def parse_time(text: str) -> time:
    """Parse one time of day. Raises `UserError`."""
    times = parse_times(text)
    if len(times) > 1:
        raise UserError(
            tr("“{text}” is more than one time of day. Enter just one, such as `22:00`.", text=shorten_input(text))
        )
    return times[0]


def _normalize_times(text: str) -> str:
    """Normalize each time to one word: "9.30 a.m." becomes "9.30am"."""
    text = normalize_input(text)
    for pattern, word in _SPELLINGS:
        text = pattern.sub(word, text)
    return text


def _parse_one_time(word: str, text: str) -> time:
    for names, clock in _NAMED_TIMES.items():
        if is_one_of(word, names):
            return clock
    if not (parts := _TIME.fullmatch(word)):
        raise UserError(_time_error(_as_typed(word, text)))
    hour, minute, half = int(parts[1]), int(parts[2] or 0), parts[3]
    if half in ("am", "pm"):
        if not 1 <= hour <= 12:
            raise UserError(_time_error(_as_typed(word, text)))
        hour = hour % 12 + (12 if half == "pm" else 0)  # 12am is midnight, 12pm noon
    if hour > 23 or minute > 59:
        raise UserError(_time_error(_as_typed(word, text)))
    return time(hour, minute)


def _time_error(word: str) -> str:
    return tr(
        "“{text}” isn't a time of day. Enter times such as `09:00`, `18:30` or `7pm`, separated by commas.",
        text=shorten_input(word),
    )


_DAY_GROUPS = {
    tr_noop("weekday weekdays workday workdays"): WORKDAYS,
    tr_noop("weekend weekends"): (5, 6),
    tr_noop("daily everyday all"): EVERY_DAY,
}
_EVERY = re.compile(r"\b(?:every|all)\s*days?\b")
_TO = tr_noop("to through until")


def parse_days(text: str) -> tuple[int, ...]:
    """Parse days such as "mon, Wednesday, fri", "mon-fri" or "weekend"; Monday is 0, sorted. Raises `UserError`.

    Numbers are rejected as ambiguous: 1 could be Monday or Sunday.
    """
    normalized = _EVERY.sub(
        "daily", normalize_input(text).replace(".", " ").replace(normalize_input(tr("every day")), "daily")
    )
    # "mon to fri", in any language, becomes "mon-fri" before the words are split.
    to = re.compile(rf"\s*(?:[-–—]|\b(?:{'|'.join(map(re.escape, translations_of(_TO)))})\b)\s*")
    normalized = to.sub("-", normalized)
    days = {day for word in _split_words(normalized) for day in _parse_day_range(word, text)}
    if not days:
        raise UserError(_day_error(text))
    return tuple(sorted(days))


def _parse_day_range(word: str, text: str) -> Iterable[int]:
    for names, days in _DAY_GROUPS.items():
        if is_one_of(word, names):
            return days
    first, dash, last = word.partition("-")
    typed = _as_typed(word, text)
    start = _parse_day(first, typed)
    end = _parse_day(last, typed) if dash else start
    return [(start + n) % 7 for n in range((end - start) % 7 + 1)]  # fri-mon goes around the weekend


def _parse_day(name: str, typed: str) -> int:
    for names in (weekday_names(), weekday_names("abbreviated"), DAY_NAMES):
        for day, full in enumerate(map(normalize_input, names)):
            # Any unambiguous beginning will do; one letter would not tell Tuesday from Thursday.
            if len(name) > 1 and (full.startswith(name) or name in (f"{full}s", f"{full[:3]}s")):
                return day
    raise UserError(_day_error(typed))


def _day_error(word: str) -> str:
    return tr(
        "“{text}” isn't a day. Enter days such as `Mon, Wed`, `mon-fri`, `weekdays` or `weekend`.",
        text=shorten_input(word),
    )


def _as_typed(word: str, text: str) -> str:
    """Return a word as it stands in what was typed; all of it where that was spelled in another way."""
    start = text.lower().find(word)
    return text[start : start + len(word)] if start >= 0 else text


_PASSED_OVER = tr_noop("and at on every")


def _split_words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s,;&/]+", text) if word and not is_one_of(word, _PASSED_OVER)]
