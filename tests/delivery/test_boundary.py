"""The law of the courier: whatever breaks in one channel's turn is that channel's failure, and is made good."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from bot.delivery.courier import Courier
from bot.delivery.sender import CardRefusedError, ChannelClosedError, DeliveryError, RetryLaterError
from bot.domain.delivery import Delivery
from bot.errors import LeaseLostError
from bot.store.cards.rows import StoredCard
from tests.support.polling import PATIENCE
from tests.support.worker import WorkerHarness, open_harness

ILL, WELL = 5, 6
ERRORS: dict[str, Callable[[], Exception]] = {
    "locked": lambda: OperationalError("UPDATE deliveries", {}, sqlite3.OperationalError("database is locked")),
    "claim lost": lambda: LeaseLostError("Channel 5 is leased by another courier."),
    "defect": lambda: KeyError("id"),
    "out of memory": MemoryError,
}
CALLS = (
    # of the store
    "store.outbox.queue.fetch_due_for",
    "store.outbox.queue.mark_sending",
    "store.outbox.queue.mark_posted",
    "store.outbox.queue.mark_adopted",
    "store.outbox.queue.mark_edited",
    "store.outbox.queue.mark_retracted",
    "store.outbox.queue.mark_refused",
    "store.outbox.queue.mark_failed",
    "store.outbox.queue.mark_quarantined",
    "store.outbox.queue.retry_without_images",
    "store.outbox.queue.mark_removed",
    "store.outbox.queue.release_lease",
    "store.outbox.circuits.open_circuit",
    "store.outbox.circuits.close_circuit",
    "store.outbox.circuits.subscribers_of",
    "store.outbox.circuits.mark_notified",
    "store.subscriptions.personal_digests.mark_closed",
    "store.subscriptions.personal_digests.is_personal_channel",
    "store.cards.get_by_ids",
    # of the poster
    "channels.post_message",
    "channels.find_message",
    "channels.edit_message",
    "channels.delete_message",
    "channels.notify_guild",
)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    async with open_harness(tmp_path, max_age_days=3650) as harness:
        for channel in (ILL, WELL):
            await harness.store.subscriptions.add_subscription(
                guild_id=channel, channel_id=channel, created_by=2, now=harness.clock()
            )
        yield harness


@dataclass
class Breakage:
    """Breaks the first calls that are made for the channel that is ill: before they do anything, or after."""

    monkeypatch: pytest.MonkeyPatch
    error: Callable[[], Exception]
    times: int = 2
    struck: int = 0

    def break_at(self, harness: WorkerHarness, name: str, *, after: bool = False) -> None:
        owner, _, attribute = name.rpartition(".")
        target = attrgetter(owner)(harness)
        call = getattr(target, attribute)

        def broken_call(*args: Any, **named: Any) -> Any:
            if not self._strikes(args):
                return call(*args, **named)
            if asyncio.iscoroutinefunction(call):
                return self._break_call(call(*args, **named), after=after)
            if after:
                call(*args, **named)
            raise self.error()

        self.monkeypatch.setattr(type(target), attribute, lambda own, *args, **named: broken_call(*args, **named))

    async def _break_call(self, call: Any, *, after: bool) -> Any:
        if after:
            await call
        else:
            call.close()
        raise self.error()

    def _strikes(self, args: tuple[Any, ...]) -> bool:
        if self.times <= 0 or not _concerns(args):
            return False
        self.times -= 1
        self.struck += 1
        return True


def _concerns(args: tuple[Any, ...]) -> bool:
    """Whether a call is for the channel that is ill; what names none is taken for its as well."""
    named = [getattr(each, "channel_id", each) for each in args]
    return WELL not in named and not (args and isinstance(args[-1], int) and args[-1] == WELL)


def titles_by_channel(harness: WorkerHarness) -> dict[int, list[str]]:
    """What each channel holds."""
    of = {delivery.id: channel for channel, posted in harness.channels.posted.items() for delivery, _ in posted}
    found: dict[int, list[str]] = {ILL: [], WELL: []}
    for delivery_id, title in harness.channels.messages.values():
        found[of[delivery_id]].append(title)
    return found


async def run_story(harness: WorkerHarness) -> list[dict[int, list[str]]]:
    """Everything that can become of a message in the channel that is ill; gives what both held, step by step."""
    seen = []

    async def write_at(slug: str, hour: int, *, minutes: float = 5, **fields: object) -> None:
        harness.write_card(slug, publishedDateTime=f"2026-06-01T0{hour}:00:00Z", **fields)
        await harness.deliver_due(minutes=minutes)
        seen.append(titles_by_channel(harness))

    make_channel_fail(harness)
    await write_at("a", 1)
    await write_at("a", 1, title="Edited")
    await write_at("b", 2)
    await write_at("c", 3)
    await write_at("a", 1, removed="true")
    await write_at("d", 4, minutes=90)
    await write_at("d", 4, title="Mended")
    delete_a_message(harness)
    for time in range(8):
        await write_at("d", 4, title=f"Mended again {time // 4}", minutes=30)
    return seen


AFTER_ALL = {ILL: ["Title of b", "Title of c"], WELL: ["Title of b", "Title of c", "Mended again 1"]}


def make_channel_fail(harness: WorkerHarness) -> None:
    """The channel that is ill loses an answer, is closed twice, and refuses a card for its picture and its form."""
    closed = ChannelClosedError("I may not post there.")
    refused = CardRefusedError("400, code 50035")
    troubles: dict[str, list[DeliveryError]] = {
        "Title of a": [RetryLaterError("the answer was lost")],
        "Title of b": [closed, closed],
        "Title of d": [CardRefusedError("400, code 50035", picture=True), refused],
    }
    post = harness.channels.post_message

    async def failing_post(delivery: Delivery, cards: Sequence[StoredCard], nonce: str) -> int:
        trouble = troubles.get(cards[0].card.title) if delivery.channel_id == ILL and cards else None
        error = trouble.pop(0) if trouble else None
        if error and not isinstance(error, RetryLaterError):
            raise error
        message_id = await post(delivery, cards, nonce)
        if error:
            raise error
        return message_id

    harness.channels.post_message = failing_post  # type: ignore[method-assign]


def delete_a_message(harness: WorkerHarness) -> None:
    """A moderator of the channel that is ill deletes a message."""
    of = {delivery.id: channel for channel, posted in harness.channels.posted.items() for delivery, _ in posted}
    for message_id, (delivery_id, title) in list(harness.channels.messages.items()):
        if title == "Mended" and of[delivery_id] == ILL:
            del harness.channels.messages[message_id]


@pytest.mark.parametrize(("error", "after"), [("locked", False), ("defect", True)])
@pytest.mark.parametrize("name", CALLS)
async def test_what_breaks_in_one_channel_is_made_good_and_hurts_no_other(
    desk: WorkerHarness, name: str, error: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _break_call(desk, name, error, after, monkeypatch)


@pytest.mark.parametrize("error", ["claim lost", "out of memory"])
@pytest.mark.parametrize(
    "name", ["store.outbox.circuits.open_circuit", "store.outbox.queue.mark_posted", "channels.notify_guild"]
)
async def test_whatever_it_is_that_breaks(
    desk: WorkerHarness, name: str, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _break_call(desk, name, error, False, monkeypatch)


async def _break_call(
    harness: WorkerHarness, name: str, error: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    breakage = Breakage(monkeypatch, ERRORS[error])
    breakage.break_at(harness, name, after=after)
    seen = await run_story(harness)
    assert breakage.struck
    assert [held[WELL] for held in seen[:3]] == [["Title of a"], ["Edited"], ["Edited", "Title of b"]]
    # A moderator's deletion that struck while the message was not noted yet is made good by its next edit.
    assert seen[-1] == AFTER_ALL
    assert await harness.next_due() is None


@pytest.mark.parametrize("error", ["locked", "defect"])
async def test_notes_that_cannot_be_written_are_made_good_in_every_channel(
    desk: WorkerHarness, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batcher, failures = desk.store.outbox.queue._batcher, [True, False, True, True, False, True]
    write = batcher._write_batch

    async def breaking(*args: Any) -> Any:
        if failures and failures.pop():
            raise ERRORS[error]()
        return await write(*args)

    monkeypatch.setattr(batcher, "_write_batch", breaking)
    seen = await run_story(desk)
    assert seen[-1] == AFTER_ALL


@pytest.mark.parametrize("error", ERRORS)
async def test_the_courier_goes_on_when_a_closed_channel_cannot_be_handled(
    desk: WorkerHarness, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Breakage(monkeypatch, ERRORS[error], times=1000).break_at(desk, "store.outbox.circuits.open_circuit")
    courier = Courier(desk.store, desk.channels, desk.clock, desk.metrics)
    make_channel_fail(desk)
    running = asyncio.create_task(courier.run())
    for name in "ab":
        desk.write_card(name, publishedDateTime=f"2026-06-01T0{'ab'.index(name) + 1}:00:00Z")
        desk.clock.advance(seconds=1)
        await desk.pipeline.loader.load_cards(desk.clock, accept_withdrawals=True)
        await desk.pipeline.plan_deliveries()
        courier.wake()
        async with asyncio.timeout(PATIENCE):
            while len(titles_by_channel(desk)[WELL]) < "ab".index(name) + 1:
                await asyncio.sleep(0.01)
    assert not running.done()
    running.cancel()
    await asyncio.wait([running])
