"""Notice saved files at once."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from watchfiles import Change, awatch

from bot.sources.folder import is_card_file

_log = logging.getLogger(__name__)

_DEBOUNCE_MS = 200
"""Changes within this time are one: an editor writes, renames and touches in a burst. A save shows within a second."""


async def changes(*roots: Path) -> AsyncIterator[int]:
    """Yield the number of changed card files, burst by burst, for as long as the `roots` are there."""
    places = [str(root.resolve()) for root in roots]
    try:
        async for burst in awatch(*places, watch_filter=_card_in(places), debounce=_DEBOUNCE_MS, step=50):
            yield len(burst)
    except (FileNotFoundError, OSError) as error:
        names = ", ".join(map(str, roots))
        _log.warning("%s cannot be watched (%s); it is still compared from time to time", names, error)


def _card_in(places: Sequence[str]) -> Callable[[Change, str], bool]:
    """Deleted folders have no suffix to go by, so names without one count as well. Hidden folders hold no cards."""

    def concerns(_change: Change, path: str) -> bool:
        below = next((path[len(place) :] for place in places if path.startswith(place)), path)
        name = path.rpartition("/")[2]
        return "/." not in below and (is_card_file(name) or "." not in name)

    return concerns
