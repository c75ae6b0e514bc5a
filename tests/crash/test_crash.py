"""The short crash test; `make crash` runs the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.story import Tally, crash
from tests.wire.client import WireDiscord


@pytest.mark.timeout(110)
async def test_killed_at_any_point_nothing_is_lost_or_repeated(tmp_path: Path) -> None:
    total = Tally()
    async with WireDiscord() as wire:
        for run, forgetful in enumerate((False, True)):
            folder = tmp_path / str(run)
            total.add(await crash(wire, folder, kills=10, cards=150, channels=10, seed=run, forgetful=forgetful))
    print(total)
    assert (total.lost, total.repeated, total.disordered) == (0, 0, 0)
    assert total.kills >= 6
