"""Every way in which a server reads the store, and a record of which of the store's methods that takes."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from bot.domain.catch_up import select_missed
from bot.domain.moderation import EVERYWHERE
from bot.domain.subscription import Frequency, SubscriptionOptions
from bot.store import Store
from bot.store.cards.card_query import CardQuery, SearchOrder, TimelineCursor
from bot.store.moderation.audit_log import AuditFilter
from bot.store.moderation.queue import QueueFilters
from bot.store.transfer.export import EXPORTED
from bot.worker.digest_preview import DigestPreviewer
from bot.worker.digest_selector import SelectorLoader
from bot.worker.server_feeds import ServerFeeds
from tests.support.follows import LATER, LONG_AGO, MAX_AGE

MEMBER = 7
"""Somebody who saves and reports cards in the server."""
_ADDRESSES = ("news.example/comet", "news.example/shared")
_SLUGS = ("comet", "shared", "moon", "held", "old", "walk", "covered", "copy-1")
_QUERIES = (
    CardQuery("comet"),
    CardQuery(topic="space"),
    CardQuery("nears", provider="NASA"),
    CardQuery("comet", topic="Space", provider="Blog"),
    CardQuery("cop"),
    CardQuery("ferry company"),
    CardQuery('"comet nears earth"'),
    CardQuery(type="article", since=LONG_AGO, until=LATER),
)


class RecordingStore:
    """A store, or a part of one, that adds the path of each method that is asked for to `used`."""

    def __init__(self, part: Any, used: set[str], path: str = "") -> None:
        self._part, self._used, self._path = part, used, path

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._part, name)
        if is_part(value):
            return RecordingStore(value, self._used, f"{self._path}{name}.")
        self._used.add(f"{self._path}{name}")
        return value


def is_part(value: object) -> bool:
    """Whether a value is a subject of the store: it has the queries of one."""
    return type(value).__module__.startswith("bot.store")


def list_methods(part: object, path: str = "") -> Iterator[str]:
    """Yield the paths of all public methods of a store, like `cards.trends.count_topics`."""
    for name in dir(part):
        if name.startswith("_"):
            continue
        value = getattr(part, name)
        if inspect.ismethod(value):
            yield f"{path}{name}"
        elif is_part(value):
            yield from list_methods(value, f"{path}{name}.")


async def read_everything(store: Store, guild_id: int) -> dict[str, Any]:
    """What each way to read gives the server, with all that it shows of a card."""
    ways: dict[str, Any] = {}
    for part in (_read_lists, _search, _complete, _read_desk, _read_member, _read_digests, _read_feeds, _read_posts):
        ways |= await part(store, guild_id)
    return ways


async def _read_lists(store: Store, guild_id: int) -> dict[str, Any]:
    archive = store.cards
    named = {slug: await archive.get_by_slug(slug, guild_id, hidden=True) for slug in _SLUGS}
    ids = [stored.id for stored in named.values() if stored]
    topics = await archive.fetch_topics_of([each for each in named.values() if each], guild_id)
    newest, oldest = TimelineCursor(2**62), TimelineCursor(0, newer=True)
    return {
        "latest": await archive.list_latest(guild_id, limit=4),
        "older": await archive.list_latest(guild_id, limit=4, cursor=newest),
        "newer": await archive.list_latest(guild_id, limit=4, cursor=oldest),
        "latest of every card": await archive.list_latest(guild_id, limit=9, every_card=True),
        "others of their stories": [
            members for _, members in sorted((await archive.fetch_story_members(ids, guild_id)).items())
        ],
        "similar cards of other stories": [await archive.fetch_similar(card_id, guild_id, limit=9) for card_id in ids],
        "latest of a topic": await archive.list_latest(guild_id, topic="space", limit=9),
        "latest of others' topic": await archive.list_latest(guild_id, topic="copies", limit=9),
        "of an address": await archive.find_by_urls(_ADDRESSES, guild_id, limit=9),
        "by slug": named,
        "by number": [
            await archive.get_card(card_id, guild_id, hidden=hidden) for card_id in ids for hidden in (False, True)
        ],
        "by numbers": [each for _, each in sorted((await archive.get_by_ids(ids, guild_id)).items())],
        "visible of several": await archive.get_visible(ids, guild_id),
        "topics of cards": [topics.get(each.id) for each in named.values() if each],
        "covering": [await archive.find_covering(card_id, guild_id) for card_id in ids],
        "largest topics": await archive.trends.count_topics(guild_id, LATER, limit=9),
        "trend": sorted(map(repr, await archive.trends.count_spans(guild_id, None, LONG_AGO, LATER))),
        "trend of a topic": sorted(map(repr, await archive.trends.count_spans(guild_id, "space", LONG_AGO, LATER))),
    }


async def _search(store: Store, guild_id: int) -> dict[str, Any]:
    ways: dict[str, Any] = {}
    for query in _QUERIES:
        for order in SearchOrder:
            ordered = replace(query, order=order)
            ways[f"search {ordered}"] = page = await store.cards.search_cards(ordered, guild_id, limit=9)
            ways[f"count of {ordered}"] = await store.cards.count_hits(page, limit=9)
            ways[f"count of {ordered} as it is"] = await store.cards.count_found(ordered, guild_id, limit=9)
            ways[f"every card of {ordered}"] = await store.cards.search_cards(
                replace(ordered, every_card=True), guild_id, limit=9
            )
            ways[f"second page of {ordered}"] = await store.cards.search_cards(ordered, guild_id, limit=1, offset=1)
    return ways


async def _complete(store: Store, guild_id: int) -> dict[str, Any]:
    archive = store.cards
    words = ("", "comet nears", "come", "cometic", "cop")
    completed = {
        f"completion of {typed!r}{' for moderators' * hidden}": await archive.complete_cards(
            typed, guild_id, limit=9, hidden=hidden
        )
        for typed in words
        for hidden in (False, True)
    }
    misspelled = ("commet", "cometnears", "cometicb", "copyy", "spacce", "pilgrimmage")
    return completed | {
        "topics": await archive.list_topics(guild_id, limit=50),
        "topics of a beginning": await archive.list_topics(guild_id, "sp", limit=50),
        "all topics": await archive.list_all_topics(guild_id),
        "providers": await archive.list_providers(guild_id, limit=50),
        "providers of a beginning": await archive.list_providers(guild_id, "n", limit=50),
        "did you mean": [await archive.spelling.suggest_query(CardQuery(words), guild_id) for words in misspelled],
    }


async def _read_desk(store: Store, guild_id: int) -> dict[str, Any]:
    moderation, ids = store.moderation, await _list_known(store, guild_id)
    filters = (
        QueueFilters(),
        QueueFilters(is_backlog=True),
        QueueFilters("space"),
        QueueFilters(provider="blog", min_quality=10, since=LONG_AGO),
    )
    submitted = moderation.submissions
    log = await moderation.audit_log.get_page(guild_id, AuditFilter(), limit=9)
    # What the bot's owners decided only they read.
    entries = () if guild_id == EVERYWHERE else log.entries
    return {
        "queue": [await moderation.queue.get_page(guild_id, each, limit=9, offset=0) for each in filters],
        "posts": await moderation.queue.count_posts(guild_id, ids),
        "reports": [each for _, each in sorted((await moderation.reports.list_open(guild_id, ids)).items())],
        "submissions": [
            *(await submitted.list_for_cards(guild_id, ids)).values(),
            await submitted.count_recent(guild_id, MEMBER, LATER),
            *[notice for notice in await submitted.fetch_notices() if notice.guild_id == guild_id],
        ],
        "cards of links": [await submitted.find_known(guild_id, [each]) for each in (*_ADDRESSES, "news.example/link")],
        "forms": [await moderation.edits.load_card(guild_id, card_id) for card_id in ids],
        "topics as known": await moderation.edits.known_topics(guild_id, ("SPACE", "copies", "moon")),
        "log": entries and log,
        "log entries": [await moderation.audit_log.get_entry(guild_id, entry.id) for entry in entries],
        "last entries": [await moderation.audit_log.get_last(guild_id, card_id) for card_id in ids],
        "last own entries": [await moderation.audit_log.get_last_own(guild_id, card_id) for card_id in ids],
    }


async def _read_member(store: Store, guild_id: int) -> dict[str, Any]:
    members = store.members
    async with store.transfer.exporter.take_snapshot() as snapshot:
        exported = {kind: [row async for row in snapshot.export_rows(kind)] for kind in EXPORTED}
    return {
        "saved": await members.saved_cards.get_page(MEMBER, guild_id, limit=9, offset=0),
        "last read": await members.last_read.last_read_at(MEMBER, guild_id),
        "own data": await members.privacy.export_member(MEMBER),
        "number of own data": await members.privacy.count_owned(MEMBER),
        "personal digest": await store.subscriptions.find_for_member(MEMBER, guild_id),
        "export": {
            kind: [row for row in rows if row.get("guild_id") == guild_id != EVERYWHERE]
            for kind, rows in exported.items()
        },
    }


async def _read_digests(store: Store, guild_id: int) -> dict[str, Any]:
    pool = (await store.outbox.candidates.load_pool([guild_id], LONG_AGO, LONG_AGO)).for_guild(guild_id)
    previewer = DigestPreviewer(store, lambda: LATER, SelectorLoader(store, MAX_AGE))
    instant = SubscriptionOptions(topics=("Space",), excluded=("rumour",))
    simulated = [SubscriptionOptions(frequency=Frequency.DAILY), instant]
    return {
        "candidates": sorted(pool, key=lambda each: each.card_id),
        "missed": select_missed(pool, LONG_AGO, LATER),
        "what-if": [await previewer.simulate_options(guild_id, options) for options in simulated],
        "previews": [
            [await previewer.preview_digest(each), *[reason async for reason in _predict(previewer, store, each)]]
            for each in await store.subscriptions.list_for_guild(guild_id)
        ],
    }


async def _predict(previewer: DigestPreviewer, store: Store, subscription: Any) -> AsyncIterator[Any]:
    for card_id in await _list_known(store, subscription.guild_id):
        if stored := await store.cards.get_card(card_id, subscription.guild_id, hidden=True):
            yield await previewer.predict_outcomes(subscription, stored)


async def _read_feeds(store: Store, guild_id: int) -> dict[str, Any]:
    ids = [follow.source_id for follow in await store.cards.follows.list_follows(guild_id)]
    listed = ServerFeeds(store, cast("Any", None), lambda: LATER, 50)
    notices, known_ids = await store.feeds.notices.fetch_unsent(), await _list_known(store, guild_id)
    known = await store.feeds.items.known_topics(["Space", "Copies", "Spam"])
    return {
        "follows": await store.cards.follows.list_follows(guild_id),
        "list of feeds": await listed.list_feeds(guild_id),
        "newest of a feed": [await store.feeds.fetch_newest_cards(guild_id, each, 9) for each in ids],
        "trouble of feeds": [notice for notice in notices if notice.guild_id == guild_id],
        "categories that count": known,
        "unfollowed": [await store.cards.follows.was_unfollowed(guild_id, each) for each in known_ids],
    }


async def _read_posts(store: Store, guild_id: int) -> dict[str, Any]:
    """The settings of a server, and what its channels got."""
    channels = [each.channel_id for each in await store.subscriptions.list_for_guild(guild_id)]
    work, _ = await store.outbox.queue.fetch_due(LATER)
    deliveries = [each for channel in channels for each in work.get(channel, ())]
    ids = await _list_known(store, guild_id)
    return {
        "posts": deliveries,
        "reasons": [await store.outbox.digests.selection_reasons(each.id, guild_id) for each in deliveries],
        "reason of a card": [await store.outbox.digests.find_reason(channel, i) for channel in channels for i in ids],
        "subscriptions": await store.subscriptions.list_for_guild(guild_id),
        "circuits": await store.outbox.circuits.for_guild(guild_id),
        "quiet hours": await store.subscriptions.quiet_hours.list_for_guild(guild_id),
        "review channel": await store.subscriptions.guild_settings.get_review_channel(guild_id),
        "time zone": await store.subscriptions.guild_settings.get_timezone(guild_id),
        "was a member": await store.subscriptions.personal_digests.was_member(MEMBER, guild_id, LATER - timedelta(1)),
    }


async def _list_known(store: Store, guild_id: int) -> list[int]:
    """The numbers of the cards that the server can have heard of."""
    found = [await store.cards.get_by_slug(slug, guild_id, hidden=True) for slug in _SLUGS]
    return [stored.id for stored in found if stored]
