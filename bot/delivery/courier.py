"""Bring Discord in line with the deliveries table: one task per busy channel, oldest card first."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.delivery.card_cache import CardCache
from bot.delivery.gate import Gate
from bot.delivery.sender import (
    CardRefusedError,
    ChannelClosedError,
    MessageDeletedError,
    MessageSender,
    RetryLaterError,
    SendingPausedError,
)
from bot.domain.backoff import MAX_RETRY_DELAY, probe_delay, retry_delay
from bot.domain.delivery import Action, Delivery, DeliveryStatus, make_nonce, next_action, should_catch_up
from bot.errors import LeaseLostError
from bot.i18n import activate_language, tr
from bot.logging_config import bind_delivery
from bot.metrics import DeliveryOutcome, Metrics
from bot.store import Store
from bot.store.outbox.circuit_breakers import Circuit
from bot.store.outbox.queue import AT_ONCE, LEASE_DURATION, PendingWrite

_log = logging.getLogger(__name__)
_MEMBER_FOR = timedelta(hours=23, minutes=45)
"""How long a membership check is valid: until the next day's digest, which may be made slightly earlier."""
_MAX_IDLE = timedelta(minutes=1)
_ERROR_PAUSE = 5.0  # seconds
_LEASE_RENEWAL = LEASE_DURATION.total_seconds() / 3
_REMEMBERED = 1000
_SPREAD = 1.25
"""The maximum factor by which jitter extends a wait."""
_SHUTDOWN_GRACE = 5.0
"""Seconds to wait for in-flight calls on shutdown; service managers often allow 10."""


@dataclass(slots=True)
class _ChannelTurn:
    """State of one channel's turn: the current delivery, the pending write of the last result, the open circuit."""

    delivery: Delivery
    circuit: Circuit | None
    pending_write: PendingWrite | None = None


class Courier:
    """Worker for due deliveries. The table determines what to send, the poster how."""

    def __init__(
        self,
        store: Store,
        sender: MessageSender,
        clock: Callable[[], datetime],
        metrics: Metrics,
        catch_up: Callable[[int], Awaitable[None]] | None = None,
        gate: Gate | None = None,
    ) -> None:
        """`catch_up` combines a channel's long overdue stories into one digest."""
        self._store = store
        self._sender = sender
        self._clock = clock
        self._catch_up = catch_up
        self._metrics = metrics
        self._gate = gate or Gate(clock)
        self._card_cache = CardCache(store)
        self._paused_channels: dict[int, tuple[int, datetime]] = {}
        """Backoff by channel id after a failed turn: (consecutive failures, retry time)."""
        self._recent_posts: deque[int] = deque(maxlen=_REMEMBERED)
        """Ids of deliveries posted recently as new messages."""
        self._seen: datetime | None = None
        self._wake_event = asyncio.Event()
        self._wake_count = 0
        self._active_channels: dict[int, asyncio.Task[None]] = {}
        self._has_more = False
        self._stopping = False
        self.duplicates_prevented = 0
        """Posts since startup that turned out to have been sent by an earlier attempt."""

    def wake(self) -> None:
        """Look for due work now, also in channels that are being served."""
        self._wake_count += 1
        self._wake_event.set()

    async def run(self) -> None:
        """Deliver until stopped. Runs on `wake` and whenever the next delivery is due."""
        self._active_channels.clear()  # tasks cancelled before their first step did not remove themselves
        async with asyncio.TaskGroup() as channels:
            holding = channels.create_task(self._renew_leases(), name="lease renewal")
            while not self._stopping:
                self._wake_event.clear()
                try:
                    await self._start_channels(channels)
                    await self._wait_for_work()
                except Exception:  # noqa: BLE001 - a locked database or a full disk must not end delivery for good
                    _log.exception("Reading due deliveries failed")
                    await asyncio.sleep(_ERROR_PAUSE)
            holding.cancel()

    async def _renew_leases(self) -> None:
        """Renew the leases on the channels being served."""
        while True:
            await asyncio.sleep(_LEASE_RENEWAL)
            try:
                await self._store.outbox.queue.renew_leases(self._active_channels)
            except Exception:  # noqa: BLE001 - a lost lease is detected before sending
                _log.exception("Renewing the channel leases failed")

    async def deliver_due(self) -> None:
        """Deliver everything that is due now, then return."""
        self._has_more = True
        while self._has_more:
            async with asyncio.TaskGroup() as channels:
                await self._start_channels(channels)

    async def stop(self) -> None:
        """Stop taking new work; wait up to `_SHUTDOWN_GRACE` seconds for in-flight calls to finish and be recorded."""
        self._stopping = True
        self.wake()
        if self._active_channels:
            await asyncio.wait(self._active_channels.values(), timeout=_SHUTDOWN_GRACE)
        try:
            await self._store.outbox.queue.release_all()
        except Exception:  # noqa: BLE001 - the leases expire anyway
            _log.exception("Releasing the channel leases failed")

    async def _start_channels(self, channels: asyncio.TaskGroup) -> None:
        """Start a task for each channel with due work that is not being served.

        While the gate is shut, start none; if a probe is allowed, only the channel `_fewest_attempts` picks.
        """
        self._has_more = False
        probing = not self._gate.is_open
        if probing and (self._active_channels or not self._gate.allows_probe):
            return
        await self._check_clock()
        # Read before the query: what is planned during it changes the count, and the turns look again.
        wakes = self._wake_count
        work, self._has_more = await self._store.outbox.queue.fetch_due(self._clock(), self._list_skipped_channels())
        if probing and work:
            work, self._has_more = await self._fewest_attempts(work), True
        circuits = (
            {circuit.channel_id: circuit for circuit in await self._store.outbox.circuits.list_all()} if work else {}
        )
        for channel_id, deliveries in work.items():
            if channel_id not in self._active_channels:
                serving = self._serve_channel(channel_id, deliveries, circuits.get(channel_id), wakes)
                self._active_channels[channel_id] = channels.create_task(serving, name=f"channel {channel_id}")

    async def _check_clock(self) -> None:
        """If the clock was set back, now or before startup, shorten waits that were based on the old time."""
        now = self._clock()
        if self._seen is None or now < self._seen:
            await self._store.outbox.queue.shorten_waits(now)
        self._seen = now

    async def _fewest_attempts(self, work: dict[int, list[Delivery]]) -> dict[int, list[Delivery]]:
        """Pick the channel with the fewest attempts: a message that keeps failing must not serve as the probe."""
        selected = min(work, key=lambda channel: work[channel][0].attempts)
        for channel in work.keys() - {selected}:
            await self._store.outbox.queue.release_lease(channel)
        return {selected: work[selected]}

    def _list_skipped_channels(self) -> list[int]:
        """Return the channels to skip: those being served, and those in backoff after an internal error."""
        now = self._clock()
        resting = [
            channel
            for channel, (_, until) in self._paused_channels.items()
            if now < until <= now + MAX_RETRY_DELAY * _SPREAD
        ]
        return [*self._active_channels, *resting]

    async def _wait_for_work(self) -> None:
        """Sleep until a delivery, a channel's retry or the gate's next probe is due, at most `_MAX_IDLE`."""
        now, skipped = self._clock(), self._list_skipped_channels()
        moments = [until for channel, (_, until) in self._paused_channels.items() if channel in skipped]
        if due := await self._store.outbox.queue.next_due_at(now, skipped):
            moments.append(max(due, now + self._gate.remaining_wait()))
        rest = min([_MAX_IDLE, *(moment - now for moment in moments)])
        # What is due but cannot be served yet must not make this a busy loop.
        shortest = 0.05 if self._gate.is_open else 0.5
        try:
            async with asyncio.timeout(max(rest.total_seconds(), shortest)):
                await self._wake_event.wait()
        except TimeoutError:
            pass

    async def _serve_channel(
        self, channel_id: int, deliveries: list[Delivery], circuit: Circuit | None, wakes: int
    ) -> None:
        """Serve one channel, and contain its errors so that other channels go on.

        `wakes` is the wake count when the deliveries were loaded; if it changed, there may be newer ones.
        """
        visit = _ChannelTurn(deliveries[0], circuit)
        try:
            await self._run_turn(channel_id, deliveries, visit, wakes)
            if visit.pending_write:
                await visit.pending_write
        except LeaseLostError as error:
            _log.warning("%s", error)
        except Exception:  # noqa: BLE001 - locked database or bug; unrecorded work is still due
            self._pause_after_failure(channel_id)
        else:
            self._paused_channels.pop(channel_id, None)
        finally:
            await self._leave_channel(channel_id, visit)

    def _pause_after_failure(self, channel_id: int) -> None:
        """Log the current exception and back off exponentially. Call from an `except` block."""
        self._metrics.count_send(DeliveryOutcome.FAILED)
        times = self._paused_channels.get(channel_id, (0, None))[0] + 1
        wait = retry_delay(times, _random_jitter())
        self._paused_channels[channel_id] = times, self._clock() + wait
        _log.exception("Serving channel %s failed, next attempt in %s s", channel_id, wait.seconds)

    async def _run_turn(self, channel_id: int, deliveries: list[Delivery], visit: _ChannelTurn, wakes: int) -> None:
        try:
            while deliveries and not self._stopping:
                self._card_cache.fetch_cards(deliveries)
                finished = await self._process_deliveries(deliveries, visit)
                if visit.pending_write is None or not self._gate.is_open or (finished and wakes == self._wake_count):
                    return
                wakes = self._wake_count
                await visit.pending_write
                deliveries = await self._store.outbox.queue.fetch_due_for(channel_id, self._clock())
        except ChannelClosedError as error:
            await self._open_circuit(visit.delivery, visit.circuit, error)

    async def _leave_channel(self, channel_id: int, visit: _ChannelTurn) -> None:
        try:
            if visit.pending_write:
                await asyncio.wait([visit.pending_write])  # its error was already raised, or is secondary to the turn's
            await self._store.outbox.queue.release_lease(channel_id)
        except Exception:  # noqa: BLE001 - the lease expires anyway
            _log.exception("Releasing channel %s failed", channel_id)
        finally:
            del self._active_channels[channel_id]
            self._wake_event.set()  # the next sleep has to consider this channel again

    async def _process_deliveries(self, deliveries: Sequence[Delivery], visit: _ChannelTurn) -> bool:
        """Process deliveries in order. Returns False if the channel may have more, or its deliveries changed."""
        for place, delivery in enumerate(deliveries, start=1):
            if not self._gate.is_open and not self._gate.allows_probe:
                return False
            visit.delivery = delivery
            bind_delivery(delivery.id)
            activate_language(delivery.language)
            step = next_action(delivery)
            visit.pending_write = await self._deliver(delivery)
            if visit.pending_write is None or self._stopping:
                return False
            if visit.circuit and (delivery.id in self._recent_posts or (step and not _any_post(deliveries))):
                await self._close_circuit(visit.circuit)
                visit.circuit = None
            if self._catch_up and should_catch_up(delivery, len(deliveries) - place, self._clock()):
                await self._catch_up(delivery.channel_id)
                return False
        return len(deliveries) < AT_ONCE

    async def _open_circuit(self, delivery: Delivery, before: Circuit | None, error: ChannelClosedError) -> None:
        """Open the channel's circuit: keep its deliveries, probe again later, and notify the server once.

        A personal digest is paused instead, and only its member is notified.
        """
        self._metrics.count_send(DeliveryOutcome.CLOSED)
        now, failures = self._clock(), before.failures + 1 if before else 1
        probe_at = now + probe_delay(failures, _random_jitter())
        channel, guild = delivery.channel_id, delivery.guild_id
        await self._store.outbox.queue.mark_refused(delivery)
        await self._store.outbox.circuits.open_circuit(Circuit(channel, guild, str(error), failures, now, probe_at))
        _log.warning("Channel %s is closed, next probe at %s: %s", channel, probe_at, error)
        is_personal = await self._store.subscriptions.personal_digests.mark_closed(channel, now)
        if is_personal or (before and before.server_notified):
            return
        waits = tr("Posts waiting for {channel} will be sent once this is fixed.", channel=f"<#{channel}>")
        if await self._sender.notify_guild(
            guild, f"{error} {waits}", await self._store.outbox.circuits.subscribers_of(channel)
        ):
            await self._store.outbox.circuits.mark_notified(channel)

    async def _close_circuit(self, circuit: Circuit) -> None:
        """Close the circuit; notify the server only if it was notified of the problem."""
        is_personal = await self._store.subscriptions.personal_digests.is_personal_channel(circuit.channel_id)
        await self._store.outbox.circuits.close_circuit(circuit.channel_id)
        _log.info("Channel %s is open again", circuit.channel_id)
        if is_personal or not circuit.server_notified:
            return
        text = tr("{channel} is receiving cards again.", channel=f"<#{circuit.channel_id}>")
        await self._sender.notify_guild(
            circuit.guild_id, text, await self._store.outbox.circuits.subscribers_of(circuit.channel_id)
        )

    async def _deliver(self, delivery: Delivery) -> PendingWrite | None:
        """Perform the next API call for a delivery, and return the pending write of its result.

        Returns None if there was no result and a retry is needed. Raises `ChannelClosedError`.
        """
        deliveries = self._store.outbox.queue
        try:
            return await self._perform_action(delivery)
        except MessageDeletedError:
            # Removed by a moderator, so it is not posted again.
            self._metrics.count_send(DeliveryOutcome.REMOVED)
            mark = deliveries.mark_retracted if delivery.desired_kind is None else deliveries.mark_removed
            return mark(delivery, self._clock())
        except CardRefusedError as error:
            self._metrics.count_send(DeliveryOutcome.REFUSED)
            if error.picture and not delivery.without_images:
                self._wake_count += 1  # due again immediately
                return deliveries.retry_without_images(delivery)
            _log.warning("Delivery %s: card rejected by Discord: %s", delivery.id, error)
            return deliveries.mark_quarantined(delivery, str(error))
        except SendingPausedError as error:
            if not error.sent:
                await deliveries.mark_refused(delivery)
                return None
            await self._schedule_retry(delivery, error)
            return None
        except RetryLaterError as error:
            await self._schedule_retry(delivery, error)
            return None

    async def _schedule_retry(self, delivery: Delivery, error: RetryLaterError) -> None:
        self._metrics.count_send(DeliveryOutcome.LATER)
        attempts = delivery.attempts + 1
        wait = max(retry_delay(attempts, _random_jitter()), error.retry_after or timedelta(0))
        if isinstance(error, SendingPausedError):
            _log.debug("Delivery %s waits for the connection to Discord", delivery.id)  # the gate logged the reason
        else:
            _log.warning("Delivery %s: attempt %s failed, next in %s s: %s", delivery.id, attempts, wait.seconds, error)
        await self._store.outbox.queue.mark_failed(delivery, str(error), self._clock() + wait)

    async def _perform_action(self, delivery: Delivery) -> PendingWrite:
        deliveries, step = self._store.outbox.queue, next_action(delivery)
        _log.debug("Channel %s: %s", delivery.channel_id, step)
        if delivery.status is DeliveryStatus.SENDING and delivery.message_id is None:
            return await self._recover_post(delivery)
        if step is Action.POST:
            return await self._send_post(delivery)
        if step is Action.EDIT:
            await self._sender.edit_message(delivery, await self._card_cache.get_cards(delivery))
            self._metrics.count_send(DeliveryOutcome.EDITED)
            return deliveries.mark_edited(delivery, self._clock())
        if step is Action.RETRACT:
            await self._sender.delete_message(delivery)
            self._metrics.count_send(DeliveryOutcome.RETRACTED)
            return deliveries.mark_retracted(delivery, self._clock())
        return deliveries.mark_unneeded(delivery)

    async def _recover_post(self, delivery: Delivery) -> PendingWrite:
        """Recover a post with unknown outcome: adopt the message if it arrived, else post again if still wanted."""
        # Always search the channel: Discord keeps a nonce for a few minutes at most.
        if (found := await self._sender.find_message(delivery)) is not None:
            self.duplicates_prevented += 1
            self._metrics.count_duplicate_prevented()
            self._wake_count += 1  # an edit follows
            return self._store.outbox.queue.mark_adopted(delivery, found)
        if next_action(delivery) is Action.POST:
            return await self._send_post(delivery)
        return self._store.outbox.queue.mark_retracted(delivery, self._clock())

    async def _send_post(self, delivery: Delivery) -> PendingWrite:
        """Post what the table wants now; the card may have been edited or withdrawn since it was fetched."""
        if delivery.user_id is not None and not await self._is_member(delivery, delivery.user_id):
            return self._store.outbox.queue.mark_unneeded(delivery)
        current = await self._store.outbox.queue.mark_sending(delivery, self._clock(), self._sender.newest_id_bound())
        if current is None:
            return self._store.outbox.queue.mark_unneeded(delivery)
        cards = await self._card_cache.get_cards(current)
        name = make_nonce(self._store.instance, current.id, current.settled_at)
        message_id = await self._sender.post_message(current, cards, name)
        self._recent_posts.append(current.id)
        self._record_post(current)
        return self._store.outbox.queue.mark_posted(current, message_id, self._clock())

    async def _is_member(self, delivery: Delivery, user_id: int) -> bool:
        """Whether a personal digest's user is still in the server, checked once a day; if not, pause the digest."""
        follows, guild, now = self._store.subscriptions.personal_digests, delivery.guild_id, self._clock()
        if await follows.was_member(user_id, guild, now - _MEMBER_FOR):
            return True
        if await self._sender.is_member(guild, user_id):
            await follows.record_member(user_id, guild, now)
            return True
        _log.info("Paused a personal digest in server %s: the user has left", guild)
        await follows.pause_digest(user_id, guild)
        return False

    def _record_post(self, delivery: Delivery) -> None:
        """Count a post, and its latency."""
        self._metrics.count_send(DeliveryOutcome.POSTED)
        # A repost after a withdrawal was planned long ago: its latency means nothing.
        if delivery.settled_at is None:
            self._metrics.observe_post(delivery.layout, (self._clock() - delivery.planned_at).total_seconds())


def _any_post(deliveries: Sequence[Delivery]) -> bool:
    """Whether any of these is a new post: a channel may accept edits but no posts."""
    return any(next_action(each) is Action.POST for each in deliveries)


def _random_jitter() -> float:
    """Return a random number in [0, 1) that spreads out retries."""
    return random.random()  # noqa: S311 - not for cryptography
