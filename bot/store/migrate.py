"""Run schema migrations; refuse databases written by a newer version."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from functools import partial

from sqlalchemy import Connection, inspect
from sqlalchemy.exc import DBAPIError

from bot.errors import StoreError, StoreUnavailableError
from bot.store.database import Database
from bot.store.engines.sqlite import APPLICATION_ID
from bot.store.migrations import prerelease
from bot.store.schema_revision import is_current, is_known, read_revision
from bot.store.sql_helpers import upsert
from bot.store.tables import key_values


async def migrate_database(database: Database) -> None:
    """Run pending migrations in one transaction. Processes that start at the same time wait for each other.

    Raises `StoreError` if the database is newer or cannot be written.
    """
    try:
        async with database.begin_write() as connection:
            await connection.run_sync(_run_upgrade)
    except DBAPIError as error:
        raise StoreUnavailableError(
            f"The database cannot be written: {error.orig}.", "Check {setting}, the disk and its rights."
        ) from error


def is_foreign_database(tables: Collection[str]) -> bool:
    """Whether a database with these tables belongs to another program, which may use Alembic too."""
    return bool(tables) and not {"alembic_version", "deliveries"} <= set(tables)


def _run_upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql" and is_foreign_database(inspect(connection).get_table_names()):
        raise StoreError("The database belongs to another program.", "Point {setting} at one of its own.")
    current = read_revision(connection)
    if is_current(current):
        return
    if current in prerelease.TOO_OLD:
        what = f"The database has schema {current}, which is too old for this version of Newsdesk."
        raise StoreError(what, prerelease.TOO_OLD_FIX)
    if current is not None and not is_known(current):
        raise StoreError(
            "The database was written by a newer version of Newsdesk. Run that version, or restore a backup."
        )
    _upgrade_from(current, connection)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    # The instance name is part of every nonce: stores that post to the same channel must not share nonces.
    name = upsert(key_values).values(key="instance", value=secrets.token_hex(4)).on_conflict_do_nothing()
    connection.execute(name)


def _upgrade_from(current: str | None, connection: Connection) -> None:
    # Imported here: `bot.store.schema_revision` says why.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "bot.store:migrations")
    config.attributes["connection"] = connection
    if current in prerelease.UPGRADABLE:
        prerelease.upgrade_tables(connection, partial(command.upgrade, config, prerelease.FIRST_RELEASE))
    command.upgrade(config, "head")
