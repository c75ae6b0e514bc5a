"""PostgreSQL engine (asyncpg), for installations that outgrow one file on one machine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import URL, Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.errors import StoreError, StoreUnavailableError
from bot.store.engines import OPEN_ELSEWHERE, EngineHandle, begin_options

_log = logging.getLogger(__name__)
_OLDEST = 15
_READERS, _SHARED_WRITERS = 8, 2
_KEY = 0x4E455753
"""Key of the advisory lock that serializes writes ("NEWS")."""
_LEADER_LOCK = _KEY + 1
_GATEWAY = _KEY + 2
_ALL = -1
"""Used in place of a shard ID."""
_NOTIFY = "newsdesk"
_CONNECTING = 10
"""Connect timeout, in seconds."""
_LOOKING = 5.0
"""Timeout for acquiring or confirming a lock, in seconds."""
_SESSION = {
    "application_name": "newsdesk",
    # JIT compilation takes longer than any query here. Generic plans miss the partial indexes and misjudge how common a
    # search word is.
    "jit": "off",
    "plan_cache_mode": "force_custom_plan",
    # The value for SSDs. With the default of 4, all hits of a word are read and sorted instead of walking the index.
    "random_page_cost": "1.1",
    # A machine that vanished must not keep leadership for two hours, the default.
    "tcp_keepalives_idle": "2",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
}
_READING = {"application_name": "newsdesk reading", "default_transaction_read_only": "on"}
_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'newsdesk'"
"""Number of sessions that may write."""
_GOODBYE, _PAUSE = 2.0, 0.1
"""Seconds to wait for sessions of ended processes to close, and between polls."""
_TANGLED = ("40001", "40P01")
"""SQLSTATEs worth a retry: serialization failure, deadlock."""


@asynccontextmanager
async def open_engine(url: str) -> AsyncIterator[EngineHandle]:
    """Connect. Raises `StoreError` if the server does not answer or does not meet the requirements."""
    async with _open_engine(url, _SESSION) as handle:
        yield handle


@asynccontextmanager
async def open_engine_read_only(url: str) -> AsyncIterator[EngineHandle]:
    """Connect with read-only sessions; raises like `open_engine`."""
    async with _open_engine(url, _SESSION | _READING) as handle:
        yield handle


@asynccontextmanager
async def _open_engine(url: str, session: Mapping[str, str]) -> AsyncIterator[EngineHandle]:
    engine = _create_engine(url, session)
    try:
        await _inspect_server(engine)
        yield EngineHandle(
            engine,
            # One snapshot for all queries of a transaction, as a read transaction of SQLite has.
            read_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
            autocommit_options={"isolation_level": "AUTOCOMMIT"},
            # One writer at a time, as with SQLite. Planning and the importer rely on it.
            write_options=begin_options(f"SELECT pg_advisory_xact_lock({_KEY})"),
            shared_write_options=begin_options(f"SELECT pg_advisory_xact_lock_shared({_KEY})"),
            max_readers=_READERS,
            leader_lock=lambda events: AdvisoryLock(engine, [f"pg_try_advisory_lock({_LEADER_LOCK})"], events),
            gateway_lock=lambda shard_ids: AdvisoryLock(engine, _gateway_locks(shard_ids)),
            max_shared_writers=_SHARED_WRITERS,
            is_shared=True,
            notify_sql=f"NOTIFY {_NOTIFY}",
        )
    finally:
        await engine.dispose()


@asynccontextmanager
async def exclusive_access(url: str) -> AsyncIterator[None]:
    """Raise `StoreError` if another process still has the database open after `_GOODBYE` seconds."""
    engine = _create_engine(url, _SESSION | _READING)
    try:
        await _inspect_server(engine)
        async with asyncio.timeout(_GOODBYE), engine.connect() as connection:
            while (await connection.exec_driver_sql(_OTHERS)).scalar_one():
                await connection.rollback()  # pg_stat_activity is a snapshot per transaction
                await asyncio.sleep(_PAUSE)
    except TimeoutError as error:
        raise StoreError(OPEN_ELSEWHERE.format(place=describe_location(url))) from error
    finally:
        await engine.dispose()
    yield


def _gateway_locks(shard_ids: Sequence[int] | None) -> list[str]:
    """Return lock calls: one for all shards excludes every other; one for a single shard the same shard and all.

    The two numbers are the two-part key of an advisory lock; the second is the shard ID.
    """
    if shard_ids is None:
        return [f"pg_try_advisory_lock({_GATEWAY}, {_ALL})"]
    single = [f"pg_try_advisory_lock({_GATEWAY}, {shard_id})" for shard_id in sorted(shard_ids)]
    return [f"pg_try_advisory_lock_shared({_GATEWAY}, {_ALL})", *single]


class AdvisoryLock:
    """Session-level advisory locks on a dedicated connection, which also listens for NOTIFY."""

    def __init__(self, engine: AsyncEngine, locks: Sequence[str], on_notify: Callable[[], None] = lambda: None) -> None:
        """`locks` are SQL calls that return whether they acquired a lock. All are acquired, or none."""
        self._engine = engine
        self._locks = locks
        self._on_notify = on_notify
        self._connection: AsyncConnection | None = None
        self._is_held = False
        self.is_responding = False

    async def try_acquire(self) -> bool:
        import asyncpg

        try:
            async with asyncio.timeout(_LOOKING):
                session = await self._driver_session()
                # A session keeps its locks as long as it lives, so any answer confirms them.
                self._is_held = (
                    await session.fetchval("SELECT true") if self._is_held else await self._try_locks(session)
                )
                self.is_responding = True
        except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            _log.warning("The database does not respond: %s", str(error) or type(error).__name__)
            await self.close()
        return self._is_held

    async def _try_locks(self, session: Any) -> bool:
        for lock in self._locks:
            if not await session.fetchval(f"SELECT {lock}"):
                await session.execute("SELECT pg_advisory_unlock_all()")
                return False
        return True

    async def _driver_session(self) -> Any:
        """Return the asyncpg connection, connecting if necessary."""
        if self._connection is None:
            self._connection = await self._engine.connect()
            session: Any = (await self._connection.get_raw_connection()).driver_connection
            await session.add_listener(_NOTIFY, lambda *_: self._on_notify())
            self._on_notify()  # a NOTIFY may have been missed before this connection listened
            return session
        return (await self._connection.get_raw_connection()).driver_connection

    async def close(self) -> None:
        connection, self._connection, self._is_held, self.is_responding = self._connection, None, False, False
        if connection is not None:
            # Not back to the pool: the locks belong to the session and would live on with it.
            await connection.invalidate()
            await connection.close()


def describe_location(url: str) -> str:
    """Return host and database name for display, without user and password."""
    parsed = make_url(url)
    host = parsed.host or parsed.query.get("host") or "localhost"
    return f"{host if isinstance(host, str) else ', '.join(host)}/{parsed.database}"


def is_serialization_failure(error: DBAPIError) -> bool:
    """Return whether the transaction failed because of a concurrent one and may be retried."""
    return getattr(error.orig, "sqlstate", None) in _TANGLED


def _create_engine(url: str, session: Mapping[str, str]) -> AsyncEngine:
    try:
        return create_async_engine(
            _without_ssl_mode(make_url(url)),
            hide_parameters=True,
            pool_size=_READERS + _SHARED_WRITERS + 3,  # the writer, and two locks
            max_overflow=0,
            pool_pre_ping=True,  # the server may have restarted
            connect_args={"server_settings": session, "timeout": _CONNECTING},
        )
    except ImportError as error:
        raise StoreError("PostgreSQL needs its driver. Install it: pip install 'newsdesk[postgres]'.") from error


def _without_ssl_mode(url: URL) -> URL:
    """Rename libpq's `sslmode`, which most providers put in their URLs, to asyncpg's `ssl`."""
    if "sslmode" not in url.query:
        return url
    return url.difference_update_query(["sslmode"]).update_query_dict({"ssl": url.query["sslmode"]})


async def _inspect_server(engine: AsyncEngine) -> None:
    import asyncpg

    where = describe_location(str(engine.url))
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_reject_unsupported)
    except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
        reason = str(getattr(error, "orig", error)) or type(error).__name__
        raise StoreUnavailableError(
            f"The database {where} cannot be reached: {reason}.", "Check {setting} and the server."
        ) from error


def _reject_unsupported(connection: Connection) -> None:
    version = connection.dialect.server_version_info or ()
    if version < (_OLDEST,):
        raise StoreError(f"The server is PostgreSQL {'.'.join(map(str, version))}; Newsdesk needs {_OLDEST} or newer.")
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise StoreError(f"The database's encoding is {encoding}. Make one that holds every script: ENCODING 'UTF8'.")
