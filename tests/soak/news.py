"""The source: writes a card every few seconds, edits some, takes some back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.soak.plan import EDITED_AFTER, TAKEN_AFTER, CardOutcome, Size, card_text, outcome_of, topic_name


@dataclass(slots=True)
class PublishedCard:
    """A card as it was filed, and what has been done to it since."""

    number: int
    topic: str
    at: datetime
    moment: datetime
    outcome: CardOutcome = CardOutcome.STAYS

    @property
    def version(self) -> int:
        return 2 if self.outcome is CardOutcome.EDITED else 1


@dataclass(slots=True)
class NewsStream:
    """All cards that were filed so far, by number."""

    folder: Path
    size: Size
    cards: dict[int, PublishedCard] = field(default_factory=dict)

    async def publish_news(self) -> None:
        """Until the run's time is over. What was to be done to the last cards later is done at its end."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as group:
            number = 0
            while (due := number * self.size.card_every) < self.size.seconds:
                await asyncio.sleep(max(began + due - loop.time(), 0))
                self._publish_card(number)
                if outcome_of(number) is not CardOutcome.STAYS:
                    wait = EDITED_AFTER if outcome_of(number) is CardOutcome.EDITED else TAKEN_AFTER
                    group.create_task(self._change_later(number, min(wait, self.size.seconds - due)))
                number += 1

    def _publish_card(self, number: int) -> None:
        now = datetime.now(UTC)
        card = PublishedCard(number, topic_name(number, self.size.topics), now, now)
        self.cards[number] = card
        self._write_file(card, card_text(number, now, card.topic))

    async def _change_later(self, number: int, seconds: float) -> None:
        await asyncio.sleep(seconds)
        card = self.cards[number]
        card.outcome = outcome_of(number)
        if card.outcome is CardOutcome.DELETED:
            self._card_path(card).unlink()
        else:
            published = card.outcome is not CardOutcome.UNPUBLISHED
            self._write_file(
                card, card_text(number, card.moment, card.topic, version=card.version, published=published)
            )

    def _write_file(self, card: PublishedCard, text: str) -> None:
        """Whole or not at all, as editors and git do it."""
        draft = self.folder / f".{card.number}.tmp"
        draft.write_text(text, "utf-8")
        draft.replace(self._card_path(card))

    def _card_path(self, card: PublishedCard) -> Path:
        return self.folder / f"{card.number}.md"
