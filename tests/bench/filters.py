"""What filters of instant subscriptions cost a plan: `python -m tests.bench.filters [SUBSCRIPTIONS [CARDS]]`.

Each of the stores has as many subscriptions, every one in a channel of its own, and plans the same cards: once without
filters, once where each subscription asks for some of many words, or for publishers, that a tenth of the cards have.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

from sqlalchemy import insert

from bot.cards.model import Card, Provider
from bot.domain.subscription import Frequency, SubscriptionOptions
from bot.store import Store, open_store
from bot.store.database import open_database
from bot.store.subscriptions.option_columns import option_columns
from bot.store.subscriptions.subscription_terms import replace_terms
from bot.store.tables import subscriptions
from tests.support.cards import NOW, make_card, store_cards

_VOCABULARY, _PER_SUBSCRIPTION, _ROUNDS = 3000, 3, 3
_MAX_AGE = timedelta(days=14)


def _make_options(kind: str, number: int) -> SubscriptionOptions:
    some = tuple(f"term{(number * 7 + step * 997) % _VOCABULARY}" for step in range(_PER_SUBSCRIPTION))
    options: dict[str, Any] = {} if kind == "none" else {kind: some}
    return SubscriptionOptions(frequency=Frequency.INSTANT, **options)


def _make_card(number: int) -> Card:
    words = " ".join(f"term{(number * 31 + step * 11) % _VOCABULARY}" for step in range(_VOCABULARY // 30))
    provider = Provider(f"term{number % _VOCABULARY}")
    return make_card(f"card-{number}", title=f"Title {number}", excerpt=words, provider=provider)


async def _add_subscriptions(url: str, kind: str, count: int) -> None:
    async with open_database(url) as database, database.begin_write() as connection:
        for number in range(1, count + 1):
            options = _make_options(kind, number)
            place = {"id": number, "guild_id": number, "channel_id": number, "created_by": 1}
            times = {"created_at": NOW - _MAX_AGE, "new_after": NOW - _MAX_AGE}
            await connection.execute(insert(subscriptions).values(place | times | option_columns(options)))
            await replace_terms(connection, number, options)


async def _time_plans(store: Store, cards: int) -> tuple[float, int]:
    """The seconds of processor time of the fastest plan, and its posts."""
    taken = []
    for turn in range(_ROUNDS):
        await store_cards(store, *(_make_card(turn * cards + number) for number in range(cards)))
        start = process_time()
        planned = await store.outbox.planner.plan_deliveries(NOW, _MAX_AGE)
        taken.append((process_time() - start, planned))
    return min(taken)


async def run_bench(count: int, cards: int) -> None:
    print(f"{count:,} instant subscriptions, plans of {cards} cards; fastest of {_ROUNDS}, processor time")
    alone = 0.0
    for kind in ("none", "words", "providers"):
        with TemporaryDirectory() as folder:
            url = f"sqlite+aiosqlite:///{Path(folder) / 'bench.db'}"
            async with open_store(url) as store:
                await _add_subscriptions(url, kind, count)
                seconds, planned = await _time_plans(store, cards)
        alone = alone or seconds
        print(f"{kind:10} {seconds:7.3f} s {planned:8,} posts {seconds / alone:6.2f} x")


if __name__ == "__main__":
    COUNT, CARDS = [*sys.argv[1:], *["10000", "3"][len(sys.argv) - 1 :]]
    asyncio.run(run_bench(int(COUNT), int(CARDS)))
