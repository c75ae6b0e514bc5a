"""Internationalization: the supported languages, and the current language of a task.

English is the source language in the code; every other language is a gettext catalogue,
`bot/locales/<language>.po`. The current language is a context variable: the member's while an interaction is handled,
the channel's while a message is rendered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from functools import cache, lru_cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Literal

from babel import Locale, dates, lists, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

ENGLISH = "en"
LOCALES = Path(__file__).parent / "locales"
NAME = "name"
"""The gettext context for names of commands and options: one lower-case word each."""

_current: ContextVar[str] = ContextVar("language", default=ENGLISH)


@cache
def available_languages() -> tuple[str, ...]:
    """Supported languages as Discord locale codes; English first."""
    return (ENGLISH, *sorted(path.stem for path in LOCALES.glob("*.po")))


def language_name(language: str) -> str:
    """A language's name in that language, such as `Deutsch`."""
    own = Locale.parse(language, sep="-")
    name = own.get_display_name(own) or language
    return name[:1].upper() + name[1:]


@lru_cache  # commands are registered with each of their words in each of Discord's locales
def language_for_locale(locale: object) -> str:
    """The supported language for a Discord locale, falling back to English."""
    wanted = str(locale)
    # `pt-BR` first, then `pt`; Discord has no locale that differs in more than the region.
    return next((each for each in (wanted, wanted.partition("-")[0]) if each in available_languages()), ENGLISH)


def activate_language(language: str) -> None:
    """Set the current language of this task; unsupported languages fall back to English."""
    _current.set(language if language in available_languages() else ENGLISH)


@contextmanager
def override_language(language: str) -> Iterator[None]:
    """Context manager that sets the current language, as `activate_language` does, and restores it."""
    before = _current.set(language if language in available_languages() else ENGLISH)
    try:
        yield
    finally:
        _current.reset(before)


def current_language() -> str:
    """The current language of this task."""
    return _current.get()


def tr(text: str, /, **values: object) -> str:
    """Translate a text into the current language and fill in its `{placeholders}`."""
    translated = load_catalogue(_current.get()).gettext(text)
    return translated.format(**values) if values else translated


def trn(one: str, many: str, count: int, /, **values: object) -> str:
    """Translate a text with plural forms; `{count}` is formatted with the language's digit grouping."""
    translated = load_catalogue(_current.get()).ngettext(one, many, count)
    return translated.format(count=format_number(count), **values)


def tr_noop(text: str) -> str:
    """Mark a constant for extraction and return it unchanged; pass it to `tr` when it is shown."""
    return text


def tr_command_name(text: str, language: str) -> str:
    """Translate the name of a command or an option."""
    return load_catalogue(language).pgettext(NAME, text)


@cache
def load_catalogue(language: str) -> NullTranslations:
    """Load a language's catalogue (cached); the identity for English."""
    if language == ENGLISH:
        return NullTranslations()
    with (LOCALES / f"{language}.po").open("rb") as file:
        read = read_po(file, locale=_babel_locale(language))
    compiled = BytesIO()
    write_mo(compiled, read)
    compiled.seek(0)
    return Translations(compiled)


def format_number(value: float) -> str:
    """Format a number with digit grouping."""
    return numbers.format_decimal(value, locale=_babel_locale(_current.get()))


def format_decimal(value: float) -> str:
    """Format a number with exactly one decimal place."""
    return numbers.format_decimal(value, "#,##0.0", locale=_babel_locale(_current.get()))


def format_date(value: date) -> str:
    """Format a date, such as `25 November 2026`."""
    return dates.format_date(value, "long", locale=_babel_locale(_current.get()))


def format_day_of_year(value: date) -> str:
    """Format a date without its year, such as `25 November`."""
    return dates.format_skeleton("MMMMd", value, locale=_babel_locale(_current.get()))


def format_short_date(value: date) -> str:
    """Format a date without its year, abbreviated: `25 Nov`."""
    return dates.format_skeleton("MMMd", value, locale=_babel_locale(_current.get()))


def weekday_names(width: Literal["wide", "abbreviated"] = "wide") -> list[str]:
    """Names of the days from Monday on, as used within a sentence."""
    names = dates.get_day_names(width, locale=_babel_locale(_current.get()))
    return [names[day].rstrip(".") for day in range(7)]


def format_list(words: Iterable[str], style: Literal["standard", "or"] = "standard") -> str:
    """Join words into an enumeration: `one, two and three`."""
    return lists.format_list(list(words), style=style, locale=_babel_locale(_current.get()))


@cache
def _babel_locale(language: str) -> Locale:
    # British English: day before month and no comma before "and", as in the source texts.
    return Locale.parse("en-GB" if language == ENGLISH else language, sep="-")
