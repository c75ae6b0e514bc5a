"""/help: what this person may do in this place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.render.limits import EMBED_TOTAL, count_total
from tests.support.stage import BotStage, open_stage

OWNERS_COMMANDS = {"status"}


def _command_groups(result: Any) -> dict[str | None, set[str]]:
    """The commands by group, mentioned or plain."""
    return {embed.title: set(_list_commands(embed)) for embed in result.response.embeds}


def _list_commands(embed: discord.Embed) -> list[str]:
    return re.findall(r"^(?:</|`/)([a-z ]+)", embed.description or "", re.MULTILINE)


def _named_commands(result: Any) -> set[str]:
    return set().union(*_command_groups(result).values())


async def _join_with(stage: BotStage, **permissions: bool) -> Any:
    role = stage.guild.create_role("some", permissions=discord.Permissions(**permissions))
    return stage.guild.add_member(stage.env.create_user("some"), roles=[role])


async def test_a_member_is_shown_what_is_for_everybody_and_how_to_start_it(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        result = await stage.member.slash(stage.news, "help")
        assert result.ephemeral
        assert list(_command_groups(result)) == ["Start here", "News", "Just for you"]
        assert _list_commands(result.response.embeds[2]) == [
            *("following", "unfollow", "saved list", "saved export", "privacy export", "privacy erase"),
        ]
        assert _command_groups(result)["Start here"] == {"latest", "search", "follow"}
        assert {
            "latest",
            "search",
            "topics",
            "trends",
            "card",
            "saved list",
            "follow",
            "privacy erase",
            "help",
        } <= _named_commands(result)
        text = result.response.embeds[0].description or ""
        (latest,) = [each for each in await stage.bot.tree.fetch_commands() if each.name == "latest"]
        assert f"</latest:{latest.id}> · Show the latest news" in text
        assert "*Apps → Find this card* on a message · " in (result.response.embeds[1].description or "")


@pytest.mark.parametrize(
    ("permission", "groups"),
    [
        ("manage_channels", {"Start here", "News", "Just for you", "Channels and feeds"}),
        ("manage_messages", {"Start here", "News", "Just for you", "Moderation"}),
        ("administrator", {"Start here", "News", "Just for you", "Channels and feeds", "Moderation"}),
    ],
)
async def test_each_sees_what_their_permissions_open(tmp_path: Path, permission: str, groups: set[str]) -> None:
    async with open_stage(tmp_path) as stage:
        person = await _join_with(stage, **{permission: True})
        assert set(_command_groups(await person.slash(stage.news, "help"))) == groups


async def test_an_owner_with_all_permissions_sees_every_command(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        owner = await _join_with(stage, administrator=True)
        stage.bot.owner_id = owner.id
        result = await owner.slash(stage.news, "help")
        walked = list(stage.bot.tree.walk_commands())
        every = {each.qualified_name for each in walked if not isinstance(each, discord.app_commands.Group)}
        assert _named_commands(result) == every
        assert _command_groups(result)["Bot owners"] == OWNERS_COMMANDS
        assert (
            count_total([discord.Embed.from_dict(embed.to_dict()) for embed in result.response.embeds]) <= EMBED_TOTAL
        )


async def test_an_overwrite_of_the_channel_counts(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        here = {stage.member: discord.PermissionOverwrite(manage_messages=True)}
        channel = stage.guild.create_text_channel("mine", overwrites=here)
        assert "Moderation" in _command_groups(await stage.member.slash(channel, "help"))
        assert "Moderation" not in _command_groups(await stage.member.slash(stage.news, "help"))


async def test_a_direct_message_has_no_commands_of_servers(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        assert list(_command_groups(await stage.admin.user.slash("help"))) == ["Start here", "News", "Just for you"]


async def test_the_ids_are_asked_for_once_and_done_without_while_discord_refuses(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        at_start = len(command_requests(stage))
        stage.env.inject_error("GET", "/applications/*/commands*", status=500, code=0, message="no", times=1)
        plain = await stage.member.slash(stage.news, "help")
        assert "`/latest` · Show the latest news" in (plain.response.embeds[0].description or "")
        for _ in range(2):
            mentioned = await stage.member.slash(stage.news, "help")
            assert "</latest:" in (mentioned.response.embeds[0].description or "")
        assert len(command_requests(stage)) == at_start + 2


def command_requests(stage: BotStage) -> list[str]:
    """The requests for the registered commands so far."""
    return [each.path for each in stage.env.http_requests if each.method == "GET" and each.path.endswith("/commands")]
