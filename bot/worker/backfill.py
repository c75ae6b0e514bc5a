"""Choose the newest cards for the first posts of a new subscription."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.digest_selection import SelectedCard
from bot.domain.filters import matches_options
from bot.domain.subscription import Subscription
from bot.store import Store
from bot.store.cards.rows import StoredCard

_LOOKED_AT = 300
"""Maximum number of the newest cards, of each topic asked for, that are compared with the filters."""


async def select_newest(store: Store, draft: Subscription, count: int) -> list[SelectedCard]:
    """Return the newest cards that the server sees and the subscription asks for, newest first, one a story.

    Leaves out cards and stories that the channel has had. Backlog of a feed counts, where readers see it.
    """
    matching = await _list_matching(store, draft)
    await store.cards.stories.assign_cards([stored.id for stored in matching])
    members = await store.cards.fetch_story_members([stored.id for stored in matching], draft.guild_id)
    stories = {stored.id: {stored.id, *(each.id for each in members.get(stored.id, ()))} for stored in matching}
    taken = await store.outbox.candidates.find_delivered(draft.channel_id, set().union(*stories.values()))
    chosen: list[SelectedCard] = []
    for stored in matching:
        if len(chosen) < count and stories[stored.id].isdisjoint(taken):
            taken |= stories[stored.id]
            chosen.append(SelectedCard(stored.id, stored.revision))
    return chosen


async def _list_matching(store: Store, draft: Subscription) -> Sequence[StoredCard]:
    guild_id, options = draft.guild_id, draft.options
    found: dict[int, StoredCard] = {}
    for topic in options.topics or (None,):
        page = await store.cards.list_latest(guild_id, topic=topic, limit=_LOOKED_AT, every_card=True)
        found |= {stored.id: stored for stored in page.cards}
    languages = await store.cards.fetch_languages(found)
    topics = await store.cards.fetch_topics_of(list(found.values()), guild_id)
    matching = (
        stored
        for stored in found.values()
        if matches_options(stored.card, options, topics[stored.id], languages[stored.id])
    )
    return sorted(matching, key=lambda stored: stored.sort_key, reverse=True)
