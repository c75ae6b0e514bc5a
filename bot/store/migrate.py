"""Bring the database to this version's tables; refuse one that a newer version wrote."""

from __future__ import annotations

import secrets

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import OperationalError

from bot.errors import StoreError
from bot.store.database import APPLICATION_ID, Database
from bot.store.tables import meta


async def migrate(database: Database) -> None:
    """Run the missing migrations, all or none. Two processes that start together wait for each other.

    Raises `StoreError` when the database is newer, or cannot be written.
    """
    try:
        async with database.write() as connection:
            await connection.run_sync(_upgrade)
    except OperationalError as error:
        raise StoreError(
            f"The database cannot be written: {error.orig}. Check NEWSDESK_DATABASE_URL, the disk and its rights."
        ) from error


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", "bot.store:migrations")
    scripts = ScriptDirectory.from_config(config)
    current = MigrationContext.configure(connection).get_current_revision()
    if current == scripts.get_current_head():
        return
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise StoreError(
            "The database was written by a newer version of Newsdesk. Run that version, or restore a backup."
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
    # The instance's name goes into every nonce: two stores that post to one channel must not share them.
    name = upsert(meta).values(key="instance", value=secrets.token_hex(4)).on_conflict_do_nothing()
    connection.execute(name)
