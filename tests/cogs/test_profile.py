"""/newsdesk profile: the bot's name and pictures in one server."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import discord
import pytest
from PIL import Image

from bot.ui.profile import MAX_PICTURE
from tests.support.stage import BotStage, open_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[BotStage]:
    async with open_stage(tmp_path) as opened:
        yield opened


@pytest.fixture
def sent(stage: BotStage, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What Discord is asked to change; simcord knows of no pictures."""
    requests: list[dict[str, Any]] = []

    async def edit_my_member(guild_id: int, *, reason: str | None, **fields: Any) -> dict[str, Any]:
        assert guild_id == stage.guild.id
        requests.append(fields | {"reason": reason})
        return {"user": {"id": "1", "username": "bot", "discriminator": "0", "avatar": None}, "roles": [], "flags": 0}

    monkeypatch.setattr(stage.bot.http, "edit_my_member", edit_my_member)
    return requests


def make_picture(form: str = "PNG") -> bytes:
    content = BytesIO()
    Image.new("RGB", (2, 2)).save(content, form)
    return content.getvalue()


async def change(stage: BotStage, **options: Any) -> str:
    return str((await stage.admin.slash(stage.news, "newsdesk profile", **options)).response.content)


async def test_the_name_is_this_servers(stage: BotStage) -> None:
    assert await change(stage, name="The Herald") == "My profile in this server is changed."
    guild = stage.bot.guilds[0]
    assert (await guild.fetch_member(guild.me.id)).nick == "The Herald"


async def test_pictures_are_sent_on(stage: BotStage, sent: list[dict[str, Any]]) -> None:
    picture = make_picture()
    assert "changed" in await change(stage, avatar=("a.png", picture), banner=("b.gif", make_picture("GIF")))
    (request,) = sent
    assert request.keys() == {"avatar", "banner", "reason"}
    assert request["avatar"] == f"data:image/png;base64,{base64.b64encode(picture).decode()}"
    assert request["banner"].startswith("data:image/gif;base64,")


async def test_a_reset_takes_back_all_of_it(stage: BotStage, sent: list[dict[str, Any]]) -> None:
    assert await change(stage, reset=True) == "I have my own name and pictures again."
    assert [request | {"reason": ""} for request in sent] == [
        {"nick": "", "avatar": None, "banner": None, "reason": ""}
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "Give me a name"),
        ({"avatar": ("a.txt", b"words")}, "must be a PNG"),
        ({"avatar": ("a.png", b"words")}, "must be a PNG"),
        ({"banner": ("a.png", b"x" * (MAX_PICTURE + 1))}, "larger than 8 MB"),
    ],
)
async def test_what_is_no_picture_is_refused(
    stage: BotStage, sent: list[dict[str, Any]], options: dict[str, Any], words: str
) -> None:
    assert words in await change(stage, **options)
    assert not sent


@pytest.mark.parametrize(
    ("status", "code", "words"), [(403, 50013, "Change Nickname"), (400, 50035, "Discord refused the name or picture")]
)
async def test_what_discord_refuses_is_said(
    stage: BotStage, monkeypatch: pytest.MonkeyPatch, status: int, code: int, words: str
) -> None:
    async def refuse(*_: Any, **__: Any) -> None:
        kind = discord.Forbidden if status == 403 else discord.HTTPException
        answer: Any = type("Answer", (), {"status": status, "reason": "no"})
        raise kind(answer, {"code": code, "message": "no"})

    monkeypatch.setattr(stage.bot.http, "edit_my_member", refuse)
    assert words in await change(stage, name="Herald")
