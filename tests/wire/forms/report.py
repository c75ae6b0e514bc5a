"""Collects what is wrong with a form, field by field, and raises it as one 400/50035."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from tests.wire.errors import Json, invalid_form

Path = tuple[str | int, ...]

_HOST = re.compile(r"(?!-)[\w-]{1,63}(?<!-)(\.(?!-)[\w-]{1,63}(?<!-))+\.?|\[[0-9a-fA-F:.]+\]")
_BLANK = re.compile(r"[\s\x00-\x1f\x7f]")
_NUMBER = re.compile(r"[0-9]{1,20}")


def field_names(text: str) -> frozenset[str]:
    """The names of a form's fields, written with spaces between them."""
    return frozenset(text.split())


class FormReport:
    """Every problem of one form. Discord reports them all at once, and so does this."""

    def __init__(self) -> None:
        self.errors: Json = {}

    def add_error(self, path: Path, code: str, message: str) -> None:
        place = self.errors
        for key in path:
            place = place.setdefault(str(key), {})
        place.setdefault("_errors", []).append({"code": code, "message": message})

    def raise_if_any(self) -> None:
        if self.errors:
            raise invalid_form(self.errors)

    def add_required(self, path: Path) -> None:
        self.add_error(path, "BASE_TYPE_REQUIRED", "This field is required")

    def check_known(self, path: Path, form: Json, names: frozenset[str]) -> None:
        """Discord itself drops unknown fields without a word; here a misspelt field must not pass a test."""
        for name in form.keys() - names:
            self.add_error((*path, name), "UNKNOWN_FIELD", f"This field is not known: {name}")

    def check_mapping(self, path: Path, value: Any) -> Json | None:
        if isinstance(value, dict):
            return value
        self.add_error(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")
        return None

    def check_sequence(self, path: Path, value: Any, most: int, least: int = 0) -> list[Any]:
        if not isinstance(value, list):
            self.add_error(path, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return []
        if not least <= len(value) <= most:
            self.add_error(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")
            return []
        return value

    def check_text(self, path: Path, value: Any, most: int, least: int = 0) -> str:
        """Checks a string; surrounding white space does not count, as Discord trims it."""
        if not isinstance(value, str):
            self.add_error(path, "STRING_TYPE_CONVERT", "Could not interpret value as string.")
            return ""
        trimmed = value.strip()
        if len(trimmed) > most:
            message = (
                f"Must be {most} or fewer in length." if not least else f"Must be between {least} and {most} in length."
            )
            self.add_error(path, "BASE_TYPE_BAD_LENGTH" if least else "BASE_TYPE_MAX_LENGTH", message)
        elif not trimmed and least:
            self.add_required(path)
        return trimmed

    def check_integer(self, path: Path, value: Any, most: int, least: int = 0) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            self.add_error(path, "NUMBER_TYPE_COERCE", f"Value {value!r} is not int.")
        elif value > most:
            self.add_error(path, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {most}.")
        elif value < least:
            self.add_error(path, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {least}.")

    def check_bool(self, path: Path, value: Any) -> None:
        if not isinstance(value, bool):
            self.add_error(path, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")

    def check_choice(self, path: Path, value: Any, known: Iterable[Any]) -> bool:
        known = tuple(known)
        if value in known and not isinstance(value, bool):
            return True
        self.add_error(path, "BASE_TYPE_CHOICES", f"Value must be one of {{{', '.join(map(str, known))}}}.")
        return False

    def check_snowflake(self, path: Path, value: Any) -> None:
        if not _NUMBER.fullmatch(str(value)):
            self.add_error(path, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')

    def check_url(self, path: Path, value: Any, schemes: tuple[str, ...] = ("http", "https"), most: int = 2048) -> None:
        if not isinstance(value, str):
            self.add_error(path, "STRING_TYPE_CONVERT", "Could not interpret value as string.")
            return
        if len(value) > most:
            self.add_error(path, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
            return
        scheme, separator, _ = value.partition(":")
        if not separator:
            self.add_error(path, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
        elif scheme.lower() not in schemes:
            allowed = ", ".join(f"'{each}'" for each in schemes)
            message = f'Scheme "{scheme.lower()}" is not supported. Scheme must be one of ({allowed}).'
            self.add_error(path, "URL_TYPE_INVALID_SCHEME", message)
        elif scheme.lower() in ("http", "https") and not _is_well_formed(value):
            self.add_error(path, "URL_TYPE_INVALID_URL", "Not a well formed URL.")


def _is_well_formed(url: str) -> bool:
    if _BLANK.search(url):
        return False
    try:
        parts = urlsplit(url)
        # An impossible port raises only when it is read.
        return parts.port != 0 and _HOST.fullmatch(_host_of(parts.netloc)) is not None
    except ValueError:
        return False


def _host_of(netloc: str) -> str:
    host = netloc.rpartition("@")[2]
    return host if host.endswith("]") else re.sub(r":\d*$", "", host)
