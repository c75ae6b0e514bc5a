"""Commands for a member's own data: saved cards, personal digests, privacy."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.client.acknowledgement import answer_interaction
from bot.client.bot import Interaction, NewsBot
from bot.render.saved_export import ExportFormat
from bot.ui import autocomplete
from bot.ui.catch_up import show_catch_up
from bot.ui.page_requests import SavedRequest
from bot.ui.pagination import first_page
from bot.ui.personal_digest import (
    complete_followed_topics,
    describe_following,
    follow_topic,
    notify_of_pause,
    unfollow_topic,
)
from bot.ui.privacy import build_erase_reply, build_export_reply, build_saved_reply

Topic = app_commands.Range[str, 1, 100]
Times = app_commands.Range[str, 0, 100]
_FORMS = [
    app_commands.Choice(name="Markdown: text with links", value=str(ExportFormat.MARKDOWN)),
    app_commands.Choice(name="CSV: a table for a spreadsheet", value=str(ExportFormat.CSV)),
]


class PersonalCommands(commands.Cog):
    """/catchup; /follow, /unfollow, /following; /saved list, export; /privacy export, erase."""

    saved = app_commands.Group(name="saved", description="The cards that you saved")
    privacy = app_commands.Group(name="privacy", description="What is stored about you")

    def __init__(self, bot: NewsBot) -> None:
        self.bot = bot

    @commands.Cog.listener()
    async def on_app_command_completion(self, interaction: Interaction, _command: object) -> None:
        # The bot cannot write to a member with closed direct messages: the next reply is the first chance to say so.
        await notify_of_pause(interaction)

    @app_commands.command(description="What you have missed here since you last read, best first")
    async def catchup(self, interaction: Interaction) -> None:
        await answer_interaction(interaction, **await show_catch_up(interaction))

    @app_commands.command(description="Get new cards about a topic as a digest of your own, in your direct messages")
    @app_commands.describe(
        topic="One topic; use the command again for more",
        at="When it comes, such as 8:00; 8:00 when left out",
        timezone="Your time zone, such as Europe/Berlin; this server's when left out",
    )
    @app_commands.autocomplete(topic=autocomplete.complete_topics, timezone=autocomplete.complete_timezones)
    @app_commands.guild_only()
    async def follow(
        self, interaction: Interaction, topic: Topic, at: Times | None = None, timezone: Times | None = None
    ) -> None:
        await answer_interaction(interaction, await follow_topic(interaction, topic, at, timezone))

    @app_commands.command(description="Take a topic off your own digest")
    @app_commands.describe(topic="One that you follow")
    @app_commands.autocomplete(topic=complete_followed_topics)
    @app_commands.guild_only()
    async def unfollow(self, interaction: Interaction, topic: Topic) -> None:
        await answer_interaction(interaction, await unfollow_topic(interaction, topic))

    @app_commands.command(description="What you follow here, and when it comes; wakes your digest when it rests")
    @app_commands.guild_only()
    async def following(self, interaction: Interaction) -> None:
        await answer_interaction(interaction, await describe_following(interaction))

    @saved.command(name="list", description="The cards that you saved, newest first")
    async def saved_list(self, interaction: Interaction) -> None:
        await answer_interaction(interaction, **await first_page(interaction, SavedRequest()))

    @saved.command(name="export", description="The cards that you saved, as a file")
    @app_commands.describe(form="What to read it with")
    @app_commands.choices(form=_FORMS)
    async def saved_export(self, interaction: Interaction, form: str = ExportFormat.MARKDOWN) -> None:
        await answer_interaction(interaction, **await build_saved_reply(interaction, ExportFormat(form)))

    @privacy.command(name="export", description="Everything that is stored about you, as a file")
    async def privacy_export(self, interaction: Interaction) -> None:
        await answer_interaction(interaction, **await build_export_reply(interaction))

    @privacy.command(name="erase", description="Delete what is stored about you; you are asked once more")
    async def privacy_erase(self, interaction: Interaction) -> None:
        await answer_interaction(interaction, **await build_erase_reply(interaction))
