"""Inspect a database as it is, without migrating or creating anything."""

from __future__ import annotations

import asyncio
import enum
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection, inspect
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import StoreError, StoreUnavailableError
from bot.store.database import describe_location, is_server, open_database
from bot.store.engines.sqlite import APPLICATION_ID, read_only_uri
from bot.store.error_messages import explain_store_error
from bot.store.migrate import is_foreign_database
from bot.store.migrations.prerelease import TOO_OLD, TOO_OLD_FIX
from bot.store.schema_revision import is_current, is_known, read_revision

_SHOWN = 3
"""Maximum lines of SQLite's report on a damaged file."""
_CHANNELS = (
    "SELECT guild_id, channel_id FROM subscriptions "
    "UNION SELECT guild_id, review_channel_id FROM guild_settings WHERE review_channel_id IS NOT NULL"
)
_COMMANDS = "SELECT value FROM key_values WHERE key = 'commands_at_discord'"  # `bot.client.command_sync.AT_DISCORD`
_MARK = "SELECT value FROM key_values WHERE key = 'moving'"  # `bot.store.key_value.MOVING`


class DatabaseState(enum.Enum):
    """State of a database relative to this version.

    `OLDER` is migrated when the bot starts, `TOO_OLD` cannot be. `MOVING` is the target of an unfinished
    `newsdesk migrate`.
    """

    MISSING = "missing"
    UNREADABLE = "unreadable"
    FOREIGN = "foreign"
    NEWER = "newer"
    OLDER = "older"
    TOO_OLD = "too old"
    CURRENT = "current"
    MOVING = "moving"


@dataclass(frozen=True, slots=True)
class DatabaseReport:
    """Result of an inspection. `damage` is SQLite's report; `channels` are (guild, channel) IDs the bot posts in."""

    place: str
    """The file, or host and database name."""
    state: DatabaseState
    error: StoreError | None = None
    """Why it is unreadable."""
    damage: tuple[str, ...] = ()
    channels: tuple[tuple[int, int], ...] = ()
    file: Path | None = None
    """None for PostgreSQL."""
    commands: str | None = None
    """Hash of the commands registered with Discord; None if none were registered yet."""


async def inspect_database(url: str) -> DatabaseReport:
    """Inspect a database. Never raises.

    Reads a whole file once (`PRAGMA quick_check`), which takes seconds per gigabyte. PostgreSQL's data is not checked
    for damage.
    """
    if is_server(url):
        return await _inspect_server(url)
    file = Path(describe_location(url))
    return replace(await asyncio.to_thread(_inspect_file, file, whole=True), file=file)


async def _inspect_server(url: str) -> DatabaseReport:
    where = describe_location(url)
    try:
        async with open_database(url, read_only=True) as database, database.begin_read() as connection:
            return await connection.run_sync(_server_report, where)
    except (StoreError, SQLAlchemyError) as error:
        reason = explain_store_error(error) or StoreUnavailableError(f"{error}.")
        return DatabaseReport(where, DatabaseState.UNREADABLE, reason)


def _server_report(connection: Connection, where: str) -> DatabaseReport:
    tables = set(inspect(connection).get_table_names())
    if is_foreign_database(tables):
        return DatabaseReport(where, DatabaseState.FOREIGN)
    state = database_state(tables, read_revision(connection), ours=True)
    if state is DatabaseState.CURRENT and connection.exec_driver_sql(_MARK).all():
        state = DatabaseState.MOVING
    channels = connection.exec_driver_sql(_CHANNELS).all() if state is DatabaseState.CURRENT else ()
    commands = connection.exec_driver_sql(_COMMANDS).scalar() if state is DatabaseState.CURRENT else None
    known = tuple(sorted((guild, channel) for guild, channel in channels))
    return DatabaseReport(where, state, channels=known, commands=commands)


async def require_readable(url: str, *, older: bool = False) -> None:
    """Raise `StoreError`, saying what to do, unless the store is of this version, or with `older` of an older one.

    Does not raise for an unreadable database: opening it does.
    """
    report = await (
        _inspect_server(url) if is_server(url) else asyncio.to_thread(_inspect_file, Path(describe_location(url)))
    )
    if older and report.state in (DatabaseState.OLDER, DatabaseState.TOO_OLD):
        return
    if unfit := _UNFIT.get(report.state):
        what, fix = unfit
        raise StoreError(what.format(place=report.place), fix)
    if words := _NOT_YET.get(report.state):
        raise StoreUnavailableError(words.format(place=report.place))


_UNFIT = {
    DatabaseState.FOREIGN: ("{place} belongs to another program.", "Point {setting} at one of its own."),
    DatabaseState.NEWER: (
        "The database was written by a newer version of Newsdesk.",
        "Run that version, or restore a backup.",
    ),
    DatabaseState.TOO_OLD: ("The store at {place} is too old for this version of Newsdesk.", TOO_OLD_FIX),
    DatabaseState.MOVING: (
        "A store is being moved to this database, and not all is there.",
        "Run `newsdesk migrate` again.",
    ),
}
_NOT_YET = {
    DatabaseState.MISSING: "There is no store at {place} yet. `newsdesk load` or `newsdesk run` makes one.",
    DatabaseState.OLDER: (
        "The store at {place} is empty or of an older version. `newsdesk run` or `newsdesk load` brings it up to date."
    ),
}


def _inspect_file(path: Path, *, whole: bool = False) -> DatabaseReport:
    """Inspect a file; with `whole`, check all of it."""
    if not path.exists():
        return DatabaseReport(str(path), DatabaseState.MISSING)
    try:
        # Without the engine, which would refuse a foreign file before it is known what is wrong with it.
        with closing(sqlite3.connect(read_only_uri(path), uri=True, timeout=10)) as connection:
            state = _file_state(connection)
            if state is DatabaseState.FOREIGN or not whole:
                return DatabaseReport(str(path), state)
            damage, channels = tuple(_find_damage(connection)), _posting_channels(connection)
            return DatabaseReport(
                str(path), state, damage=damage, channels=channels, commands=_commands_digest(connection)
            )
    except sqlite3.Error as error:
        return DatabaseReport(str(path), DatabaseState.UNREADABLE, StoreError(str(error)))


def _file_state(connection: sqlite3.Connection) -> DatabaseState:
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    rows = connection.execute("SELECT version_num FROM alembic_version") if "alembic_version" in tables else None
    (current,) = (rows.fetchone() if rows else None) or (None,)
    state = database_state(tables, current, ours=owner == APPLICATION_ID)
    is_half = state is DatabaseState.CURRENT and connection.execute(_MARK).fetchone()
    return DatabaseState.MOVING if is_half else state


def database_state(tables: Collection[str], current: str | None, *, ours: bool) -> DatabaseState:
    if not tables:
        return DatabaseState.OLDER
    if not ours or "alembic_version" not in tables:
        return DatabaseState.FOREIGN
    if is_current(current):
        return DatabaseState.CURRENT
    if current in TOO_OLD:
        return DatabaseState.TOO_OLD
    return DatabaseState.OLDER if is_known(current) else DatabaseState.NEWER


def _find_damage(connection: sqlite3.Connection) -> Iterator[str]:
    try:
        rows = [str(line) for (line,) in connection.execute("PRAGMA quick_check").fetchmany(_SHOWN)]
    except sqlite3.DatabaseError as error:
        rows = [str(error)]
    yield from (" ".join(line.split()) for line in rows if line != "ok")


def _posting_channels(connection: sqlite3.Connection) -> tuple[tuple[int, int], ...]:
    """Return the channels; none if another version's tables, or damage, make them unreadable."""
    try:
        return tuple(sorted((int(guild), int(channel)) for guild, channel in connection.execute(_CHANNELS)))
    except sqlite3.Error:
        return ()


def count_rows(file: Path) -> tuple[int, int] | None:
    """Count the cards and subscriptions in a file; None if it cannot be read."""
    try:
        with closing(sqlite3.connect(read_only_uri(file), uri=True, timeout=10)) as connection:
            query = "SELECT (SELECT count(*) FROM cards), (SELECT count(*) FROM subscriptions)"
            cards, subscriptions = connection.execute(query).fetchone()
            return cards, subscriptions
    except sqlite3.Error:
        return None


def _commands_digest(connection: sqlite3.Connection) -> str | None:
    """Return the hash of the registered commands; None if it is unreadable."""
    try:
        rows = connection.execute(_COMMANDS).fetchone()
    except sqlite3.Error:
        return None
    return str(rows[0]) if rows else None
