"""Notice saved files at once."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path

from watchfiles import Change, awatch

from bot.sources.folder import SUFFIXES

_log = logging.getLogger(__name__)

_DEBOUNCE_MS = 200
"""Changes within this time are one: an editor writes, renames and touches in a burst. A save shows within a second."""


async def changes(root: Path) -> AsyncIterator[int]:
    """Yield the number of changed card files, burst by burst, for as long as `root` is there."""
    try:
        async for burst in awatch(root, watch_filter=_is_card, debounce=_DEBOUNCE_MS, step=50, recursive=True):
            yield len(burst)
    except (FileNotFoundError, OSError) as error:
        _log.warning("%s cannot be watched (%s); it is still compared from time to time", root, error)


def _is_card(_change: Change, path: str) -> bool:
    """Deleted folders have no suffix to go by, so names without one count as well."""
    name = path.rpartition("/")[2]
    return name.endswith(SUFFIXES) or "." not in name
