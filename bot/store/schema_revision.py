"""The revision of a database's schema, without Alembic: importing that takes longer than most commands."""

from __future__ import annotations

import pkgutil
from functools import cache

from sqlalchemy import Connection, inspect

from bot.store.migrations import prerelease, versions

TABLE = "alembic_version"


@cache
def list_revisions() -> tuple[str, ...]:
    """List the revisions from the first release to the current one, as the names of their modules say them."""
    names = sorted(module.name for module in pkgutil.iter_modules(versions.__path__))
    return tuple(f"v{int(name[1:5])}" for name in names)


def is_current(revision: str | None) -> bool:
    return revision == list_revisions()[-1]


def is_known(revision: str | None) -> bool:
    """Whether this version can bring a database of that revision up to date."""
    return revision in (*prerelease.UPGRADABLE, *list_revisions())


def read_revision(connection: Connection) -> str | None:
    """Return the revision of the database; None if it has none."""
    if not inspect(connection).has_table(TABLE):
        return None
    revision: str | None = connection.exec_driver_sql(f"SELECT version_num FROM {TABLE}").scalar()  # noqa: S608 - a constant
    return revision
