"""A real discord.py bot, unmodified, that the tests of this folder run against the server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from tests.wire.client import WireDiscord
from tests.wire.permissions import BOT, Permission


class AgainButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"again:(?P<times>[0-9]+)"):
    """A button that works on any message that carries it, also after a restart."""

    def __init__(self, times: int) -> None:
        super().__init__(discord.ui.Button(label="Again", custom_id=f"again:{times}"))
        self.times = times

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: Any, /
    ) -> "AgainButton":
        return cls(int(match["times"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        view = discord.ui.View(timeout=None).add_item(AgainButton(self.times + 1))
        await interaction.response.edit_message(content=f"pressed {self.times}", view=view)


class ReasonModal(discord.ui.Modal, title="Why?"):
    """A modal with one field."""

    why: discord.ui.TextInput[Any] = discord.ui.TextInput(label="Why", custom_id="why", max_length=20)

    async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
        await interaction.response.send_message(f"because {self.why.value}", ephemeral=True)


class SampleBot(commands.Bot):
    """Counts what it hears; ``resumes`` and ``readies`` are the times its session was resumed and was started again."""

    def __init__(self) -> None:
        intents = discord.Intents(guilds=True, guild_messages=True)
        super().__init__("!", intents=intents, guild_ready_timeout=0.05, max_ratelimit_timeout=60.0)
        self.received: list[int] = []
        self.resumes = 0
        self.readies = 0

    async def setup_hook(self) -> None:
        self.add_dynamic_items(AgainButton)
        _add_commands(self.tree)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Does without the five seconds that the library waits before it identifies again."""

    async def on_message(self, message: discord.Message) -> None:
        self.received.append(message.id)

    async def on_resumed(self) -> None:
        self.resumes += 1

    async def on_ready(self) -> None:
        self.readies += 1


def _add_commands(tree: app_commands.CommandTree[Any]) -> None:
    @tree.command(description="Greets")
    async def hello(interaction: discord.Interaction[Any], name: str) -> None:
        view = discord.ui.View(timeout=None).add_item(AgainButton(1))
        await interaction.response.send_message(f"hello {name}", view=view)

    @tree.command(description="Takes its time")
    async def slow(interaction: discord.Interaction[Any]) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await interaction.followup.send(embed=discord.Embed(title="at last"))
        await interaction.followup.send("and more", ephemeral=True)

    @tree.command(description="Asks back")
    async def ask(interaction: discord.Interaction[Any]) -> None:
        await interaction.response.send_modal(ReasonModal())

    group = app_commands.Group(
        name="digest", description="Digests", default_permissions=discord.Permissions(manage_channels=True)
    )

    @group.command(description="Adds one")
    async def add(
        interaction: discord.Interaction[Any],
        channel: discord.TextChannel | discord.Thread,
        count: app_commands.Range[int, 1, 10],
        topic: str = "all",
    ) -> None:
        may = channel.permissions_for(interaction.guild.me).send_messages  # type: ignore[union-attr]
        await interaction.response.send_message(f"{channel.name} {count} {topic} {may}")

    @add.autocomplete("topic")
    async def topics(interaction: discord.Interaction[Any], typed: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=each, value=each) for each in ("cloud", "code") if typed in each]

    tree.add_command(group)


@asynccontextmanager
async def run_client(bot: discord.Client, token: str = "token") -> AsyncIterator[None]:
    """Runs a bot until the block ends; what ends it early is raised here."""
    task = asyncio.create_task(bot.start(token))
    ready = asyncio.create_task(_wait_until_ready(bot, task))
    try:
        await asyncio.wait_for(ready, 10)
        yield
    finally:
        await bot.close()
        await asyncio.wait([task])


async def _wait_until_ready(bot: discord.Client, task: asyncio.Task[None]) -> None:
    while not bot.is_ready():
        if task.done():
            await task
        await asyncio.sleep(0.01)


def manage_threads_permissions() -> int:
    """What the bot may do, and manage threads besides."""
    return int(BOT | Permission.MANAGE_THREADS)


async def forum_channel(wire: WireDiscord, client: discord.Client, **more: Any) -> discord.ForumChannel:
    """The forum of a new guild, with the tags *cloud* and *code* unless given others."""
    guild = await wire.add_guild("forum", **({"tags": ["cloud", "code"]} | more))
    channel = await client.fetch_channel(guild.channels[0].id)
    assert isinstance(channel, discord.ForumChannel)
    return channel


async def text_channel(wire: WireDiscord, client: discord.Client) -> discord.TextChannel:
    """The text channel of a new guild, as a client that is only logged in gets to know it."""
    guild = await wire.add_guild()
    channel = await client.fetch_channel(guild.channels[0].id)
    assert isinstance(channel, discord.TextChannel)
    return channel
