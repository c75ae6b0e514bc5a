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
from bot.delivery.poster import CardRefusedError, ChannelClosedError, DeliveryError, TryLaterError
from bot.desk.delivery import Delivery
from bot.errors import ClaimLostError
from bot.store.records import FiledCard
from tests.support.desk import Desk, a_desk

ILL, WELL = 5, 6
ERRORS: dict[str, Callable[[], Exception]] = {
    "locked": lambda: OperationalError("UPDATE deliveries", {}, sqlite3.OperationalError("database is locked")),
    "claim lost": lambda: ClaimLostError("Channel 5 is in other hands."),
    "defect": lambda: KeyError("id"),
    "out of memory": MemoryError,
}
CALLS = (
    # of the store
    "store.deliveries.work_of", "store.deliveries.sending", "store.deliveries.posted", "store.deliveries.adopted",
    "store.deliveries.edited", "store.deliveries.retracted", "store.deliveries.refused", "store.deliveries.failed",
    "store.deliveries.quarantined", "store.deliveries.plainer", "store.deliveries.removed",
    "store.deliveries.leave", "store.circuits.open", "store.circuits.close", "store.circuits.concerned",
    "store.circuits.note_told", "store.follows.shut", "store.follows.is_personal", "store.archive.by_ids",
    # of the poster
    "channels.post", "channels.find", "channels.edit", "channels.retract", "channels.tell",
)  # fmt: skip


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(tmp_path, max_age_days=3650) as desk:
        for channel in (ILL, WELL):
            await desk.store.subscriptions.add(guild_id=channel, channel_id=channel, created_by=2, now=desk.clock())
        yield desk


@dataclass
class Breakage:
    """Breaks the first calls that are made for the channel that is ill: before they do anything, or after."""

    monkeypatch: pytest.MonkeyPatch
    error: Callable[[], Exception]
    times: int = 2
    struck: int = 0

    def at(self, desk: Desk, name: str, *, after: bool = False) -> None:
        owner, _, attribute = name.rpartition(".")
        target = attrgetter(owner)(desk)
        call = getattr(target, attribute)

        def broken(*args: Any, **named: Any) -> Any:
            if not self._strikes(args):
                return call(*args, **named)
            if asyncio.iscoroutinefunction(call):
                return self._breaking(call(*args, **named), after=after)
            if after:
                call(*args, **named)
            raise self.error()

        self.monkeypatch.setattr(type(target), attribute, lambda mine, *args, **named: broken(*args, **named))

    async def _breaking(self, call: Any, *, after: bool) -> Any:
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


def titles(desk: Desk) -> dict[int, list[str]]:
    """What each channel holds."""
    of = {delivery.id: channel for channel, posted in desk.channels.posted.items() for delivery, _ in posted}
    found: dict[int, list[str]] = {ILL: [], WELL: []}
    for delivery_id, title in desk.channels.messages.values():
        found[of[delivery_id]].append(title)
    return found


async def story(desk: Desk) -> list[dict[int, list[str]]]:
    """Everything that can become of a message in the channel that is ill; gives what both held, step by step."""
    seen = []

    async def on(slug: str, hour: int, *, minutes: float = 5, **fields: object) -> None:
        desk.write(slug, publishedDateTime=f"2026-06-01T0{hour}:00:00Z", **fields)
        await desk.deliver(minutes=minutes)
        seen.append(titles(desk))

    make_ill(desk)
    await on("a", 1)
    await on("a", 1, title="Edited")
    await on("b", 2)
    await on("c", 3)
    await on("a", 1, removed="true")
    await on("d", 4, minutes=90)
    await on("d", 4, title="Mended")
    forget_mended(desk)
    for time in range(8):
        await on("d", 4, title=f"Mended again {time // 4}", minutes=30)
    return seen


AFTER_ALL = {ILL: ["Title of b", "Title of c"], WELL: ["Title of b", "Title of c", "Mended again 1"]}


def make_ill(desk: Desk) -> None:
    """The channel that is ill loses an answer, is closed twice, and refuses a card for its picture and its form."""
    closed = ChannelClosedError("I may not post there.")
    refused = CardRefusedError("400, code 50035")
    troubles: dict[str, list[DeliveryError]] = {
        "Title of a": [TryLaterError("the answer was lost")],
        "Title of b": [closed, closed],
        "Title of d": [CardRefusedError("400, code 50035", picture=True), refused],
    }
    post = desk.channels.post

    async def ill(delivery: Delivery, cards: Sequence[FiledCard], nonce: str) -> int:
        trouble = troubles.get(cards[0].card.title) if delivery.channel_id == ILL and cards else None
        error = trouble.pop(0) if trouble else None
        if error and not isinstance(error, TryLaterError):
            raise error
        message_id = await post(delivery, cards, nonce)
        if error:
            raise error
        return message_id

    desk.channels.post = ill  # type: ignore[method-assign]


def forget_mended(desk: Desk) -> None:
    """A moderator of the channel that is ill deletes a message."""
    of = {delivery.id: channel for channel, posted in desk.channels.posted.items() for delivery, _ in posted}
    for message_id, (delivery_id, title) in list(desk.channels.messages.items()):
        if title == "Mended" and of[delivery_id] == ILL:
            del desk.channels.messages[message_id]


@pytest.mark.parametrize(("error", "after"), [("locked", False), ("defect", True)])
@pytest.mark.parametrize("name", CALLS)
async def test_what_breaks_in_one_channel_is_made_good_and_hurts_no_other(
    desk: Desk, name: str, error: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _break(desk, name, error, after, monkeypatch)


@pytest.mark.parametrize("error", ["claim lost", "out of memory"])
@pytest.mark.parametrize("name", ["store.circuits.open", "store.deliveries.posted", "channels.tell"])
async def test_whatever_it_is_that_breaks(desk: Desk, name: str, error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await _break(desk, name, error, False, monkeypatch)


async def _break(desk: Desk, name: str, error: str, after: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    breakage = Breakage(monkeypatch, ERRORS[error])
    breakage.at(desk, name, after=after)
    seen = await story(desk)
    assert breakage.struck
    assert [held[WELL] for held in seen[:3]] == [["Title of a"], ["Edited"], ["Edited", "Title of b"]]
    # A moderator's deletion that struck while the message was not noted yet is made good by its next edit.
    assert seen[-1] == AFTER_ALL
    assert await desk.due() is None


@pytest.mark.parametrize("error", ["locked", "defect"])
async def test_notes_that_cannot_be_written_are_made_good_in_every_channel(
    desk: Desk, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, failures = desk.store.deliveries._ledger, [True, False, True, True, False, True]
    write = ledger._write

    async def breaking(*args: Any) -> Any:
        if failures and failures.pop():
            raise ERRORS[error]()
        return await write(*args)

    monkeypatch.setattr(ledger, "_write", breaking)
    seen = await story(desk)
    assert seen[-1] == AFTER_ALL


@pytest.mark.parametrize("error", ERRORS)
async def test_the_courier_goes_on_when_a_closed_channel_cannot_be_handled(
    desk: Desk, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Breakage(monkeypatch, ERRORS[error], times=1000).at(desk, "store.circuits.open")
    courier = Courier(desk.store, desk.channels, desk.clock, metrics=desk.metrics)
    make_ill(desk)
    running = asyncio.create_task(courier.run())
    for name in "ab":
        desk.write(name, publishedDateTime=f"2026-06-01T0{'ab'.index(name) + 1}:00:00Z")
        desk.clock.move(seconds=1)
        await desk.newsroom._loader.load(desk.clock(), accept_withdrawals=True)
        await desk.newsroom.plan()
        courier.wake()
        async with asyncio.timeout(20):
            while len(titles(desk)[WELL]) < "ab".index(name) + 1:
                await asyncio.sleep(0.01)
    assert not running.done()
    running.cancel()
    await asyncio.wait([running])
