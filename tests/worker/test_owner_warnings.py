"""Owners are warned of a mass withdrawal until each of them knows, and holds no plan up meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest

from bot.client.bot import NewsBot
from bot.ui.owner_actions import warn_owners
from tests.support.stage import open_stage
from tests.support.worker import WorkerHarness, open_harness


def _http_error(status: int) -> Any:
    return SimpleNamespace(status=status, reason="no", headers={})


FAILURES: dict[str, Exception] = {
    "500": discord.DiscordServerError(_http_error(500), "away"),
    "429": discord.HTTPException(_http_error(429), "slowly"),
    "400": discord.HTTPException(_http_error(400), "no"),
    "disconnected": aiohttp.ServerDisconnectedError(),
    "no payload": aiohttp.ClientPayloadError(),
    "timeout": TimeoutError(),
    "reset": ConnectionResetError(),
    "not JSON": ValueError("unexpected character"),
}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    async with open_harness(tmp_path) as desk:
        yield desk


async def _load_holding_back(desk: WorkerHarness) -> None:
    """As a load that finds most cards gone; what a load does with files is tried elsewhere."""
    read = desk.pipeline.load_sources

    async def held(**options: Any) -> Any:
        report = await read(**options)
        report.held_back = desk.pipeline.held_back = 30
        return report

    desk.pipeline.load_sources = held  # type: ignore[method-assign]
    try:
        await desk.worker.load_cards()
    finally:
        desk.pipeline.load_sources = read  # type: ignore[method-assign]


@pytest.mark.parametrize("failure", [*FAILURES.values(), RuntimeError("a defect")], ids=repr)
async def test_a_warning_that_fails_stops_no_plan_and_comes_with_a_later_load(
    desk: WorkerHarness, failure: Exception
) -> None:
    tries: list[int] = []

    async def warn(held_back: int, messages: set[int]) -> bool:
        tries.append(held_back)
        if len(tries) < 3:
            raise failure
        messages.add(1)
        return True

    desk.worker.warn_owners = warn
    await desk.store.subscriptions.add_subscription(guild_id=1, channel_id=2, created_by=7, now=desk.clock())
    desk.clock.advance(seconds=1)
    desk.write_card("one")
    for count in (1, 2, 3):
        await _load_holding_back(desk)
        while len(tries) < count:
            await asyncio.sleep(0.005)
    await desk.pipeline.courier.deliver_due()
    assert desk.channels.titles == ["Title of one"]
    await _load_holding_back(desk)
    await asyncio.sleep(0.05)
    assert len(tries) == 3, "they know"
    await desk.worker.stop()


async def test_a_warning_that_hangs_holds_no_load_up(desk: WorkerHarness) -> None:
    async def warn(_held_back: int, _told: set[int]) -> bool:
        await asyncio.Event().wait()
        return True

    desk.worker.warn_owners = warn
    for _ in range(3):
        await _load_holding_back(desk)
    await desk.worker.stop()


class _OwnerMailboxes:
    """Owners whose direct messages fail on command."""

    def __init__(self, bot: NewsBot, monkeypatch: pytest.MonkeyPatch, info: Any) -> None:
        self.got: list[int] = []
        self.fail: dict[int, Exception] = {}
        self.info = info
        monkeypatch.setattr(bot, "application_info", self._info)
        monkeypatch.setattr(bot, "fetch_user", self._user)

    async def _info(self) -> Any:
        if isinstance(self.info, Exception):
            raise self.info
        return self.info

    async def _user(self, number: int) -> Any:
        async def send(*_: object, **__: object) -> None:
            if number in self.fail:
                raise self.fail[number]
            self.got.append(number)

        return SimpleNamespace(send=send)


def _team_member(number: int, state: str = "accepted", role: str = "developer") -> Any:
    return SimpleNamespace(
        id=number, membership_state=discord.TeamMembershipState[state], role=discord.TeamMemberRole[role]
    )


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
async def test_each_owner_of_a_team_is_told_once_whatever_happens_to_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    team = [
        _team_member(1),
        _team_member(2, role="admin"),
        _team_member(3),
        _team_member(4, "invited"),
        _team_member(5, role="read_only"),
    ]
    async with open_stage(tmp_path) as stage:
        boxes = _OwnerMailboxes(stage.bot, monkeypatch, failure)
        messages: set[int] = set()
        assert not await warn_owners(stage.bot, 30, messages)
        boxes.info = SimpleNamespace(team=SimpleNamespace(members=team), owner=_team_member(9))
        boxes.fail = {1: failure, 3: discord.Forbidden(_http_error(403), {"code": 50007, "message": "closed"})}
        assert not await warn_owners(stage.bot, 30, messages)
        assert boxes.got == [2]
        boxes.fail = {}
        assert await warn_owners(stage.bot, 30, messages)
        assert boxes.got == [2, 1]
