"""Bring Discord in line with the deliveries table: one task per busy channel, oldest card first."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.delivery.gate import Gate
from bot.delivery.poster import (
    CardRefusedError,
    ChannelClosedError,
    MessageRemovedError,
    Poster,
    TryLaterError,
    WayClosedError,
)
from bot.delivery.shelf import Shelf
from bot.desk.delivery import (
    LONGEST_WAIT,
    Action,
    Delivery,
    Progress,
    action,
    catches_up,
    nonce,
    probe_after,
    wait_after,
)
from bot.errors import ClaimLostError
from bot.language import speak, tr
from bot.logs import belongs_to_delivery
from bot.metrics import Metrics, Outcome
from bot.store import Store
from bot.store.circuits import Circuit
from bot.store.deliveries import AT_ONCE, LEASE, Noting

_log = logging.getLogger(__name__)
_MEMBER_FOR = timedelta(hours=23, minutes=45)
"""How long a membership check is valid: until the next day's digest, which may be made slightly earlier."""
_LONGEST_REST = timedelta(minutes=1)
_AFTER_TROUBLE = 5.0  # seconds
_HOLD_ON = LEASE.total_seconds() / 3
_REMEMBERED = 1000
_SPREAD = 1.25
"""The maximum factor by which jitter extends a wait."""
_LAST_CALLS = 5.0
"""Seconds to wait for in-flight calls on shutdown; service managers often allow 10."""


@dataclass(slots=True)
class _Visit:
    """State of one channel's turn: the current delivery, the pending write of the last result, the open circuit."""

    delivery: Delivery
    circuit: Circuit | None
    noting: Noting | None = None


class Courier:
    """Worker for due deliveries. The table determines what to send, the poster how."""

    def __init__(
        self,
        store: Store,
        poster: Poster,
        clock: Callable[[], datetime],
        catch_up: Callable[[int], Awaitable[None]] | None = None,
        metrics: Metrics | None = None,
        gate: Gate | None = None,
    ) -> None:
        """`catch_up` combines a channel's long overdue stories into one digest."""
        self._store = store
        self._poster = poster
        self._clock = clock
        self._catch_up = catch_up
        self._metrics = metrics or Metrics()
        self._gate = gate or Gate(clock)
        self._shelf = Shelf(store)
        self._resting: dict[int, tuple[int, datetime]] = {}
        """Backoff by channel id after a failed turn: (consecutive failures, retry time)."""
        self._posted: deque[int] = deque(maxlen=_REMEMBERED)
        """Ids of deliveries posted recently as new messages."""
        self._seen: datetime | None = None
        self._woken = asyncio.Event()
        self._wakes = 0
        self._serving: dict[int, asyncio.Task[None]] = {}
        self._more = False
        self._stopping = False
        self.duplicates_prevented = 0
        """Posts since startup that turned out to have been sent by an earlier attempt."""

    def wake(self) -> None:
        """Look for due work now, also in channels that are being served."""
        self._wakes += 1
        self._woken.set()

    async def run(self) -> None:
        """Deliver until stopped. Runs on `wake` and whenever the next delivery is due."""
        self._serving.clear()  # tasks cancelled before their first step did not remove themselves
        async with asyncio.TaskGroup() as channels:
            holding = channels.create_task(self._hold_on(), name="hold on to channels")
            while not self._stopping:
                self._woken.clear()
                try:
                    await self._start(channels)
                    await self._rest()
                except Exception:  # noqa: BLE001 - a locked database or a full disk must not end delivery for good
                    _log.exception("Reading due deliveries failed")
                    await asyncio.sleep(_AFTER_TROUBLE)
            holding.cancel()

    async def _hold_on(self) -> None:
        """Renew the leases on the channels being served."""
        while True:
            await asyncio.sleep(_HOLD_ON)
            try:
                await self._store.deliveries.hold(self._serving)
            except Exception:  # noqa: BLE001 - a lost lease is detected before sending
                _log.exception("Renewing the channel leases failed")

    async def work_off(self) -> None:
        """Deliver everything that is due now, then return."""
        self._more = True
        while self._more:
            async with asyncio.TaskGroup() as channels:
                await self._start(channels)

    async def stop(self) -> None:
        """Stop taking new work; wait up to `_LAST_CALLS` seconds for in-flight calls to finish and be recorded."""
        self._stopping = True
        self.wake()
        if self._serving:
            await asyncio.wait(self._serving.values(), timeout=_LAST_CALLS)
        try:
            await self._store.deliveries.leave_all()
        except Exception:  # noqa: BLE001 - the leases expire anyway
            _log.exception("Releasing the channel leases failed")

    async def _start(self, channels: asyncio.TaskGroup) -> None:
        """Start a task for each channel with due work that is not being served.

        While the gate is shut, start none; if a probe is allowed, only the channel `_least_tried` picks.
        """
        self._more = False
        probing = not self._gate.is_open
        if probing and (self._serving or not self._gate.takes_probe):
            return
        await self._heed_clock()
        wakes = self._wakes
        work, self._more = await self._store.deliveries.work(self._clock(), self._left_out())
        if probing and work:
            work, self._more = await self._least_tried(work), True
        circuits = {circuit.channel_id: circuit for circuit in await self._store.circuits.all()} if work else {}
        for channel_id, deliveries in work.items():
            if channel_id not in self._serving:
                serving = self._serve(channel_id, deliveries, circuits.get(channel_id), wakes)
                self._serving[channel_id] = channels.create_task(serving, name=f"channel {channel_id}")

    async def _heed_clock(self) -> None:
        """If the clock was set back, now or before startup, shorten waits that were based on the old time."""
        now = self._clock()
        if self._seen is None or now < self._seen:
            await self._store.deliveries.shorten_waits(now)
        self._seen = now

    async def _least_tried(self, work: dict[int, list[Delivery]]) -> dict[int, list[Delivery]]:
        """Pick the channel with the fewest attempts: a message that keeps failing must not serve as the probe."""
        chosen = min(work, key=lambda channel: work[channel][0].attempts)
        for channel in work.keys() - {chosen}:
            await self._store.deliveries.leave(channel)
        return {chosen: work[chosen]}

    def _left_out(self) -> list[int]:
        """Return the channels to skip: those being served, and those in backoff after an internal error."""
        now = self._clock()
        resting = [
            channel for channel, (_, until) in self._resting.items() if now < until <= now + LONGEST_WAIT * _SPREAD
        ]
        return [*self._serving, *resting]

    async def _rest(self) -> None:
        """Sleep until a delivery, a channel's retry or the gate's next probe is due, at most `_LONGEST_REST`."""
        now, left_out = self._clock(), self._left_out()
        moments = [until for channel, (_, until) in self._resting.items() if channel in left_out]
        if due := await self._store.deliveries.next_due(now, left_out):
            moments.append(max(due, now + self._gate.wait()))
        rest = min([_LONGEST_REST, *(moment - now for moment in moments)])
        shortest = 0.05 if self._gate.is_open else 0.5
        try:
            async with asyncio.timeout(max(rest.total_seconds(), shortest)):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def _serve(self, channel_id: int, deliveries: list[Delivery], circuit: Circuit | None, wakes: int) -> None:
        """Serve one channel, and contain its errors so that other channels go on.

        `wakes` is the wake count when the deliveries were loaded; if it changed, there may be newer ones.
        """
        visit = _Visit(deliveries[0], circuit)
        try:
            await self._take_turn(channel_id, deliveries, visit, wakes)
            if visit.noting:
                await visit.noting
        except ClaimLostError as error:
            _log.warning("%s", error)
        except Exception:  # noqa: BLE001 - locked database or bug; unrecorded work is still due
            self._rest_after_failure(channel_id)
        else:
            self._resting.pop(channel_id, None)
        finally:
            await self._leave(channel_id, visit)

    def _rest_after_failure(self, channel_id: int) -> None:
        """Log the current exception and back off exponentially. Call from an `except` block."""
        self._metrics.sent(Outcome.FAILED)
        times = self._resting.get(channel_id, (0, None))[0] + 1
        wait = wait_after(times, _jitter())
        self._resting[channel_id] = times, self._clock() + wait
        _log.exception("Serving channel %s failed, next attempt in %s s", channel_id, wait.seconds)

    async def _take_turn(self, channel_id: int, deliveries: list[Delivery], visit: _Visit, wakes: int) -> None:
        try:
            while deliveries and not self._stopping:
                self._shelf.fetch(deliveries)
                finished = await self._work_through(deliveries, visit)
                if visit.noting is None or not self._gate.is_open or (finished and wakes == self._wakes):
                    return
                wakes = self._wakes
                await visit.noting
                deliveries = await self._store.deliveries.work_of(channel_id, self._clock())
        except ChannelClosedError as error:
            await self._leave_alone(visit.delivery, visit.circuit, error)

    async def _leave(self, channel_id: int, visit: _Visit) -> None:
        try:
            if visit.noting:
                await asyncio.wait([visit.noting])  # its error was already raised, or is secondary to the turn's
            await self._store.deliveries.leave(channel_id)
        except Exception:  # noqa: BLE001 - the lease expires anyway
            _log.exception("Releasing channel %s failed", channel_id)
        finally:
            del self._serving[channel_id]
            self._woken.set()  # the next sleep has to consider this channel again

    async def _work_through(self, deliveries: Sequence[Delivery], visit: _Visit) -> bool:
        """Process deliveries in order. Returns False if the channel may have more, or its deliveries changed."""
        for place, delivery in enumerate(deliveries, start=1):
            if not self._gate.is_open and not self._gate.takes_probe:
                return False
            visit.delivery = delivery
            belongs_to_delivery(delivery.id)
            speak(delivery.language)
            step = action(delivery.wanted, delivery.message_id, delivery.actual)
            visit.noting = await self._carry_out(delivery)
            if visit.noting is None or self._stopping:
                return False
            if visit.circuit and (delivery.id in self._posted or (step and not _any_post(deliveries))):
                await self._heal(visit.circuit)
                visit.circuit = None
            if self._catch_up and catches_up(delivery, len(deliveries) - place, self._clock()):
                await self._catch_up(delivery.channel_id)
                return False
        return len(deliveries) < AT_ONCE

    async def _leave_alone(self, delivery: Delivery, before: Circuit | None, error: ChannelClosedError) -> None:
        """Open the channel's circuit: keep its deliveries, probe again later, and notify the server once.

        A personal digest is paused instead, and only its member is notified.
        """
        self._metrics.sent(Outcome.CLOSED)
        now, failures = self._clock(), before.failures + 1 if before else 1
        probe_at = now + probe_after(failures, _jitter())
        channel, guild = delivery.channel_id, delivery.guild_id
        await self._store.deliveries.refused(delivery)
        await self._store.circuits.open(Circuit(channel, guild, str(error), failures, now, probe_at))
        _log.warning("Channel %s is closed, next probe at %s: %s", channel, probe_at, error)
        is_personal = await self._store.follows.shut(channel, now)
        if is_personal or (before and before.told):
            return
        waits = tr("What waits for {channel} comes by itself once that is mended.", channel=f"<#{channel}>")
        if await self._poster.tell(guild, f"{error} {waits}", await self._store.circuits.concerned(channel)):
            await self._store.circuits.note_told(channel)

    async def _heal(self, circuit: Circuit) -> None:
        """Close the circuit; notify the server only if it was notified of the problem."""
        is_personal = await self._store.follows.is_personal(circuit.channel_id)
        await self._store.circuits.close(circuit.channel_id)
        _log.info("Channel %s is open again", circuit.channel_id)
        if is_personal or not circuit.told:
            return
        text = tr("{channel} gets its cards again.", channel=f"<#{circuit.channel_id}>")
        await self._poster.tell(circuit.guild_id, text, await self._store.circuits.concerned(circuit.channel_id))

    async def _carry_out(self, delivery: Delivery) -> Noting | None:
        """Perform the next API call for a delivery, and return the pending write of its result.

        Returns None if there was no result and a retry is needed. Raises `ChannelClosedError`.
        """
        deliveries = self._store.deliveries
        try:
            return await self._act(delivery)
        except MessageRemovedError:
            self._metrics.sent(Outcome.REMOVED)
            forgotten = deliveries.retracted if delivery.wanted is None else deliveries.removed
            return forgotten(delivery, self._clock())
        except CardRefusedError as error:
            self._metrics.sent(Outcome.REFUSED)
            if error.picture and not delivery.plain:
                self._wakes += 1  # due again immediately
                return deliveries.plainer(delivery)
            _log.warning("Delivery %s: card rejected by Discord: %s", delivery.id, error)
            return deliveries.quarantined(delivery, str(error))
        except WayClosedError as error:
            if not error.sent:
                await deliveries.refused(delivery)
                return None
            await self._later(delivery, error)
            return None
        except TryLaterError as error:
            await self._later(delivery, error)
            return None

    async def _later(self, delivery: Delivery, error: TryLaterError) -> None:
        self._metrics.sent(Outcome.LATER)
        attempts = delivery.attempts + 1
        wait = max(wait_after(attempts, _jitter()), error.after or timedelta(0))
        if isinstance(error, WayClosedError):
            _log.debug("Delivery %s waits for the connection to Discord", delivery.id)  # the gate logged the reason
        else:
            _log.warning("Delivery %s: attempt %s failed, next in %s s: %s", delivery.id, attempts, wait.seconds, error)
        await self._store.deliveries.failed(delivery, str(error), self._clock() + wait)

    async def _act(self, delivery: Delivery) -> Noting:
        deliveries, step = self._store.deliveries, action(delivery.wanted, delivery.message_id, delivery.actual)
        _log.debug("Channel %s: %s", delivery.channel_id, step)
        if delivery.progress is Progress.SENDING and delivery.message_id is None:
            return await self._resume(delivery)
        if step is Action.POST:
            return await self._post(delivery)
        if step is Action.EDIT:
            await self._poster.edit(delivery, await self._shelf.cards(delivery))
            self._metrics.sent(Outcome.EDITED)
            return deliveries.edited(delivery, self._clock())
        if step is Action.RETRACT:
            await self._poster.retract(delivery)
            self._metrics.sent(Outcome.RETRACTED)
            return deliveries.retracted(delivery, self._clock())
        return deliveries.unneeded(delivery)

    async def _resume(self, delivery: Delivery) -> Noting:
        """Recover a post with unknown outcome: adopt the message if it arrived, else post again if still wanted."""
        # Always search the channel: Discord keeps a nonce for a few minutes at most.
        if (found := await self._poster.find(delivery)) is not None:
            self.duplicates_prevented += 1
            self._metrics.duplicate_prevented()
            self._wakes += 1  # an edit follows
            return self._store.deliveries.adopted(delivery, found)
        if action(delivery.wanted, None, None) is Action.POST:
            return await self._post(delivery)
        return self._store.deliveries.retracted(delivery, self._clock())

    async def _post(self, delivery: Delivery) -> Noting:
        """Post what the table wants now; the card may have been edited or withdrawn since it was fetched."""
        if delivery.user_id is not None and not await self._is_member(delivery, delivery.user_id):
            return self._store.deliveries.unneeded(delivery)
        current = await self._store.deliveries.sending(delivery, self._clock(), self._poster.horizon())
        if current is None:
            return self._store.deliveries.unneeded(delivery)
        cards = await self._shelf.cards(current)
        name = nonce(self._store.instance, current.id, current.settled_at)
        message_id = await self._poster.post(current, cards, name)
        self._posted.append(current.id)
        self._count_post(current)
        return self._store.deliveries.posted(current, message_id, self._clock())

    async def _is_member(self, delivery: Delivery, user_id: int) -> bool:
        """Whether a personal digest's user is still in the server, checked once a day; if not, pause the digest."""
        follows, guild, now = self._store.follows, delivery.guild_id, self._clock()
        if await follows.was_member(user_id, guild, now - _MEMBER_FOR):
            return True
        if await self._poster.is_member(guild, user_id):
            await follows.note_member(user_id, guild, now)
            return True
        _log.info("Paused a personal digest in server %s: the user has left", guild)
        await follows.rest(user_id, guild)
        return False

    def _count_post(self, delivery: Delivery) -> None:
        """Count a post, and its latency."""
        self._metrics.sent(Outcome.POSTED)
        # A repost after a withdrawal was planned long ago: its latency means nothing.
        if delivery.settled_at is None:
            self._metrics.posted(delivery.layout, (self._clock() - delivery.planned_at).total_seconds())


def _any_post(deliveries: Sequence[Delivery]) -> bool:
    """Whether any of these is a new post: a channel may accept edits but no posts."""
    return any(action(each.wanted, each.message_id, each.actual) is Action.POST for each in deliveries)


def _jitter() -> float:
    """Return a random number in [0, 1) that spreads out retries."""
    return random.random()  # noqa: S311 - not for cryptography
