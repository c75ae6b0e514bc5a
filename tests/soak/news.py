"""The newsroom: files a card every few seconds, edits some, takes some back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.soak.plan import EDITED_AFTER, TAKEN_AFTER, Fate, Size, card_text, fate, topic_name


@dataclass(slots=True)
class Filed:
    """A card as it was filed, and what has been done to it since."""

    number: int
    topic: str
    at: datetime
    moment: datetime
    done: Fate = Fate.STAYS

    @property
    def edition(self) -> int:
        return 2 if self.done is Fate.EDITED else 1


@dataclass(slots=True)
class News:
    """All cards that were filed so far, by number."""

    folder: Path
    size: Size
    filed: dict[int, Filed] = field(default_factory=dict)

    async def flow(self) -> None:
        """Until the run's time is over. What was to be done to the last cards later is done at its end."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.TaskGroup() as group:
            number = 0
            while (due := number * self.size.card_every) < self.size.seconds:
                await asyncio.sleep(max(began + due - loop.time(), 0))
                self._file(number)
                if fate(number) is not Fate.STAYS:
                    wait = EDITED_AFTER if fate(number) is Fate.EDITED else TAKEN_AFTER
                    group.create_task(self._later(number, min(wait, self.size.seconds - due)))
                number += 1

    def _file(self, number: int) -> None:
        now = datetime.now(UTC)
        card = Filed(number, topic_name(number, self.size.topics), now, now)
        self.filed[number] = card
        self._write(card, card_text(number, now, card.topic))

    async def _later(self, number: int, seconds: float) -> None:
        await asyncio.sleep(seconds)
        card = self.filed[number]
        card.done = fate(number)
        if card.done is Fate.DELETED:
            self._path(card).unlink()
        else:
            published = card.done is not Fate.UNPUBLISHED
            self._write(card, card_text(number, card.moment, card.topic, edition=card.edition, published=published))

    def _write(self, card: Filed, text: str) -> None:
        """Whole or not at all, as editors and git do it."""
        draft = self.folder / f".{card.number}.tmp"
        draft.write_text(text, "utf-8")
        draft.replace(self._path(card))

    def _path(self, card: Filed) -> Path:
        return self.folder / f"{card.number}.md"
