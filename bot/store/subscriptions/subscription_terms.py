"""The publishers and words of instant subscriptions as rows, by which SQL drops the cards that do not match.

The options say the same, as people typed it; digests, which are chosen in Python, go by them alone.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.text import normalize_name, strip_unstorable
from bot.domain.subscription import Frequency, SubscriptionOptions
from bot.store.tables import subscription_terms


class TermKind(enum.StrEnum):
    """What a term is compared with."""

    PROVIDER = "provider"
    WORD = "word"


async def replace_terms(connection: AsyncConnection, subscription_id: int, options: SubscriptionOptions) -> None:
    """Write the terms of a subscription anew."""
    await connection.execute(delete(subscription_terms).where(subscription_terms.c.subscription_id == subscription_id))
    if options.frequency is not Frequency.INSTANT:
        return
    rows = [
        {"subscription_id": subscription_id, "kind": kind, "term": term}
        for kind, term in dict.fromkeys(_list_terms(options))
    ]
    if rows:
        await connection.execute(insert(subscription_terms), rows)


def _list_terms(options: SubscriptionOptions) -> Iterator[tuple[TermKind, str]]:
    for name in options.providers:
        yield TermKind.PROVIDER, normalize_name(strip_unstorable(name))
    for entry in options.words:
        yield TermKind.WORD, strip_unstorable(entry)
