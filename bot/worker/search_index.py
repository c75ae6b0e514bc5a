"""Rebuild the full-text index in the background, and log how far it is; merge its segments."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import monotonic

from bot.store.cards.search_merge import SearchIndexMerge
from bot.store.cards.search_rebuild import SearchIndexRebuild

_log = logging.getLogger(__name__)

_LOG_SECONDS = 30.0
"""Seconds between two lines of progress."""


async def rebuild_search_index(rebuild: SearchIndexRebuild, may_continue: Callable[[], bool]) -> None:
    """Rebuild the index to its end, if that was requested. What is left at an interruption is done by the next run."""
    if not (remaining := await rebuild.count_remaining()):
        return
    _log.info("Rebuilding the search index: %d cards. Until then, searches may miss older cards.", remaining)
    done, logged_at = 0, monotonic()
    while may_continue():
        start = monotonic()
        if not (number := await rebuild.rebuild_batch()):
            _log.info("The search index is rebuilt: %d cards", done)
            return
        done += number
        if monotonic() - logged_at > _LOG_SECONDS:
            logged_at = monotonic()
            _log.info("Rebuilding the search index: %d of %d cards", done, remaining)
        # As long as the batch took: half of the time belongs to other writers.
        await asyncio.sleep(monotonic() - start)


async def merge_search_index(merge: SearchIndexMerge, may_continue: Callable[[], bool]) -> None:
    """Merge the segments of the index, as far as they are worth it."""
    start = monotonic()
    while may_continue() and await merge.merge_batch():
        await asyncio.sleep(monotonic() - start)
        start = monotonic()
