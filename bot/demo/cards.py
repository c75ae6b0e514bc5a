"""The demo's folder of cards: the sample cards, redated to this week."""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import bot
from bot.cards.model import Card, CardState
from bot.cards.parser import parse_card
from bot.errors import UserError

ASSET_BASE = "https://newsdesk.example"
AVATAR = f"{ASSET_BASE}/assets/images/newsdesk.png"
_ARCHIVE_SHARE = 0.5
_APART = timedelta(hours=7)
"""Interval between archived cards: twenty of them are well within the maximum age of a post."""
_PUBLISHED = re.compile(rb"^publishedDateTime:[^\r\n]*", re.MULTILINE)


def find_sample_data() -> Path:
    """Return the folder of sample cards, a checkout's or the one installed. Raises `UserError` if there is none."""
    # Where the wheel's data files go, see pyproject.toml.
    installed = Path(sysconfig.get_path("data"), "share", "newsdesk", "data")
    for folder in (Path(bot.__file__).resolve().parent.parent / "data", installed, Path("data")):
        if (folder / "cards").is_dir():
            return folder
    raise UserError(f"The demo's cards are missing ({installed}). Install Newsdesk again.")


def load_pictures(data: Path) -> dict[str, tuple[str, bytes]]:
    """Return the sample pictures by the URLs in the cards' embeds, so that nothing is fetched from the network."""
    found = sorted(path for path in (data / "assets").rglob("*") if path.is_file())
    return {f"{ASSET_BASE}/{path.relative_to(data).as_posix()}": (path.name, path.read_bytes()) for path in found}


class SampleFeed:
    """Sample cards, added to a folder one by one: first an archive, then news.

    The older half and all withdrawn cards are the archive. The rest is the queue: `publish` takes published cards,
    `write_next` takes any.
    """

    def __init__(self, data: Path, folder: Path) -> None:
        self.folder = folder
        self._files = sorted((data / "cards").glob("*.md"))
        self._cards = {path: card for path in self._files if (card := _read_card(path))}
        half = self._files[: int(len(self._files) * _ARCHIVE_SHARE)]
        self._archive = [path for path in self._files if path in half or self._read_state(path) is CardState.WITHDRAWN]
        self.pending = [path for path in self._files if path not in self._archive]

    def _read_state(self, path: Path) -> CardState | None:
        return self._cards[path].state if path in self._cards else None

    def write_archive(self, now: datetime) -> None:
        """Write the archive; its newest card is some hours old."""
        for age, path in enumerate(reversed(self._archive), start=1):
            self._copy_card(path, now - age * _APART)

    def write_next(self, now: datetime) -> Card | None:
        """Write the next card of the queue; None if it is empty."""
        return self._write_card(self.pending[0], now) if self.pending else None

    def write_published(self, count: int, now: datetime) -> Iterator[Card | None]:
        """Write the next published cards of the queue, a minute apart, the last one dated now."""
        selected = [path for path in self.pending if self._read_state(path) is CardState.PUBLISHED][:count]
        for place, path in enumerate(selected):
            yield self._write_card(path, now - timedelta(minutes=len(selected) - place))

    def _write_card(self, path: Path, now: datetime) -> Card | None:
        self.pending.remove(path)
        self._copy_card(path, now)
        return self._cards.get(path)

    def _copy_card(self, path: Path, published_at: datetime) -> None:
        """Copy a card with a new time. Written by rename, so that readers never see a partial file."""
        line = f"publishedDateTime: {published_at:%Y-%m-%dT%H:%M:%SZ}".encode()
        draft = self.folder / f".{path.name}"
        draft.write_bytes(_PUBLISHED.sub(line, path.read_bytes(), count=1))
        draft.rename(self.folder / path.name)


def _read_card(path: Path) -> Card | None:
    return parse_card(path.read_bytes(), file=path.name, slug=path.stem).card
