"""Cards of followed sources for tests, as a poller would store them, and what becomes of them in two servers."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bot.cards.model import Card, CardState, ParseResult, Provider, SourceItem, SourceKind
from bot.domain.follows import Follow, FollowPolicy
from bot.domain.moderation import Decision, DecisionSource, Verdict
from bot.domain.subscription import Frequency, SubscriptionOptions
from bot.store import Store
from tests.support.cards import NOW, make_card, make_older, store_cards

HERE, THERE = 1, 2
"""Servers."""
LONG_AGO, LATER = NOW - timedelta(days=30), NOW + timedelta(hours=1)
MAX_AGE = timedelta(days=14)


def make_item(slug: str, **changes: Any) -> Card:
    """A card as a feed's reader makes it."""
    return make_card(slug, **({"state": CardState.HELD} | changes))


async def add_feed(store: Store, name: str = "feed") -> int:
    return await store.cards.importer.ensure_source(SourceKind.FEED, f"https://{name}.example/rss", is_shared=False)


async def follow_feed(
    store: Store, guild_id: int, source_id: int, policy: FollowPolicy = FollowPolicy.PUBLISH, **changes: Any
) -> None:
    fields: dict[str, Any] = {"followed_at": LONG_AGO, "created_by": 5} | changes
    assert await store.cards.follows.follow_source(Follow(guild_id, source_id, policy, **fields))


async def store_items(store: Store, source_id: int, *cards: Card, now: datetime = NOW) -> list[int]:
    """Store items of a feed, and return the ids of their cards."""
    await import_items(store, source_id, *cards, now=now)
    known = await store.cards.importer.known_items(SourceKind.FEED, await _feed_key(store, source_id))
    return [card_id for each in cards if (card_id := known[each.slug].card_id) is not None]


async def import_items(store: Store, source_id: int, *cards: Card, now: datetime = NOW) -> None:
    """Store items of a feed."""
    batch = [(SourceItem(each.slug, str(now)), ParseResult(each)) for each in cards]
    result = await store.cards.importer.import_batch(source_id, batch, vanished=(), now=now, withdraw=True)
    assert not result.refused


async def _feed_key(store: Store, source_id: int) -> str:
    for name in ("feed", "other", "hostile"):
        if await add_feed(store, name) == source_id:
            return f"https://{name}.example/rss"
    raise AssertionError("a feed of another name")


async def add_everybodys(store: Store) -> list[int]:
    return await store_cards(
        store,
        make_older(
            make_card("shared", title="Comet nears Earth", topics=("Space",), provider=Provider("NASA")), days=1
        ),
        make_older(make_card("moon", title="A moon rises", topics=("Space",)), days=2),
        make_older(make_card("held", title="Comet rumour", state=CardState.HELD, quality=60), days=1),
    )


async def add_own(store: Store) -> list[int]:
    """A feed that the first server follows, with an item of news and one of backlog."""
    feed = await add_feed(store)
    (old,) = await store_items(
        store, feed, make_item("old", title="Old comet tale", provider=Provider("Blog")), now=LONG_AGO
    )
    await follow_feed(store, HERE, feed, topics=("Space",), followed_at=LONG_AGO + timedelta(days=1))
    (new,) = await store_items(store, feed, make_item("comet", title="Comet nears Earth", provider=Provider("Blog")))
    return [old, new]


async def subscribe(store: Store, guild_id: int, channel_id: int, **options: Any) -> int:
    added = await store.subscriptions.add_subscription(
        guild_id=guild_id,
        channel_id=channel_id,
        created_by=5,
        now=LONG_AGO,
        options=SubscriptionOptions(**({"frequency": Frequency.INSTANT} | options)),
    )
    return added.id


async def plan(store: Store, now: Any = NOW) -> int:
    return await store.outbox.planner.plan_deliveries(now, MAX_AGE)


async def post_due(store: Store, channel_id: int, now: Any = NOW) -> list[tuple[str, tuple[str, ...]]]:
    """Do what the courier would: the acts, in order, with the slugs that each message shows."""
    acts = []
    work, _ = await store.outbox.queue.fetch_due(now)
    for delivery in work.get(channel_id, []):
        shown = await store.cards.get_by_ids([card.card_id for card in delivery.cards])
        slugs = tuple(shown[card.card_id].card.slug for card in delivery.cards)
        if delivery.desired_kind is None:
            acts.append(("retract", slugs))
            await store.outbox.queue.mark_retracted(delivery, now)
        elif delivery.message_id is None:
            acts.append(("post", slugs))
            await store.outbox.queue.mark_sending(delivery, now)
            await store.outbox.queue.mark_posted(delivery, 1000 + delivery.id, now)
        else:
            acts.append(("edit", slugs))
            await store.outbox.queue.mark_edited(delivery, now)
    return acts


async def decide(store: Store, guild_id: int, card_id: int, verdict: Verdict, expected: Verdict | None = None) -> None:
    decision = Decision(guild_id, card_id, verdict, 9, NOW)
    outcome = await store.moderation.decisions.decide_card(decision, source=DecisionSource.COMMAND, expected=expected)
    assert outcome.accepted


async def list_slugs(store: Store, guild_id: int) -> list[str]:
    return [stored.card.slug for stored in (await store.cards.list_latest(guild_id, limit=100, every_card=True)).cards]
