"""Frames that no Discord should send: each is repaired or skipped, and the bot goes on."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
import logging
import zlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import discord
import discord.shard
import pytest
from discord import utils
from discord.gateway import DiscordWebSocket

from bot.app import open_bot
from bot.client.bot import NewsBot
from bot.client.gateway_frames import ForgivingWebSocket, _repair_text
from bot.settings import load_settings
from tests.support.polling import PATIENCE
from tests.support.scrape import parse_samples
from tests.support.stores import new_database
from tests.wire.client import WireDiscord
from tests.wire.sample_bot import run_client

pytestmark = pytest.mark.filterwarnings("ignore:'audioop' is deprecated:DeprecationWarning")


def _make_event(name: str, data: str, sequence: str = "null") -> str:
    return f'{{"op":0,"s":{sequence},"t":"{name}","d":{data}}}'


_EVENTS = (
    "GUILD_CREATE", "GUILD_UPDATE", "GUILD_DELETE", "GUILD_ROLE_CREATE", "GUILD_ROLE_UPDATE", "GUILD_ROLE_DELETE",
    "CHANNEL_CREATE", "CHANNEL_UPDATE", "CHANNEL_DELETE", "THREAD_CREATE", "THREAD_UPDATE", "THREAD_DELETE",
    "THREAD_LIST_SYNC", "MESSAGE_CREATE", "MESSAGE_DELETE", "INTERACTION_CREATE", "USER_UPDATE", "PRESENCE_UPDATE",
    "GUILD_MEMBER_ADD", "GUILD_MEMBER_UPDATE", "GUILD_EMOJIS_UPDATE", "INTEGRATION_CREATE", "WEBHOOKS_UPDATE",
)  # fmt: skip
_BODIES = ("null", "{}", "[]", "7", '"text"', '{"id":null}', '{"id":{},"guild_id":[]}', '{"id":"x","type":"y"}')
UNREADABLE: dict[str, str | bytes] = {
    "nothing": "",
    "a word": "hello",
    "half an object": '{"op":0,"t":"GUILD_CREATE","d":{"id":"1"',
    "two objects": '{"op":11}{"op":11}',
    "null": "null",
    "a list": "[1,2,3]",
    "a number": "17",
    "a text": '"op"',
    "not a number": '{"op":0,"t":"X","d":NaN,"s":null}',
    "deep": "[" * 100_000,
    "deep and closed": '{"op":0,"s":null,"t":"X","d":' + "[" * 5000 + "]" * 5000 + "}",
    "a page": "<html><head><title>502 Bad Gateway</title></head></html>",
    "Latin-1": '{"op":0,"t":"é"}'.encode("latin-1"),
    "bytes": bytes(range(256)),
    "NUL": "\0",
    "control characters": '{"op":11,"d":"\x01"}',
}
HALF: dict[str, str] = {
    "unknown event": _make_event("SOMETHING_NEW", '{"name":"\\ud800"}'),
    "low half": _make_event("SOMETHING_NEW", '{"name":"\\udc00 and more"}'),
    "reversed": _make_event("SOMETHING_NEW", '{"name":"\\udc00\\ud800"}'),
    "in a key": _make_event("SOMETHING_NEW", '{"\\ud83d":1}'),
    "upper case": _make_event("SOMETHING_NEW", '{"name":"\\uDBFF"}'),
    "beside whole ones": _make_event("SOMETHING_NEW", '{"name":"\\ud83d\\ude00 \\ud83d"}'),
    "acknowledgement": '{"op":11,"d":"\\ud800"}',
}
ODD: dict[str, str] = {
    "empty object": "{}",
    "unknown op": '{"op":99,"d":null}',
    "op a text": '{"op":"0","d":null}',
    "op null": '{"op":null}',
    "op a list": '{"op":[0]}',
    "event a number": '{"op":0,"t":5,"d":{},"s":null}',
    "event a list": '{"op":0,"t":["GUILD_CREATE"],"d":{},"s":null}',
    "no event": '{"op":0,"d":{},"s":null}',
    "no data": '{"op":0,"t":"GUILD_CREATE","s":null}',
    "sequence a text": _make_event("SOMETHING_NEW", "{}", '"abc"'),
    "sequence a list": _make_event("SOMETHING_NEW", "{}", "[1]"),
    "sequence a fraction": _make_event("SOMETHING_NEW", "{}", "1.5"),
    "sequence true": _make_event("SOMETHING_NEW", "{}", "true"),
    "resumed without data": _make_event("RESUMED", "null"),
    "large": _make_event("SOMETHING_NEW", json.dumps("x" * 400_000)),
}


@pytest.fixture
async def bot(wire: WireDiscord, tmp_path: Path) -> AsyncIterator[NewsBot]:
    (tmp_path / "cards").mkdir()
    settings = load_settings(
        _env_file=None,
        database_url=new_database(tmp_path / "frames.db"),
        cards=tmp_path / "cards",
        discord_api=wire.address.api,
        watch=False,
    )
    await wire.add_guild("text")
    async with open_bot(settings, background=False) as bot, run_client(bot, "a.test.token"):
        yield bot


async def _until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.01)


def _count_skipped(bot: NewsBot) -> float:
    found = parse_samples(bot.metrics.render_text().decode())
    return sum(found[f'newsdesk_gateway_frames_skipped_total{{reason="{why}"}}'] for why in ("unreadable", "malformed"))


async def _assert_still_receives(wire: WireDiscord, bot: NewsBot, sessions: int = 1) -> None:
    """What comes after the frame is received, in the same session."""
    guild = await wire.add_guild("text")
    await _until(lambda: bot.get_guild(guild.id))
    assert bot.is_ready()
    assert (await wire.get_status()).identified == sessions


async def test_what_cannot_be_read_is_left_out_and_counted(wire: WireDiscord, bot: NewsBot) -> None:
    for number, (name, frame) in enumerate(UNREADABLE.items(), start=1):
        assert await wire.frame(frame) == 1
        async with asyncio.timeout(PATIENCE):
            while _count_skipped(bot) < number:
                await asyncio.sleep(0.01)
        assert not bot.is_closed(), name
    await _assert_still_receives(wire, bot)


@pytest.mark.parametrize("with_orjson", [True, False])
async def test_half_characters_are_mended(
    wire: WireDiscord, bot: NewsBot, monkeypatch: pytest.MonkeyPatch, with_orjson: bool
) -> None:
    if not with_orjson:
        monkeypatch.setattr(utils, "HAS_ORJSON", False)
        monkeypatch.setattr(utils, "_from_json", json.loads)
    for frame in HALF.values():
        await wire.frame(frame)
    await _assert_still_receives(wire, bot)
    assert _count_skipped(bot) == 0
    guild = bot.guilds[0]
    renamed = {"id": str(guild.id), "name": "half \ud83d whole \U0001f600", "owner_id": "1"}
    await wire.frame(_make_event("GUILD_UPDATE", json.dumps(renamed)))
    await _until(lambda: guild.name != "server-1")
    assert guild.name == "half ? whole \U0001f600"


async def test_events_that_lack_what_they_should_have_are_left_out(wire: WireDiscord, bot: NewsBot) -> None:
    for name in _EVENTS:
        for body in _BODIES:
            await wire.frame(_make_event(name, body))
    await _assert_still_receives(wire, bot)
    assert _count_skipped(bot) > len(_EVENTS)


async def test_odd_packets_are_left_out_and_the_sequence_stays_a_number(wire: WireDiscord, bot: NewsBot) -> None:
    for name, frame in ODD.items():
        await wire.frame(frame)
        await _assert_still_receives(wire, bot)
        assert type(bot._get_websocket(shard_id=0).sequence) is int, name
    await wire.command_gateway("drop")
    await _until(lambda: bot.is_ready())
    async with asyncio.timeout(PATIENCE):
        while not (await wire.get_status()).resumed:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "frame",
    [
        b"garbage\x00\x00\xff\xff",
        b"\x00\x00\xff\xff" * 3,
        zlib.compress(b'{"op":11}') + b"\x00\x00\xff\xff",
        b'{"op":11}\x00\x00\xff\xff',
    ],
)
async def test_a_broken_stream_is_begun_anew(wire: WireDiscord, bot: NewsBot, frame: bytes) -> None:
    await wire.frame(frame, packed=False)
    async with asyncio.timeout(PATIENCE):
        while (await wire.get_status()).identified < 2:
            await wire.add_guild("text")  # whatever comes next shows that nothing can be read
            await asyncio.sleep(0.2)
    await _until(bot.is_ready)
    await _assert_still_receives(wire, bot, sessions=2)


@pytest.mark.parametrize("data", ["null", "{}", '{"session_id":5}', "[]"])
async def test_a_session_whose_beginning_cannot_be_read_is_begun_anew(
    wire: WireDiscord, bot: NewsBot, data: str
) -> None:
    await wire.frame(_make_event("READY", data, "1"))
    async with asyncio.timeout(PATIENCE):
        while (await wire.get_status()).identified < 2:
            await asyncio.sleep(0.02)
    await _until(bot.is_ready)
    assert not bot.is_closed()


async def test_the_log_names_each_kind_once_and_nothing_of_what_it_held(
    wire: WireDiscord, bot: NewsBot, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "bot.client.gateway_frames"):
        for _ in range(5):
            await wire.frame(_make_event("CHANNEL_UPDATE", '{"secret words":1}'))
            await wire.frame("secret words")
        await _until(lambda: _count_skipped(bot) == 10)
    lines = [record.message for record in caplog.records if record.name == "bot.client.gateway_frames"]
    assert len(lines) == 2
    assert any("CHANNEL_UPDATE" in line for line in lines)
    assert "secret" not in " ".join(lines)


def test_mending_changes_nothing_but_half_characters() -> None:
    whole = {"a": "\U0001f600 \\ud800 é\n", "b": [1, 2.5, None, True], "c": {"d": ""}}
    assert json.loads(_repair_text(json.dumps(whole)) or "") == whole
    assert json.loads(_repair_text('{"a":"\\\\ud800 \\ud800"}') or "") == {"a": "\\ud800 ?"}
    assert _repair_text("[" * 100_000) is None


def test_upstream_is_as_it_was_read() -> None:
    """What is overridden is private: a new discord.py may do it otherwise. Read it again, then note the new digest."""
    source = inspect.getsource(DiscordWebSocket.received_message)
    assert (
        hashlib.sha256(source.encode()).hexdigest()
        == "62c9f5ec6596dfef517af14f3fd8c46fd5d68ccb8674893901dfd5944f463b94"
    )
    assert issubclass(ForgivingWebSocket, DiscordWebSocket)
    assert "DiscordWebSocket.from_client" in inspect.getsource(discord.shard.Shard)
    assert "DiscordWebSocket.from_client" in inspect.getsource(discord.AutoShardedClient.launch_shard)
    assert "_handled_exceptions" in inspect.getsource(discord.shard.Shard.worker)
    assert issubclass(ConnectionError, OSError), "which is among them"
