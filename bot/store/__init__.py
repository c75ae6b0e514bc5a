"""The store: all SQL of the program, one class per subject, behind `open_store`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.errors import StoreError
from bot.store.agenda import Agenda
from bot.store.circuits import Circuits
from bot.store.crossposts import Crossposts
from bot.store.database import Database, alone, copy_to, is_server, open_database, put_in_place
from bot.store.deliveries import Deliveries
from bot.store.desk import Desk
from bot.store.digests import Digests
from bot.store.duty import Duty
from bot.store.examining import require_readable
from bot.store.export import Export
from bot.store.filing import FilingCabinet
from bot.store.flags import Flags
from bot.store.follows import Follows
from bot.store.importing import Importing
from bot.store.languages import Languages
from bot.store.last_read import LastRead
from bot.store.leader import Leader
from bot.store.listings import Listings
from bot.store.log import Log
from bot.store.lookup import Lookup
from bot.store.members import Members
from bot.store.meta import MOVING, Meta
from bot.store.migrate import migrate
from bot.store.moving import move
from bot.store.pools import Pools
from bot.store.queue import Queue
from bot.store.quiet import Quiet
from bot.store.reading import Archive
from bot.store.refused import Refused
from bot.store.requests import Requests
from bot.store.restoring import restored
from bot.store.reviews import Reviews
from bot.store.saved import SavedCards
from bot.store.spelling import Speller
from bot.store.subscriptions import Subscriptions
from bot.store.trends import Trends
from bot.store.vitals import Health

__all__ = ["Store", "back_up", "move", "open_for_reading", "open_store", "restore"]


@dataclass(frozen=True, slots=True)
class Store:
    """All persistent state. `instance` identifies this store in message nonces."""

    instance: str
    meta: Meta
    cabinet: FilingCabinet
    archive: Archive
    lookup: Lookup
    trends: Trends
    speller: Speller
    desk: Desk
    reviews: Reviews
    queue: Queue
    log: Log
    flags: Flags
    subscriptions: Subscriptions
    agenda: Agenda
    digests: Digests
    pools: Pools
    quiet: Quiet
    deliveries: Deliveries
    circuits: Circuits
    refused: Refused
    crossposts: Crossposts
    export: Export
    importing: Importing
    saved: SavedCards
    listings: Listings
    members: Members
    last_read: LastRead
    follows: Follows
    languages: Languages
    health: Health
    duty: Duty
    requests: Requests
    leader: Leader


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[Store]:
    """Open the database at `url` and migrate it to this version.

    Raises `StoreError` if it belongs to another program, is newer, or is the target of an unfinished move.
    """
    async with open_database(url) as database:
        await migrate(database)
        store = await _store(database)
        try:
            yield store
        finally:
            await store.listings.settle()


@asynccontextmanager
async def open_for_reading(url: str) -> AsyncIterator[Store]:
    """Open the database at `url` read-only: nothing is created or migrated, and writers are not waited for.

    Raises `StoreError`, saying what to do, if there is no store of this version.
    """
    await require_readable(url)
    async with open_database(url, read_only=True) as database:
        yield await _store(database)


async def back_up(url: str, target: Path) -> None:
    """Copy the database at `url`, which may be in use, without migrating it.

    Raises `OSError`, and `StoreError` if there is nothing to copy or the copy fails its integrity check.
    """
    if not is_server(url):
        await require_readable(url, older=True)
    await copy_to(url, target)


async def restore(copy: Path, url: str, now: datetime) -> None:
    """Replace the database at `url` with a copy, migrate it, and prepare it to continue from `now`.

    Raises `OSError`, and `StoreError` if the database is open in another process, or the copy is damaged or newer than
    this version.
    """
    async with alone(url):
        await put_in_place(copy, url)
    async with open_database(url) as database:
        await migrate(database)
        await restored(database, now)


async def _store(database: Database) -> Store:
    meta, archive = Meta(database), Archive(database)
    if await meta.get(MOVING):
        raise StoreError("A store is being moved to this database, and not all is there. Run `newsdesk migrate` again.")
    return Store(
        instance=await meta.instance(),
        meta=meta,
        cabinet=FilingCabinet(database),
        archive=archive,
        lookup=Lookup(database),
        trends=Trends(database),
        speller=Speller(database, archive),
        desk=Desk(database),
        reviews=Reviews(database),
        queue=Queue(database),
        log=Log(database),
        flags=Flags(database),
        subscriptions=Subscriptions(database),
        agenda=Agenda(database),
        digests=Digests(database),
        pools=Pools(database),
        quiet=Quiet(database),
        deliveries=Deliveries(database),
        circuits=Circuits(database),
        refused=Refused(database),
        crossposts=Crossposts(database),
        export=Export(database),
        importing=Importing(database),
        saved=SavedCards(database),
        listings=Listings(database),
        members=Members(database),
        last_read=LastRead(database),
        follows=Follows(database),
        languages=Languages(database),
        health=Health(database),
        duty=Duty(database),
        requests=Requests(database),
        leader=Leader(meta),
    )
