"""A folder of card files as a source."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from bot.cards.model import SourceItem, SourceKind
from bot.errors import UserError
from bot.i18n import tr, tr_noop
from bot.settings import Settings
from bot.sources.folder import CardFile, ReadingRules, list_folder, slug_for_path
from bot.sources.parallel_reader import read_ahead, run_in_background
from bot.sources.source import ItemToRead, Listing, ReadItem
from bot.sources.write_back import write_published

SECOND_LOOK = timedelta(seconds=5)
"""A missing card counts as gone if it is still missing after this time: editors, copies and checkouts remove files for
a moment. (Measured: of eight pulls of 2,000 cards, a scan caught three half done.)"""
_INTERVAL = timedelta(minutes=10)


class FolderSource:
    """The card files below `root`. A file's key is its path relative to the root, with `/`."""

    kind = SourceKind.FOLDER
    gone_after: timedelta | None = SECOND_LOOK

    def __init__(
        self,
        root: Path,
        *,
        need_category: bool = False,
        interval: timedelta = _INTERVAL,
        language: str | None = None,
    ) -> None:
        self.root = root
        self.language = language
        self.interval = interval
        self._need_category = need_category
        self._is_settled = False
        self._filled: tuple[int, int] | None = None
        """Device and inode number of the folder when it last held something."""

    def mark_settled(self) -> None:
        """Let the next load take missing files for gone: whatever changed the folder has finished."""
        self._is_settled = True

    async def resolve_key(self) -> str:
        return await run_in_background(os.path.realpath, self.root)

    async def list_items(self, known: Collection[str]) -> Listing:
        """List the files by path.

        Raises `UserError` if the folder does not exist or cannot be listed, or if an empty one has replaced it: most
        likely its disk is not mounted.
        """
        # Taken before listing: what a pull changes during it must not count as settled.
        is_settled, self._is_settled = self._is_settled, False
        listing, identity = await run_in_background(_inspect_folder, self.root)
        listing.is_settled = is_settled
        if listing.items or listing.closed:
            self._filled = identity
        elif known and self._filled not in (None, identity):
            text = tr_noop(
                "The cards folder {folder} is empty and isn't the one it was. Is its disk mounted? Nothing was "
                "changed. If this is intended, restart the bot."
            )
            raise UserError(tr(text, folder=self.root))
        return listing

    def read_items(self, items: Sequence[ItemToRead], now: datetime) -> AsyncGenerator[Sequence[ReadItem], None]:
        rules = ReadingRules(self._need_category, now)
        return read_ahead([CardFile(self.describe_key(item.key), item, digest, rules) for item, digest in items])

    def slug_for_key(self, key: str) -> str:
        return slug_for_path(key)

    def describe_key(self, key: str) -> str:
        return str(self.root / key)

    async def write_published(self, item: SourceItem, published: bool) -> None:
        """Set `published` in a file. Raises `UserError` if that cannot be done safely."""
        await run_in_background(write_published, self.root, item, published)


def folders_from_settings(settings: Settings) -> list[FolderSource]:
    """Return the folders of cards that the operator named."""
    interval = timedelta(seconds=settings.rescan_seconds)
    return [
        FolderSource(
            root, need_category=settings.cards_need_category, interval=interval, language=settings.cards_language
        )
        for root in settings.cards
    ]


def _inspect_folder(root: Path) -> tuple[Listing, tuple[int, int]]:
    """List a folder; also return its device and inode number. Raises `UserError` if that fails."""
    try:
        if not root.is_dir():
            text = tr_noop("The cards folder {folder} doesn't exist. Set NEWSDESK_CARDS to one that does.")
            raise UserError(tr(text, folder=root))
        info = root.stat()
        return list_folder(root), (info.st_dev, info.st_ino)
    except OSError as error:
        text = tr_noop("I can't read the folder {folder}: {reason}. Nothing was changed.")
        raise UserError(tr(text, folder=error.filename or root, reason=error.strerror)) from error
