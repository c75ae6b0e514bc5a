"""The soak test in small; `make soak` runs it at full size."""

from __future__ import annotations

from pathlib import Path

from tests.soak.plan import Size
from tests.soak.story import run_soak
from tests.wire.client import WireDiscord

SMALL = Size(6, servers=10, subscriptions=40, topics=6, archive=50, card_every=0.5, commands=5, faults=0.02, tick=1)


async def test_under_load_and_faults_nothing_is_lost_or_repeated_and_everybody_is_answered(tmp_path: Path) -> None:
    async with WireDiscord() as wire:
        report = await run_soak(wire, tmp_path / "run", SMALL)
    found = report.count
    assert report.quiet is not None
    assert found.wanted > 30
    assert (found.lost, found.repeated, found.stray) == (0, 0, 0)
    assert (found.disordered, found.stale, found.standing) == (0, 0, 0)
    assert report.unanswered == 0, "only what a fault spoiled may stay without an answer"
    assert not any(each.is_apology for each in report.unspoiled_actions)
