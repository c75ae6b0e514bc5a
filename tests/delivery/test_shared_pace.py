"""Couriers that share a store share Discord's limit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.delivery.shared_pace import SharedPace
from bot.store.outbox.courier_leases import COURIER_LEASE

LEASE = COURIER_LEASE.total_seconds()


@dataclass
class Desk:
    """The couriers at work, as the store counts them, and a clock."""

    live: dict[str, float] = field(default_factory=dict)
    now: float = 0.0

    async def renew_lease(self, courier: str) -> int:
        self.live[courier] = self.now + LEASE
        self.live = {name: until for name, until in self.live.items() if until > self.now}
        return len(self.live)

    async def release_lease(self, courier: str) -> None:
        del self.live[courier]


class Courier:
    """A courier's pace, and what it was set to before."""

    def __init__(self, desk: Desk, limit: int = 50) -> None:
        leases: Any = desk
        self.paces: list[int] = []
        self.pace = SharedPace(leases, limit, self._set_pace, lambda: desk.now)

    async def _set_pace(self, pace: int) -> None:
        self.paces.append(pace)


async def test_one_alone_has_the_whole_limit_at_once() -> None:
    courier = Courier(Desk())
    for _ in range(3):
        await courier.pace.renew()
    assert courier.paces == [50]


async def test_a_new_one_begins_slowly_and_the_first_goes_down_at_once() -> None:
    desk = Desk()
    first, second = Courier(desk), Courier(desk)
    await first.pace.renew()
    await second.pace.renew()
    assert second.paces == [1]
    desk.now = 1
    await first.pace.renew()
    assert first.paces == [50, 25]
    for desk.now in (5, 10, LEASE):
        await first.pace.renew()
        await second.pace.renew()
    assert (first.paces, second.paces) == ([50, 25], [1, 25])


@pytest.mark.parametrize("orderly", [True, False])
async def test_what_one_leaves_is_taken_a_lease_later(orderly: bool) -> None:
    desk = Desk()
    first, second = Courier(desk), Courier(desk)
    for courier in (first, second, first):
        await courier.pace.renew()
    assert first.paces == [50, 25]
    if orderly:
        await second.pace.release()
    while first.paces[-1] != 50:
        desk.now += LEASE / 3
        await first.pace.renew()
        assert desk.now < 5 * LEASE
    assert desk.now >= LEASE


async def test_never_do_they_send_more_than_the_limit_together() -> None:
    desk = Desk()
    couriers: list[Courier] = []
    for step in range(60):
        desk.now = step * LEASE / 3
        if step % 7 == 0:
            couriers.append(Courier(desk))
        if step % 17 == 16:
            couriers.pop(0)  # killed
        for courier in couriers:
            await courier.pace.renew()
        for courier in couriers:
            await courier.pace.renew()
        assert sum(courier.paces[-1] for courier in couriers) <= 50 + len(couriers), step


async def test_more_couriers_than_requests_send_one_each() -> None:
    desk = Desk()
    couriers = [Courier(desk, 2) for _ in range(3)]
    for courier in couriers * 2:
        await courier.pace.renew()
    assert [courier.paces[-1] for courier in couriers] == [1, 1, 1]
