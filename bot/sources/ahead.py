"""Read many files while those before them are filed: in a thread, or on several processors for a large folder."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from collections import deque
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

from bot.cards.model import FileStat, Reading
from bot.sources.folder import read
from bot.store.filing import BATCH

_MANY = 2000
"""From so many files on, more processes save more time than it takes to start them."""
_AHEAD = 3  # batches being read, or read and waiting


async def read_ahead(root: Path, stats: Sequence[FileStat]) -> AsyncIterator[list[tuple[FileStat, Reading]]]:
    """Yield the readings of the files in their order, batch by batch."""
    loop = asyncio.get_running_loop()
    batches = deque(stats[start : start + BATCH] for start in range(0, len(stats), BATCH))
    under_way: deque[asyncio.Future[list[tuple[FileStat, Reading]]]] = deque()
    with _readers(len(stats)) as readers:
        while batches or under_way:
            while batches and len(under_way) < _AHEAD:
                under_way.append(loop.run_in_executor(readers, read, root, batches.popleft()))
            yield await under_way.popleft()


def _readers(files: int) -> Executor:
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if files < _MANY or processors == 1:
        return ThreadPoolExecutor(1, "reading cards")
    # Fresh processes: a copy of this one would hold its database connections and its threads' locks.
    return ProcessPoolExecutor(min(processors, _AHEAD), multiprocessing.get_context("spawn"))
