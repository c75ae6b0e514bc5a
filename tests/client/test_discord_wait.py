"""A login that Discord, or the way to it, does not let through at first, on loopback; and what is no use to repeat."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest

import bot.client.bot
from bot.app import open_bot
from bot.client import discord_wait
from bot.client.bot import NewsBot
from bot.client.discord_wait import DiscordWait
from bot.clock import utc_now
from bot.delivery.gate import Gate
from bot.errors import DiscordUnreachableError
from bot.monitor import Monitor
from bot.settings import load_settings
from bot.store import Store
from tests.wire.client import ANY, WireDiscord

_HOST = "discord.example"


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discord_wait, "retry_delay", lambda *_: timedelta(0))


@pytest.fixture
async def news_bot(wire: WireDiscord, tmp_path: Path) -> AsyncIterator[NewsBot]:
    (tmp_path / "cards").mkdir()
    settings = load_settings(
        _env_file=None,
        database_url=f"sqlite+aiosqlite:///{tmp_path / 'test.db'}",
        cards=tmp_path / "cards",
        discord_api=wire.address.api,
    )
    async with open_bot(settings, background=False) as opened:
        yield opened


@pytest.fixture
def wait(store: Store) -> DiscordWait:
    return DiscordWait(Gate(utc_now), store.health, utc_now)


def _log_in(news_bot: NewsBot) -> asyncio.Task[None]:
    return asyncio.create_task(news_bot.discord_wait.retry(lambda: news_bot.login("a.test.token"), alone=True))


@pytest.mark.parametrize(
    ("fault", "path"),
    [
        *((fault, "/users/@me$") for fault in ("503", "page_503", "page_403", "page_404", "page_429", "login_page")),
        ("503", "/applications/@me$"),
        ("page_503", "/commands$"),
        ("reset", "/commands$"),
    ],
)
async def test_a_fault_on_the_way_is_waited_out(
    news_bot: NewsBot, wire: WireDiscord, caplog: pytest.LogCaptureFixture, fault: str, path: str
) -> None:
    await wire.add_fault(fault, "*", path)
    await _log_in(news_bot)
    assert news_bot.is_closed() is False
    assert news_bot.application_id
    assert len(await wire.list_commands()) > 5
    told = [record.message for record in caplog.records if record.name == discord_wait.__name__]
    if fault != "reset":  # aiohttp itself repeats it
        assert told[0].startswith("Waiting for Discord: "), told
        assert told[1:] == ["Discord answers again"]
    assert "Unclosed" not in caplog.text


async def test_a_name_that_is_not_found_yet_is_waited_for(
    news_bot: NewsBot, wire: WireDiscord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[object] = []
    look_up = socket.getaddrinfo

    def fail_twice(host: Any, *rest: Any, **more: Any) -> Any:
        if host != _HOST:
            return look_up(host, *rest, **more)
        asked.append(host)
        if len(asked) <= 2:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return look_up("127.0.0.1", *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", fail_twice)
    monkeypatch.setattr(discord.http.Route, "BASE", wire.address.api.replace("127.0.0.1", _HOST))
    await _log_in(news_bot)
    assert len(asked) >= 3
    assert f"Waiting for Discord: Cannot connect to host {_HOST}" in caplog.text


async def test_no_answer_at_all_is_waited_out(
    news_bot: NewsBot, wire: WireDiscord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bot.client.bot, "_LONGEST_LOGIN", 0.2)
    await wire.add_fault("stall", "GET", "/users/@me$", times=ANY, seconds=60)
    login = _log_in(news_bot)
    while "Waiting for Discord: no answer in time" not in caplog.text:
        await asyncio.sleep(0.02)
    monkeypatch.setattr(bot.client.bot, "_LONGEST_LOGIN", 60)
    await wire.clear_faults()
    await login


async def test_meanwhile_the_store_and_the_monitor_say_so(news_bot: NewsBot, wire: WireDiscord) -> None:
    await wire.add_fault("page_503", "GET", "/users/@me$", times=ANY)
    login = _log_in(news_bot)
    while not (troubles := (await news_bot.store.health.read_heartbeats(news_bot.clock())).troubles):
        await asyncio.sleep(0.02)
    expected = {"discord": "waiting for Discord: page (503): Just a moment"}
    assert list(troubles.values()) == [expected]
    assert (await Monitor(news_bot).find_problems())["discord"] == expected["discord"]
    await wire.clear_faults()
    await login
    assert (await news_bot.store.health.read_heartbeats(news_bot.clock())).troubles == {}
    assert "discord" not in await Monitor(news_bot).find_problems()


async def test_the_limit_ends_it_with_the_reason(wait: DiscordWait, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discord_wait, "LIMIT", 0.3)

    async def fail() -> None:
        raise ConnectionRefusedError("nobody listens there")

    with pytest.raises(DiscordUnreachableError, match="nobody listens there") as caught:
        await wait.retry(fail, alone=True)
    assert caught.value.exit_code == 1
    assert (await wait._health.read_heartbeats(utc_now())).troubles == {}


class _Answer:
    """The part of aiohttp's answer that discord.py's errors look at."""

    def __init__(self, status: int) -> None:
        self.status, self.reason = status, "Because"


def _http_error(status: int) -> discord.HTTPException:
    return discord.HTTPException(_Answer(status), {"code": 0, "message": "no"})


def _gateway_error(status: int) -> discord.GatewayNotFound:
    error = discord.GatewayNotFound()  # type: ignore[no-untyped-call]
    error.__cause__ = _http_error(status)
    return error


@pytest.mark.parametrize(
    "error",
    [discord.LoginFailure("no"), discord.PrivilegedIntentsRequired(None), _http_error(401), _http_error(404),
     _gateway_error(401)],
    ids=repr,
)  # fmt: skip
async def test_what_discord_refuses_is_not_repeated(wait: DiscordWait, error: Exception) -> None:
    attempts = 0

    async def fail() -> None:
        nonlocal attempts
        attempts += 1
        raise error

    with pytest.raises(type(error)):
        await wait.retry(fail, alone=True)
    assert attempts == 1


@pytest.mark.parametrize(
    "error",
    [_http_error(429), _http_error(500), _gateway_error(502), discord.RateLimited(0.1), TimeoutError(), OSError("no"),
     aiohttp.ClientError("no"), ValueError("no JSON")],
    ids=repr,
)  # fmt: skip
async def test_what_may_pass_is_repeated(wait: DiscordWait, error: Exception) -> None:
    errors = [error]

    async def fail_once() -> str:
        if errors:
            raise errors.pop()
        return "done"

    assert await wait.retry(fail_once, alone=False) == "done"


async def test_a_pause_is_never_shorter_than_discord_asks_for(
    wait: DiscordWait, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wait._find_pause(1, OSError()) == timedelta(0)
    assert wait._find_pause(1, discord.RateLimited(90)) == timedelta(seconds=90)
    monkeypatch.setattr(discord_wait, "retry_delay", lambda *_: timedelta(hours=1))
    assert wait._find_pause(1, OSError()) == timedelta(minutes=1)
    wait._gate.shut_gate("page (429)", timedelta(minutes=5))
    assert timedelta(minutes=4) < wait._find_pause(1, OSError()) <= timedelta(minutes=5)
