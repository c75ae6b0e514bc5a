"""PostgreSQL, by asyncpg: for an installation that outgrows one file on one machine."""

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

from bot.errors import StoreError, StoreTroubleError
from bot.store.engines import OPEN_ELSEWHERE, Opened, beginning

_log = logging.getLogger(__name__)
_OLDEST = 15
_READERS, _NOTERS = 8, 2
_KEY = 0x4E455753
"""Names the advisory lock in the database ("NEWS")."""
_DUTY = _KEY + 1
_GATEWAY = _KEY + 2
_ALL = -1
"""Instead of a shard."""
_BELL = "newsdesk"
_CONNECTING = 10
"""Seconds."""
_LOOKING = 5.0
"""Seconds that the server has to answer whoever is on duty, or would be."""
_SESSION = {
    "application_name": "newsdesk",
    # Compiling takes longer than any question here runs, and a plan for unknown values misses the partial indexes and
    # takes a rare word for a common one.
    "jit": "off",
    "plan_cache_mode": "force_custom_plan",
    # That of disks which do not turn: with the usual 4, whole words' cards are read and sorted rather than walked.
    "random_page_cost": "1.1",
    # A machine that has gone without a word must not keep the duty for the two hours that are usual.
    "tcp_keepalives_idle": "2",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
}
_READING = {"application_name": "newsdesk reading", "default_transaction_read_only": "on"}
_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'newsdesk'"
"""How many sessions there are that may write."""
_GOODBYE, _PAUSE = 2.0, 0.1
"""Seconds in which sessions have to be over whose process has ended, and between two looks."""
_TANGLED = ("40001", "40P01")
"""What PostgreSQL breaks off, where it may go well the next time: a serialization failure, a deadlock."""


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Opened]:
    """Connect. Raises `StoreError` when the server does not answer, or is none that a store can stand on."""
    async with _opened(url, _SESSION) as opened:
        yield opened


@asynccontextmanager
async def opened_to_read(url: str) -> AsyncIterator[Opened]:
    """The same for sessions that change nothing."""
    async with _opened(url, _SESSION | _READING) as opened:
        yield opened


@asynccontextmanager
async def _opened(url: str, session: Mapping[str, str]) -> AsyncIterator[Opened]:
    engine = _engine(url, session)
    try:
        await _look(engine)
        yield Opened(
            engine,
            reading={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
            glancing={"isolation_level": "AUTOCOMMIT"},
            writing=beginning(f"SELECT pg_advisory_xact_lock({_KEY})"),
            noting=beginning(f"SELECT pg_advisory_xact_lock_shared({_KEY})"),
            readers=_READERS,
            stand=lambda heard: ServerStand(engine, [f"pg_try_advisory_lock({_DUTY})"], heard),
            gateway_stand=lambda shard_ids: ServerStand(engine, _gateway_locks(shard_ids)),
            noters=_NOTERS,
            shared=True,
            bell=f"NOTIFY {_BELL}",
        )
    finally:
        await engine.dispose()


@asynccontextmanager
async def alone(url: str) -> AsyncIterator[None]:
    """Raise `StoreError` when another process has the database open; it is given a moment to say goodbye."""
    engine = _engine(url, _SESSION | _READING)
    try:
        await _look(engine)
        async with asyncio.timeout(_GOODBYE), engine.connect() as connection:
            while (await connection.exec_driver_sql(_OTHERS)).scalar_one():
                await connection.rollback()  # within a transaction the answer would stay the same
                await asyncio.sleep(_PAUSE)
    except TimeoutError as error:
        raise StoreError(OPEN_ELSEWHERE.format(place=place(url))) from error
    finally:
        await engine.dispose()
    yield


def _gateway_locks(shard_ids: Sequence[int] | None) -> list[str]:
    """Whoever answers for the whole bot excludes all others; those with shards of their own exclude whoever has the
    same one. The numbers are two halves of a key, of which the second is a shard's."""
    if shard_ids is None:
        return [f"pg_try_advisory_lock({_GATEWAY}, {_ALL})"]
    single = [f"pg_try_advisory_lock({_GATEWAY}, {shard_id})" for shard_id in sorted(shard_ids)]
    return [f"pg_try_advisory_lock_shared({_GATEWAY}, {_ALL})", *single]


class ServerStand:
    """A connection of its own, with advisory locks that end with it, and an ear for the bell."""

    def __init__(self, engine: AsyncEngine, locks: Sequence[str], heard: Callable[[], None] = lambda: None) -> None:
        """`locks` are calls that say whether they have taken one; all are had together, or none."""
        self._engine = engine
        self._locks = locks
        self._heard = heard
        self._connection: AsyncConnection | None = None
        self._held = False
        self.answers = False

    async def look(self) -> bool:
        import asyncpg

        try:
            async with asyncio.timeout(_LOOKING):
                session = await self._session()
                self._held = await session.fetchval("SELECT true") if self._held else await self._take(session)
                self.answers = True
        except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            _log.warning("The database does not answer: %s", str(error) or type(error).__name__)
            await self.close()
        return self._held

    async def _take(self, session: Any) -> bool:
        for lock in self._locks:
            if not await session.fetchval(f"SELECT {lock}"):
                await session.execute("SELECT pg_advisory_unlock_all()")
                return False
        return True

    async def _session(self) -> Any:
        """The driver's own connection. Whoever has just come has missed the bell, and is told as if it rang."""
        if self._connection is None:
            self._connection = await self._engine.connect()
            session: Any = (await self._connection.get_raw_connection()).driver_connection
            await session.add_listener(_BELL, lambda *_: self._heard())
            self._heard()
            return session
        return (await self._connection.get_raw_connection()).driver_connection

    async def close(self) -> None:
        connection, self._connection, self._held, self.answers = self._connection, None, False, False
        if connection is not None:
            await connection.invalidate()
            await connection.close()


def place(url: str) -> str:
    """The server and the database, for people: without user and password."""
    parsed = make_url(url)
    host = parsed.host or parsed.query.get("host") or "localhost"
    return f"{host if isinstance(host, str) else ', '.join(host)}/{parsed.database}"


def is_tangled(error: DBAPIError) -> bool:
    """Whether the transaction was broken off for the sake of another one."""
    return getattr(error.orig, "sqlstate", None) in _TANGLED


def _engine(url: str, session: Mapping[str, str]) -> AsyncEngine:
    try:
        return create_async_engine(
            _without_ssl_mode(make_url(url)),
            hide_parameters=True,
            pool_size=_READERS + _NOTERS + 3,  # the writer's, and two stands'
            max_overflow=0,
            pool_pre_ping=True,  # the server may have been started anew
            connect_args={"server_settings": session, "timeout": _CONNECTING},
        )
    except ImportError as error:
        raise StoreError("PostgreSQL needs its driver. Install it: pip install 'newsdesk[postgres]'.") from error


def _without_ssl_mode(url: URL) -> URL:
    """libpq's name for it is what most providers hand out; asyncpg's is `ssl`."""
    if "sslmode" not in url.query:
        return url
    return url.difference_update_query(["sslmode"]).update_query_dict({"ssl": url.query["sslmode"]})


async def _look(engine: AsyncEngine) -> None:
    import asyncpg

    where = place(str(engine.url))
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_refuse_unfit)
    except (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
        reason = str(getattr(error, "orig", error)) or type(error).__name__
        raise StoreTroubleError(
            f"The database {where} cannot be reached: {reason}. Check NEWSDESK_DATABASE_URL and the server."
        ) from error


def _refuse_unfit(connection: Connection) -> None:
    version = connection.dialect.server_version_info or ()
    if version < (_OLDEST,):
        raise StoreError(f"The server is PostgreSQL {'.'.join(map(str, version))}; Newsdesk needs {_OLDEST} or newer.")
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise StoreError(f"The database's encoding is {encoding}. Make one that holds every script: ENCODING 'UTF8'.")
