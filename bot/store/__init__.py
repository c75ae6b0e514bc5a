"""The store: all SQL of the program, one class a subject, behind `open_store`."""

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
    """Everything that is remembered. `instance` names this store in nonces."""

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
    """Open the database at `url`, migrated to this version.

    Raises `StoreError` when it is not ours or newer, or when a store is being moved there.
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
    """Open the database at `url` as it is: nothing is made or migrated, and nobody is waited for. To write fails.

    Raises `StoreError` in a sentence when there is no store of this version there.
    """
    await require_readable(url)
    async with open_database(url, read_only=True) as database:
        yield await _store(database)


async def back_up(url: str, target: Path) -> None:
    """Copy the database at `url` while others work on it, as it is: an older version's stays one.

    Raises `OSError`, and `StoreError` when there is nothing to copy, or the copy turns out to be damaged.
    """
    if not is_server(url):
        await require_readable(url, older=True)
    await copy_to(url, target)


async def restore(copy: Path, url: str, now: datetime) -> None:
    """Put a copy in the place of the database at `url`, fit to go on from `now`. Nobody may have it open.

    Raises `OSError`, and `StoreError` when somebody has, or the copy is no whole database of this version or an older
    one.
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
