"""The short crash test with feeds as the source; `make crash-feeds` runs the long one."""

from __future__ import annotations

from pathlib import Path

from tests.crash.feeds import run_feed_crash
from tests.wire.client import WireDiscord


async def test_every_item_comes_once_whatever_is_killed_fails_and_lies(tmp_path: Path) -> None:
    async with WireDiscord() as wire:
        tally = await run_feed_crash(wire, tmp_path / "run", kills=6, feeds=4, seed=7)
    print(tally, tally.steps, tally.answers)
    assert (tally.lost, tally.repeated, tally.disordered) == (0, 0, 0)
    assert tally.kills == 6
    assert tally.posts > tally.items
    assert tally.covered
    assert set(tally.answers) - {"200", "304"}, "the site should have failed now and then"
