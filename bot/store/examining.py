"""Look at a database as it lies there, without migrating it or making what is missing."""

from __future__ import annotations

import asyncio
import enum
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import make_url

from bot.store.database import APPLICATION_ID

_SHOWN = 3
"""Lines of SQLite's own report on a damaged file."""
_CHANNELS = (
    "SELECT guild_id, channel_id FROM subscriptions "
    "UNION SELECT guild_id, review_channel_id FROM guild_settings WHERE review_channel_id IS NOT NULL"
)


class DatabaseState(enum.Enum):
    """How a database stands to this version. `OLDER` is brought up to date when the bot starts."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    FOREIGN = "foreign"
    NEWER = "newer"
    OLDER = "older"
    CURRENT = "current"


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found. `damage` is SQLite's own report; `channels` are (server, channel) in which the bot posts."""

    path: Path
    state: DatabaseState
    reason: str = ""
    damage: tuple[str, ...] = ()
    channels: tuple[tuple[int, int], ...] = ()


async def examine(url: str) -> Examined:
    """Read the whole file once (`PRAGMA quick_check`), which takes seconds for a gigabyte. Never raises."""
    return await asyncio.to_thread(_examine, Path(str(make_url(url).database)))


def _examine(path: Path) -> Examined:
    if not path.exists():
        return Examined(path, DatabaseState.MISSING)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)) as connection:
            state = _state(connection)
            if state is DatabaseState.FOREIGN:
                return Examined(path, state)
            return Examined(path, state, damage=tuple(_damage(connection)), channels=_channels(connection))
    except sqlite3.Error as error:
        return Examined(path, DatabaseState.UNREADABLE, str(error))


def _state(connection: sqlite3.Connection) -> DatabaseState:
    (owner,) = connection.execute("PRAGMA application_id").fetchone()
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return DatabaseState.OLDER
    if owner != APPLICATION_ID or "alembic_version" not in tables:
        return DatabaseState.FOREIGN
    config = Config()
    config.set_main_option("script_location", "bot.store:migrations")
    scripts = ScriptDirectory.from_config(config)
    (current,) = connection.execute("SELECT version_num FROM alembic_version").fetchone() or ("",)
    if current == scripts.get_current_head():
        return DatabaseState.CURRENT
    known = {script.revision for script in scripts.walk_revisions()}
    return DatabaseState.OLDER if current in known else DatabaseState.NEWER


def _damage(connection: sqlite3.Connection) -> Iterator[str]:
    try:
        found = [str(line) for (line,) in connection.execute("PRAGMA quick_check").fetchmany(_SHOWN)]
    except sqlite3.DatabaseError as error:
        found = [str(error)]
    yield from (" ".join(line.split()) for line in found if line != "ok")


def _channels(connection: sqlite3.Connection) -> tuple[tuple[int, int], ...]:
    """None where the tables of another version, or the damage, do not let them be read."""
    try:
        return tuple(sorted((int(guild), int(channel)) for guild, channel in connection.execute(_CHANNELS)))
    except sqlite3.Error:
        return ()
