"""Links that people submit: look them up, and submit them, on request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from bot.cards.model import Card
from bot.cards.urls import normalize_url, parse_link
from bot.sources.feeds.feed_lookup import complete_address
from bot.sources.feeds.link_lookup import NO_LINK, LinkDetails, LinkLookup, make_link_card
from bot.sources.feeds.lookup_service import LookupService
from bot.store import Store
from bot.store.cards.rows import StoredCard
from bot.store.moderation.submissions import KnownState, NewSubmission, SubmissionOutcome


@dataclass(frozen=True, slots=True)
class FoundLink:
    """What a server may get of an address: the card that it has of it, and else what the page says of itself.

    `state` is None if the server has no such card; then `lookup` may hold a problem instead of a page.
    """

    lookup: LinkLookup
    state: KnownState | None = None
    card: StoredCard | None = None

    @property
    def needs_title(self) -> bool:
        """Whether neither a card nor the page names a title."""
        return self.card is None and not (self.lookup.page and self.lookup.page.title)

    def build_card(self, details: LinkDetails, guild_id: int, now: datetime) -> Card:
        """Build the card that submitting the link would bring."""
        return self.card.card if self.card else make_link_card(self.lookup, details, guild_id, now)


class LinkSubmissions:
    """Submissions of links, for commands and clicks. `per_hour` is how many a member may submit; 0: none at all."""

    def __init__(self, store: Store, lookups: LookupService, clock: Callable[[], datetime], per_hour: int) -> None:
        self._store = store
        self._lookups = lookups
        self._clock = clock
        self.per_hour = per_hour

    async def count_left(self, guild_id: int, user_id: int) -> int:
        """Return how many links a member may submit now."""
        recent = await self._store.moderation.submissions.count_recent(guild_id, user_id, self._clock())
        return max(self.per_hour - recent, 0)

    async def look_up(self, guild_id: int, typed: str) -> FoundLink:
        """Find the card of an address as a person gives it, or read its page.

        Raises `UserError` if too many others are looked up.
        """
        url = complete_address(typed)
        if _has_user(url):
            return FoundLink(LinkLookup(problem=NO_LINK))
        if link := parse_link(url):
            known = await self._find_known(guild_id, LinkLookup(aliases=(normalize_url(link),)))
            if known.state is not None:
                return known
        lookup = await self._lookups.find_page(link or url, self._clock())
        return await self._find_known(guild_id, lookup)

    async def _find_known(self, guild_id: int, lookup: LinkLookup) -> FoundLink:
        found = await self._store.moderation.submissions.find_known(guild_id, lookup.aliases)
        card = await self._store.cards.get_card(found.id, guild_id, hidden=True) if found else None
        return FoundLink(lookup, found.state, card) if found and card else FoundLink(lookup)

    async def submit_link(
        self, guild_id: int, user_id: int, found: FoundLink, details: LinkDetails, *, publishes: bool
    ) -> SubmissionOutcome:
        """Submit a link that was looked up. `publishes`: as a moderator."""
        now = self._clock()
        card = None if found.card else found.build_card(details, guild_id, now)
        new = NewSubmission(guild_id, user_id, found.lookup.aliases, card, now, details.comment, publishes)
        return await self._store.moderation.submissions.submit_link(new, self.per_hour)


def _has_user(url: str) -> bool:
    """Whether an address holds a user name: it is not for everybody, and must not get into a card."""
    try:
        return "@" in urlsplit(url).netloc
    except ValueError:
        return False
