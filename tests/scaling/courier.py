"""The courier as a queue, event by event: what is due waits for one of the pace's slots.

As in `bot.client.rate_limit.RequestLimiter`, a slot is free again one second after the answer; as in
`bot.delivery.courier.Courier`, a channel has one request at a time, and asks for the next slot once the one before is
answered. Where several couriers share the work, and a proxy or `NEWSDESK_RATE_SHARE` the limit, the slots are the same
ones in other hands. Stories that have waited for an hour are gathered into one list of headlines, as the bot does;
without that the queue has a closed formula (`tests.scaling.fluid`) to be held against.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from math import exp, inf, log
from random import Random

from bot.domain.delivery import CATCH_UP_AFTER, CATCH_UP_FROM
from tests.scaling.news import DAY, Wave

HELD = 1.0
"""Seconds for which a slot is kept after the answer."""
LATENCY = 0.12
"""Seconds until Discord answers, on average: an assumption, which costs an eighth of the limit."""
_SPREAD = 0.5
_FREE = -1
"""Stands for a slot where an event names a channel."""


def answer_latency(mean: float = LATENCY, seed: int = 3) -> Callable[[], float]:
    """How long each answer takes, log-normally: most are quick, a few are slow."""
    random = Random(seed)
    middle = log(mean) - _SPREAD**2 / 2
    times = [exp(random.gauss(middle, _SPREAD)) for _ in range(9973)]
    place = 0

    def draw_latency() -> float:
        nonlocal place
        place = (place + 1) % len(times)
        return times[place]

    return draw_latency


class SimulatedCourier:
    """Works a day's waves off, and keeps when what arrived. A message is the numbers of the waves that it brings."""

    def __init__(
        self, waves: Sequence[Wave], slots: int, *, gathers: bool = False, latency: Callable[[], float] | None = None
    ) -> None:
        self._waves = waves
        self._gathers = gathers
        self._free = slots
        self._latency = latency or answer_latency()
        self._wanted: dict[int, deque[tuple[int, ...]]] = {}
        self._line: deque[int] = deque()
        self._events: list[tuple[float, int]] = []
        self._arrived = [0] * len(waves)
        self.waiting = 0
        """Messages that no request has been made for."""
        self.lines: list[int] = []
        """How many waited just after each wave."""
        self.sent = 0
        """Requests made."""
        self.gathered = 0
        """Stories that came in a list with others."""
        self.waits = 0.0
        """The sum of the seconds that requests were waited with."""
        self.last: dict[int, float] = {}
        """By the wave's number: seconds until its last channel received it."""
        self.at_midnight = 0
        """What waited at the day's end."""

    def deliver_day(self) -> None:
        """Take the day's waves as they come, and deliver until everything has arrived."""
        for number, wave in enumerate(self._waves):
            self._pass_time(wave.at)
            self._plan_wave(number, wave)
        self._pass_time(DAY)
        self.at_midnight = self.waiting
        self._pass_time(inf)

    def _plan_wave(self, number: int, wave: Wave) -> None:
        message = (number,)
        for channel in wave.channels:
            if channel in self._wanted:
                self._wanted[channel].append(message)
            else:
                self._wanted[channel] = deque([message])
                self._line.append(channel)
        self.waiting += len(wave.channels)
        self.lines.append(self.waiting)
        self._start_request(wave.at)

    def _pass_time(self, until: float) -> None:
        events = self._events
        while events and events[0][0] <= until:
            now, channel = heapq.heappop(events)
            if channel == _FREE:
                self._free += 1
            else:
                self._finish_request(channel, now)
            self._start_request(now)

    def _start_request(self, now: float) -> None:
        while self._free and self._line:
            channel = self._line.popleft()
            self._free -= 1
            self.waiting -= 1
            self.sent += 1
            self.waits += now - self._waves[self._wanted[channel][0][0]].at
            heapq.heappush(self._events, (now + self._latency(), channel))

    def _finish_request(self, channel: int, now: float) -> None:
        heapq.heappush(self._events, (now + HELD, _FREE))
        wanted = self._wanted[channel]
        message = wanted.popleft()
        for number in message:
            self._record_arrival(number, now)
        if self._gathers and len(wanted) >= CATCH_UP_FROM and self._is_late(message, now):
            self._gather_waiting(wanted)
        if wanted:
            self._line.append(channel)
        else:
            del self._wanted[channel]

    def _record_arrival(self, number: int, now: float) -> None:
        wave = self._waves[number]
        self._arrived[number] += 1
        if self._arrived[number] == len(wave.channels):
            self.last[number] = now - wave.at

    def _is_late(self, message: tuple[int, ...], now: float) -> bool:
        return len(message) == 1 and now - self._waves[message[0]].at >= CATCH_UP_AFTER.total_seconds()

    def _gather_waiting(self, wanted: deque[tuple[int, ...]]) -> None:
        together = tuple(number for message in wanted for number in message)
        self.waiting -= len(wanted) - 1
        self.gathered += len(together)
        wanted.clear()
        wanted.append(together)
