"""Translate database errors that are not bugs into one sentence with the fix."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from bot.errors import StoreError, StoreUnavailableError

_RESTORE = "Stop the bot and put a backup back: newsdesk restore FILE. Then have the disk checked."
_ROOM = "Make room, then try again."
_CHECK = "Check {setting} and its rights."
_LOCKED = ("The database is locked by another process.", "Try again when that has ended.")
_OF_SQLITE = {
    sqlite3.SQLITE_FULL: ("The disk of the database is full.", _ROOM),
    sqlite3.SQLITE_IOERR: ("The disk of the database cannot be read or written.", "Have it checked, then try again."),
    sqlite3.SQLITE_CORRUPT: ("The database is damaged.", _RESTORE),
    sqlite3.SQLITE_READONLY: (
        "The database cannot be written: it is read-only.",
        "Check its rights and its file system.",
    ),
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_NOMEM: ("There is not enough memory for the database.", ""),
    sqlite3.SQLITE_PROTOCOL: _LOCKED,
}
"""What is wrong and its fix, by primary result code: the lowest byte of the extended code."""
_WRONG_FILE = {
    sqlite3.SQLITE_NOTADB: ("The database is no database of Newsdesk.", _CHECK),
    sqlite3.SQLITE_CANTOPEN: ("The database cannot be opened.", _CHECK),
    sqlite3.SQLITE_PERM: ("The database cannot be opened.", _CHECK),
}
_OF_POSTGRESQL = {
    "53100": ("The disk of the database's server is full.", _ROOM),
    "53200": ("The database's server is out of memory.", ""),
    "53300": ("The database's server takes no more connections.", ""),
    "25006": ("The database takes no changes: its server is read-only.", ""),
    "58": ("The database's server has trouble with its disk.", "Have it checked, then try again."),
    "XX001": ("The database is damaged.", "Put a backup back with pg_restore."),
    "XX002": ("The database is damaged.", "Put a backup back with pg_restore."),
    "57P": ("The database's server is stopping or starting.", "Try again in a moment."),
    "08": ("The connection to the database's server broke.", "Try again."),
    "28": ("The database's server refuses user or password.", "Check {setting}."),
    "55P03": _LOCKED,
}
"""What is wrong and its fix, by SQLSTATE or its prefix (PostgreSQL manual, appendix A)."""


def explain_store_error(error: BaseException) -> StoreError | None:
    """Return the error to raise for a problem of the database, its disk or server; None for bugs."""
    for each in _iter_causes(error):
        if isinstance(each, StoreError):
            return each
        if isinstance(each, sqlite3.Error) and (found := _explain_sqlite(each)):
            return found
        if (state := getattr(each, "sqlstate", None)) and (words := _explain_postgresql(str(state))):
            return StoreUnavailableError(*words)
        if isinstance(each, PoolTimeoutError) or (isinstance(each, DBAPIError) and each.connection_invalidated):
            return StoreUnavailableError("The database does not answer.", "Try again.")
    return None


def error_class(error: BaseException) -> type[StoreError]:
    """Return the class to raise for callers with their own message: temporary trouble or a wrong database."""
    return type(explain_store_error(error) or StoreError(""))


def _explain_sqlite(error: sqlite3.Error) -> StoreError | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _WRONG_FILE:
        return StoreError(*_WRONG_FILE[code])
    return StoreUnavailableError(*_OF_SQLITE[code]) if code in _OF_SQLITE else None


def _explain_postgresql(state: str) -> tuple[str, str] | None:
    return next((words for begin, words in _OF_POSTGRESQL.items() if state.startswith(begin)), None)


def _iter_causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and its causes, including wrapped driver errors and members of groups."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [*getattr(each, "exceptions", ()), getattr(each, "orig", None), each.__cause__]
