"""Parse user input for schedules: times of day, days of the week, time zones.

English is always understood, and so is the current language. Synonyms form one message of the catalogue, separated by
spaces; a translation may list more or fewer.
"""

from __future__ import annotations

import difflib
import functools
import re
import unicodedata
from collections.abc import Iterable
from datetime import time
from zoneinfo import available_timezones

from bot.domain.digest_schedule import DAY_NAMES, EVERY_DAY, WORKDAYS
from bot.errors import UserError
from bot.i18n import format_list, tr, tr_noop, weekday_names

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
    times = {_parse_one_time(word) for word in _split_words(_normalize_times(text))}
    if not times:
        raise UserError(_time_error(text))
    if len(times) > _MAX_TIMES:
        text = tr("These are {count} times of day; at most {most} are possible.", count=len(times), most=_MAX_TIMES)
        raise UserError(text)
    return tuple(sorted(times))


def parse_time(text: str) -> time:
    """Parse one time of day. Raises `UserError`."""
    times = parse_times(text)
    if len(times) > 1:
        raise UserError(
            tr("“{text}” is more than one time of day. Give just one, such as `22:00`.", text=_shorten_input(text))
        )
    return times[0]


def _normalize_times(text: str) -> str:
    """Normalize each time to one word: "9.30 a.m." becomes "9.30am"."""
    text = normalize_input(text)
    for pattern, word in _SPELLINGS:
        text = pattern.sub(word, text)
    return text


def _parse_one_time(word: str) -> time:
    for names, clock in _NAMED_TIMES.items():
        if is_one_of(word, names):
            return clock
    if not (parts := _TIME.fullmatch(word)):
        raise UserError(_time_error(word))
    hour, minute, half = int(parts[1]), int(parts[2] or 0), parts[3]
    if half in ("am", "pm"):
        if not 1 <= hour <= 12:
            raise UserError(_time_error(word))
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour > 23 or minute > 59:
        raise UserError(_time_error(word))
    return time(hour, minute)


def _time_error(word: str) -> str:
    return tr(
        "“{text}” is not a time of day. Write times such as `09:00`, `18:30` or `7pm`, with commas between.",
        text=_shorten_input(word),
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
    to = re.compile(rf"\s*(?:[-–—]|\b(?:{'|'.join(map(re.escape, _translations_of(_TO)))})\b)\s*")
    normalized = to.sub("-", normalized)
    days = {day for word in _split_words(normalized) for day in _parse_day_range(word)}
    if not days:
        raise UserError(_day_error(text))
    return tuple(sorted(days))


def _parse_day_range(word: str) -> Iterable[int]:
    for names, days in _DAY_GROUPS.items():
        if is_one_of(word, names):
            return days
    first, dash, last = word.partition("-")
    start = _parse_day(first, word)
    end = _parse_day(last, word) if dash else start
    return [(start + n) % 7 for n in range((end - start) % 7 + 1)]


def _parse_day(name: str, word: str) -> int:
    for names in (weekday_names(), weekday_names("abbreviated"), DAY_NAMES):
        for day, full in enumerate(map(normalize_input, names)):
            if len(name) > 1 and (full.startswith(name) or name in (f"{full}s", f"{full[:3]}s")):
                return day
    raise UserError(_day_error(word))


def _day_error(word: str) -> str:
    return tr(
        "“{text}” is not a day. Write days such as `Mon, Wed`, `mon-fri`, `weekdays` or `weekend`.",
        text=_shorten_input(word),
    )


_MAX_ZONES = 25
"""Discord's limit for autocomplete choices."""
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
"""Entries of the zone database that are not time zones, or that depend on the host."""
_TURNED = re.compile(r"(?:Etc/)?GMT[-+]?[0-9]+")
"""Never suggested: the sign in `Etc/GMT+1` is inverted (it is one hour behind UTC)."""
_OFFSET = re.compile(r"(?:utc|gmt)?_?[-+]_?[0-9]{1,2}(?::?[0-9]{2})?")


@functools.cache
def _zones_by_key() -> dict[str, str]:
    """Zones of this system by folded name."""
    return {_normalize_zone(zone): zone for zone in sorted(available_timezones() - _NO_PLACES)}


@functools.cache
def _suggested_zones() -> dict[str, str]:
    return {name: zone for name, zone in _zones_by_key().items() if not _TURNED.fullmatch(zone)}


def parse_zone(text: str) -> str:
    """Parse an IANA zone name into its canonical spelling. Raises `UserError` with up to three suggestions."""
    wanted = _normalize_zone(text)
    if zone := _zones_by_key().get(wanted):
        return zone
    if _OFFSET.fullmatch(wanted):
        raise UserError(
            tr("An offset from UTC has no summer time. Name a time zone, such as `Europe/Berlin`, or `UTC`.")
        )
    close = format_list((f"`{zone}`" for zone in _similar_zones(wanted)), "or")
    hint = tr("Did you mean {zones}?", zones=close) if close else tr("Name one such as `Europe/Berlin`, or `UTC`.")
    raise UserError(f"{tr('There is no time zone “{text}”.', text=_shorten_input(text))} {hint}")


def suggest_zones(beginning: str) -> list[str]:
    """Autocomplete up to 25 zones: first prefix matches, then prefix matches of the place, then any other matches."""
    query = _normalize_zone(beginning)
    if not query:
        return [zone for zone in _COMMON_ZONES if _normalize_zone(zone) in _zones_by_key()]
    result = [
        (_match_rank(name, query), zone not in _COMMON_ZONES, zone)
        for name, zone in _suggested_zones().items()
        if query in name
    ]
    return [zone for _, _, zone in sorted(result)[:_MAX_ZONES]]


def _match_rank(name: str, query: str) -> int:
    if name.startswith(query):
        return 0
    return 1 if f"/{query}" in name else 2


def _similar_zones(wanted: str) -> list[str]:
    """Up to three zones whose name or place is similar."""
    if wanted and (found := suggest_zones(wanted)):
        return found[:3]
    names = {name.rpartition("/")[2]: zone for name, zone in _suggested_zones().items()} | _suggested_zones()
    close = difflib.get_close_matches(wanted[:40], names, n=6, cutoff=0.7)
    return list(dict.fromkeys(names[name] for name in close))[:3]


def _normalize_zone(text: str) -> str:
    """Fold a zone name for comparison: "são paulo" equals "Sao_Paulo"."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return re.sub(r"_?/_?", "/", re.sub(r"[\s_]+", "_", normalize_input(plain)))


def normalize_input(text: str) -> str:
    """Fold user input for comparison: NFKC, case-folded, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def is_one_of(word: str, english: str) -> bool:
    """Whether a folded word is one of these English synonyms or their translations in the current language."""
    return word in _translations_of(english)


def _translations_of(english: str) -> list[str]:
    return [*english.split(), *normalize_input(tr(english)).split()]


_PASSED_OVER = tr_noop("and at on every")


def _split_words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s,;&/]+", text) if word and not is_one_of(word, _PASSED_OVER)]


def _shorten_input(text: str) -> str:
    """User input, shortened for quoting in a reply."""
    line = " ".join(text.split())
    return line if len(line) <= 40 else f"{line[:39]}…"
