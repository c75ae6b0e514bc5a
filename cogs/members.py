"""Commands for a member's own data: saved cards, personal digests, privacy."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.gateway import suggestions
from bot.gateway.acknowledgement import answer
from bot.gateway.catching_up import catch_up, has_read
from bot.gateway.client import NewsBot
from bot.gateway.following import follow, followed_topics, following, tell_of_rest, unfollow
from bot.gateway.members import erase_reply, export_reply, saved_reply
from bot.gateway.turning import listed
from bot.render.saved import Form
from cogs.reading import ReadingCommands

Interaction = discord.Interaction[NewsBot]
Topic = app_commands.Range[str, 1, 100]
Times = app_commands.Range[str, 0, 100]
_FORMS = [
    app_commands.Choice(name="Markdown: text with links", value=str(Form.MARKDOWN)),
    app_commands.Choice(name="CSV: a table for a spreadsheet", value=str(Form.CSV)),
]


class MemberCommands(commands.Cog):
    """/catchup; /follow, /unfollow, /following; /saved list, export; /privacy export, erase."""

    saved = app_commands.Group(name="saved", description="The cards that you saved")
    privacy = app_commands.Group(name="privacy", description="What is stored about you")

    def __init__(self, bot: NewsBot) -> None:
        self.bot = bot

    @commands.Cog.listener()
    async def on_app_command_completion(self, interaction: Interaction, command: object) -> None:
        if isinstance(getattr(command, "binding", None), ReadingCommands):
            await has_read(interaction)
        await tell_of_rest(interaction)

    @app_commands.command(description="What you have missed here since you last read, best first")
    async def catchup(self, interaction: Interaction) -> None:
        await answer(interaction, **await catch_up(interaction))

    @app_commands.command(description="Get new cards about a topic as a digest of your own, in your direct messages")
    @app_commands.describe(
        topic="One topic; use the command again for more",
        at="When it comes, such as 8:00; 8:00 when left out",
        timezone="Your time zone, such as Europe/Berlin; this server's when left out",
    )
    @app_commands.autocomplete(topic=suggestions.topics, timezone=suggestions.time_zones)
    @app_commands.guild_only()
    async def follow(
        self, interaction: Interaction, topic: Topic, at: Times | None = None, timezone: Times | None = None
    ) -> None:
        await answer(interaction, await follow(interaction, topic, at, timezone))

    @app_commands.command(description="Take a topic off your own digest")
    @app_commands.describe(topic="One that you follow")
    @app_commands.autocomplete(topic=followed_topics)
    @app_commands.guild_only()
    async def unfollow(self, interaction: Interaction, topic: Topic) -> None:
        await answer(interaction, await unfollow(interaction, topic))

    @app_commands.command(description="What you follow here, and when it comes; wakes your digest when it rests")
    @app_commands.guild_only()
    async def following(self, interaction: Interaction) -> None:
        await answer(interaction, await following(interaction))

    @saved.command(name="list", description="The cards that you saved, newest first")
    async def saved_list(self, interaction: Interaction) -> None:
        await answer(interaction, **await listed(interaction, {"kind": "saved"}))

    @saved.command(name="export", description="The cards that you saved, as a file")
    @app_commands.describe(form="What to read it with")
    @app_commands.choices(form=_FORMS)
    async def saved_export(self, interaction: Interaction, form: str = Form.MARKDOWN) -> None:
        await answer(interaction, **await saved_reply(interaction, Form(form)))

    @privacy.command(name="export", description="Everything that is stored about you, as a file")
    async def privacy_export(self, interaction: Interaction) -> None:
        await answer(interaction, **await export_reply(interaction))

    @privacy.command(name="erase", description="Delete what is stored about you; you are asked once more")
    async def privacy_erase(self, interaction: Interaction) -> None:
        await answer(interaction, **await erase_reply(interaction))
