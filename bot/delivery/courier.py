"""Make Discord hold what the deliveries table wants: one task a busy channel, oldest card first."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta

from bot.delivery.poster import CardRefusedError, ChannelClosedError, MessageRemovedError, Poster, TryLaterError
from bot.desk.delivery import Action, Delivery, Progress, action, nonce, probe_after, wait_after
from bot.store import Store
from bot.store.circuits import Circuit
from bot.store.records import FiledCard

_log = logging.getLogger(__name__)
_LONGEST_REST = timedelta(minutes=1)
_CARDS_KEPT = 256
_AFTER_TROUBLE = 5.0  # seconds
_LAST_CALLS = 8.0
"""Seconds that calls under way have to be answered when the program stops; service managers often give 10."""


class Courier:
    """Works off what is due. It decides nothing: the table says what, the poster says how."""

    def __init__(self, store: Store, poster: Poster, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._poster = poster
        self._clock = clock
        self._woken = asyncio.Event()
        self._serving: dict[int, asyncio.Task[None]] = {}
        self._stopping = False
        self._cards: dict[tuple[int, str | None], asyncio.Task[FiledCard | None]] = {}
        self.duplicates_prevented = 0
        """Posts that an earlier try had already brought into their channel, since the program started."""

    def wake(self) -> None:
        """Look for due work now."""
        self._woken.set()

    async def run(self) -> None:
        """Deliver until stopped: when woken, and when the next delivery is due."""
        async with asyncio.TaskGroup() as channels:
            while not self._stopping:
                self._woken.clear()
                try:
                    await self._start(channels)
                    await self._rest()
                except Exception:  # noqa: BLE001 - a locked database or a full disk must not end delivery for good
                    _log.exception("The deliveries could not be read")
                    await asyncio.sleep(_AFTER_TROUBLE)

    async def work_off(self) -> None:
        """Deliver everything that is due now, and return when it is done."""
        async with asyncio.TaskGroup() as channels:
            await self._start(channels)

    async def stop(self) -> None:
        """Begin nothing new, and give the calls under way time to be answered and noted."""
        self._stopping = True
        self.wake()
        if self._serving:
            await asyncio.wait(self._serving.values(), timeout=_LAST_CALLS)

    async def _start(self, channels: asyncio.TaskGroup) -> None:
        work = await self._store.deliveries.work(self._clock())
        circuits = {circuit.channel_id: circuit for circuit in await self._store.circuits.all()} if work else {}
        for channel_id, deliveries in work.items():
            if channel_id not in self._serving:
                serving = self._serve(channel_id, deliveries, circuits.get(channel_id))
                self._serving[channel_id] = channels.create_task(serving, name=f"channel {channel_id}")

    async def _rest(self) -> None:
        due = await self._store.deliveries.next_due()
        rest = min(due - self._clock(), _LONGEST_REST) if due else _LONGEST_REST
        try:
            async with asyncio.timeout(max(rest.total_seconds(), 0.05)):
                await self._woken.wait()
        except TimeoutError:
            pass

    async def _serve(self, channel_id: int, deliveries: list[Delivery], circuit: Circuit | None) -> None:
        try:
            while deliveries and not self._stopping:
                for delivery in deliveries:
                    reached = await self._carry_out(delivery)
                    if not reached or self._stopping:
                        return
                    if circuit:
                        await self._heal(circuit)
                        circuit = None
                deliveries = (await self._store.deliveries.work(self._clock(), channel_id)).get(channel_id, [])
        except ChannelClosedError as error:
            await self._leave_alone(delivery, circuit, error)
        except Exception:  # noqa: BLE001 - a defect in one channel's work must not end the others'
            _log.exception("Channel %s could not be served", channel_id)
            await asyncio.sleep(_AFTER_TROUBLE)
        finally:
            del self._serving[channel_id]
            self.wake()  # something may have been planned since the last look

    async def _leave_alone(self, delivery: Delivery, before: Circuit | None, error: ChannelClosedError) -> None:
        """Keep what waits, probe again later, and tell the server the first time."""
        now, failures = self._clock(), before.failures + 1 if before else 1
        probe_at = now + probe_after(failures, _jitter())
        channel, guild = delivery.channel_id, delivery.guild_id
        await self._store.deliveries.refused(delivery)
        await self._store.circuits.open(Circuit(channel, guild, str(error), failures, now, probe_at))
        _log.warning("Channel %s is closed, next probe at %s: %s", channel, probe_at, error)
        if before is None:
            text = f"{error} What waits for <#{channel}> comes by itself once that is mended."
            await self._poster.tell(guild, text, await self._store.circuits.concerned(channel))

    async def _heal(self, circuit: Circuit) -> None:
        await self._store.circuits.close(circuit.channel_id)
        _log.info("Channel %s is open again", circuit.channel_id)
        concerned = await self._store.circuits.concerned(circuit.channel_id)
        await self._poster.tell(circuit.guild_id, f"<#{circuit.channel_id}> gets its cards again.", concerned)

    async def _carry_out(self, delivery: Delivery) -> bool:
        """One step towards what is wanted, and what became of it: whether Discord had an answer.

        Raises `ChannelClosedError`.
        """
        deliveries = self._store.deliveries
        try:
            await self._act(delivery)
        except MessageRemovedError:
            if delivery.wanted is None:
                await deliveries.retracted(delivery, self._clock())
            else:
                await deliveries.removed(delivery, self._clock())
        except CardRefusedError as error:
            if error.picture and not delivery.plain:
                await deliveries.plainer(delivery)
            else:
                _log.warning("Delivery %s: Discord refuses this card: %s", delivery.id, error)
                await deliveries.quarantined(delivery, str(error))
        except TryLaterError as error:
            await self._later(delivery, error)
            return False
        return True

    async def _later(self, delivery: Delivery, error: TryLaterError) -> None:
        attempts = delivery.attempts + 1
        wait = max(wait_after(attempts, _jitter()), error.after or timedelta(0))
        _log.warning("Delivery %s: try %s failed, next in %s s: %s", delivery.id, attempts, wait.seconds, error)
        await self._store.deliveries.failed(delivery, str(error), self._clock() + wait)

    async def _act(self, delivery: Delivery) -> None:
        deliveries, step = self._store.deliveries, action(delivery.wanted, delivery.message_id, delivery.actual)
        if delivery.progress is Progress.SENDING and delivery.message_id is None:
            await self._resume(delivery)
        elif step is Action.POST:
            await self._post(delivery)
        elif step is Action.EDIT:
            await self._poster.edit(delivery, await self._card(delivery))
            await deliveries.edited(delivery, self._clock())
        elif step is Action.RETRACT:
            await self._poster.retract(delivery)
            await deliveries.retracted(delivery, self._clock())
        else:
            await deliveries.unneeded(delivery)

    async def _resume(self, delivery: Delivery) -> None:
        """A post was under way when something broke: adopt what arrived, else post again if it is still wanted.

        Discord remembers a nonce for some minutes only and may forget it sooner, so the channel is always looked at.
        """
        if (found := await self._poster.find(delivery)) is not None:
            self.duplicates_prevented += 1
            await self._store.deliveries.adopted(delivery, found)
        elif action(delivery.wanted, None, None) is Action.POST:
            await self._post(delivery)
        else:
            await self._store.deliveries.retracted(delivery, self._clock())

    async def _post(self, delivery: Delivery) -> None:
        """The table has the last word: what was fetched may have been edited or withdrawn since."""
        current = await self._store.deliveries.sending(delivery, self._clock())
        if current is None:
            await self._store.deliveries.unneeded(delivery)
            return
        card = await self._card(current)
        message_id = await self._poster.post(current, card, nonce(self._store.instance, current.id))
        await self._store.deliveries.posted(current, message_id, self._clock())

    async def _card(self, delivery: Delivery) -> FiledCard:
        """The card at the wanted revision: many channels want the same few cards, and each is fetched once."""
        key = (delivery.card_id, delivery.wanted)
        if key not in self._cards:
            if len(self._cards) >= _CARDS_KEPT:
                self._cards.clear()
            fetched = self._store.archive.card(delivery.card_id, delivery.guild_id, hidden=True)
            self._cards[key] = asyncio.create_task(fetched, name=f"card {delivery.card_id}")
        card: FiledCard | None = None
        try:
            card = await asyncio.shield(self._cards[key])
        finally:
            if card is None or card.revision != delivery.wanted:
                self._cards.pop(key, None)
        if card is None:
            raise CardRefusedError(f"card {delivery.card_id} is not in the store")
        return card


def _jitter() -> float:
    """Spreads what would otherwise come back all at once."""
    return random.random()  # noqa: S311 - keeps no secret
