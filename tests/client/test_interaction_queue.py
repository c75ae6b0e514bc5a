"""The queue behind the acknowledgements: bounded, in order, and nobody's work overlaps with their own."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Hashable

import pytest

from bot.client.interaction_queue import InteractionQueue


class ControlledWork:
    """Jobs that end on command, with a note of what ran when."""

    def __init__(self, workload: InteractionQueue) -> None:
        self.workload = workload
        self.started: list[int] = []
        self.refused: list[int] = []
        self.ends = asyncio.Event()
        self.running: set[int] = set()
        self.most = 0
        self.overlaps: list[Hashable] = []
        self._keys: list[Hashable] = []

    async def run_work(self, number: int, key: Hashable = None) -> None:
        if not await self.workload.enter_queue(key):
            self.refused.append(number)
            return
        self.started.append(number)
        self.running.add(number)
        self.most = max(self.most, len(self.running))
        if key is not None and key in self._keys:
            self.overlaps.append(key)
        self._keys.append(key)
        await self.ends.wait()
        await asyncio.sleep(0)
        self._keys.remove(key)
        self.running.discard(number)


async def _turns() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("at_once", "waiting", "works"), [(1, 0, 3), (1, 5, 4), (4, 10, 30), (16, 1000, 1016), (3, 0, 3)]
)
async def test_so_much_runs_so_much_waits_and_the_rest_is_refused_at_once(
    at_once: int, waiting: int, works: int
) -> None:
    worker = ControlledWork(InteractionQueue(at_once, waiting))
    tasks = []
    for number in range(works):
        tasks.append(asyncio.create_task(worker.run_work(number)))
        await asyncio.sleep(0)
    await _turns()
    refused = max(0, works - at_once - waiting)
    assert worker.started == list(range(min(at_once, works)))
    assert worker.refused == list(range(works - refused, works))
    worker.ends.set()
    await asyncio.gather(*tasks)
    assert worker.started == list(range(works - refused))
    assert worker.most <= at_once


@pytest.mark.parametrize("seed", range(10))
async def test_works_with_one_key_come_in_order_and_never_overlap(seed: int) -> None:
    chance = random.Random(seed)
    worker = ControlledWork(InteractionQueue(4))
    keys: list[Hashable] = [chance.choice((None, 1, 2, (1, 2), "a")) for _ in range(60)]
    tasks = [asyncio.create_task(worker.run_work(number, key)) for number, key in enumerate(keys)]
    worker.ends.set()
    await asyncio.gather(*tasks)
    assert worker.overlaps == []
    assert sorted(worker.started) == list(range(60))
    for key in set(keys) - {None}:
        own = [number for number in worker.started if keys[number] == key]
        assert own == sorted(own)


async def test_one_that_hangs_does_not_keep_others_from_their_places() -> None:
    worker = ControlledWork(InteractionQueue(2, 10))
    hanging = [asyncio.create_task(worker.run_work(number, "same")) for number in range(5)]
    await _turns()
    other = ControlledWork(worker.workload)
    other.ends.set()
    await asyncio.gather(*(other.run_work(number, number) for number in range(7)))
    assert other.refused == []
    assert worker.started == [0]
    worker.ends.set()
    await asyncio.gather(*hanging)


async def test_whoever_waited_for_too_long_is_refused_and_leaves_nothing_taken() -> None:
    worker = ControlledWork(InteractionQueue(1, 10, longest_wait=0.01))
    holding = asyncio.create_task(worker.run_work(0, "a"))
    await _turns()
    await asyncio.gather(worker.run_work(1, "a"), worker.run_work(2, "b"), worker.run_work(3))
    assert sorted(worker.refused) == [1, 2, 3]
    worker.ends.set()
    await holding
    await asyncio.gather(worker.run_work(4, "a"), asyncio.sleep(0))
    assert worker.started == [0, 4]


@pytest.mark.parametrize("ending", ["failure", "cancellation", "return"])
async def test_a_place_is_free_again_however_a_work_ends(ending: str) -> None:
    workload = InteractionQueue(1, 10)

    async def ends() -> None:
        assert await workload.enter_queue("a")
        if ending == "failure":
            raise RuntimeError("a defect")
        if ending == "cancellation":
            await asyncio.Event().wait()

    task = asyncio.create_task(ends())
    await _turns()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    worker = ControlledWork(workload)
    worker.ends.set()
    await asyncio.create_task(worker.run_work(1, "a"))
    assert worker.started == [1]


async def test_who_is_cancelled_while_waiting_takes_no_place() -> None:
    worker = ControlledWork(InteractionQueue(1, 10))
    holding = asyncio.create_task(worker.run_work(0, "a"))
    await _turns()
    waiting = [asyncio.create_task(worker.run_work(number, key)) for number, key in ((1, "a"), (2, "b"))]
    await _turns()
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    worker.ends.set()
    await holding
    await asyncio.create_task(worker.run_work(3, "a"))
    await asyncio.create_task(worker.run_work(4, "b"))
    assert worker.started == [0, 3, 4]


async def test_no_work_begins_before_what_is_more_urgent() -> None:
    urgent = asyncio.Semaphore(1)
    worker = ControlledWork(InteractionQueue(4, 10, behind=urgent))
    worker.ends.set()
    async with urgent:
        task = asyncio.create_task(worker.run_work(0))
        await _turns()
        assert worker.started == []
    await task
    assert worker.started == [0]
