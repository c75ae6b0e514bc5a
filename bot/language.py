"""The languages that Newsdesk speaks, and the one it speaks now.

English is written in the code; every other language is a gettext catalogue, `bot/locales/<language>.po`. Which one is
spoken belongs to the task: the person's while an interaction is answered, the channel's while a message is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from functools import cache
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
"""The context under which catalogues hold the names of commands and options: one lower-case word each."""

_spoken: ContextVar[str] = ContextVar("language", default=ENGLISH)


@cache
def languages() -> tuple[str, ...]:
    """The languages there are, in Discord's spelling of locales; English first."""
    return (ENGLISH, *sorted(path.stem for path in LOCALES.glob("*.po")))


def own_name(language: str) -> str:
    """What a language calls itself, such as `Deutsch`."""
    own = Locale.parse(language, sep="-")
    name = own.get_display_name(own) or language
    return name[:1].upper() + name[1:]


def language_of(locale: object) -> str:
    """The language to speak with whoever has this locale of Discord's: theirs if there is one, else English."""
    wanted = str(locale)
    return next((each for each in (wanted, wanted.partition("-")[0]) if each in languages()), ENGLISH)


def speak(language: str) -> None:
    """From here on this task speaks one of the `languages`; English where it is told another one."""
    _spoken.set(language if language in languages() else ENGLISH)


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak a language for a while, as `speak` does."""
    before = _spoken.set(language if language in languages() else ENGLISH)
    try:
        yield
    finally:
        _spoken.reset(before)


def spoken() -> str:
    """The language that this task speaks."""
    return _spoken.get()


def tr(text: str, /, **values: object) -> str:
    """A text in the language spoken now, with the values in its `{places}`."""
    said = catalogue(_spoken.get()).gettext(text)
    return said.format(**values) if values else said


def trn(one: str, many: str, count: int, /, **values: object) -> str:
    """The form that the count asks for; `{count}` is written as the language groups digits."""
    said = catalogue(_spoken.get()).ngettext(one, many, count)
    return said.format(count=number(count), **values)


def marked(text: str) -> str:
    """The text itself, which goes into the catalogues: for a constant that is given to `tr` later."""
    return text


def named(text: str, language: str) -> str:
    """The name of a command or an option in a language."""
    return catalogue(language).pgettext(NAME, text)


@cache
def catalogue(language: str) -> NullTranslations:
    """A language's texts; the source's own for English. Read once."""
    if language == ENGLISH:
        return NullTranslations()
    with (LOCALES / f"{language}.po").open("rb") as file:
        read = read_po(file, locale=_babel(language))
    compiled = BytesIO()
    write_mo(compiled, read)
    compiled.seek(0)
    return Translations(compiled)


def number(value: float) -> str:
    """A number with its digits grouped."""
    return numbers.format_decimal(value, locale=_babel(_spoken.get()))


def decimal(value: float) -> str:
    """A number with one digit after the point, whatever it is."""
    return numbers.format_decimal(value, "#,##0.0", locale=_babel(_spoken.get()))


def day(value: date) -> str:
    """A day, such as `25 November 2026`."""
    return dates.format_date(value, "long", locale=_babel(_spoken.get()))


def day_of_year(value: date) -> str:
    """A day of a year that is known, such as `25 November`."""
    return dates.format_skeleton("MMMMd", value, locale=_babel(_spoken.get()))


def short_day(value: date) -> str:
    """The same where there is little room: `25 Nov`."""
    return dates.format_skeleton("MMMd", value, locale=_babel(_spoken.get()))


def weekdays(width: Literal["wide", "abbreviated"] = "wide") -> list[str]:
    """The days' names from Monday on, as they stand in a sentence."""
    names = dates.get_day_names(width, locale=_babel(_spoken.get()))
    return [names[day].rstrip(".") for day in range(7)]


def joined(words: Iterable[str], style: Literal["standard", "or"] = "standard") -> str:
    """The words as an enumeration: `one, two and three`."""
    return lists.format_list(list(words), style=style, locale=_babel(_spoken.get()))


@cache
def _babel(language: str) -> Locale:
    # Day before month and no comma before "and": as the English of the code is written.
    return Locale.parse("en-GB" if language == ENGLISH else language, sep="-")
