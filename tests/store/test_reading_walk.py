"""Every method of the store that reads is either walked, beside a hostile neighbour, or shows no cards of a server."""

from __future__ import annotations

from typing import cast

from bot.store import Store
from tests.store.test_neighbour import build_server
from tests.support.follows import HERE, plan
from tests.support.reading_walk import RecordingStore, list_methods, read_everything

_CHANGES = """
    add apply assign change checkpoint claim close create decide delete drop edit end ensure erase expire finish follow
    forget import join mark merge note open_circuit pause plan probe rebuild recount record release remove rename renew
    repair request reschedule reserve rest resume retry revoke save set shorten split store submit suspend touch undo
    unfollow wait write
"""
CHANGING = tuple(f"{verb}_" if "_" not in verb else verb for verb in _CHANGES.split())
"""First words of methods that change something."""
SHOW_NO_CARDS = {
    "for all servers at once: each delivery, digest and card goes to its own": (
        "outbox.candidates.find_delivered",
        "outbox.crossposts.fetch_due",
        "outbox.digests.fetch_deferred",
        "outbox.digests.fetch_overdue",
        "outbox.digests.fetch_unsent",
        "outbox.planner.find_due",
        "outbox.queue.fetch_due_for",
        "outbox.queue.next_due_at",
        "outbox.queue.queue_state",
        "outbox.refused.fetch_unreported",
        "outbox.retention.fetch_expired",
        "outbox.threads.fetch_due",
        "subscriptions.fetch_doubtful",
        "subscriptions.fetch_due",
        "subscriptions.fetch_too_far_ahead",
        "subscriptions.get_by_ids",
        "subscriptions.list_in_trouble",
        "subscriptions.list_suspended",
        "subscriptions.quiet_hours.fetch_changing",
        "subscriptions.quiet_hours.list_all",
        "outbox.circuits.list_all",
        "outbox.circuits.list_for_guilds",
        "outbox.circuits.subscribers_of",
        "subscriptions.guild_settings.languages_by_guild",
    ),
    "of one member or message": (
        "subscriptions.personal_digests.guild_of_delivery",
        "subscriptions.personal_digests.is_personal_channel",
        "subscriptions.personal_digests.is_unnotified",
        "list_requests.load_request",
    ),
    "of a source, for whoever loads, polls or posts to it": (
        "cards.importer.count_at_risk",
        "cards.importer.count_published",
        "cards.importer.find_carriers",
        "cards.importer.known_items",
        "feeds.fetch_due",
        "feeds.find_feeds",
        "feeds.items.fetch_by_links",
        "feeds.items.fetch_digests",
        "feeds.items.fetch_items",
        "feeds.items.fetch_newest",
        "feeds.items.list_keys",
        "intake.find_answer",
        "intake.find_card",
        "intake.find_token",
    ),
    "for the operator": (
        "feeds.count_cards",
        "feeds.count_states",
        "feeds.list_feeds",
        "cards.index_rebuild.count_remaining",
        "health.read_health",
        "health.read_heartbeats",
        "intake.list_tokens",
        "moderation.submissions.count_weekly",
    ),
    "between processes": (
        "key_values.get_value",
        "key_values.instance_id",
        "leader.gateway_lock",
        "leader.get_state",
        "leader.leader_lock",
        "requests.fetch_next",
        "requests.get_request",
    ),
}


async def test_every_way_to_read_is_walked(store: Store) -> None:
    used: set[str] = set()
    await build_server(store)
    await plan(store)
    await read_everything(cast("Store", RecordingStore(store, used)), HERE)
    reading = {path for path in list_methods(store) if not is_changing(path)} | used
    excused = {path for paths in SHOW_NO_CARDS.values() for path in paths}
    hint = "a new method that reads is called in tests/support/reading_walk.py, or shows no cards"
    assert sorted(reading - used - excused) == [], hint
    assert sorted(excused - reading | excused & used) == [], "excused for nothing"


def is_changing(path: str) -> bool:
    return f"{path.rpartition('.')[2]}_".startswith(CHANGING)
