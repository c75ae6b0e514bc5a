"""Watch the card folders for changes."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from watchfiles import Change, awatch

from bot.sources.folder import is_card_file

_log = logging.getLogger(__name__)

_DEBOUNCE_MS = 200
"""Debounce interval: an editor writes, renames and touches in a burst. A save is still noticed within a second."""


async def watch_changes(*roots: Path) -> AsyncIterator[int]:
    """Yield the number of changed card files per burst, as long as the `roots` exist."""
    places = [str(root.resolve()) for root in roots]
    try:
        async for burst in awatch(*places, watch_filter=_card_filter(places), debounce=_DEBOUNCE_MS, step=50):
            yield len(burst)
    except (FileNotFoundError, OSError) as error:
        names = ", ".join(map(str, roots))
        _log.warning("Cannot watch %s (%s); relying on periodic rescans", names, error)


async def watch_file(path: Path) -> AsyncIterator[None]:
    """Yield when a file was changed, replaced, deleted or made, as long as its folder exists."""
    path = Path.cwd() / path
    try:
        # Its folder: an editor replaces the file, and with it what would be watched.
        async for _ in awatch(
            path.parent,
            watch_filter=lambda _, each: Path(each) == path,
            debounce=_DEBOUNCE_MS,
            step=50,
            recursive=False,
        ):
            yield
    except (FileNotFoundError, OSError) as error:
        _log.warning("Cannot watch %s (%s); relying on periodic rescans", path, error)


def _card_filter(places: Sequence[str]) -> Callable[[Change, str], bool]:
    """Build the watch filter: card files outside hidden folders, and names without a suffix (deleted folders)."""

    def is_relevant(_change: Change, path: str) -> bool:
        # Relative to its root: the root itself may be below a hidden folder.
        below = next((path[len(place) :] for place in places if path.startswith(place)), path)
        name = path.rpartition("/")[2]
        return "/." not in below and (is_card_file(name) or "." not in name)

    return is_relevant
