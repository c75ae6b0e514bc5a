"""The pace never lets more requests into a second than there are slots."""

from __future__ import annotations

import asyncio

from bot.delivery.pacing import Pace


async def test_no_window_holds_more_starts_than_slots() -> None:
    pace, starts = Pace(5, 0.1), []
    loop = asyncio.get_running_loop()

    async def request() -> None:
        async with pace.slot():
            starts.append(loop.time())

    await asyncio.gather(*(request() for _ in range(20)))
    assert len(starts) == 20
    # a slot is free again a whole window after its answer, so the sixth start after any other is a window later
    assert all(later - earlier >= 0.1 for earlier, later in zip(starts, starts[5:], strict=False))


async def test_a_failing_request_frees_its_slot() -> None:
    pace = Pace(1, 0)
    for _ in range(3):
        try:
            async with asyncio.timeout(1), pace.slot():
                raise ValueError
        except ValueError:
            continue
