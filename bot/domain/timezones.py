"""Parse and suggest names of IANA time zones."""

from __future__ import annotations

import difflib
import functools
import re
import unicodedata
from zoneinfo import available_timezones

from bot.domain.user_input import normalize_input, shorten_input
from bot.errors import UserError
from bot.i18n import format_list, tr

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
    # An offset would be right for half of the year only, and its digests would come an hour off in the other half.
    if _OFFSET.fullmatch(wanted):
        raise UserError(
            tr("A UTC offset ignores daylight saving time. Use a time zone such as `Europe/Berlin`, or `UTC`.")
        )
    close = format_list((f"`{zone}`" for zone in _similar_zones(wanted)), "or")
    hint = tr("Did you mean {zones}?", zones=close) if close else tr("Use one such as `Europe/Berlin`, or `UTC`.")
    raise UserError(tr("I don't know the time zone “{text}”.", text=shorten_input(text)) + f" {hint}")


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
    # Places alone first, so that a whole name of the same spelling wins.
    names = {name.rpartition("/")[2]: zone for name, zone in _suggested_zones().items()} | _suggested_zones()
    # Input may be thousands of characters long and difflib is quadratic; no zone has more than 40.
    close = difflib.get_close_matches(wanted[:40], names, n=6, cutoff=0.7)
    return list(dict.fromkeys(names[name] for name in close))[:3]


def _normalize_zone(text: str) -> str:
    """Fold a zone name for comparison: "são paulo" equals "Sao_Paulo"."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return re.sub(r"_?/_?", "/", re.sub(r"[\s_]+", "_", normalize_input(plain)))
