"""The store: all SQL of the program, one class per subject, behind `open_store`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.errors import StoreError
from bot.store.cards.importer import CardImporter
from bot.store.cards.lookup import CardLookup
from bot.store.cards.repository import CardRepository
from bot.store.cards.spell_suggestions import SpellingSuggester
from bot.store.cards.trends import TrendStore
from bot.store.database import Database, copy_database, exclusive_access, is_server, open_database, replace_database
from bot.store.health import HealthChecks
from bot.store.inspection import require_readable
from bot.store.key_value import MOVING, KeyValueStore
from bot.store.leader_election import LeaderElection
from bot.store.leader_state import LeaderStateStore
from bot.store.list_requests import ListRequests
from bot.store.members.last_read import LastRead
from bot.store.members.privacy import MemberData
from bot.store.members.saved_cards import SavedCards
from bot.store.migrate import migrate_database
from bot.store.moderation.audit_log import AuditLog
from bot.store.moderation.decisions import ModerationStore
from bot.store.moderation.queue import ModerationQueue
from bot.store.moderation.reports import Reports
from bot.store.moderation.reviews import ReviewChannels
from bot.store.outbox.circuit_breakers import CircuitBreakers
from bot.store.outbox.crossposts import Crossposts
from bot.store.outbox.digest_candidates import CandidateStore
from bot.store.outbox.digests import DigestStore
from bot.store.outbox.due_check import DueCheck
from bot.store.outbox.queue import DeliveryQueue
from bot.store.outbox.refused_messages import RefusedMessages
from bot.store.subscriptions.guild_settings import GuildSettings
from bot.store.subscriptions.personal_digests import PersonalDigests
from bot.store.subscriptions.quiet_hours import QuietHoursStore
from bot.store.subscriptions.subscriptions import Subscriptions
from bot.store.transfer.export import Exporter
from bot.store.transfer.import_ import Importer
from bot.store.transfer.move import move_store
from bot.store.transfer.restore import prepare_restored
from bot.store.worker_requests import WorkerRequests

__all__ = ["Store", "backup_store", "move_store", "open_read_only", "open_store", "restore_store"]


@dataclass(frozen=True, slots=True)
class Store:
    """All persistent state. `instance` identifies this store in message nonces."""

    instance: str
    key_values: KeyValueStore
    card_importer: CardImporter
    cards: CardRepository
    card_lookup: CardLookup
    trends: TrendStore
    spelling: SpellingSuggester
    moderation: ModerationStore
    reviews: ReviewChannels
    review_queue: ModerationQueue
    audit_log: AuditLog
    reports: Reports
    subscriptions: Subscriptions
    due_check: DueCheck
    digests: DigestStore
    digest_candidates: CandidateStore
    quiet_hours: QuietHoursStore
    deliveries: DeliveryQueue
    circuits: CircuitBreakers
    refused: RefusedMessages
    crossposts: Crossposts
    exporter: Exporter
    importer: Importer
    saved_cards: SavedCards
    list_requests: ListRequests
    member_data: MemberData
    last_read: LastRead
    personal_digests: PersonalDigests
    guild_languages: GuildSettings
    health: HealthChecks
    leader_election: LeaderElection
    requests: WorkerRequests
    leader_state: LeaderStateStore


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[Store]:
    """Open the database at `url` and migrate it to this version.

    Raises `StoreError` if it belongs to another program, is newer, or is the target of an unfinished move.
    """
    async with open_database(url) as database:
        await migrate_database(database)
        store = await _build_store(database)
        try:
            yield store
        finally:
            await store.list_requests.wait_for_writes()


@asynccontextmanager
async def open_read_only(url: str) -> AsyncIterator[Store]:
    """Open the database at `url` read-only: nothing is created or migrated, and writers are not waited for.

    Raises `StoreError`, saying what to do, if there is no store of this version.
    """
    await require_readable(url)
    async with open_database(url, read_only=True) as database:
        yield await _build_store(database)


async def backup_store(url: str, target: Path) -> None:
    """Copy the database at `url`, which may be in use, without migrating it.

    Raises `OSError`, and `StoreError` if there is nothing to copy or the copy fails its integrity check.
    """
    if not is_server(url):
        await require_readable(url, older=True)
    await copy_database(url, target)


async def restore_store(copy: Path, url: str, now: datetime) -> None:
    """Replace the database at `url` with a copy, migrate it, and prepare it to continue from `now`.

    Raises `OSError`, and `StoreError` if the database is open in another process, or the copy is damaged or newer than
    this version.
    """
    async with exclusive_access(url):
        await replace_database(copy, url)
    async with open_database(url) as database:
        await migrate_database(database)
        await prepare_restored(database, now)


async def _build_store(database: Database) -> Store:
    meta, archive = KeyValueStore(database), CardRepository(database)
    if await meta.get_value(MOVING):
        raise StoreError("A store is being moved to this database, and not all is there. Run `newsdesk migrate` again.")
    return Store(
        instance=await meta.instance_id(),
        key_values=meta,
        card_importer=CardImporter(database),
        cards=archive,
        card_lookup=CardLookup(database),
        trends=TrendStore(database),
        spelling=SpellingSuggester(database, archive),
        moderation=ModerationStore(database),
        reviews=ReviewChannels(database),
        review_queue=ModerationQueue(database),
        audit_log=AuditLog(database),
        reports=Reports(database),
        subscriptions=Subscriptions(database),
        due_check=DueCheck(database),
        digests=DigestStore(database),
        digest_candidates=CandidateStore(database),
        quiet_hours=QuietHoursStore(database),
        deliveries=DeliveryQueue(database),
        circuits=CircuitBreakers(database),
        refused=RefusedMessages(database),
        crossposts=Crossposts(database),
        exporter=Exporter(database),
        importer=Importer(database),
        saved_cards=SavedCards(database),
        list_requests=ListRequests(database),
        member_data=MemberData(database),
        last_read=LastRead(database),
        personal_digests=PersonalDigests(database),
        guild_languages=GuildSettings(database),
        health=HealthChecks(database),
        leader_election=LeaderElection(database),
        requests=WorkerRequests(database),
        leader_state=LeaderStateStore(meta),
    )
