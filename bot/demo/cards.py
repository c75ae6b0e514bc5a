"""The demo's folder of cards: the sample cards, redated to this week."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import bot
from bot.cards.model import Card, State
from bot.cards.reading import read_card
from bot.errors import UserError

ASSET_BASE = "https://newsdesk.example"
_ARCHIVE_SHARE = 0.5
_APART = timedelta(hours=7)
"""Interval between archived cards: twenty of them are well within the maximum age of a post."""
_PUBLISHED = re.compile(rb"^publishedDateTime:[^\r\n]*", re.MULTILINE)


def sample_data() -> Path:
    """Return the checkout's folder `data`, or the one in the working directory. Raises `UserError` if there is none."""
    for folder in (Path(bot.__file__).resolve().parent.parent / "data", Path("data")):
        if (folder / "cards").is_dir():
            return folder
    raise UserError("The demo's cards (data/cards) are not here. Run the demo in a checkout of Newsdesk.")


def pictures(data: Path) -> dict[str, tuple[str, bytes]]:
    """Return the sample pictures by the URLs in the cards' embeds, so that nothing is fetched from the network."""
    found = sorted(path for path in (data / "assets").rglob("*") if path.is_file())
    return {f"{ASSET_BASE}/{path.relative_to(data).as_posix()}": (path.name, path.read_bytes()) for path in found}


class Newsstand:
    """Sample cards, added to a folder one by one: first an archive, then news.

    The older half and all withdrawn cards are the archive. The rest is the queue: `publish` takes published cards,
    `next` takes any.
    """

    def __init__(self, data: Path, folder: Path) -> None:
        self.folder = folder
        self._files = sorted((data / "cards").glob("*.md"))
        self._cards = {path: card for path in self._files if (card := _card(path))}
        half = self._files[: int(len(self._files) * _ARCHIVE_SHARE)]
        self._archive = [path for path in self._files if path in half or self._state(path) is State.WITHDRAWN]
        self.waiting = [path for path in self._files if path not in self._archive]

    def _state(self, path: Path) -> State | None:
        return self._cards[path].state if path in self._cards else None

    def lay_out(self, now: datetime) -> None:
        """Write the archive; its newest card is some hours old."""
        for age, path in enumerate(reversed(self._archive), start=1):
            self._write(path, now - age * _APART)

    def next(self, now: datetime) -> Card | None:
        """Write the next card of the queue; None if it is empty."""
        return self._take(self.waiting[0], now) if self.waiting else None

    def published(self, count: int, now: datetime) -> Iterator[Card | None]:
        """Write the next published cards of the queue, a minute apart, the last one dated now."""
        chosen = [path for path in self.waiting if self._state(path) is State.PUBLISHED][:count]
        for place, path in enumerate(chosen):
            yield self._take(path, now - timedelta(minutes=len(chosen) - place))

    def _take(self, path: Path, now: datetime) -> Card | None:
        self.waiting.remove(path)
        self._write(path, now)
        return self._cards.get(path)

    def _write(self, path: Path, published_at: datetime) -> None:
        """Copy a card with a new time. Written by rename, so that readers never see a partial file."""
        line = f"publishedDateTime: {published_at:%Y-%m-%dT%H:%M:%SZ}".encode()
        draft = self.folder / f".{path.name}"
        draft.write_bytes(_PUBLISHED.sub(line, path.read_bytes(), count=1))
        draft.rename(self.folder / path.name)


def _card(path: Path) -> Card | None:
    return read_card(path.read_bytes(), file=path.name, slug=path.stem).card
