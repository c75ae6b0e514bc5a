"""Commands for a member's own data: saved cards, personal digests, privacy."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.client.acknowledgement import answer_interaction
from bot.client.bot import Interaction, NewsBot
from bot.client.installation import installable_by_users
from bot.render.saved_export import ExportFormat
from bot.ui import autocomplete
from bot.ui.catch_up import show_catch_up
from bot.ui.option_table import Text
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

    saved = installable_by_users(app_commands.Group(name="saved", description="Your saved cards"))
    privacy = installable_by_users(app_commands.Group(name="privacy", description="Your data"))

    def __init__(self, bot: NewsBot) -> None:
        self.bot = bot

    @commands.Cog.listener()
    async def on_app_command_completion(self, interaction: Interaction, _command: object) -> None:
        # The bot cannot write to a member with closed direct messages: the next reply is the first chance to say so.
        await notify_of_pause(interaction)

    @app_commands.command(description="Catch up on what you missed, best first")
    async def catchup(self, interaction: Interaction) -> None:
        await answer_interaction(interaction, **await show_catch_up(interaction))

    @app_commands.command(description="Follow a topic: a personal digest by direct message")
    @app_commands.describe(
        topic="A topic; run the command again for more",
        at="Time of day, such as 18:30 (default: 8:00)",
        timezone="Your time zone, such as Europe/Berlin (default: this server's)",
        words="Only cards with one of these in title or excerpt, for all your topics (all: no such limit)",
        providers="Only cards from these publishers, for all your topics (all: no such limit)",
    )
    @app_commands.autocomplete(
        topic=autocomplete.complete_topics,
        timezone=autocomplete.complete_timezones,
        providers=autocomplete.complete_provider_list,
    )
    @app_commands.guild_only()
    async def follow(
        self,
        interaction: Interaction,
        topic: Topic,
        at: Times | None = None,
        timezone: Times | None = None,
        words: Text | None = None,
        providers: Text | None = None,
    ) -> None:
        given = {"at": at, "timezone": timezone, "words": words, "providers": providers}
        await answer_interaction(interaction, await follow_topic(interaction, topic, given))

    @app_commands.command(description="Stop following a topic")
    @app_commands.describe(topic="A topic you follow")
    @app_commands.autocomplete(topic=complete_followed_topics)
    @app_commands.guild_only()
    async def unfollow(self, interaction: Interaction, topic: Topic) -> None:
        await answer_interaction(interaction, await unfollow_topic(interaction, topic))

    @app_commands.command(description="See what you follow here; this resumes a paused digest")
    @app_commands.guild_only()
    async def following(self, interaction: Interaction) -> None:
        await answer_interaction(interaction, await describe_following(interaction))

    @saved.command(name="list", description="List your saved cards, newest first")
    async def saved_list(self, interaction: Interaction) -> None:
        await answer_interaction(interaction, **await first_page(interaction, SavedRequest()))

    @saved.command(name="export", description="Download your saved cards")
    @app_commands.describe(form="File format")
    @app_commands.choices(form=_FORMS)
    async def saved_export(self, interaction: Interaction, form: str = ExportFormat.MARKDOWN) -> None:
        await answer_interaction(interaction, **await build_saved_reply(interaction, ExportFormat(form)))

    @privacy.command(name="export", description="Download everything stored about you")
    async def privacy_export(self, interaction: Interaction) -> None:
        await answer_interaction(interaction, **await build_export_reply(interaction))

    @privacy.command(name="erase", description="Erase what is stored about you (asks first)")
    async def privacy_erase(self, interaction: Interaction) -> None:
        await answer_interaction(interaction, **await build_erase_reply(interaction))
