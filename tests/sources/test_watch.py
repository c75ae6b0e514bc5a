"""Watching several folders: a saved card is noticed in each, what git does in its own folder is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from bot.sources.watch import watch_changes


async def _next_burst(found: AsyncIterator[int]) -> int:
    return await anext(found)


async def test_every_folder_is_watched_and_hidden_ones_are_not(tmp_path: Path) -> None:
    roots = [tmp_path / ".state" / name for name in ("first", "second")]
    for root in roots:
        (root / ".git").mkdir(parents=True)
    found = watch_changes(*roots)
    for root in roots:
        waiting = asyncio.create_task(_next_burst(found))
        await asyncio.sleep(0.5)
        (root / ".git" / "FETCH_HEAD").write_text("x")
        await asyncio.sleep(0.6)
        assert not waiting.done()
        (root / "one.md").write_text("x")
        assert await asyncio.wait_for(waiting, 20) >= 1
    await found.aclose()  # type: ignore[attr-defined]  # a generator
