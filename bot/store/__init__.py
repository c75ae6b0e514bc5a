"""The store: all SQL of the program, one class per subject, behind `open_store`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from bot.errors import StoreError
from bot.store.cards.edits import index_pending_edits
from bot.store.cards.importer import CardImporter
from bot.store.cards.repository import CardRepository
from bot.store.cards.search_merge import SearchIndexMerge
from bot.store.cards.search_rebuild import SearchIndexRebuild
from bot.store.cards.spell_suggestions import SpellingSuggester
from bot.store.cards.story_step import StoryStep
from bot.store.cards.trends import TrendStore
from bot.store.database import Database, copy_database, exclusive_access, is_server, open_database, replace_database
from bot.store.greetings import Greetings
from bot.store.health import HealthChecks
from bot.store.inspection import require_readable
from bot.store.intake import IntakeStore
from bot.store.key_value import MOVING, KeyValueStore
from bot.store.leader import LeaderElection
from bot.store.list_requests import ListRequests
from bot.store.members.last_read import LastRead
from bot.store.members.privacy import MemberData
from bot.store.members.saved_cards import SavedCards
from bot.store.migrate import migrate_database
from bot.store.moderation.audit_log import AuditLog
from bot.store.moderation.decisions import DecisionStore
from bot.store.moderation.edits import EditStore
from bot.store.moderation.queue import ModerationQueue
from bot.store.moderation.reports import Reports
from bot.store.moderation.reviews import ReviewChannels
from bot.store.moderation.stories import StoryDecisions
from bot.store.moderation.submissions import Submissions
from bot.store.outbox.circuit_breakers import CircuitBreakers
from bot.store.outbox.courier_leases import CourierLeases
from bot.store.outbox.crossposts import Crossposts
from bot.store.outbox.digest_candidates import CandidateStore
from bot.store.outbox.digests import DigestStore
from bot.store.outbox.planner import DeliveryPlanner
from bot.store.outbox.post_threads import PostThreads
from bot.store.outbox.queue import DeliveryQueue
from bot.store.outbox.refused_messages import RefusedMessages
from bot.store.outbox.retention import RetentionStore
from bot.store.sources.feeds import FeedStore
from bot.store.sources.follows import Follows
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


class Cards(CardRepository):
    """Queries of cards, with what writes them, counts them and corrects a search's spelling."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.importer = CardImporter(database)
        self.follows = Follows(database)
        self.stories = StoryStep(database)
        self.trends = TrendStore(database)
        self.index_rebuild = SearchIndexRebuild(database)
        self.index_merge = SearchIndexMerge(database)
        self.spelling = SpellingSuggester(database, self)


class SubscriptionStore(Subscriptions):
    """Subscriptions of channels, with personal digests, quiet hours and the settings of servers."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.personal_digests = PersonalDigests(database)
        self.quiet_hours = QuietHoursStore(database)
        self.guild_settings = GuildSettings(database)


class Moderation:
    """Decisions, and what leads to them and follows from them."""

    def __init__(self, database: Database) -> None:
        self.decisions = DecisionStore(database)
        self.edits = EditStore(database)
        self.stories = StoryDecisions(database)
        self.audit_log = AuditLog(database)
        self.reports = Reports(database)
        self.reviews = ReviewChannels(database)
        self.queue = ModerationQueue(database)
        self.submissions = Submissions(database)


class Outbox:
    """Messages from the plan to the channel."""

    def __init__(self, database: Database) -> None:
        self.planner = DeliveryPlanner(database)
        self.queue = DeliveryQueue(database)
        self.courier_leases = CourierLeases(database)
        self.digests = DigestStore(database)
        self.candidates = CandidateStore(database)
        self.circuits = CircuitBreakers(database)
        self.refused = RefusedMessages(database)
        self.crossposts = Crossposts(database)
        self.threads = PostThreads(database)
        self.retention = RetentionStore(database)


class Members:
    """Data of single members."""

    def __init__(self, database: Database) -> None:
        self.saved_cards = SavedCards(database)
        self.last_read = LastRead(database)
        self.privacy = MemberData(database)


class Transfer:
    """Export and import of what people made."""

    def __init__(self, database: Database) -> None:
        self.exporter = Exporter(database)
        self.importer = Importer(database)


class Store:
    """All persistent state, by subject. `instance` identifies this store in message nonces."""

    def __init__(self, database: Database, instance: str) -> None:
        self.instance = instance
        self.key_values = KeyValueStore(database)
        self.cards = Cards(database)
        self.moderation = Moderation(database)
        self.subscriptions = SubscriptionStore(database)
        self.greetings = Greetings(database)
        self.outbox = Outbox(database)
        self.feeds = FeedStore(database)
        self.members = Members(database)
        self.transfer = Transfer(database)
        self.leader = LeaderElection(database)
        self.intake = IntakeStore(database)
        self.requests = WorkerRequests(database)
        self.list_requests = ListRequests(database)
        self.health = HealthChecks(database)


@asynccontextmanager
async def open_store(url: str) -> AsyncIterator[Store]:
    """Open the database at `url` and migrate it to this version.

    Raises `StoreError` if it belongs to another program, is newer, or is the target of an unfinished move.
    """
    async with open_database(url) as database:
        await migrate_database(database)
        await index_pending_edits(database)
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


async def restore_store(copy: Path, url: str, now: datetime) -> Path | None:
    """Replace the database at `url` with a copy, migrate it, and prepare it to continue from `now`.

    Returns where the former one is kept, if there was one. Raises `OSError`, and `StoreError` if the database is open
    in another process, or the copy is damaged or newer than this version.
    """
    async with exclusive_access(url):
        former = await replace_database(copy, url)
    async with open_database(url) as database:
        await migrate_database(database)
        await index_pending_edits(database)
        await prepare_restored(database, now)
    return former


async def _build_store(database: Database) -> Store:
    key_values = KeyValueStore(database)
    if await key_values.get_value(MOVING):
        raise StoreError("A store is being moved to this database, and not all is there. Run `newsdesk migrate` again.")
    return Store(database, await key_values.instance_id())
